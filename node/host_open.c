/* SPDX-License-Identifier: MIT */
/* host_open.c -- puts a host together, and takes it apart.
 *
 * What can fail cheaply comes first: the options, the lock on the directory, the port. Then the
 * journal is replayed, which may take a while, and then the node speaks. Taking apart goes the
 * other way, and serves a host that was only half put together too: network and handles first,
 * which takes a few iterations of the loop; then the disk, which gets what is queued; then the
 * engine, whose open requests complete with LOST.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk_journal.h"
#include "host_inside.h"
#include "memory_hub.h"
#include "peer_network.h"
#include "solo_transport.h"
#include "user_transport.h"
#include "volatile_journal.h"

#define MS_NS UINT64_C(1000000)
#define VALUE_BYTES_MAX_DEFAULT (2u << 20)
#define HEARTBEAT_MS_DEFAULT 100u
#define ELECTION_MS_DEFAULT 1000u
#define QUEUE_BYTES_MAX (64u << 20)
/* Small ones: the memory of a full segment soon serves the next, and a new node writes less before
 * it is needed. Measured with 1000 proposals outstanding: 16 MiB is a third faster than 64, and 4
 * no faster than 16. */
#define SEGMENT_BYTES (16u << 20)

/* ---- taking apart ---- */

static void lose_requests(struct host *host)
{
    request_queue_collect(&host->requests);
    while (request_queue_first(&host->requests) != NULL) {
        struct request *request = request_queue_pop(&host->requests);

        request_fail(request, DECREE_LOST);
        request_drop(request);
    }
}

static void finish_close(struct host *host)
{
    void (*closed)(void *context) = host->closed;
    void *closed_context = host->closed_context;

    assert(host->handles == 0);
    if (host->journal != NULL)
        host->journal->ops->close(host->journal);
    disk_journal_close(host->disk);
    engine_close(host->engine);
    lose_requests(host);
    if (host->waker_open)
        waker_release(&host->waker);
    uv_mutex_destroy(&host->status_lock);
    free(host);
    closed(closed_context);
}

static void part_closed(void *context)
{
    struct host *host = context;

    assert(host->handles > 0);
    host->handles--;
    if (host->handles == 0)
        finish_close(host);
}

static void handle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void host_close(struct host *host, void (*closed)(void *context), void *context)
{
    bool opened = host->running;
    struct transport *transport = host->transport;

    assert(host->closed == NULL);
    assert(closed != NULL);
    atomic_store_explicit(&host->closing, true, memory_order_release);
    host->running = false;
    host->closed = closed;
    host->closed_context = context;
    if (opened)
        log_info(host->logger, "stopping", "node=%s",
                 cluster_spec_name(&host->cluster, host->self));
    waker_close(&host->waker, handle_closed);
    uv_close((uv_handle_t *)&host->prepare, handle_closed);
    uv_close((uv_handle_t *)&host->timer, handle_closed);
    uv_close((uv_handle_t *)&host->asked, handle_closed);
    if (transport != NULL)
        transport->ops->close(transport, part_closed, host);
}

/* ---- the pieces ---- */

static void on_prepare(uv_prepare_t *prepare)
{
    struct host *host = prepare->data;

    if (host->running)
        host_turn(host);
}

static void wake_loop(void *context)
{
    struct host *host = context;

    waker_wake(&host->waker); /* the turn that follows looks for the reason */
}

static void on_message(void *context, const struct peer_message *message)
{
    struct host *host = context;
    const struct transport_sink *sink = engine_transport_sink(host->engine);

    if (!host->running)
        return;
    engine_set_now(host->engine, uv_hrtime());
    sink->message(sink->context, message);
}

static void on_unreachable(void *context, decree_node_id peer)
{
    struct host *host = context;
    const struct transport_sink *sink = engine_transport_sink(host->engine);

    if (!host->running)
        return;
    engine_set_now(host->engine, uv_hrtime());
    sink->unreachable(sink->context, peer);
}

static int init_handles(struct host *host, char *sentence)
{
    int error = waker_init(&host->waker, host->loop);

    if (error != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot make a way to wake the loop: %s",
                             uv_strerror(error));
    uv_prepare_init(host->loop, &host->prepare);
    uv_timer_init(host->loop, &host->timer);
    uv_idle_init(host->loop, &host->asked);
    host->waker.poll.data = host->prepare.data = host->timer.data = host->asked.data = host;
    host->handles = 4;
    host->waker_open = true;
    return 0;
}

static int open_disk(struct host *host, const struct host_options *options, const char *identity,
                     char *sentence)
{
    uint32_t record_bytes_max = host_record_bytes_max(host, options);
    struct disk_journal_options disk = {
        .fs = options->failpoints != NULL ? failpoints_fs(options->failpoints) : options->fs,
        .directory = options->data_dir,
        .cluster_token = identity,
        .member_name = cluster_spec_name(&options->cluster, options->self),
        .member_id = options->self,
        .segment_bytes = record_bytes_max <= SEGMENT_BYTES / 4 ? SEGMENT_BYTES : 0,
        .value_bytes_max = record_bytes_max,
    };
    struct store_error error = {0};

    if (options->data_dir == NULL)
        return 0;
    if (disk_journal_open(&host->disk, &disk, &error) == 0)
        return 0;
    if (error.code == DECREE_IDENTITY)
        return sentence_fail(
            sentence, error.code,
            "%s; its token, members, quorums and base.snapshot must be those that the data were made with",
            error.text);
    return sentence_fail(sentence, error.code, "%s", error.text);
}

static int open_network(struct host *host, const struct host_options *options, uint64_t cluster_id,
                        const struct transport_sink *sink, char *sentence)
{
    const struct cluster_spec *cluster = &options->cluster;
    const struct cluster_member *self = &cluster->members[options->self - 1];
    struct peer_network_config config = {
        .network = options->network,
        .self = options->self,
        .cluster_id = cluster_id,
        .listen_host = options->listen_host != NULL ? options->listen_host : self->host,
        .listen_port = options->listen_host != NULL ? options->listen_port : self->port,
        .logger = options->logger,
    };
    int error = peer_network_open(&host->transport, host->loop, &config, sink, sentence);

    if (error != 0)
        return error;
    host->peers = host->transport;
    host->network = options->network;
    for (decree_node_id id = 1; id <= cluster->count; id++) {
        const struct cluster_member *member = &cluster->members[id - 1];

        if (id != options->self)
            error = peer_network_connect(host->transport, options->network, id, member->host,
                                         member->port);
        if (error != 0)
            return sentence_fail(sentence, error, "cannot connect to %s: %s", member->name,
                                 decree_error_text(error));
    }
    return 0;
}

static int open_transport(struct host *host, const struct host_options *options,
                          uint64_t cluster_id, char *sentence)
{
    struct transport_sink sink = {host, on_message, on_unreachable};
    struct memory_config memory = {.self = options->self, .wake = wake_loop, .wake_context = host};
    struct user_transport_config user = {.self = options->self,
                                         .member_count = options->cluster.count,
                                         .cluster_id = cluster_id,
                                         .wake = wake_loop,
                                         .wake_context = host};
    int error;

    if (options->failpoints != NULL)
        sink = failpoints_sink(options->failpoints, &sink);
    if (options->hub != NULL) {
        error = memory_transport_open(&host->transport, options->hub, &memory, &sink);
        host->poll_transport = memory_transport_poll;
    } else if (options->transport != NULL) {
        error = user_transport_open(&host->transport, options->transport, &user, &sink);
        host->poll_transport = user_transport_poll;
    } else if (options->cluster.members[options->self - 1].port != 0) {
        error = open_network(host, options, cluster_id, &sink, sentence);
    } else {
        error = solo_transport_open(&host->transport);
    }
    if (host->transport != NULL)
        host->handles++;
    if (error == DECREE_INVALID && options->hub != NULL)
        return sentence_fail(sentence, error, "a node named %s is on the hub already",
                             cluster_spec_name(&options->cluster, options->self));
    if (error == DECREE_INVALID && options->transport != NULL)
        return sentence_fail(sentence, error, "the transport serves another node already");
    if (error == DECREE_NOMEM)
        return sentence_explain(sentence, error);
    return error;
}

static void ask_status(void *context, struct decree_status *ret_status)
{
    engine_status(((struct host *)context)->engine, ret_status);
}

/* From here on what is sent passes the failpoints. */
static void wrap_transport(struct host *host)
{
    assert(host->poll_transport == NULL);
    host->transport = failpoints_transport(host->failpoints, host->transport, ask_status, host);
}

static int restore_one(void *context, const struct decree_record *record)
{
    struct host *host = context;

    host_restored_one(host);
    return engine_restore(host->engine, record);
}

static int recover(struct host *host, const struct host_options *given, char *sentence)
{
    struct journal_thread_options options = {
        .sink = *engine_journal_sink(host->engine),
        .wake = wake_loop,
        .wake_context = host,
        .fatal = given->journal_failed,
        .fatal_context = given->journal_failed_context,
        .logger = host->logger,
    };
    struct store_error store_error = {0};
    uint64_t began_ns = uv_hrtime();
    int error = disk_journal_recover(host->disk, restore_one, host, &store_error);

    if (error != 0)
        return sentence_fail(sentence, error, "%s",
                             store_error.text[0] != '\0' ? store_error.text
                                                         : decree_error_text(error));
    log_info(host->logger, "replayed", "node=%s records=%" PRIu64 " slots=%" PRIu64 " ms=%" PRIu64,
             cluster_spec_name(&host->cluster, host->self), host->restored,
             engine_applied(host->engine), (uv_hrtime() - began_ns) / MS_NS);
    error = journal_thread_start(&host->journal_thread, host->disk, &options);
    if (error != 0)
        return sentence_fail(sentence, error, "cannot start the journal's thread: %s",
                             decree_error_text(error));
    host->disk = NULL; /* the thread's */
    host->journal = journal_thread_port(host->journal_thread);
    return 0;
}

static int open_journal(struct host *host, const struct host_options *options, char *sentence)
{
    if (host->disk != NULL)
        return recover(host, options, sentence);
    return sentence_explain(
        sentence,
        volatile_journal_open(&host->journal, engine_journal_sink(host->engine), host->logger));
}

/* ---- putting together ---- */

static void complete_options(struct host_options *options)
{
    uint32_t majority = options->cluster.count / 2 + 1;

    if (options->cluster_token == NULL)
        options->cluster_token = "decree";
    if (options->prepare_quorum == 0)
        options->prepare_quorum = majority;
    if (options->vote_quorum == 0)
        options->vote_quorum = majority;
    if (options->heartbeat_ms == 0)
        options->heartbeat_ms = HEARTBEAT_MS_DEFAULT;
    if (options->election_ms == 0)
        options->election_ms = ELECTION_MS_DEFAULT;
    if (options->value_bytes_max == 0)
        options->value_bytes_max = VALUE_BYTES_MAX_DEFAULT;
    if (options->network == 0)
        options->network = PEER_NETWORK_TCP;
}

static int check_options(const struct host_options *options, char *sentence)
{
    bool needs_addresses = options->hub == NULL && options->transport == NULL;

    assert(options->failpoints == NULL || options->hub == NULL);
    if (options->cluster.count == 0)
        return sentence_fail(sentence, DECREE_INVALID, "the cluster has no members");
    if (options->self == 0 || options->self > options->cluster.count)
        return sentence_fail(sentence, DECREE_INVALID, "this node is no member of the cluster");
    if (options->hub != NULL && options->transport != NULL)
        return sentence_fail(sentence, DECREE_INVALID,
                             "a node talks over a hub or a transport, not both");
    if (options->machine.apply == NULL)
        return sentence_fail(sentence, DECREE_INVALID,
                             "there is no state machine to apply commands to");
    if (options->election_ms <= options->heartbeat_ms)
        return sentence_fail(
            sentence, DECREE_INVALID,
            "the election timeout of %u ms must be longer than the heartbeat of %u ms",
            options->election_ms, options->heartbeat_ms);
    for (uint32_t i = 0;
         needs_addresses && options->cluster.count > 1 && i < options->cluster.count; i++)
        if (options->cluster.members[i].port == 0)
            return sentence_fail(sentence, DECREE_INVALID,
                                 "the member '%s' has no address; write name=host:port",
                                 options->cluster.members[i].name);
    return 0;
}

static int build(struct host *host, const struct host_options *options, char *sentence)
{
    char identity[CLUSTER_IDENTITY_BYTES];
    uint64_t cluster_id = cluster_spec_identity(&options->cluster, options->cluster_token,
                                                options->prepare_quorum, options->vote_quorum,
                                                identity);
    int error = init_handles(host, sentence);

    if (error == 0)
        error = host_open_engine(host, options, sentence);
    if (error == 0)
        error = open_disk(host, options, identity, sentence);
    if (error == 0)
        error = open_transport(host, options, cluster_id, sentence);
    if (error == 0 && host->failpoints != NULL)
        wrap_transport(host);
    if (error == 0)
        error = open_journal(host, options, sentence);
    return error;
}

static void note_closed(void *context)
{
    *(bool *)context = true;
}

/* Takes a host apart that was not put together. */
static void give_up(struct host *host)
{
    uv_loop_t *loop = host->loop;
    bool closed = false;

    if (host->handles == 0) { /* nothing of it is on the loop */
        host->closed = note_closed;
        host->closed_context = &closed;
        finish_close(host);
        return;
    }
    host_close(host, note_closed, &closed);
    while (!closed)
        uv_run(loop, UV_RUN_ONCE);
}

int host_open(struct host **ret_host, uv_loop_t *loop, const struct host_options *given,
              char *sentence)
{
    struct host_options options = *given;
    struct host *host;
    int error;

    complete_options(&options);
    error = check_options(&options, sentence);
    if (error != 0)
        return error;
    host = calloc(1, sizeof(*host));
    if (host == NULL || uv_mutex_init(&host->status_lock) != 0) {
        free(host);
        return sentence_explain(sentence, DECREE_NOMEM);
    }
    host->loop = loop;
    host->thread = uv_thread_self();
    host->timer_at_ns = UINT64_MAX;
    host->cluster = options.cluster;
    host->self = options.self;
    host->value_bytes_max = options.value_bytes_max;
    host->failpoints = options.failpoints;
    host->logger = options.logger;
    host->after_turn = options.after_turn;
    host->after_turn_context = options.after_turn_context;
    atomic_init(&host->closing, false);
    request_queue_init(&host->requests, QUEUE_BYTES_MAX);
    error = build(host, &options, sentence);
    if (error != 0) {
        give_up(host);
        return error;
    }
    host_metrics_init(host);
    host->running = true;
    engine_set_now(host->engine, uv_hrtime());
    engine_start(host->engine, host->journal, host->transport);
    engine_status(host->engine, &host->status);
    uv_prepare_start(&host->prepare, on_prepare);
    host_turn(host);
    *ret_host = host;
    return 0;
}
