/* SPDX-License-Identifier: MIT */
/* master.c -- reads a script line by line, and ends what it began; master_play.c does the lines.
 *
 * While the next line is not there yet (somebody types, or another program writes), the loop runs,
 * so a process that ends is noticed at once. Files cannot be watched by libuv's loop, but poll()
 * takes them, and the loop itself, as descriptors.
 */
#include "master.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "master_inside.h"

#define LINE_BYTES_MAX 65536u
#define READ_BYTES 4096u
#define STOP_MS 5000u
#define STATUS_INTERRUPTED 130

struct script {
    int descriptor;
    char *buffer;
    size_t used, begin, room; /* bytes begin..used were not played yet */
    bool ended;
};

/* ---- saying ---- */

bool master_fail(struct master *master, const char *format, ...)
{
    va_list arguments;

    master->failed = true;
    if (master->line > 0)
        fprintf(stderr, "decree master: line %u: ", master->line);
    else
        fprintf(stderr, "decree master: ");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    return false;
}

void master_note(const struct master *master, const char *format, ...)
{
    va_list arguments;

    if (master->options->quiet)
        return;
    fprintf(stderr, "line %u: ", master->line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
}

/* ---- waiting ---- */

static void on_deadline(uv_timer_t *deadline)
{
    ((struct master *)deadline->data)->expired = true;
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    ((struct master *)handle->data)->interrupted = true;
}

bool master_wait_ms(struct master *master, uint64_t patience_ms,
                    bool (*question)(struct master *master, void *context), void *context)
{
    bool answer;

    uv_update_time(&master->loop);
    master->expired = false;
    uv_timer_start(&master->deadline, on_deadline, patience_ms, 0);
    while (!(answer = question(master, context)) && !master->expired && !master->interrupted)
        uv_run(&master->loop, UV_RUN_ONCE);
    uv_timer_stop(&master->deadline);
    return answer;
}

bool master_wait(struct master *master, bool (*question)(struct master *master, void *context),
                 void *context)
{
    return master_wait_ms(master, master->options->patience_ms, question, context);
}

/* ---- lines ---- */

/* Waits until the script has more, or is over. */
static void wait_for_more(struct master *master, const struct script *script)
{
    struct pollfd watched[2] = {{.fd = script->descriptor, .events = POLLIN},
                                {.fd = uv_backend_fd(&master->loop), .events = POLLIN}};

    while (watched[0].revents == 0) {
        uv_run(&master->loop, UV_RUN_NOWAIT);
        if (master->interrupted)
            return;
        if (poll(watched, 2, uv_backend_timeout(&master->loop)) < 0 && errno != EINTR)
            return;
    }
}

static bool make_room(struct script *script)
{
    char *grown;

    if (script->used > script->begin)
        memmove(script->buffer, script->buffer + script->begin, script->used - script->begin);
    script->used -= script->begin;
    script->begin = 0;
    if (script->room - script->used > READ_BYTES)
        return true;
    grown = realloc(script->buffer, 2 * script->room + 2 * READ_BYTES);
    if (grown == NULL)
        return false;
    script->buffer = grown;
    script->room = 2 * script->room + 2 * READ_BYTES;
    return true;
}

/* False: nothing more will come. */
static bool read_more(struct master *master, struct script *script)
{
    ssize_t size;

    if (!make_room(script))
        return false;
    wait_for_more(master, script);
    if (master->interrupted)
        return false;
    size = read(script->descriptor, script->buffer + script->used, READ_BYTES);
    if (size < 0 && errno == EINTR)
        return true;
    if (size > 0)
        script->used += (size_t)size;
    if (size < 0)
        master_fail(master, "cannot read the script: %s", strerror(errno));
    return size > 0;
}

/* The next line, ended by a zero, borrowed until the next call; NULL: there is none. The last needs
 * no newline. */
static char *next_line(struct master *master, struct script *script)
{
    char *line = NULL, *end = NULL;

    for (;;) {
        size_t size = script->used - script->begin;

        if (size > 0) { /* before, there may be no buffer at all */
            line = script->buffer + script->begin;
            end = memchr(line, '\n', size);
        }
        if (end != NULL || script->ended || size > LINE_BYTES_MAX)
            break;
        script->ended = !read_more(master, script);
    }
    if (master->interrupted || script->begin == script->used)
        return NULL;
    master->line++;
    if (end == NULL && !script->ended) {
        master_fail(master, "it has more than %u bytes", LINE_BYTES_MAX);
        return NULL;
    }
    if (end == NULL)
        end = script->buffer + script->used; /* there is room for a zero */
    script->begin = (size_t)(end - script->buffer);
    if (script->begin < script->used)
        script->begin++;
    *end = '\0';
    return line;
}

/* ---- the whole script ---- */

/* At a terminal a mistake is told, and the next line may be a better one. */
static void play_all(struct master *master, struct script *script)
{
    bool forgiving = isatty(script->descriptor);
    char sentence[SENTENCE_BYTES];
    char *text;

    while ((text = next_line(master, script)) != NULL) {
        struct script_line line;
        bool good = script_parse(text, &line, sentence);

        if (!good)
            master_fail(master, "%s", sentence);
        else if (line.verb == SCRIPT_EXIT)
            break;
        else
            good = master_play(master, &line);
        fflush(stdout);
        if (!good && !forgiving)
            return;
    }
    if (!master->interrupted)
        master_conclude(master);
}

static bool all_gone(struct master *master, void *context)
{
    (void)context;
    for (size_t i = 0; i < master->all_count; i++)
        if (master->all[i]->handles > 0)
            return false;
    return true;
}

/* With data that stay, the processes get the time to end in good order. */
static void end_all(struct master *master)
{
    for (size_t i = 0; i < master->all_count; i++) {
        master->all[i]->told = true;
        child_signal(master->all[i], master->fresh ? SIGKILL : SIGTERM);
    }
    master->interrupted = false;
    if (!master_wait_ms(master, STOP_MS, all_gone, NULL))
        for (size_t i = 0; i < master->all_count; i++)
            child_signal(master->all[i], SIGKILL);
    master->interrupted = false;
    while (!all_gone(master, NULL))
        uv_run(&master->loop, UV_RUN_ONCE);
}

/* ---- life ---- */

static bool choose_folder(struct master *master)
{
    char sentence[SENTENCE_BYTES];

    master->fresh = master->options->folder == NULL;
    if (!master->fresh) {
        if (strlen(master->options->folder) >= RUN_PATH_BYTES - 32)
            return master_fail(master, "the name of the folder is too long");
        snprintf(master->folder, sizeof(master->folder), "%s", master->options->folder);
        return true;
    }
    if (run_folder_make_fresh(master->folder, sentence) != 0)
        return master_fail(master, "%s", sentence);
    return true;
}

static void open_loop(struct master *master)
{
    static const int numbers[] = {SIGTERM, SIGINT};

    uv_loop_init(&master->loop);
    uv_timer_init(&master->loop, &master->deadline);
    master->deadline.data = master;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&master->loop, &master->signals[i]);
        master->signals[i].data = master;
        uv_signal_start(&master->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&master->signals[i]);
    }
}

static void close_loop(struct master *master)
{
    uv_close((uv_handle_t *)&master->deadline, NULL);
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&master->signals[i], NULL);
    uv_run(&master->loop, UV_RUN_DEFAULT);
    uv_loop_close(&master->loop);
}

static void forget(struct master *master)
{
    struct sent *message;

    while ((message = master->messages) != NULL) {
        master->messages = message->next;
        free(message->text);
        free(message);
    }
    for (size_t i = 0; i < master->all_count; i++)
        child_free(master->all[i]);
    free(master->all);
    free(master->log);
}

static void leave_folder(const struct master *master)
{
    if (!master->fresh)
        return;
    if (master->options->keep || (master->failed && master->all_count > 0))
        fprintf(stderr, "decree master: journals and logs of the processes stay in %s\n",
                master->folder);
    else
        run_folder_remove(master->folder);
}

static int open_script(const char *name)
{
    if (name == NULL || strcmp(name, "-") == 0)
        return STDIN_FILENO;
    return open(name, O_RDONLY | O_CLOEXEC);
}

int master_run(const struct master_options *options)
{
    struct script script = {.descriptor = open_script(options->script)};
    struct master master = {.options = options};
    int status;

    assert(options->patience_ms > 0);
    if (script.descriptor < 0) {
        fprintf(stderr, "decree master: cannot read %s: %s\n", options->script, strerror(errno));
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    if (!choose_folder(&master))
        return EXIT_FAILED;
    open_loop(&master);
    play_all(&master, &script);
    status = master.interrupted ? STATUS_INTERRUPTED : master.failed ? EXIT_FAILED : EXIT_OK;
    end_all(&master);
    close_loop(&master);
    leave_folder(&master);
    forget(&master);
    free(script.buffer);
    if (script.descriptor != STDIN_FILENO)
        close(script.descriptor);
    return status;
}
