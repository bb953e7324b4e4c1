/* SPDX-License-Identifier: MIT */
/* kv_backend.c -- proposals and reads go straight to the engine: server and node share the loop's
 * thread.
 *
 * What the services ask outside of a turn is handed out by the turn at the end of the same
 * iteration of the loop; what they ask while their answers are flushed, after the turn, by the next
 * one, which then comes at once.
 */
#include "kv_backend.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "host_metrics.h"

#include "random_seed.h"
#include "snapshot_file.h"

#define SLABS_KEPT 16u /* of 1 MiB at most */

static struct kv_backend *kv_backend_of(struct backend *backend)
{
    return (struct kv_backend *)backend;
}

static struct engine *engine_of(struct backend *backend)
{
    struct host *host = kv_backend_of(backend)->host;

    return host == NULL ? NULL : host_engine(host);
}

/* Who found no room asks again after the next turn: none is made for him alone. */
static int told(struct backend *backend, int error)
{
    if (error == DECREE_FULL)
        host_not_taken(kv_backend_of(backend)->host);
    return error;
}

static int propose(struct backend *backend, struct decree_value *command, decree_done *done,
                   void *argument)
{
    struct engine *engine = engine_of(backend);

    return engine == NULL ? DECREE_CLOSED
                          : told(backend, engine_propose(engine, command, done, argument));
}

static int read_store(struct backend *backend, decree_done *done, void *argument)
{
    struct engine *engine = engine_of(backend);

    return engine == NULL ? DECREE_CLOSED : told(backend, engine_read(engine, done, argument));
}

static int ask_register(struct backend *backend, const struct decree_register_request *request,
                        decree_register_done *done, void *argument)
{
    struct engine *engine = engine_of(backend);

    return engine == NULL ? DECREE_CLOSED
                          : told(backend, engine_register(engine, request, done, argument));
}

static int call_acceptor(struct backend *backend, const struct decree_register_message *message,
                         backend_replied *done, void *argument)
{
    struct engine *engine = engine_of(backend);

    return engine == NULL ? DECREE_CLOSED
                          : told(backend, engine_register_call(engine, message, done, argument));
}

static const struct kv *get_kv(struct backend *backend)
{
    return kv_backend_of(backend)->kv;
}

static const struct kv_result *query(struct backend *base, const struct decree_value *command)
{
    struct kv_backend *backend = kv_backend_of(base);

    kv_query(backend->kv, command->data, command->size, &backend->result);
    return &backend->result;
}

static uint64_t get_term(struct backend *backend)
{
    const struct host *host = kv_backend_of(backend)->host;

    return host == NULL ? 0 : host_latest_status(host)->leader_ballot.round;
}

static uint64_t public_id(const struct kv_backend *backend, decree_node_id id)
{
    return id == 0 ? 0
                   : backend_member_id(backend->cluster_token,
                                       cluster_spec_name(&backend->cluster, id));
}

static void get_status(struct backend *base, struct backend_status *ret_status)
{
    const struct kv_backend *backend = kv_backend_of(base);
    const struct decree_status *status;
    struct kv_stats stats;

    *ret_status = (struct backend_status){0};
    kv_stats(backend->kv, &stats);
    ret_status->storage_bytes = stats.memory_bytes + stats.shelved_bytes;
    ret_status->storage_in_use_bytes = stats.record_bytes;
    ret_status->storage_quota_bytes = backend->quota.bytes;
    if (backend->host == NULL)
        return;
    status = host_latest_status(backend->host);
    ret_status->leader_id = public_id(backend, status->leader);
    ret_status->term = status->leader_ballot.round;
    ret_status->decided = status->decided;
    ret_status->applied = status->decided; /* a turn applies all that it decides */
    ret_status->trouble = host_trouble(backend->host);
}

static void print_url(char *url, const char *host, uint16_t port)
{
    snprintf(url, KV_BACKEND_URL_BYTES,
             strchr(host, ':') == NULL ? "http://%s:%u" : "http://[%s]:%u", host, (unsigned)port);
}

static bool get_member(struct backend *base, size_t index, struct backend_member *ret_member)
{
    struct kv_backend *backend = kv_backend_of(base);
    const struct cluster_member *member;

    if (index >= backend->cluster.count)
        return false;
    member = &backend->cluster.members[index];
    assert(index < DECREE_MEMBERS_MAX);
    print_url(backend->peer_urls[index], member->host, member->port);
    *ret_member = (struct backend_member){
        .id = public_id(backend, (decree_node_id)index + 1),
        .name = member->name,
        .peer_url = backend->peer_urls[index],
        .client_url = index + 1 == backend->self && backend->client_url_count > 0
                          ? backend->client_urls
                          : NULL,
    };
    return true;
}

static bool room(struct backend *backend, size_t size)
{
    return kv_quota_room(&kv_backend_of(backend)->quota, size);
}

static void hand_over(struct backend *base, uint64_t member_id)
{
    struct engine *engine = engine_of(base);
    const struct kv_backend *backend = kv_backend_of(base);

    for (uint32_t id = 1; engine != NULL && id <= backend->cluster.count; id++)
        if (public_id(backend, id) == member_id)
            engine_hand_over(engine, id);
}

static bool get_metrics(struct backend *backend, struct host_metrics *ret_metrics)
{
    const struct host *host = kv_backend_of(backend)->host;

    if (host != NULL)
        host_metrics(host, ret_metrics);
    return host != NULL;
}

static const struct backend_ops ops = {propose,       read_store, get_kv,     query,
                                       get_term,      get_status, get_member, ask_register,
                                       call_acceptor, room,       hand_over};

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct kv_backend *backend = context;

    assert(slot > 0);
    kv_apply(backend->kv, data, size, &backend->result);
    backend_tell_leases(&backend->base, data, size, &backend->result);
    return &backend->result;
}

static void out_of_memory(void *context, size_t size)
{
    log_error(context, "out_of_memory",
              "bytes=%zu reason=\"a command cannot be applied; the node must stop\"", size);
    _Exit(EX_OSERR);
}

static void store_options(const struct kv_backend *backend, const struct logger *logger,
                          struct kv_shelf *ret_files, struct kv_options *ret_options)
{
    *ret_files = (struct kv_shelf){backend->shelf, SLABS_KEPT, file_shelf_give, file_shelf_take,
                                   file_shelf_drop};
    *ret_options = (struct kv_options){
        .context = (void *)logger,
        .out_of_memory = out_of_memory,
        .shelf = ret_files,
        .seed = random_seed(),
    };
}

int kv_backend_init(struct kv_backend *backend, const struct cluster_spec *cluster,
                    decree_node_id self, const char *cluster_token, const char *data_dir,
                    const struct logger *logger)
{
    struct kv_options options;
    struct kv_shelf files;
    struct file_shelf *shelf;

    assert(self >= 1);
    assert(self <= cluster->count);
    if (file_shelf_open(&shelf, data_dir, logger) != 0)
        return DECREE_NOMEM;
    *backend = (struct kv_backend){
        .base = {.ops = &ops,
                 .metrics = get_metrics,
                 .cluster_id = backend_cluster_id(cluster_token),
                 .member_id = backend_member_id(cluster_token, cluster_spec_name(cluster, self))},
        .shelf = shelf,
        .cluster = *cluster,
        .self = self,
        .cluster_token = cluster_token,
    };
    store_options(backend, logger, &files, &options);
    backend->kv = kv_new(&options);
    kv_backend_set_quota(backend, 0);
    if (backend->kv != NULL)
        return 0;
    kv_backend_release(backend);
    return DECREE_NOMEM;
}

int kv_backend_load_base(struct kv_backend *backend, const char *data_dir,
                         const struct logger *logger, char *sentence)
{
    struct kv_options options;
    struct kv_shelf files;
    int error;

    store_options(backend, logger, &files, &options);
    kv_free(backend->kv);
    backend->kv = NULL;
    error = snapshot_base_load(data_dir, &options, &backend->kv, sentence);
    if (error != 0)
        return error;
    kv_begin_cluster(backend->kv, 0);
    log_info(logger, "restored", "node=%s data=%s revision=%" PRId64,
             cluster_spec_name(&backend->cluster, backend->self), data_dir,
             kv_revision(backend->kv));
    return 0;
}

void kv_backend_set_quota(struct kv_backend *backend, int64_t bytes)
{
    kv_quota_init(&backend->quota, &backend->base, bytes);
}

struct decree_machine kv_backend_machine(struct kv_backend *backend)
{
    return (struct decree_machine){.context = backend, .apply = apply};
}

bool kv_backend_tidy(struct kv_backend *backend)
{
    if (kv_tidy(backend->kv))
        return true;
    if (backend->host != NULL)
        kv_quota_check(&backend->quota);
    return false;
}

int kv_backend_set_client_urls(struct kv_backend *backend, const char *urls)
{
    size_t size = strlen(urls);

    if (size >= sizeof(backend->client_urls))
        return DECREE_TOO_LARGE;
    memcpy(backend->client_urls, urls, size + 1);
    backend->client_url_count = size > 0;
    for (size_t i = 0; i < size; i++) {
        if (urls[i] != ',')
            continue;
        backend->client_urls[i] = '\0';
        backend->client_url_count++;
    }
    return 0;
}

void kv_backend_release(struct kv_backend *backend)
{
    kv_free(backend->kv);
    file_shelf_close(backend->shelf);
    backend->kv = NULL;
    backend->shelf = NULL;
}
