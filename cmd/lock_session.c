/* SPDX-License-Identifier: MIT */
/* lock_session.c -- see lock_session.h. */
#include "lock_session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client_session.h"
#include "commands.h"
#include "output.h"

#define AGAIN_MS 100u
#define NS_PER_S 1000000000u

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000u;
}

static _Noreturn void revoke_and_exit(struct client *client, int64_t lease, int status)
{
    (void)client_lease_revoke(client, lease);
    fflush(stdout);
    _Exit(status);
}

static void on_signal(struct lock_session *session, int number)
{
    int program = atomic_load(&session->program);

    if (program > 0)
        (void)kill(program, number);
    else
        revoke_and_exit(session->client, session->lease,
                        atomic_load(&session->held) ? EXIT_OK : EXIT_FAILED);
}

/* Whoever runs under a lock that is lost must not go on. */
static void on_lost(struct lock_session *session)
{
    int program = atomic_load(&session->program);

    fprintf(stderr, "%s: the lease was lost: no server renewed it in time\n", session->command);
    if (program > 0)
        (void)kill(program, SIGTERM);
    fflush(stdout);
    if (program <= 0)
        _Exit(EXIT_FAILED);
}

/* False: it is lost. until_ms: then it has certainly ended. */
static bool renew(struct lock_session *session, uint64_t *until_ms)
{
    uint64_t begun_ms = now_ms();
    uint64_t timeout_ms = (uint64_t)session->seconds * 1000 / 3;
    int64_t seconds = 0;
    enum grpc_status code = client_lease_keep_alive(session->client, session->lease, timeout_ms,
                                                    &seconds);

    if (code == GRPC_OK && seconds > 0)
        *until_ms = begun_ms + (uint64_t)seconds * 1000;
    return (code != GRPC_OK || seconds > 0) && now_ms() < *until_ms;
}

static void keep(void *argument)
{
    struct lock_session *session = argument;
    uint64_t until_ms = now_ms() + (uint64_t)session->seconds * 1000;
    uint64_t pause_ns = (uint64_t)session->seconds * NS_PER_S / 3;
    struct timespec pause = {.tv_sec = (time_t)(pause_ns / NS_PER_S),
                             .tv_nsec = (long)(pause_ns % NS_PER_S)};
    bool lost = false;

    for (;;) {
        int number = sigtimedwait(&session->signals, NULL, &pause);

        if (number > 0)
            on_signal(session, number);
        else if (errno == EAGAIN && !lost && !renew(session, &until_ms)) {
            lost = true;
            on_lost(session);
        }
    }
}

/* Before anything else: the threads that libuv makes are to leave the signals alone, too. One that
 * was ignored, as in the background of a script, is taken as well. */
static void take_signals(struct lock_session *session)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    sigemptyset(&session->signals);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaddset(&session->signals, numbers[i]);
        signal(numbers[i], SIG_DFL);
    }
    pthread_sigmask(SIG_BLOCK, &session->signals, &session->old_signals);
}

int lock_session_begin(struct lock_session *session, const struct client_settings *settings,
                       const char *command, int64_t seconds)
{
    enum grpc_status code;
    int status;

    assert(seconds > 0);
    *session = (struct lock_session){.settings = settings, .command = command, .seconds = seconds};
    take_signals(session);
    status = client_connect(settings, &session->client);
    if (status != EXIT_OK)
        return status;
    code = client_lease_grant(session->client, seconds, &session->lease);
    if (code != GRPC_OK) {
        status = client_failure(session->client, code);
        client_free(session->client);
        return status;
    }
    if (uv_thread_create(&session->thread, keep, session) == 0)
        return EXIT_OK;
    fprintf(stderr, "%s: there can be no thread for the lease\n", command);
    return EXIT_FAILED;
}

int lock_session_connect(const struct client_settings *settings, struct client **ret_client)
{
    struct client_settings waiting = *settings;

    waiting.timeout_ms = LOCK_WAIT_MS;
    return client_connect(&waiting, ret_client);
}

_Noreturn void lock_session_rest(struct lock_session *session)
{
    for (;;)
        uv_thread_join(&session->thread);
}

/* By a client of its own: the thread goes on with the other. */
_Noreturn void lock_session_end(struct lock_session *session, int status)
{
    struct client *client;

    if (client_connect(session->settings, &client) == EXIT_OK)
        revoke_and_exit(client, session->lease, status);
    _Exit(status);
}

bool lock_session_again(enum grpc_status code)
{
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};

    if (code != GRPC_UNAVAILABLE && code != GRPC_DEADLINE_EXCEEDED)
        return false;
    nanosleep(&pause, NULL);
    return true;
}

/* Whoever reads the key may send a signal at once. */
int lock_session_print(struct lock_session *session, const void *key, size_t size)
{
    Etcdserverpb__RangeRequest request = ETCDSERVERPB__RANGE_REQUEST__INIT;
    Etcdserverpb__RangeResponse *response;
    struct client *client;
    enum grpc_status code;
    int status = client_connect(session->settings, &client);

    atomic_store(&session->held, true);
    if (status != EXIT_OK)
        return status;
    request.key = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)key};
    code = client_range(client, &request, &response);
    if (code != GRPC_OK) {
        status = client_failure(client, code);
    } else {
        bool printed = output_answer(session->settings->format, &response->base);

        for (size_t i = 0; i < response->n_kvs && !printed; i++)
            output_pair(response->kvs[i]);
        status = output_finish();
        etcdserverpb__range_response__free_unpacked(response, NULL);
    }
    client_free(client);
    return status;
}
