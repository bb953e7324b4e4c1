/* SPDX-License-Identifier: MIT */
/* rpc_server.h -- what the two halves of the test server share. */
#ifndef DECREE_TESTS_RPC_RPC_SERVER_H
#define DECREE_TESTS_RPC_RPC_SERVER_H

#include "grpc.h"
#include "http1.h"

struct rpc_server {
    uv_loop_t loop;
    uv_signal_t terminate;
    struct grpc_server *grpc;   /* NULL: HTTP/1.1 only */
    struct http1_server *http1; /* NULL: gRPC only */
    struct http1_call *ticker;  /* the stream that POST /tick writes to */
    unsigned gone;              /* streams whose client went away */
    unsigned writable;          /* times that a stream had room again */
};

extern const struct http1_route rpc_server_http1_routes[];

#endif
