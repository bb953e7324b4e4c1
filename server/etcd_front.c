/* SPDX-License-Identifier: MIT */
/* etcd_front.c -- see etcd_front.h. */
#include "etcd_front.h"

#include <sys/resource.h>

#include "election.pb-c.h"
#include "errands.h"
#include "health.pb-c.h"
#include "leader_watch.h"
#include "lessor.h"
#include "lock.pb-c.h"
#include "lock_hall.h"
#include "paxoskv.pb-c.h"
#include "reflection.pb-c.h"
#include "reflection_v1alpha.pb-c.h"
#include "register.pb-c.h"
#include "rpc.pb-c.h"
#include "services.h"
#include "snapshot_pump.h"
#include "txn_request.h"
#include "watch_hub.h"
#include "web.h"

#define CONNECTIONS_MAX 20000u
#define RESERVED_DESCRIPTORS 256u
#define WATCH_PROGRESS_MS (10u * 60 * 1000)
#define LEASE_SECONDS_MIN 2u
#define REQUEST_TIMEOUT_MS 7000u
#define ELECTION_MS 1000u
#define ELECTIONS_WITHOUT_LEADER 3u /* that streams bear, which want one */
#define REQUEST_BYTES_DEFAULT ((size_t)3 * 512 * 1024)
#define MESSAGE_OVERHEAD_BYTES \
    ((size_t)512 * 1024) /* as etcd: what a request may be over its limit */

struct etcd_front {
    struct grpc_server *grpc;
    struct services services;
    struct snapshot_pump snapshots;
    struct lock_hall lock_hall;
    struct errands errands;
    struct leader_watch leader_watch;
    void (*closed)(void *context);
    void *closed_context;
    struct web web;
    unsigned open_ports; /* of those that are closing */
};

static const ProtobufCServiceDescriptor *const SERVICES[] = {
    &etcdserverpb__kv__descriptor,
    &etcdserverpb__watch__descriptor,
    &etcdserverpb__lease__descriptor,
    &etcdserverpb__cluster__descriptor,
    &etcdserverpb__maintenance__descriptor,
    &etcdserverpb__auth__descriptor,
    &v3lockpb__lock__descriptor,
    &v3electionpb__election__descriptor,
    &decree__v1__register__descriptor,
    &paxoskv__paxos_kv__descriptor,
    &grpc__health__v1__health__descriptor,
    &grpc__reflection__v1__server_reflection__descriptor,
    &grpc__reflection__v1alpha__server_reflection__descriptor,
    NULL,
};

static const struct grpc_route *const ROUTES[] = {kv_routes,
                                                  txn_routes,
                                                  lease_routes,
                                                  maintenance_routes,
                                                  cluster_routes,
                                                  register_routes,
                                                  paxoskv_routes,
                                                  health_routes,
                                                  lock_routes,
                                                  election_routes,
                                                  NULL};

static const struct grpc_stream_route *const STREAM_ROUTES[] = {
    watch_routes,           snapshot_routes,   lease_stream_routes,
    health_stream_routes,   reflection_routes, lock_stream_routes,
    election_stream_routes, observe_routes,    NULL};

/* A stream has the patience that streams have: when a leader dies, its clients come to the others at
 * once, and are to find there what they had, though these are just electing. */
static bool finds_leader(struct grpc_call *call)
{
    const struct services *services = grpc_context(call);
    struct backend_status status;

    if (grpc_is_stream(call) && !leader_watch_is_over(services->leader_watch))
        return true;
    services->backend->ops->status(services->backend, &status);
    return status.leader_id != 0;
}

/* Every call passes here before its handler. */
static bool admit(struct grpc_call *call)
{
    if (call->bad_version) {
        etcd_fail(call, ETCD_API_VERSION);
        return false;
    }
    if (!call->requires_leader || finds_leader(call))
        return true;
    etcd_fail(call, ETCD_NO_LEADER);
    return false;
}

static void end_if_leader_required(struct grpc_call *call)
{
    if (call->requires_leader)
        etcd_fail(call, ETCD_NO_LEADER);
}

/* Clients that ask for it want to be told, so as to look for a member that has one. Who waits for a
 * lock, or to be elected, has one answer to come, and is no stream in etcd. */
static void on_leaderless(void *context)
{
    struct etcd_front *front = context;

    grpc_each_stream(front->grpc, end_if_leader_required);
}

/* Clients may not take the last descriptors: the node opens files and talks to its peers too. */
static void bound_connections(struct http2_limits *limits)
{
    struct rlimit descriptors;
    uint64_t most;

    if (limits->connections_max != 0 || getrlimit(RLIMIT_NOFILE, &descriptors) != 0)
        return;
    most = descriptors.rlim_cur > 2 * RESERVED_DESCRIPTORS
               ? descriptors.rlim_cur - RESERVED_DESCRIPTORS
               : descriptors.rlim_cur / 2;
    limits->connections_max = most < CONNECTIONS_MAX ? (uint32_t)most : CONNECTIONS_MAX;
}

static void free_services(struct services *services)
{
    watch_hub_free(services->watch_hub);
    lessor_free(services->lessor);
}

/* Errors: NOMEM. */
static int make_services(struct services *services, const struct etcd_front_options *options)
{
    services->backend = options->backend;
    services->lease_seconds_min = options->lease_seconds_min > 0 ? options->lease_seconds_min
                                                                 : LEASE_SECONDS_MIN;
    services->request_bytes_max = options->request_bytes_max > 0 ? options->request_bytes_max
                                                                 : REQUEST_BYTES_DEFAULT;
    services->txn_ops_max = options->txn_ops_max > 0 ? options->txn_ops_max : TXN_OPS_DEFAULT;
    services->watch_hub = watch_hub_new(options->backend);
    services->lessor = lessor_new(options->backend);
    return services->watch_hub == NULL || services->lessor == NULL ? DECREE_NOMEM : 0;
}

/* Of a front that did not open. */
static void on_web_closed(void *context)
{
    struct etcd_front *front = context;

    free_services(&front->services);
    web_release(&front->web);
    free(front);
}

/* Some of the time is chance, so that the members do not all speak at once. */
static void start_watches(struct etcd_front *front, uv_loop_t *loop, uint32_t progress_ms)
{
    uint32_t ms = progress_ms > 0 ? progress_ms : WATCH_PROGRESS_MS;

    watch_hub_start(front->services.watch_hub, loop,
                    ms + (uint32_t)(uv_hrtime() / 1000 % (ms / 10 + 1)));
}

/* All but the ports, which are open. */
static void start_services(struct etcd_front *front, uv_loop_t *loop,
                           const struct etcd_front_options *options)
{
    struct services *services = &front->services;
    uint32_t request_ms = options->request_timeout_ms > 0 ? options->request_timeout_ms
                                                          : REQUEST_TIMEOUT_MS;
    uint32_t leaderless_ms = ELECTIONS_WITHOUT_LEADER *
                             (options->election_ms > 0 ? options->election_ms : ELECTION_MS);

    web_serve(&front->web, front->grpc, services->watch_hub);
    snapshot_pump_start(&front->snapshots, loop, options->backend, options->snapshot_patience_ms);
    services->snapshots = &front->snapshots;
    lock_hall_init(&front->lock_hall, options->backend, services->watch_hub);
    lock_hall_start(&front->lock_hall, loop);
    services->lock_hall = &front->lock_hall;
    errands_start(&front->errands, loop, request_ms);
    services->errands = &front->errands;
    start_watches(front, loop, options->watch_progress_ms);
    lessor_start(services->lessor, loop, request_ms);
    services->leader_watch = &front->leader_watch;
    leader_watch_start(&front->leader_watch, loop, options->backend, leaderless_ms, on_leaderless,
                       front);
}

int etcd_front_open(struct etcd_front **ret_front, uv_loop_t *loop,
                    const struct etcd_front_options *options)
{
    struct etcd_front *front = calloc(1, sizeof(*front));
    struct http2_limits limits = options->limits != NULL ? *options->limits
                                                         : (struct http2_limits){0};
    struct grpc_options grpc = {
        .services = SERVICES,
        .routes = ROUTES,
        .stream_routes = STREAM_ROUTES,
        .admit = admit,
        .limits = &limits,
        .logger = options->logger,
        .request_timeout_ms = options->request_timeout_ms,
    };
    int error;

    assert(options->backend != NULL);
    if (front == NULL)
        return DECREE_NOMEM;
    bound_connections(&limits);
    grpc.context = &front->services;
    error = make_services(&front->services, options);
    if (error == 0)
        error = web_open(&front->web, loop, options);
    if (error != 0) {
        free_services(&front->services);
        free(front);
        return error;
    }
    grpc.http1 = front->web.http1;
    grpc.message_bytes_max = (uint32_t)(front->services.request_bytes_max + MESSAGE_OVERHEAD_BYTES);
    error = grpc_open(&front->grpc, loop, &grpc);
    if (error != 0) {
        http1_close(front->web.http1, 0, on_web_closed, front);
        return error;
    }
    start_services(front, loop, options);
    *ret_front = front;
    return 0;
}

int etcd_front_listen(struct etcd_front *front, const char *host, uint16_t port, uint16_t *ret_port)
{
    return grpc_listen(front->grpc, host, port, ret_port);
}

int etcd_front_listen_metrics(struct etcd_front *front, const char *host, uint16_t port,
                              uint16_t *ret_port)
{
    return web_listen_metrics(&front->web, host, port, ret_port);
}

void etcd_front_flush(struct etcd_front *front)
{
    watch_hub_turn(front->services.watch_hub);
    lessor_turn(front->services.lessor);
    grpc_flush(front->grpc);
}

void etcd_front_tell(struct etcd_front *front)
{
    watch_hub_turn(front->services.watch_hub);
}

static void on_snapshots_closed(void *context)
{
    struct etcd_front *front = context;

    watch_hub_close(front->services.watch_hub, front->closed, front->closed_context);
}

static void on_lessor_closed(void *context)
{
    struct etcd_front *front = context;

    snapshot_pump_close(&front->snapshots, on_snapshots_closed, front);
}

static void on_lock_hall_closed(void *context)
{
    struct etcd_front *front = context;

    lessor_close(front->services.lessor, on_lessor_closed, front);
}

static void on_errands_closed(void *context)
{
    struct etcd_front *front = context;

    lock_hall_close(&front->lock_hall, on_lock_hall_closed, front);
}

static void on_leader_watch_closed(void *context)
{
    struct etcd_front *front = context;

    errands_close(&front->errands, on_errands_closed, front);
}

static void on_port_closed(void *context)
{
    struct etcd_front *front = context;

    assert(front->open_ports > 0);
    if (--front->open_ports == 0)
        leader_watch_close(&front->leader_watch, on_leader_watch_closed, front);
}

void etcd_front_close(struct etcd_front *front, uint32_t grace_ms, void (*closed)(void *context),
                      void *context)
{
    front->closed = closed;
    front->closed_context = context;
    front->open_ports = front->web.metrics != NULL ? 2 : 1;
    if (front->web.metrics != NULL)
        http1_close(front->web.metrics, grace_ms, on_port_closed, front);
    grpc_close(front->grpc, grace_ms, on_port_closed, front);
}

void etcd_front_free(struct etcd_front *front)
{
    grpc_free(front->grpc);
    free_services(&front->services);
    web_release(&front->web);
    free(front);
}

uint64_t etcd_front_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}
