/* SPDX-License-Identifier: MIT */
/* value_source.h -- the one thing that a transport's port may answer to who is no peer: the value
 * that was chosen.
 *
 *     all           GET /value                    200 and its bytes, or 503
 *     http, grpc    decree.v1.Synod/GetValue      its bytes, or UNAVAILABLE
 */
#ifndef DECREE_NET_VALUE_SOURCE_H
#define DECREE_NET_VALUE_SOURCE_H

#include <decree/paxos.h>

struct value_source {
    void *context;
    /* The value, borrowed for the call of who asks; NULL: none is chosen yet, as far as this node
     * knows. On the loop's thread. */
    struct decree_value *(*value)(void *context);
};

#endif
