/* SPDX-License-Identifier: MIT */
/* grpc_status.h -- the outcomes that gRPC knows, from one table. */
#ifndef DECREE_RPC_GRPC_STATUS_H
#define DECREE_RPC_GRPC_STATUS_H

/* X(name, number on the wire, name for people) */
#define GRPC_STATUS_TABLE(X)                        \
    X(OK, 0, "OK")                                  \
    X(CANCELLED, 1, "Canceled")                     \
    X(UNKNOWN, 2, "Unknown")                        \
    X(INVALID_ARGUMENT, 3, "InvalidArgument")       \
    X(DEADLINE_EXCEEDED, 4, "DeadlineExceeded")     \
    X(NOT_FOUND, 5, "NotFound")                     \
    X(ALREADY_EXISTS, 6, "AlreadyExists")           \
    X(PERMISSION_DENIED, 7, "PermissionDenied")     \
    X(RESOURCE_EXHAUSTED, 8, "ResourceExhausted")   \
    X(FAILED_PRECONDITION, 9, "FailedPrecondition") \
    X(ABORTED, 10, "Aborted")                       \
    X(OUT_OF_RANGE, 11, "OutOfRange")               \
    X(UNIMPLEMENTED, 12, "Unimplemented")           \
    X(INTERNAL, 13, "Internal")                     \
    X(UNAVAILABLE, 14, "Unavailable")               \
    X(DATA_LOSS, 15, "DataLoss")                    \
    X(UNAUTHENTICATED, 16, "Unauthenticated")

enum grpc_status {
#define GRPC_STATUS_ENUM(name, number, text) GRPC_##name = (number),
    GRPC_STATUS_TABLE(GRPC_STATUS_ENUM)
#undef GRPC_STATUS_ENUM
};

/* The name for people; never NULL. */
const char *grpc_status_name(enum grpc_status code);

/* What a peer wrote in grpc-status; UNKNOWN for what is no code. */
enum grpc_status grpc_status_parse(const char *text);

/* The code that stands for an HTTP answer without a grpc-status, by gRPC's own table. */
enum grpc_status grpc_status_of_http(unsigned http_status);

#endif
