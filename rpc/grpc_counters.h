/* SPDX-License-Identifier: MIT */
/* grpc_counters.h -- what a gRPC server counts of the calls of each method, for its metrics.
 *
 * A call counts as started when its headers are read and its method is known, and as handled once,
 * with its status, when the answer is given; one whose client went away before is CANCELLED. Times
 * are by the loop's clock, in milliseconds, so short ones are 0 or 1: rightly so on average.
 */
#ifndef DECREE_RPC_GRPC_COUNTERS_H
#define DECREE_RPC_GRPC_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "grpc_status.h"
#include "histogram.h"

#define GRPC_STATUSES 17u
#define GRPC_VERSIONS_MAX 16u
#define GRPC_VERSION_BYTES 24u

struct grpc_server;

struct grpc_method_counters {
    const char *path; /* "/package.Service/Method" */
    bool is_stream;
    uint64_t started, received, sent; /* calls, messages, messages */
    uint64_t handled[GRPC_STATUSES];  /* by status */
    struct histogram handling_ms;
};

/* The version of the API that clients say they speak, in the header client-api-version. */
struct grpc_version_counters {
    char version
        [GRPC_VERSION_BYTES]; /* "unknown" for those who say nothing, "other" for more than fit */
    uint64_t unary, stream;   /* calls */
};

/* Of the method at index from 0, borrowed until grpc_free(); NULL past the last. */
const struct grpc_method_counters *grpc_method_counters(const struct grpc_server *server,
                                                        size_t index);

/* The same for versions. */
const struct grpc_version_counters *grpc_version_counters(const struct grpc_server *server,
                                                          size_t index);

/* Bytes of messages, without their prefixes and headers. */
void grpc_message_bytes(const struct grpc_server *server, uint64_t *ret_received,
                        uint64_t *ret_sent);

#endif
