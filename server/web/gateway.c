/* SPDX-License-Identifier: MIT */
/* gateway.c -- see gateway.h. */
#include "gateway_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#include "protobuf_json.h"

#define MESSAGE_BYTES_MAX ((size_t)1024 * 1024 * 1024) /* of one message, unpacked */
#define JSON_TYPE "application/json"

/* X(path below /v3/, service, method) */
#define GATEWAY_TABLE(X)                                              \
    X("kv/range", "KV", "Range")                                      \
    X("kv/put", "KV", "Put")                                          \
    X("kv/deleterange", "KV", "DeleteRange")                          \
    X("kv/txn", "KV", "Txn")                                          \
    X("kv/compaction", "KV", "Compact")                               \
    X("watch", "Watch", "Watch")                                      \
    X("lease/grant", "Lease", "LeaseGrant")                           \
    X("lease/revoke", "Lease", "LeaseRevoke")                         \
    X("kv/lease/revoke", "Lease", "LeaseRevoke")                      \
    X("lease/keepalive", "Lease", "LeaseKeepAlive")                   \
    X("lease/timetolive", "Lease", "LeaseTimeToLive")                 \
    X("kv/lease/timetolive", "Lease", "LeaseTimeToLive")              \
    X("lease/leases", "Lease", "LeaseLeases")                         \
    X("kv/lease/leases", "Lease", "LeaseLeases")                      \
    X("cluster/member/add", "Cluster", "MemberAdd")                   \
    X("cluster/member/remove", "Cluster", "MemberRemove")             \
    X("cluster/member/update", "Cluster", "MemberUpdate")             \
    X("cluster/member/list", "Cluster", "MemberList")                 \
    X("cluster/member/promote", "Cluster", "MemberPromote")           \
    X("maintenance/alarm", "Maintenance", "Alarm")                    \
    X("maintenance/status", "Maintenance", "Status")                  \
    X("maintenance/defragment", "Maintenance", "Defragment")          \
    X("maintenance/hash", "Maintenance", "Hash")                      \
    X("maintenance/hashkv", "Maintenance", "HashKV")                  \
    X("maintenance/snapshot", "Maintenance", "Snapshot")              \
    X("maintenance/transfer-leadership", "Maintenance", "MoveLeader") \
    X("maintenance/downgrade", "Maintenance", "Downgrade")            \
    X("auth/enable", "Auth", "AuthEnable")                            \
    X("auth/disable", "Auth", "AuthDisable")                          \
    X("auth/status", "Auth", "AuthStatus")                            \
    X("auth/authenticate", "Auth", "Authenticate")                    \
    X("auth/user/add", "Auth", "UserAdd")                             \
    X("auth/user/get", "Auth", "UserGet")                             \
    X("auth/user/list", "Auth", "UserList")                           \
    X("auth/user/delete", "Auth", "UserDelete")                       \
    X("auth/user/changepw", "Auth", "UserChangePassword")             \
    X("auth/user/grant", "Auth", "UserGrantRole")                     \
    X("auth/user/revoke", "Auth", "UserRevokeRole")                   \
    X("auth/role/add", "Auth", "RoleAdd")                             \
    X("auth/role/get", "Auth", "RoleGet")                             \
    X("auth/role/list", "Auth", "RoleList")                           \
    X("auth/role/delete", "Auth", "RoleDelete")                       \
    X("auth/role/grant", "Auth", "RoleGrantPermission")               \
    X("auth/role/revoke", "Auth", "RoleRevokePermission")

static const struct gateway_route {
    const char *path, *method;
} ROUTES[] = {
#define GATEWAY_ROW(path, service, method) {path, "/etcdserverpb." service "/" method},
    GATEWAY_TABLE(GATEWAY_ROW)
#undef GATEWAY_ROW
        {"lock/lock", "/v3lockpb.Lock/Lock"},
    {"lock/unlock", "/v3lockpb.Lock/Unlock"},
    {"election/campaign", "/v3electionpb.Election/Campaign"},
    {"election/proclaim", "/v3electionpb.Election/Proclaim"},
    {"election/leader", "/v3electionpb.Election/Leader"},
    {"election/observe", "/v3electionpb.Election/Observe"},
    {"election/resign", "/v3electionpb.Election/Resign"},
};

/* A request while its method is asked. */
struct gateway_question {
    struct gateway *gateway;
    struct http1_call *call;
    const ProtobufCMessageDescriptor *output;
};

unsigned gateway_http_status(enum grpc_status status)
{
    switch (status) {
    case GRPC_OK:
        return 200;
    case GRPC_CANCELLED:
        return 499;
    case GRPC_INVALID_ARGUMENT:
    case GRPC_FAILED_PRECONDITION:
    case GRPC_OUT_OF_RANGE:
        return 400;
    case GRPC_UNAUTHENTICATED:
        return 401;
    case GRPC_PERMISSION_DENIED:
        return 403;
    case GRPC_NOT_FOUND:
        return 404;
    case GRPC_ALREADY_EXISTS:
    case GRPC_ABORTED:
        return 409;
    case GRPC_RESOURCE_EXHAUSTED:
        return 429;
    case GRPC_UNIMPLEMENTED:
        return 501;
    case GRPC_UNAVAILABLE:
        return 503;
    case GRPC_DEADLINE_EXCEEDED:
        return 504;
    case GRPC_UNKNOWN:
    case GRPC_INTERNAL:
    case GRPC_DATA_LOSS:
        return 500;
    }
    return 500;
}

/* ---- answers ---- */

static void put_text(struct byte_buffer *out, const char *text)
{
    byte_buffer_append(out, text, strlen(text));
}

static void answer(struct http1_call *call, unsigned status, struct byte_buffer *json)
{
    if (json->failed)
        http1_fail(call, 503, "decree: no memory for an answer of this size");
    else
        http1_answer(call, status, JSON_TYPE, json->data, json->size);
    byte_buffer_release(json);
}

static void fail_as(struct http1_call *call, unsigned http_status, enum grpc_status status,
                    const char *text)
{
    struct byte_buffer json = {0};
    char number[32];

    snprintf(number, sizeof(number), ",\"code\":%d,\"message\":", (int)status);
    put_text(&json, "{\"error\":");
    protobuf_json_write_string(&json, text);
    put_text(&json, number);
    protobuf_json_write_string(&json, text);
    put_text(&json, ",\"details\":[]}");
    answer(call, http_status, &json);
}

void gateway_fail(struct http1_call *call, enum grpc_status status, const char *text)
{
    fail_as(call, gateway_http_status(status), status, text);
}

void gateway_answer(struct gateway *gateway, struct http1_call *call,
                    const ProtobufCMessageDescriptor *output, const uint8_t *message, size_t size)
{
    struct byte_buffer json = {0};
    const ProtobufCMessage *decoded = protobuf_c_message_unpack(output, &gateway->arena.allocator,
                                                                size, message);

    if (decoded == NULL) {
        gateway_fail(call, GRPC_RESOURCE_EXHAUSTED, "decree: no memory for an answer of this size");
    } else {
        protobuf_json_write(&json, decoded);
        http1_add_header(call, GATEWAY_HEADER);
        answer(call, 200, &json);
    }
    arena_reset(&gateway->arena);
}

static void on_done(void *context, enum grpc_status status, const char *text,
                    const uint8_t *message, size_t size)
{
    struct gateway_question *question = context;

    if (http1_resume(question->call)) {
        if (status == GRPC_OK)
            gateway_answer(question->gateway, question->call, question->output, message, size);
        else
            gateway_fail(question->call, status, text);
    }
    free(question);
}

/* ---- requests ---- */

/* The body as a message on the wire, which is the caller's to free. NULL: it was answered. */
static uint8_t *read_body(struct gateway *gateway, struct http1_call *call,
                          const ProtobufCMessageDescriptor *input, size_t *ret_size)
{
    const struct http1_request *request = http1_request_of(call);
    bool empty = request->body_size == 0;
    char sentence[PROTOBUF_JSON_SENTENCE_BYTES];
    ProtobufCMessage *message;
    uint8_t *packed;
    int error;

    error = protobuf_json_read(&message, empty ? "{}" : (const char *)request->body,
                               empty ? 2 : request->body_size, NULL, input, &gateway->arena,
                               sentence);
    if (error != 0) {
        gateway_fail(call, GRPC_INVALID_ARGUMENT, sentence);
        return NULL;
    }
    *ret_size = protobuf_c_message_get_packed_size(message);
    packed = malloc(*ret_size > 0 ? *ret_size : 1);
    if (packed == NULL)
        gateway_fail(call, GRPC_RESOURCE_EXHAUSTED, "decree: no memory for a request of this size");
    else
        protobuf_c_message_pack(message, packed);
    return packed;
}

static void ask(struct gateway *gateway, struct http1_call *call, const char *method,
                const ProtobufCMethodDescriptor *descriptor, const uint8_t *message, size_t size)
{
    const char *has_leader = http1_header(call, "grpc-metadata-hasleader");
    struct gateway_question *question = malloc(sizeof(*question));
    struct grpc_local_request request = {
        .path = method,
        .message = message,
        .size = size,
        .requires_leader = has_leader != NULL && strcmp(has_leader, "true") == 0,
        .done = on_done,
        .context = question,
    };

    int error = question == NULL ? DECREE_NOMEM : gateway_wait(gateway, call, &request, descriptor);

    if (error == DECREE_INVALID)
        error = gateway_stream(gateway, call, &request, descriptor);
    if (error == DECREE_INVALID) {
        *question = (struct gateway_question){gateway, call, descriptor->output};
        error = grpc_local_call(gateway->grpc, &request);
        if (error == 0) {
            http1_keep(call);
            return;
        }
    }
    free(question);
    if (error != 0)
        gateway_fail(call, GRPC_RESOURCE_EXHAUSTED, "decree: no memory for a request");
}

/* NULL: no method has this path. */
static const struct gateway_route *find_route(const char *path)
{
    if (strncmp(path, "/v3/", 4) == 0)
        path += 4;
    else if (strncmp(path, "/v3beta/", 8) == 0)
        path += 8;
    else
        return NULL;
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++)
        if (strcmp(ROUTES[i].path, path) == 0)
            return &ROUTES[i];
    return NULL;
}

void gateway_handle(struct gateway *gateway, struct http1_call *call)
{
    const struct http1_request *request = http1_request_of(call);
    const struct gateway_route *route = find_route(request->path);
    const ProtobufCMethodDescriptor *descriptor;
    uint8_t *message;
    size_t size;

    if (route == NULL) {
        gateway_fail(call, GRPC_NOT_FOUND, "Not Found");
        return;
    }
    if (strcmp(request->method, "POST") != 0) {
        http1_add_header(call, "Allow: POST\r\n");
        fail_as(call, 405, GRPC_UNIMPLEMENTED, "Method Not Allowed");
        return;
    }
    descriptor = grpc_method_descriptor(gateway->grpc, route->method);
    if (descriptor == NULL) {
        gateway_fail(call, GRPC_UNIMPLEMENTED, "decree: this service is not implemented yet");
        return;
    }
    message = read_body(gateway, call, descriptor->input, &size);
    arena_reset(&gateway->arena);
    if (message != NULL)
        ask(gateway, call, route->method, descriptor, message, size);
    free(message);
}

void gateway_init(struct gateway *gateway, struct grpc_server *grpc)
{
    gateway->grpc = grpc;
    arena_init(&gateway->arena, MESSAGE_BYTES_MAX);
}

void gateway_release(struct gateway *gateway)
{
    arena_release(&gateway->arena);
}
