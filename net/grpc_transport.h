/* SPDX-License-Identifier: MIT */
/* grpc_transport.h -- the transport for meshes and other languages: decree.v1.Peer/Handle over
 * HTTP/2, in clear text with prior knowledge.
 *
 *     decree.v1.Peer/Handle       OK                     taken in
 *                                 INVALID_ARGUMENT       not understood: a type that is none
 *                                 PERMISSION_DENIED      the sender is no member
 *                                 FAILED_PRECONDITION    another cluster, or another receiver
 *     decree.v1.Synod/GetValue    (only with a value source) OK, or UNAVAILABLE: not chosen yet
 *
 * The messages are those of proto/decree.proto. One message is one call, and many are under way on
 * one kept connection. A large message, whose bytes HTTP/2 would mix with those of others, goes
 * alone, so messages keep their order.
 */
#ifndef DECREE_NET_GRPC_TRANSPORT_H
#define DECREE_NET_GRPC_TRANSPORT_H

#include "call_transport.h"

/* As http_transport_open(). */
int grpc_transport_open(struct transport **ret_transport, uv_loop_t *loop,
                        const struct call_config *config, const struct transport_sink *sink,
                        char *sentence);

#endif
