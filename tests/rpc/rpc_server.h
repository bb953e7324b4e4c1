/* SPDX-License-Identifier: MIT */
/* rpc_server.h -- what the parts of the test server share. */
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
    struct grpc_call *held;     /* the latest stream of Hold */
    uint32_t grace_ms;          /* for calls under way when it is to stop */
    unsigned open;              /* streams of gRPC, now */
    unsigned gone;              /* streams whose client went away; all that are gone, of gRPC */
    unsigned writable;          /* times that a stream had room again */
};

extern const struct http1_route rpc_server_http1_routes[];
extern const ProtobufCServiceDescriptor *const rpc_server_services[];
extern const struct grpc_route *const rpc_server_routes[];
extern const struct grpc_stream_route *const rpc_server_stream_routes[];

/* Lets a stream of Hold take so many messages more. */
void rpc_server_let_go(struct grpc_call *call, unsigned count);

#endif
