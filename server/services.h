/* SPDX-License-Identifier: MIT */
/* services.h -- what the handlers of all services share, and their tables. */
#ifndef DECREE_SERVER_SERVICES_H
#define DECREE_SERVER_SERVICES_H

#include "backend.h"
#include "etcd_errors.h"
#include "grpc.h"

/* What clients are told; some split it at the dots and want numbers, and switch features on by
 * it. */
#define ETCD_VERSION "3.6.0"

struct watch_hub;
struct lessor;
struct snapshot_pump;
struct lock_hall;
struct errands;
struct leader_watch;

struct services {
    struct backend *backend;
    struct watch_hub *watch_hub;
    struct lessor *lessor;
    struct snapshot_pump *snapshots;
    struct lock_hall *lock_hall;
    struct errands *errands;
    struct leader_watch *leader_watch;
    int64_t lease_seconds_min;
    size_t request_bytes_max; /* of what is to be ordered */
    size_t txn_ops_max;
};

extern const struct grpc_route kv_routes[];
extern const struct grpc_route txn_routes[];
extern const struct grpc_route lease_routes[];
extern const struct grpc_route maintenance_routes[];
extern const struct grpc_route cluster_routes[];
extern const struct grpc_route register_routes[];
extern const struct grpc_route paxoskv_routes[];
extern const struct grpc_stream_route lease_stream_routes[];
extern const struct grpc_stream_route watch_routes[];
extern const struct grpc_stream_route snapshot_routes[];
extern const struct grpc_route health_routes[];
extern const struct grpc_stream_route health_stream_routes[];
extern const struct grpc_stream_route reflection_routes[];
extern const struct grpc_route lock_routes[];
extern const struct grpc_stream_route lock_stream_routes[];
extern const struct grpc_route election_routes[];
extern const struct grpc_stream_route election_stream_routes[];
extern const struct grpc_stream_route observe_routes[];

/* A positive number that no lease has. */
int64_t lease_choose_id(const struct kv *kv);

static inline struct backend *call_backend(const struct grpc_call *call)
{
    const struct services *services = grpc_context(call);

    return services->backend;
}

static inline const struct services *call_services(const struct grpc_call *call)
{
    return grpc_context(call);
}

static inline const struct kv *call_kv(const struct grpc_call *call)
{
    struct backend *backend = call_backend(call);

    return backend->ops->kv(backend);
}

/* What the backend's error is to a client. */
enum etcd_error services_error(int error);

/* The call was kept before, and is let go if the backend did not take it. True: it is to be answered with
 * the error. */
bool services_refused(struct grpc_call *call, int error);

/* What became of a request that the backend took or did not take: 0 and FULL are to be handed back
 * by the handler, anything else is answered here. The call as in services_refused(). */
int services_after_ask(struct grpc_call *call, int error);

/* Keeps the call and has done called when the store shows all that was decided before. What is to be
 * handed back by the handler: 0, or FULL with nothing done. */
int services_read(struct grpc_call *call, decree_done *done);

/* For completions. True: answer now. Otherwise there is nobody to answer, or it is answered. */
bool services_resume(struct grpc_call *call, int error);

#endif
