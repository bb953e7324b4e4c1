/* SPDX-License-Identifier: MIT */
/* gateway_inside.h -- what the files of the gateway share, and nobody else knows.
 *
 *     gateway.c         paths; methods that answer once
 *     gateway_stream.c  methods that answer with a stream
 */
#ifndef DECREE_SERVER_GATEWAY_INSIDE_H
#define DECREE_SERVER_GATEWAY_INSIDE_H

#include "gateway.h"

/* etcd's gateway tells where its answers come from. */
#define GATEWAY_HEADER "Grpc-Metadata-Content-Type: application/grpc\r\n"

/* Calls the method and begins the answer; who it is that is told of the end is set here. Errors, and the
 * call is still to be answered: NOMEM; INVALID: the method is no stream. */
int gateway_stream(struct gateway *gateway, struct http1_call *call,
                   const struct grpc_local_request *request,
                   const ProtobufCMethodDescriptor *descriptor);

/* Likewise, for methods that wait and then give one answer. INVALID: the method is none of these. */
int gateway_wait(struct gateway *gateway, struct http1_call *call,
                 const struct grpc_local_request *request,
                 const ProtobufCMethodDescriptor *descriptor);

void gateway_answer(struct gateway *gateway, struct http1_call *call,
                    const ProtobufCMessageDescriptor *output, const uint8_t *message, size_t size);
void gateway_fail(struct http1_call *call, enum grpc_status status, const char *text);

#endif
