/* SPDX-License-Identifier: MIT */
/* client_inside.h -- one call of any service, for the files of the client; nobody else includes
 * it. */
#ifndef DECREE_CLIENT_CLIENT_INSIDE_H
#define DECREE_CLIENT_CLIENT_INSIDE_H

#include "client.h"

/* One row per method: where it is, what it answers, and whether to do it twice is the same as
 * once. */
struct method {
    const char *path;
    const ProtobufCMessageDescriptor *response;
    bool repeatable;
};

/* GRPC_OK, with a response of that descriptor, the caller's; or another code, and
 * client_error_text() says more. */
enum grpc_status client_call(struct client *client, const struct method *method,
                             const ProtobufCMessage *request, ProtobufCMessage **ret_response);

/* A call whose answer is a stream: each message is handed on as it comes, borrowed; false from take ends
 * it, with GRPC_CANCELLED. timeout_ms is how long there may be silence. One endpoint is asked, once. */
enum grpc_status client_stream(struct client *client, const char *path,
                               const ProtobufCMessage *request, uint64_t timeout_ms,
                               bool (*take)(void *context, const uint8_t *message, size_t size),
                               void *context);

/* A stream on which the client says more than one thing. */
struct client_talk {
    uint64_t silence_ms;                                              /* after this, ask() */
    bool (*take)(void *context, const uint8_t *message, size_t size); /* as of client_stream() */
    const ProtobufCMessage *(*ask)(void *context); /* what to ask now, borrowed; NULL: give up */
};

/* Opens the stream with a request, and keeps it open. A member that knows of no leader ends it. */
enum grpc_status client_talk(struct client *client, const char *path,
                             const ProtobufCMessage *request, const struct client_talk *talk,
                             void *context);

/* Leaves the server that was asked last: the next call goes to the next of the list. */
void client_next(struct client *client);

void client_set_error(struct client *client, const char *text);

#endif
