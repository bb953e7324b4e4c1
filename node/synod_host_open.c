/* SPDX-License-Identifier: MIT */
/* synod_host_open.c -- puts a synod's host together, and takes it apart.
 *
 * The lock on the directory comes first, then the port, then what is on the disk, and then the node
 * speaks. Taking apart goes the other way, for a host that was only half put together too: network
 * and handles, which takes a few iterations of the loop; then the disk, which gets what is queued;
 * then the core.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs_util.h"
#include "synod_host_inside.h"

/* A few ballots fill a few kilobytes; a small first segment makes a new node start fast. */
#define SEGMENT_BYTES (4u << 20)
#define FIRST_SEGMENT_BYTES (64u << 10)
#define ASK_AGAIN_FIRST_NS UINT64_C(100000000)

/* ---- taking apart ---- */

static void finish_close(struct synod_host *host)
{
    void (*closed)(void *context) = host->closed;
    void *context = host->closed_context;

    assert(host->handles == 0);
    if (host->thread != NULL) {
        struct journal *port = journal_thread_port(host->thread);

        port->ops->close(port);
    }
    disk_journal_close(host->disk);
    decree_synod_close(host->synod);
    synod_journal_release(&host->journal);
    decree_value_unref(host->first);
    if (host->waker_open)
        waker_release(&host->waker);
    free(host);
    closed(context);
}

static void part_closed(void *context)
{
    struct synod_host *host = context;

    assert(host->handles > 0);
    host->handles--;
    if (host->handles == 0)
        finish_close(host);
}

static void handle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void synod_host_close(struct synod_host *host, void (*closed)(void *context), void *context)
{
    struct transport *transport = host->transport;

    assert(host->closed == NULL);
    assert(closed != NULL);
    host->running = false;
    host->closed = closed;
    host->closed_context = context;
    waker_close(&host->waker, handle_closed);
    uv_close((uv_handle_t *)&host->prepare, handle_closed);
    uv_close((uv_handle_t *)&host->timer, handle_closed);
    if (transport != NULL)
        transport->ops->close(transport, part_closed, host);
}

static void note_closed(void *context)
{
    *(bool *)context = true;
}

/* Takes a host apart that was not put together. */
static void give_up(struct synod_host *host)
{
    uv_loop_t *loop = host->loop;
    bool closed = false;

    if (host->handles == 0) { /* nothing of it is on the loop */
        host->closed = note_closed;
        host->closed_context = &closed;
        finish_close(host);
        return;
    }
    synod_host_close(host, note_closed, &closed);
    while (!closed)
        uv_run(loop, UV_RUN_ONCE);
}

/* ---- the disk ---- */

/* Makes what is missing of the folders above path, each durable before the next. */
static int make_parents(struct fs *fs, const char *path, char *sentence)
{
    char folder[FS_PATH_MAX], above[FS_PATH_MAX] = ".";

    if (strlen(path) + FS_NAME_MAX >= FS_PATH_MAX)
        return sentence_fail(sentence, DECREE_INVALID, "the path is too long");
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t size = (size_t)(slash - path);
        int result;

        if (size == 0 || slash[1] == '\0')
            continue;
        memcpy(folder, path, size);
        folder[size] = '\0';
        result = fs->ops->make_directory(fs, folder);
        if (result == 0)
            result = fs->ops->sync_directory(fs, above);
        if (result != 0 && result != -EEXIST)
            return sentence_fail(sentence, DECREE_IO, "cannot make the directory %s: %s", folder,
                                 strerror(-result));
        memcpy(above, folder, size + 1);
    }
    return 0;
}

static int open_disk(struct synod_host *host, const struct synod_host_options *options,
                     char *sentence)
{
    struct fs *fs = options->fs == NULL ? fs_system() : options->fs;
    char token[64];
    struct disk_journal_options disk = {
        .fs = fs,
        .directory = options->data_dir,
        .cluster_token = token,
        .member_name = synod_spec_name(&host->spec, host->spec.self),
        .member_id = host->spec.self,
        .segment_bytes = SEGMENT_BYTES,
        .first_segment_bytes = FIRST_SEGMENT_BYTES,
        .value_bytes_max = SYNOD_VALUE_BYTES_MAX,
    };
    struct store_error error = {0};
    int result;

    snprintf(token, sizeof(token), "synod-%016" PRIx64, synod_spec_id(&host->spec));
    result = make_parents(fs, options->data_dir, sentence);
    if (result != 0)
        return result;
    if (disk_journal_open(&host->disk, &disk, &error) == 0)
        return 0;
    if (error.code == DECREE_IDENTITY)
        return sentence_fail(
            sentence, error.code,
            "%s; -self, -others, -prepareNum and -voteNum must be those that it was made "
            "with, or -path be another",
            error.text);
    return sentence_fail(sentence, error.code, "%s", error.text);
}

static int restore_record(void *context, const struct decree_record *record)
{
    return synod_journal_restore(&((struct synod_host *)context)->journal, record);
}

static void ignore_fetched(void *context, decree_node_id to, const struct decree_pvalue *pvalues,
                           uint32_t count)
{
    (void)context, (void)to, (void)pvalues, (void)count; /* nothing is ever fetched */
}

static void wake_loop(void *context)
{
    waker_wake(&((struct synod_host *)context)->waker);
}

static int restore_core(struct synod_host *host, char *sentence)
{
    const struct decree_synod_record *state = synod_journal_restored(&host->journal);
    struct decree_synod_event event = {.type = DECREE_SYNOD_RESTORE, .now_ns = uv_hrtime()};

    if (state == NULL)
        return 0;
    event.u.restore = *state;
    if (decree_synod_step(host->synod, &event) != 0)
        return sentence_fail(sentence, DECREE_CORRUPT, "what is stored contradicts itself");
    if (state->decided)
        host->decided = state->value;
    host->restored = true;
    return 0;
}

static int recover(struct synod_host *host, char *sentence)
{
    struct journal_thread_options options = {
        .sink = {host, synod_host_on_persisted, ignore_fetched, NULL},
        .wake = wake_loop,
        .wake_context = host,
        .logger = host->logger,
    };
    struct store_error store_error = {0};
    decree_lsn last_lsn;
    int error = disk_journal_recover(host->disk, restore_record, host, &store_error);

    if (error != 0)
        return sentence_fail(sentence, error, "%s",
                             store_error.text[0] != '\0' ? store_error.text
                                                         : decree_error_text(error));
    error = restore_core(host, sentence);
    if (error != 0)
        return error;
    last_lsn = disk_journal_written_lsn(host->disk);
    error = journal_thread_start(&host->thread, host->disk, &options);
    if (error != 0)
        return sentence_fail(sentence, error, "cannot start the journal's thread: %s",
                             decree_error_text(error));
    host->disk = NULL; /* the thread's */
    synod_journal_start(&host->journal, journal_thread_port(host->thread), last_lsn);
    return 0;
}

/* ---- the network ---- */

static void ignore_unreachable(void *context, decree_node_id peer)
{
    (void)context, (void)peer; /* a synod asks again at times of its own */
}

static struct decree_value *value_for_all(void *context)
{
    return synod_host_value(context);
}

static int open_transport(struct synod_host *host, enum peer_network kind, char *sentence)
{
    const struct synod_member *self = &host->spec.members[host->spec.self - 1];
    struct transport_sink sink = {host, synod_host_on_message, ignore_unreachable};
    struct peer_network_config config = {
        .network = kind,
        .self = host->spec.self,
        .cluster_id = synod_spec_id(&host->spec),
        .listen_host = self->host,
        .listen_port = self->port,
        .logger = host->logger,
        .value = &host->value_source,
    };
    int error;

    host->value_source = (struct value_source){host, value_for_all};
    error = peer_network_open(&host->transport, host->loop, &config, &sink, sentence);
    if (error != 0)
        return error;
    host->handles++;
    for (decree_node_id id = 1; error == 0 && id <= host->spec.count; id++)
        if (id != host->spec.self)
            error = peer_network_connect(host->transport, kind, id, host->spec.members[id - 1].host,
                                         host->spec.members[id - 1].port);
    return sentence_explain(sentence, error);
}

/* ---- putting together ---- */

static int init_handles(struct synod_host *host, char *sentence)
{
    int error = waker_init(&host->waker, host->loop);

    if (error != 0)
        return sentence_fail(sentence, DECREE_IO, "cannot make a way to wake the loop: %s",
                             uv_strerror(error));
    uv_prepare_init(host->loop, &host->prepare);
    uv_timer_init(host->loop, &host->timer);
    host->waker.poll.data = host->prepare.data = host->timer.data = host;
    host->handles = 3;
    host->waker_open = true;
    return 0;
}

static int open_core(struct synod_host *host, char *sentence)
{
    decree_node_id members[DECREE_MEMBERS_MAX];
    struct decree_synod_config config = {
        .self = host->spec.self,
        .members = members,
        .member_count = host->spec.count,
        .prepare_quorum = host->spec.prepare_quorum,
        .vote_quorum = host->spec.vote_quorum,
    };
    int error;

    for (uint32_t i = 0; i < host->spec.count; i++)
        members[i] = i + 1;
    if (uv_random(NULL, NULL, &config.seed, sizeof(config.seed), 0, NULL) != 0)
        config.seed = uv_hrtime() + host->spec.self;
    error = decree_synod_open(&host->synod, &config);
    return error == 0 ? 0
                      : sentence_fail(sentence, error, "cannot set up the core: %s",
                                      decree_error_text(error));
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct synod_host *host = prepare->data;

    if (host->running)
        synod_host_turn(host);
}

static int build(struct synod_host *host, const struct synod_host_options *options, char *sentence)
{
    int error = init_handles(host, sentence);

    if (error == 0)
        error = open_core(host, sentence);
    if (error == 0)
        error = open_disk(host, options, sentence);
    if (error == 0)
        error = open_transport(host, options->kind, sentence);
    if (error == 0)
        error = recover(host, sentence);
    return error;
}

static void set_times(struct synod_host *host, uint64_t propose_after_ns)
{
    uint64_t now_ns = uv_hrtime();
    bool proposes = host->first != NULL && host->decided == NULL;

    host->propose_at_ns = proposes ? now_ns + propose_after_ns : UINT64_MAX;
    host->ask_at_ns = now_ns;
    host->ask_again_ns = ASK_AGAIN_FIRST_NS;
    host->wake_at_ns = UINT64_MAX;
}

int synod_host_open(struct synod_host **ret_host, uv_loop_t *loop,
                    const struct synod_host_options *options, char *sentence)
{
    struct synod_host *host = calloc(1, sizeof(*host));
    int error;

    assert(options->data_dir != NULL);
    assert(options->first == NULL || options->first->size <= SYNOD_VALUE_BYTES_MAX);
    if (host == NULL)
        return sentence_explain(sentence, DECREE_NOMEM);
    host->loop = loop;
    host->spec = options->spec;
    host->logger = options->logger;
    host->observe = options->observe;
    host->observe_context = options->observe_context;
    host->first = decree_value_ref(options->first);
    synod_journal_init(&host->journal);
    error = build(host, options, sentence);
    if (error != 0) {
        give_up(host);
        return error;
    }
    set_times(host, options->propose_after_ns);
    host->running = true;
    uv_prepare_start(&host->prepare, on_prepare);
    *ret_host = host;
    return 0;
}
