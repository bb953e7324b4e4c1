/* SPDX-License-Identifier: MIT */
/* endpoints.h -- the list "host:port,..." that says where the servers are.
 *
 * Each item may begin with http:// and end with a slash, as etcdctl's users write it; an IPv6
 * address stands in brackets. A list has 1 to ENDPOINTS_MAX items.
 */
#ifndef DECREE_RPC_ENDPOINTS_H
#define DECREE_RPC_ENDPOINTS_H

#include <stddef.h>

#define ENDPOINTS_MAX 64u
#define ENDPOINT_HOST_BYTES 256u
#define ENDPOINT_NAME_BYTES (ENDPOINT_HOST_BYTES + 10u)

struct endpoint {
    char host[ENDPOINT_HOST_BYTES];
    char port[6];
    char name[ENDPOINT_NAME_BYTES]; /* "host:port", for messages and for the :authority header */
};

struct endpoints {
    size_t count;
    struct endpoint items[ENDPOINTS_MAX];
};

/* Reads a list. 0, or INVALID with a static sentence in ret_reason. */
int endpoints_parse(const char *text, struct endpoints *ret_endpoints, const char **ret_reason);

#endif
