/* SPDX-License-Identifier: MIT */
/* gateway.h -- etcd's API as JSON over HTTP/1.1: each method under a path of its own.
 *
 *     POST /v3/kv/put {"key": "Zm9v", "value": "YmFy"}
 *       -> message of /etcdserverpb.KV/Put -> the same handler that gRPC clients reach
 *     200  {"header": {...}}
 *     400  {"error": "...", "code": 3, "message": "...", "details": []}
 *
 * A method that answers with a stream gives one object a line, {"result": {...}}, as they come. The body
 * is the request in its JSON form (protobuf_json.h); an empty one is an empty message. The
 * Content-Type is not looked at. An error carries the text twice, as old and new versions of etcd do,
 * because clients look for the one or for the other.
 */
#ifndef DECREE_SERVER_GATEWAY_H
#define DECREE_SERVER_GATEWAY_H

#include "arena.h"
#include "grpc.h"
#include "http1.h"

struct gateway {
    struct grpc_server *grpc; /* borrowed */
    struct arena arena;       /* of messages that are translated */
};

void gateway_init(struct gateway *gateway, struct grpc_server *grpc);
void gateway_release(struct gateway *gateway);

/* Answers a request for "/v3/..." or "/v3beta/...", now or later. */
void gateway_handle(struct gateway *gateway, struct http1_call *call);

/* The HTTP status that stands for the code, by the table of the gRPC gateway. */
unsigned gateway_http_status(enum grpc_status status);

#endif
