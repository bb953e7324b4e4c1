/* SPDX-License-Identifier: MIT */
/* memory_server.c -- the front over a memory backend, to be tried by programs and people.
 *
 *     memory_server [port=N] [room=N] [timeout=N] [progress=N] [patience=N] [quota=N] [held=1] [leaderless=1] [fail=N] [election=N]
 *
 * election: the election timeout, in milliseconds. On SIGUSR1 there is no leader any more.
 * Prints "listening on PORT", and at the end how often the backend was full; ends well on SIGTERM.
 * room: so many operations at a time, FULL past it. timeout: the server's own, in milliseconds.
 * progress: the time between the notifications of a watch, likewise; patience: that with who does not
 * read a snapshot.
 * cors, hosts: origins and names by commas, see etcd_front.h.
 * held: nothing that is asked of the backend is ever done. fail: of what the front allocates while
 * it serves, the Nth allocation finds no memory; the store is spared, for it may not go on without.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_front.h"
#include "memory_backend.h"

#define GRACE_MS 1000u

static unsigned long allocations_until_failure; /* 0: none fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool fails(void)
{
    return allocations_until_failure > 0 && --allocations_until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

static void *resize_of_store(void *context, void *memory, size_t size)
{
    (void)context;
    if (size > 0)
        return __real_realloc(memory, size);
    free(memory);
    return NULL;
}

struct program {
    uv_loop_t loop;
    uv_signal_t terminate, depose;
    uv_prepare_t tidying;
    struct memory_backend backend;
    struct etcd_front *front;
};

/* A bit each turn, as a member does it. */
static void on_tidying(uv_prepare_t *prepare)
{
    struct program *program = prepare->data;

    etcd_front_tell(program->front);
    (void)kv_tidy(program->backend.kv);
}

static void on_front_closed(void *context)
{
    struct program *program = context;

    uv_close((uv_handle_t *)&program->tidying, NULL);
    memory_backend_close(&program->backend);
}

static void on_terminate(uv_signal_t *signal, int number)
{
    struct program *program = signal->data;

    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    uv_close((uv_handle_t *)&program->depose, NULL);
    etcd_front_close(program->front, GRACE_MS, on_front_closed, program);
}

static void on_depose(uv_signal_t *signal, int number)
{
    struct program *program = signal->data;

    (void)number;
    program->backend.leaderless = true;
}

static void write_line(void *context, enum decree_log_level level, const char *event,
                       const char *details)
{
    (void)context;
    (void)level;
    fprintf(stderr, "%s %s\n", event, details);
}

/* The number of the argument "name=number"; 0 without it. */
static unsigned long option(char **argv, const char *name)
{
    size_t size = strlen(name);

    for (char **at = argv + 1; *at != NULL; at++)
        if (strncmp(*at, name, size) == 0 && (*at)[size] == '=')
            return strtoul(*at + size + 1, NULL, 10);
    return 0;
}

/* The text of the argument "name=text"; NULL without it. */
static const char *text_option(char **argv, const char *name)
{
    size_t size = strlen(name);

    for (char **at = argv + 1; *at != NULL; at++)
        if (strncmp(*at, name, size) == 0 && (*at)[size] == '=')
            return *at + size + 1;
    return NULL;
}

int main(int argc, char **argv)
{
    struct logger logger = {.level = DECREE_LOG_INFO, .write = write_line};
    struct program *program = calloc(1, sizeof(*program));
    struct etcd_front_options options = {.backend = &program->backend.base, .logger = &logger};
    struct kv_options store = {.resize = resize_of_store};
    uint16_t port = (uint16_t)option(argv, "port");
    int error;

    (void)argc;
    options.request_timeout_ms = (uint32_t)option(argv, "timeout");
    options.cors = text_option(argv, "cors");
    options.host_whitelist = text_option(argv, "hosts");
    options.watch_progress_ms = (uint32_t)option(argv, "progress");
    options.election_ms = (uint32_t)option(argv, "election");
    options.snapshot_patience_ms = (uint32_t)option(argv, "patience");
    signal(SIGPIPE, SIG_IGN);
    etcd_front_raise_descriptors();
    uv_loop_init(&program->loop);
    memory_backend_init(&program->backend, &program->loop, &store);
    if (option(argv, "room") != 0)
        program->backend.room = (uint32_t)option(argv, "room");
    kv_quota_init(&program->backend.quota, &program->backend.base, (int64_t)option(argv, "quota"));
    program->backend.held = option(argv, "held") != 0;
    program->backend.leaderless = option(argv, "leaderless") != 0;
    if (etcd_front_open(&program->front, &program->loop, &options) != 0)
        return 1;
    error = etcd_front_listen(program->front, "127.0.0.1", port, &port);
    if (error != 0) {
        fprintf(stderr, "cannot listen: %s\n", uv_strerror(error));
        return 1;
    }
    uv_prepare_init(&program->loop, &program->tidying);
    program->tidying.data = program;
    uv_prepare_start(&program->tidying, on_tidying);
    uv_signal_init(&program->loop, &program->terminate);
    program->terminate.data = program;
    uv_signal_start(&program->terminate, on_terminate, SIGTERM);
    uv_signal_init(&program->loop, &program->depose);
    program->depose.data = program;
    uv_signal_start(&program->depose, on_depose, SIGUSR1);
    allocations_until_failure = option(argv, "fail");
    printf("listening on %u\n", port);
    fflush(stdout);
    uv_run(&program->loop, UV_RUN_DEFAULT);
    printf("refused %lu\n", program->backend.refused);
    etcd_front_free(program->front);
    memory_backend_release(&program->backend);
    error = uv_loop_close(&program->loop);
    free(program);
    return error == 0 ? 0 : 1;
}
