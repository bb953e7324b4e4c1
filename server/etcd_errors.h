/* SPDX-License-Identifier: MIT */
/* etcd_errors.h -- the errors that clients of etcd know, by code and by text: some match the one,
 * some the other. */
#ifndef DECREE_SERVER_ETCD_ERRORS_H
#define DECREE_SERVER_ETCD_ERRORS_H

#include "grpc.h"

/* X(name, status, text) */
#define ETCD_ERROR_TABLE(X)                                                                    \
    X(EMPTY_KEY, GRPC_INVALID_ARGUMENT, "etcdserver: key is not provided")                     \
    X(KEY_NOT_FOUND, GRPC_INVALID_ARGUMENT, "etcdserver: key not found")                       \
    X(VALUE_PROVIDED, GRPC_INVALID_ARGUMENT, "etcdserver: value is provided")                  \
    X(LEASE_PROVIDED, GRPC_INVALID_ARGUMENT, "etcdserver: lease is provided")                  \
    X(API_VERSION, GRPC_INVALID_ARGUMENT, "etcdserver: invalid client api version")            \
    X(SORT_OPTION, GRPC_INVALID_ARGUMENT, "etcdserver: invalid sort option")                   \
    X(TOO_LARGE, GRPC_INVALID_ARGUMENT, "etcdserver: request is too large")                    \
    X(LEASE_NOT_FOUND, GRPC_NOT_FOUND, "etcdserver: requested lease not found")                \
    X(FUTURE_REVISION, GRPC_OUT_OF_RANGE,                                                      \
      "etcdserver: mvcc: required revision is a future revision")                              \
    X(COMPACTED, GRPC_OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted")  \
    X(TOO_MANY_OPS, GRPC_INVALID_ARGUMENT, "etcdserver: too many operations in txn request")   \
    X(DUPLICATE_KEY, GRPC_INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request")  \
    X(LEASE_TTL_TOO_LARGE, GRPC_OUT_OF_RANGE, "etcdserver: too large lease TTL")               \
    X(LEASE_EXISTS, GRPC_FAILED_PRECONDITION, "etcdserver: lease already exists")              \
    X(NO_SPACE, GRPC_RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded")          \
    X(CORRUPT, GRPC_DATA_LOSS, "etcdserver: corrupt cluster")                                  \
    X(NO_MEMORY, GRPC_RESOURCE_EXHAUSTED, "etcdserver: too many requests")                     \
    X(SESSION_EXPIRED, GRPC_UNKNOWN, "mutex: session is expired")                              \
    X(NOT_LEADER, GRPC_UNKNOWN, "election: not leader")                                        \
    X(ELECTION_NO_LEADER, GRPC_UNKNOWN, "election: no leader")                                 \
    X(LEADER_MISSING, GRPC_UNKNOWN, "\"leader\" field must be provided")                       \
    X(NOT_LEADING, GRPC_FAILED_PRECONDITION, "etcdserver: not leader")                         \
    X(BAD_TRANSFEREE, GRPC_FAILED_PRECONDITION, "etcdserver: bad leader transferee")           \
    X(DOWNGRADE_FORMAT, GRPC_INVALID_ARGUMENT,                                                 \
      "etcdserver: wrong downgrade target version format")                                     \
    X(DOWNGRADE_TARGET, GRPC_INVALID_ARGUMENT, "etcdserver: invalid downgrade target version") \
    X(NO_DOWNGRADE, GRPC_FAILED_PRECONDITION, "etcdserver: no inflight downgrade job")         \
    X(UNKNOWN_METHOD, GRPC_UNKNOWN, "etcdserver: unknown method")                              \
    X(TIMEOUT, GRPC_UNAVAILABLE, "etcdserver: request timed out")                              \
    X(NO_LEADER, GRPC_UNAVAILABLE, "etcdserver: no leader")                                    \
    X(STOPPED, GRPC_UNAVAILABLE, "etcdserver: server stopped")

enum etcd_error {
    ETCD_OK = 0,
#define ETCD_ERROR_ENUM(name, status, text) ETCD_##name,
    ETCD_ERROR_TABLE(ETCD_ERROR_ENUM)
#undef ETCD_ERROR_ENUM
};

/* Answers the call with the error, which is not ETCD_OK. */
void etcd_fail(struct grpc_call *call, enum etcd_error error);

/* The same for services that in etcd are clients of the others, and pass their errors on as bare
 * text: as UNKNOWN, unless it is worth a second try. */
void etcd_fail_bare(struct grpc_call *call, enum etcd_error error);

#endif
