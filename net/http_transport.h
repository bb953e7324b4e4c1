/* SPDX-License-Identifier: MIT */
/* http_transport.h -- the transport for looking at and for passing proxies: JSON over HTTP/1.1.
 *
 *     POST /handle     a message, or a list of messages     200 {}     taken in
 *                                                           400        not understood: no JSON, a field that
 *                                                                      is none, a type that is none
 *                                                           403        the sender is no member
 *                                                           409        another cluster, or another receiver
 *     GET /value       (only with a value source)           200        the value's bytes
 *                                                           503        not chosen yet
 *
 * Answers other than 200 have the reason as text/plain. Content-Type is not looked at. A message is
 * the JSON form of decree.v1.Message in proto/decree.proto:
 *
 *     {"cluster_id":"1311768467463790320","sender":2,"receiver":1,
 *      "paxos":{"type":"HEARTBEAT","round":"17","decided":"4"}}
 *
 * What one flush has for a peer goes as one list, so long as it is not large. Of a list all messages
 * are taken in, in order, or none. Calls are pipelined on one kept connection, so messages keep
 * their order.
 */
#ifndef DECREE_NET_HTTP_TRANSPORT_H
#define DECREE_NET_HTTP_TRANSPORT_H

#include "call_transport.h"

/* Listens. sink is copied. On failure sentence, which holds CALL_SENTENCE_BYTES, says why. Errors:
 * IO, after which the loop has to run once more to let go of what it has; NOMEM. */
int http_transport_open(struct transport **ret_transport, uv_loop_t *loop,
                        const struct call_config *config, const struct transport_sink *sink,
                        char *sentence);

#endif
