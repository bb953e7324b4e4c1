/* SPDX-License-Identifier: MIT */
/* master_child.c -- starts a process, hears that it is ready, and talks to it; see master_child.h. */
#include "master_child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_BYTES_MAX (1u << 30)
#define READ_BYTES 65536u
#define ROOM_FIRST 4096u

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct child *child = handle->data;

    assert(child->handles > 0);
    child->handles--;
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
    struct child *child = process->data;

    child->state = CHILD_GONE;
    child->exit_status = status;
    child->exit_signal = signal;
    close_handle((uv_handle_t *)&child->process);
    close_handle((uv_handle_t *)&child->output);
    close_handle((uv_handle_t *)&child->tcp);
    child->observer.gone(child->observer.context, child);
}

void child_free(struct child *child)
{
    if (child == NULL)
        return;
    assert(child->handles == 0);
    free(child->buffer);
    free(child);
}

void child_signal(struct child *child, int number)
{
    if (child->state != CHILD_GONE)
        uv_process_kill(&child->process, number);
}

/* ---- the connection ---- */

/* libuv wants room for what it reads: it goes behind what is there. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct child *child = handle->data;
    size_t room = child->room == 0 ? ROOM_FIRST : child->room;
    char *grown;

    (void)suggested;
    while (room - child->used < READ_BYTES)
        room *= 2;
    grown = room == child->room ? child->buffer : realloc(child->buffer, room);
    if (grown == NULL) {
        *ret_buffer = uv_buf_init(NULL, 0);
        return;
    }
    child->buffer = grown;
    child->room = room;
    *ret_buffer = uv_buf_init(grown + child->used, (unsigned)(room - child->used - 1));
}

/* One "LENGTH-text" at the front: its size with the head, and where the text begins; 0: it is not
 * complete. */
static size_t find_frame(const struct child *child, size_t from, size_t *ret_head)
{
    size_t at = from, length = 0;

    while (at < child->used && child->buffer[at] >= '0' && child->buffer[at] <= '9' &&
           length < FRAME_BYTES_MAX)
        length = 10 * length + (size_t)(child->buffer[at++] - '0');
    if (at == child->used || length >= FRAME_BYTES_MAX || at + 1 + length > child->used)
        return 0;
    *ret_head = at + 1 - from;
    return at + 1 - from + length;
}

static void hand_over(struct child *child)
{
    size_t done = 0, head = 0, size;

    while ((size = find_frame(child, done, &head)) > 0) {
        char *text = child->buffer + done + head;
        char kept = child->buffer[done + size];

        child->buffer[done + size] = '\0';
        child->observer.said(child->observer.context, child, text);
        child->buffer[done + size] = kept;
        done += size;
    }
    memmove(child->buffer, child->buffer + done, child->used - done);
    child->used -= done;
}

static void on_answer(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct child *child = stream->data;

    (void)buffer;
    if (size < 0) {
        uv_read_stop(stream); /* its end will be told */
        return;
    }
    child->used += (size_t)size;
    hand_over(child);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct child *child = connect->data;

    if (child->state != CHILD_STARTING)
        return;
    if (status != 0) {
        child_signal(child, SIGKILL);
        return;
    }
    uv_tcp_nodelay(&child->tcp, 1);
    uv_read_start((uv_stream_t *)&child->tcp, on_alloc, on_answer);
    child->state = CHILD_UP;
}

static void dial(struct child *child)
{
    struct sockaddr_in address;

    uv_ip4_addr("127.0.0.1", child->port, &address);
    child->connect.data = child;
    if (uv_tcp_connect(&child->connect, &child->tcp, (struct sockaddr *)&address, on_connected) !=
        0)
        child_signal(child, SIGKILL);
}

struct saying {
    uv_write_t write;
    char bytes[];
};

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write->data);
}

void child_say(struct child *child, const char *line, size_t size)
{
    struct saying *saying;
    uv_buf_t buffer;

    if (child->state != CHILD_UP || uv_is_closing((uv_handle_t *)&child->tcp))
        return;
    saying = malloc(sizeof(*saying) + size + 1);
    if (saying == NULL)
        return;
    memcpy(saying->bytes, line, size);
    saying->bytes[size] = '\n';
    saying->write.data = saying;
    buffer = uv_buf_init(saying->bytes, (unsigned)size + 1);
    if (uv_write(&saying->write, (uv_stream_t *)&child->tcp, &buffer, 1, on_written) != 0)
        free(saying);
}

/* ---- the beginning ---- */

static void on_output(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct child *child = stream->data;
    const char *port;

    (void)buffer;
    if (size < 0) {
        uv_read_stop(stream);
        return;
    }
    child->used += (size_t)size;
    child->buffer[child->used] = '\0';
    if (child->state != CHILD_STARTING || child->port != 0 || strchr(child->buffer, '\n') == NULL)
        return;
    port = strstr(child->buffer, " port=");
    if (strncmp(child->buffer, "ready ", 6) != 0 || port == NULL)
        return;
    child->port = (uint16_t)strtoul(port + 6, NULL, 10);
    child->used = 0;
    uv_read_stop(stream); /* it says no more, and the buffer is the connection's now */
    dial(child);
}

static int open_log(const char *folder, uint32_t id, char *sentence)
{
    char path[RUN_PATH_BYTES];
    int log;

    run_folder_path(folder, id, NULL, path);
    (void)mkdir(path, 0700);
    run_folder_path(folder, id, "log", path);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        snprintf(sentence, SENTENCE_BYTES, "cannot write %s: %s", path, strerror(errno));
    return log;
}

static int spawn(struct child *child, uv_loop_t *loop, const char *folder, uint32_t count,
                 uint16_t port, int log)
{
    char id_text[16], count_text[16], port_text[16], parent_text[16];
    char *arguments[] = {"decree",
                         "process",
                         id_text,
                         count_text,
                         port_text,
                         "--dir",
                         (char *)(uintptr_t)folder,
                         "--any-port",
                         "--parent",
                         parent_text,
                         NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->output},
        {.flags = UV_INHERIT_FD, .data.fd = log},
    };
    /* In a group of its own, so that a Ctrl-C in the terminal reaches the master alone. */
    uv_process_options_t options = {.exit_cb = on_exit_of,
                                    .file = "/proc/self/exe",
                                    .args = arguments,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = stdio};

    snprintf(id_text, sizeof(id_text), "%u", child->id);
    snprintf(count_text, sizeof(count_text), "%u", count);
    snprintf(port_text, sizeof(port_text), "%u", (unsigned)port);
    snprintf(parent_text, sizeof(parent_text), "%d", (int)getpid());
    return uv_spawn(loop, &child->process, &options);
}

struct child *child_start(uv_loop_t *loop, const char *folder, uint32_t id, uint32_t count,
                          uint16_t port, const struct child_observer *observer, char *sentence)
{
    struct child *child = calloc(1, sizeof(*child));
    int error, log;

    if (child == NULL) {
        snprintf(sentence, SENTENCE_BYTES, "no memory");
        return NULL;
    }
    *child = (struct child){.id = id, .observer = *observer, .state = CHILD_STARTING, .handles = 3};
    log = open_log(folder, id, sentence);
    if (log < 0) {
        free(child);
        return NULL;
    }
    uv_pipe_init(loop, &child->output, 0);
    uv_tcp_init(loop, &child->tcp);
    child->output.data = child->tcp.data = child->process.data = child;
    error = spawn(child, loop, folder, count, port, log);
    close(log);
    if (error == 0) {
        uv_read_start((uv_stream_t *)&child->output, on_alloc, on_output);
        return child;
    }
    snprintf(sentence, SENTENCE_BYTES, "cannot start a process: %s", uv_strerror(error));
    close_handle((uv_handle_t *)&child->process);
    close_handle((uv_handle_t *)&child->output);
    close_handle((uv_handle_t *)&child->tcp);
    while (child->handles > 0)
        uv_run(loop, UV_RUN_ONCE);
    child_free(child);
    return NULL;
}

void child_last_words(const char *folder, uint32_t id, char *ret_line, size_t line_bytes)
{
    char path[RUN_PATH_BYTES];
    FILE *file;

    assert(line_bytes > 1);
    ret_line[0] = '\0';
    run_folder_path(folder, id, "log", path);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(ret_line, (int)line_bytes, file) != NULL)
        continue;
    fclose(file);
    ret_line[strcspn(ret_line, "\n")] = '\0';
}
