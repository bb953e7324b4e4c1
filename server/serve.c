/* SPDX-License-Identifier: MIT */
/* serve.c -- puts a member together, and takes it apart when told to stop.
 *
 *     SIGTERM --> front: no more connections, open calls may end --> node: journal synced, open proposals
 *             LOST --> handles closed --> the loop is empty, serve_run() returns
 *
 * Node and front share one loop. The node's turn applies commands and so completes calls; the
 * answers are flushed right behind it, before the loop sleeps. One log has the commands of two
 * machines, the store and the ordered log; every member keeps both, whoever serves them.
 */
#include "serve.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto_compactor.h"
#include "etcd_front.h"
#include "failpoint_port.h"
#include "kv_backend.h"
#include "log_service.h"
#include "machines.h"
#include "notify.h"
#include "publisher.h"
#include "serve_listen.h"
#include "snapshot_file.h"

#define GRACE_MS 2000u
#define REQUEST_TIMEOUT_BASE_MS 5000u /* as etcd: 5 s and two election timeouts */
#define ELECTION_MS_DEFAULT 1000u
#define VALUE_BYTES_DEFAULT ((size_t)2 << 20)
#define VALUE_OVERHEAD_BYTES ((size_t)512 << 10)

struct member {
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_idle_t tidying; /* active while compaction has left something to be given back */
    struct kv_backend backend;
    struct log_backend log_backend;
    struct machines machines;
    struct host *host;
    struct etcd_front *front;
    struct auto_compactor compactor;
    struct publisher publisher;
    struct log_service *log_service; /* NULL: not served here */
    struct failpoints *failpoints;   /* NULL: none */
    struct failpoint_port *failpoint_port;
    const struct serve_options *options;
    uint16_t ports[SERVE_ADDRESSES_MAX]; /* for clients */
    uint16_t log_port;
    bool stopping;
    char token[SNAPSHOT_TOKEN_BYTES]; /* of the cluster, which is that of its base too */
};

/* ---- stopping ---- */

static void close_signals(struct member *member)
{
    if (!uv_is_closing((uv_handle_t *)&member->tidying))
        uv_close((uv_handle_t *)&member->tidying, NULL);
    for (size_t i = 0; i < 2; i++)
        if (!uv_is_closing((uv_handle_t *)&member->signals[i]))
            uv_close((uv_handle_t *)&member->signals[i], NULL);
}

static void on_log_closed(void *context)
{
    struct member *member = context;

    member->log_service = NULL;
    close_signals(member);
}

/* The node has completed everything. */
static void close_log(struct member *member)
{
    if (member->log_service != NULL)
        log_service_close(member->log_service, on_log_closed, member);
    else
        close_signals(member);
}

static void on_host_closed(void *context)
{
    struct member *member = context;

    member->host = NULL;
    member->backend.host = NULL;
    member->log_backend.host = NULL;
    close_log(member);
}

static void on_failpoints_closed(void *context)
{
    assert(context != NULL);
}

static void on_front_closed(void *context)
{
    struct member *member = context;

    if (member->host != NULL)
        host_close(member->host, on_host_closed, member);
    else
        close_log(member);
}

static void stop(struct member *member)
{
    assert(!member->stopping);
    member->stopping = true;
    auto_compactor_close(&member->compactor);
    publisher_close(&member->publisher);
    if (member->failpoint_port != NULL)
        failpoint_port_close(member->failpoint_port, on_failpoints_closed, member);
    if (member->log_service != NULL)
        log_service_drain(member->log_service, NULL, NULL);
    if (member->front != NULL)
        etcd_front_close(member->front, GRACE_MS, on_front_closed, member);
    else
        on_front_closed(member);
}

/* Tells systemd, if that has started this and wants to know. */
static void tell_manager(const struct member *member, const char *state)
{
    int error = notify_manager(state);

    if (error != 0)
        log_warn(member->options->logger, "manager_not_told", "state=%s reason=\"%s\"", state,
                 strerror(error));
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct member *member = handle->data;

    if (member->stopping) {
        log_warn(member->options->logger, "killed", "signal=%d reason=\"the second one\"", number);
        _exit(128 + number);
    }
    log_info(member->options->logger, "draining", "node=%s signal=%d",
             cluster_spec_name(&member->options->cluster, member->options->self), number);
    tell_manager(member, "STOPPING=1");
    stop(member);
}

/* ---- starting ---- */

static void on_tidying(uv_idle_t *tidying)
{
    struct member *member = tidying->data;

    if (!kv_backend_tidy(&member->backend))
        uv_idle_stop(tidying);
}

static void flush_answers(void *context)
{
    struct member *member = context;

    if (member->front != NULL)
        etcd_front_tell(member->front);
    if (kv_backend_tidy(&member->backend))
        uv_idle_start(&member->tidying, on_tidying);

    if (member->front != NULL)
        etcd_front_flush(member->front);
    if (member->log_service != NULL)
        log_service_flush(member->log_service);
}

static int init_loop(struct member *member, char *sentence)
{
    if (uv_loop_init(&member->loop) != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot set up an event loop");
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&member->loop, &member->signals[i]);
        member->signals[i].data = member;
    }
    uv_idle_init(&member->loop, &member->tidying);
    member->tidying.data = member;
    return 0;
}

/* Only when all is open: until then nothing is to be finished, and a signal ends the process as
 * always. */
static void start_signals(struct member *member)
{
    uv_signal_start(&member->signals[0], on_signal, SIGTERM);
    uv_signal_start(&member->signals[1], on_signal, SIGINT);
}

/* A command may be somewhat larger than the request that it was made from. 0: the default. */
static uint32_t value_bytes_max(const struct serve_options *options)
{
    size_t bytes = options->request_bytes_max + VALUE_OVERHEAD_BYTES;

    return bytes > VALUE_BYTES_DEFAULT ? (uint32_t)bytes : 0;
}

static int open_host(struct member *member, char *sentence)
{
    const struct serve_options *options = member->options;
    struct host_options host = {
        .cluster = options->cluster,
        .network = options->network,
        .self = options->self,
        .cluster_token = member->token,
        .data_dir = options->data_dir,
        .listen_host = options->peers.count > 0 ? options->peers.list[0].host : NULL,
        .listen_port = options->peers.list[0].port,
        .value_bytes_max = value_bytes_max(options),
        .machine = machines_all(&member->machines),
        .prepare_quorum = options->prepare_quorum,
        .vote_quorum = options->vote_quorum,
        .heartbeat_ms = options->heartbeat_ms,
        .election_ms = options->election_ms,
        .register_versions = options->register_versions,
        .failpoints = member->failpoints,
        .logger = options->logger,
        .after_turn = flush_answers,
        .after_turn_context = member,
    };
    int error = host_open(&member->host, &member->loop, &host, sentence);

    if (error == 0)
        member->backend.host = member->log_backend.host = member->host;
    return error;
}

static int open_front(struct member *member, char *sentence)
{
    const struct serve_options *options = member->options;
    uint32_t election_ms = options->election_ms == 0 ? ELECTION_MS_DEFAULT : options->election_ms;
    struct http2_limits limits = {.connection_streams_max = options->connection_streams_max};
    struct etcd_front_options front = {
        .backend = &member->backend.base,
        .logger = options->logger,
        .limits = &limits,
        .request_timeout_ms = REQUEST_TIMEOUT_BASE_MS + 2 * election_ms,
        .election_ms = election_ms,
        .lease_seconds_min = (3 * election_ms + 1999) / 2000, /* 1.5 election timeouts */
        .watch_progress_ms = options->watch_progress_ms,
        .request_bytes_max = options->request_bytes_max,
        .txn_ops_max = options->txn_ops_max,
        .cors = options->cors,
        .host_whitelist = options->host_whitelist,
    };
    char urls[SERVE_URLS_BYTES];
    int error = etcd_front_open(&member->front, &member->loop, &front);

    if (error == DECREE_INVALID)
        return sentence_fail(sentence, error,
                             "--cors: an origin has no spaces and at most 200 characters, such as "
                             "https://page.example");
    if (error != 0)
        return sentence_explain(sentence, error);
    error = serve_listen(member->front, options, member->ports, sentence);
    if (error != 0)
        return error;
    serve_client_urls(options, member->ports, urls);
    error = kv_backend_set_client_urls(&member->backend, urls);
    return sentence_explain(sentence, error);
}

static int open_log(struct member *member, char *sentence)
{
    const struct serve_options *options = member->options;
    int error = log_service_open(&member->log_service, &member->loop, &member->log_backend,
                                 options->logger);

    if (error != 0)
        return sentence_explain(sentence, error);
    error = log_service_listen(member->log_service, options->log_host, options->log_port,
                               &member->log_port);
    if (error != 0)
        return sentence_fail(sentence, DECREE_IO,
                             "cannot listen for the log's clients on %s:%u: %s", options->log_host,
                             (unsigned)options->log_port, uv_strerror(error));
    return 0;
}

static int open_failpoints(struct member *member, char *sentence)
{
    const struct serve_options *options = member->options;
    struct failpoints_options failpoints = {
        .self = options->self,
        .member_count = options->cluster.count,
        .name = cluster_spec_name(&options->cluster, options->self),
        .logger = options->logger};
    int error = failpoints_new(&member->failpoints, &failpoints);

    if (error != 0)
        return sentence_explain(sentence, error);
    log_warn(options->logger, "failpoints_on", "node=%s", failpoints.name);
    return failpoint_port_open(&member->failpoint_port, &member->loop, member->failpoints,
                               &options->cluster, options->failpoints_host,
                               options->failpoints_port, options->logger, sentence);
}

static void say_ready(const struct member *member)
{
    const struct serve_options *options = member->options;
    const struct cluster_member *self = &options->cluster.members[options->self - 1];

    printf("ready name=%s clients=", self->name);
    for (size_t i = 0; i < options->clients.count; i++)
        printf("%s%s:%u", i > 0 ? "," : "", options->clients.list[i].host,
               (unsigned)member->ports[i]);
    printf(" peers=%s:%u data=%s", self->host, (unsigned)self->port, options->data_dir);
    if (member->failpoint_port != NULL)
        printf(" failpoints=%s:%u", options->failpoints_host,
               (unsigned)failpoint_port_number(member->failpoint_port));
    if (member->log_service != NULL)
        printf(" log=%s:%u", options->log_host, (unsigned)member->log_port);
    printf("\n");
    fflush(stdout);
}

static int open_compactor(struct member *member, char *sentence)
{
    int error = auto_compactor_open(&member->compactor, &member->loop, &member->backend.base,
                                    &member->options->compaction, member->options->logger);

    return sentence_explain(sentence, error);
}

static int open_all(struct member *member, char *sentence)
{
    /* The front first: a busy port is to be known before the node speaks. */
    int error = open_front(member, sentence);

    if (error == 0 && member->options->failpoints_host != NULL)
        error = open_failpoints(member, sentence);
    if (error == 0 && member->options->log_host != NULL)
        error = open_log(member, sentence);
    if (error == 0)
        error = open_host(member, sentence);
    return error == 0 ? open_compactor(member, sentence) : error;
}

static int run(struct member *member, char *sentence)
{
    int error = open_all(member, sentence);

    if (error != 0) {
        stop(member);
    } else {
        publisher_open(&member->publisher, &member->loop, &member->backend.base,
                       cluster_spec_name(&member->options->cluster, member->options->self),
                       member->backend.client_urls, member->backend.client_url_count,
                       member->options->logger);
        start_signals(member);
        say_ready(member);
        tell_manager(member, "READY=1");
    }
    uv_run(&member->loop, UV_RUN_DEFAULT);
    if (error == 0)
        log_info(member->options->logger, "stopped", "node=%s",
                 cluster_spec_name(&member->options->cluster, member->options->self));
    return error;
}

static int init_machines(struct member *member, bool restored, char *sentence)
{
    const struct serve_options *options = member->options;
    struct decree_machine store;
    int error = kv_backend_init(&member->backend, &options->cluster, options->self, member->token,
                                options->data_dir, options->logger);

    if (error != 0)
        return sentence_explain(sentence, error);
    if (restored)
        error = kv_backend_load_base(&member->backend, options->data_dir, options->logger,
                                     sentence);
    if (error != 0)
        return error;
    kv_backend_set_quota(&member->backend, options->quota_bytes);
    store = kv_backend_machine(&member->backend);
    machines_init(&member->machines);
    machines_add(&member->machines, COMMAND_MACHINE_KV, &store);
    error = log_backend_init(&member->log_backend, &options->cluster, options->self,
                             &member->machines);
    return sentence_explain(sentence, error);
}

static int begin(struct member *member, char *sentence)
{
    const struct serve_options *options = member->options;
    bool restored;
    int error = snapshot_base_find(options->data_dir, options->cluster_token, member->token,
                                   &restored, sentence);

    return error == 0 ? init_machines(member, restored, sentence) : error;
}

int serve_run(const struct serve_options *options, char *sentence)
{
    struct member *member = calloc(1, sizeof(*member));
    int error;

    assert(options->clients.count > 0);
    assert(options->cluster_token != NULL);
    if (member == NULL)
        return sentence_explain(sentence, DECREE_NOMEM);
    signal(SIGPIPE, SIG_IGN);
    (void)etcd_front_raise_descriptors();
    member->options = options;
    error = init_loop(member, sentence);
    if (error != 0)
        goto out;
    error = begin(member, sentence);
    if (error == 0) {
        error = run(member, sentence);
    } else {
        stop(member);
        uv_run(&member->loop, UV_RUN_DEFAULT);
    }
    if (member->front != NULL)
        etcd_front_free(member->front);
    failpoints_free(member->failpoints);
    kv_backend_release(&member->backend);
    log_backend_release(&member->log_backend);
    uv_loop_close(&member->loop);
out:
    free(member);
    return error;
}
