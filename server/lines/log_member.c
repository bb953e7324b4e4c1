/* SPDX-License-Identifier: MIT */
/* log_member.c -- puts a member of the log together, opens it again when its disk failed it, and
 * takes it apart when told to stop.
 *
 *     SIGTERM --> service: no more requests; what is under way ends --> node closed: the rest is LOST
 *             --> answers written, connections closed --> the loop is empty, log_member_run() returns
 *
 *     a sync failed --> node closed: LOST --> items forgotten, journal read back --> node open
 *                                  ^                   | not yet possible: a second later
 *                                  +-------------------+
 */
#include "log_member.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log_service.h"
#include "machines.h"

#define GRACE_MS 2000u
#define REOPEN_MS 1000u

struct log_member {
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_async_t failed;   /* the journal's thread: a sync failed */
    uv_timer_t deadline; /* while stopping: what is under way by then is lost */
    uv_timer_t reopen;
    struct log_backend backend;
    struct machines machines;
    struct host *host;
    struct log_service *service;
    const struct log_member_options *options;
    uint16_t port;
    bool stopping;
    bool host_closing;
};

/* ---- the node ---- */

static void answer(void *context)
{
    struct log_member *member = context;

    if (member->service != NULL)
        log_service_flush(member->service);
}

/* Called on the journal's thread. */
static void on_journal_failed(void *context, const char *sentence)
{
    struct log_member *member = context;

    assert(sentence != NULL);
    uv_async_send(&member->failed);
}

static int open_host(struct log_member *member, char *sentence)
{
    const struct log_member_options *options = member->options;
    struct host_options host = {
        .cluster = options->cluster,
        .self = options->self,
        .cluster_token = options->cluster_token,
        .data_dir = options->data_dir,
        .machine = machines_all(&member->machines),
        .heartbeat_ms = options->heartbeat_ms,
        .election_ms = options->election_ms,
        .fs = options->fs,
        .logger = options->logger,
        .after_turn = answer,
        .after_turn_context = member,
        .journal_failed = on_journal_failed,
        .journal_failed_context = member,
    };
    int error = host_open(&member->host, &member->loop, &host, sentence);

    if (error == 0)
        member->backend.host = member->host;
    return error;
}

static void on_reopen(uv_timer_t *timer)
{
    struct log_member *member = timer->data;
    char sentence[SENTENCE_BYTES] = "";
    int error = log_backend_restart(&member->backend);

    assert(member->host == NULL);
    if (error == 0)
        error = open_host(member, sentence);
    if (error != 0) {
        log_error(member->options->logger, "not_reopened", "reason=\"%s\"",
                  sentence[0] != '\0' ? sentence : decree_error_text(error));
        uv_timer_start(&member->reopen, on_reopen, REOPEN_MS, 0);
        return;
    }
    log_warn(member->options->logger, "reopened", "node=%s",
             cluster_spec_name(&member->options->cluster, member->options->self));
    log_service_flush(member->service);
}

/* ---- stopping ---- */

static void close_handles(struct log_member *member)
{
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&member->signals[i], NULL);
    uv_close((uv_handle_t *)&member->failed, NULL);
    uv_close((uv_handle_t *)&member->deadline, NULL);
    uv_close((uv_handle_t *)&member->reopen, NULL);
}

static void on_service_closed(void *context)
{
    struct log_member *member = context;

    member->service = NULL;
    close_handles(member);
}

static void close_service(struct log_member *member)
{
    if (member->service != NULL)
        log_service_close(member->service, on_service_closed, member);
    else
        close_handles(member);
}

static void on_host_closed(void *context)
{
    struct log_member *member = context;

    member->host = NULL;
    member->host_closing = false;
    if (member->stopping) {
        close_service(member);
        return;
    }
    log_service_flush(member->service);
    uv_timer_start(&member->reopen, on_reopen, 0, 0);
}

static void close_host(struct log_member *member)
{
    if (member->host_closing)
        return;
    if (member->host == NULL) {
        uv_timer_stop(&member->reopen);
        close_service(member);
        return;
    }
    member->host_closing = true;
    member->backend.host = NULL;
    host_close(member->host, on_host_closed, member);
}

static void on_failed(uv_async_t *async)
{
    struct log_member *member = async->data;

    if (member->host == NULL || member->host_closing)
        return;
    log_error(member->options->logger, "reopening",
              "node=%s reason=\"a sync of the journal failed\"",
              cluster_spec_name(&member->options->cluster, member->options->self));
    close_host(member);
}

static void on_deadline(uv_timer_t *timer)
{
    close_host(timer->data);
}

/* Nothing is under way any more. This may be the middle of a turn: the host is closed after it. */
static void on_drained(void *context)
{
    struct log_member *member = context;

    uv_timer_start(&member->deadline, on_deadline, 0, 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct log_member *member = handle->data;

    if (member->stopping) {
        log_warn(member->options->logger, "killed", "signal=%d reason=\"the second one\"", number);
        _exit(128 + number);
    }
    log_info(member->options->logger, "draining", "node=%s signal=%d",
             cluster_spec_name(&member->options->cluster, member->options->self), number);
    member->stopping = true;
    uv_timer_start(&member->deadline, on_deadline, GRACE_MS, 0);
    log_service_drain(member->service, on_drained, member);
}

/* ---- starting ---- */

static int init_handles(struct log_member *member, char *sentence)
{
    if (uv_loop_init(&member->loop) != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot set up an event loop");
    if (uv_async_init(&member->loop, &member->failed, on_failed) != 0) {
        uv_loop_close(&member->loop);
        return sentence_fail(sentence, DECREE_IO, "cannot make a way to wake the loop");
    }
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&member->loop, &member->signals[i]);
        member->signals[i].data = member;
    }
    uv_timer_init(&member->loop, &member->deadline);
    uv_timer_init(&member->loop, &member->reopen);
    member->failed.data = member->deadline.data = member->reopen.data = member;
    return 0;
}

static int open_service(struct log_member *member, char *sentence)
{
    const struct log_member_options *options = member->options;
    int error = log_service_open(&member->service, &member->loop, &member->backend,
                                 options->logger);

    if (error != 0)
        return sentence_explain(sentence, error);
    error = log_service_listen(member->service, options->listen_host, options->listen_port,
                               &member->port);
    if (error != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot listen for clients on %s:%u: %s",
                             options->listen_host, (unsigned)options->listen_port,
                             uv_strerror(error));
    return 0;
}

static void say_ready(const struct log_member *member)
{
    const struct log_member_options *options = member->options;
    const struct cluster_member *self = &options->cluster.members[options->self - 1];

    printf("ready name=%s clients=%s:%u peers=%s:%u data=%s\n", self->name, options->listen_host,
           (unsigned)member->port, self->host, (unsigned)self->port, options->data_dir);
    fflush(stdout);
}

static int run(struct log_member *member, char *sentence)
{
    int error = open_service(member, sentence); /* first: a busy port is to be known early */

    if (error == 0)
        error = open_host(member, sentence);
    if (error != 0) {
        member->stopping = true;
        close_service(member);
    } else {
        uv_signal_start(&member->signals[0], on_signal, SIGTERM);
        uv_signal_start(&member->signals[1], on_signal, SIGINT);
        say_ready(member);
    }
    uv_run(&member->loop, UV_RUN_DEFAULT);
    if (error == 0)
        log_info(member->options->logger, "stopped", "node=%s",
                 cluster_spec_name(&member->options->cluster, member->options->self));
    return error;
}

int log_member_run(const struct log_member_options *options, char *sentence)
{
    struct log_member *member = calloc(1, sizeof(*member));
    int error;

    assert(options->listen_host != NULL);
    assert(options->data_dir != NULL);
    if (member == NULL)
        return sentence_explain(sentence, DECREE_NOMEM);
    signal(SIGPIPE, SIG_IGN);
    member->options = options;
    machines_init(&member->machines);
    error = log_backend_init(&member->backend, &options->cluster, options->self, &member->machines);
    if (error != 0)
        error = sentence_explain(sentence, error);
    else
        error = init_handles(member, sentence);
    if (error == 0) {
        error = run(member, sentence);
        uv_loop_close(&member->loop);
    }
    log_backend_release(&member->backend);
    free(member);
    return error;
}
