/* SPDX-License-Identifier: MIT */
/* web_access.h -- who may ask by HTTP/1.1, as far as browsers are concerned.
 *
 *     hosts    A page of a stranger may give our address a name of his own (DNS rebinding). With a list
 *              of names, a request whose Host is none of them is answered with 421.
 *     origins  A browser lets a page of another origin read our answers only if these say that it may
 *              (CORS). OPTIONS, with which it asks beforehand, is always 200; what counts is the
 *              headers that are there or not.
 *
 * Both lists are by commas; without a list, or with an asterisk in it, all are welcome, as with etcd.
 */
#ifndef DECREE_SERVER_WEB_ACCESS_H
#define DECREE_SERVER_WEB_ACCESS_H

#include "http1.h"

struct web_access {
    char **hosts;          /* end with NULL; NULL: all */
    char **origins;        /* likewise */
    char **origin_headers; /* of each origin, or the one for all */
};

/* Errors: NOMEM, INVALID: an origin is too long, or has characters that none has. */
int web_access_open(struct web_access *access, const char *origins, const char *hosts);
void web_access_release(struct web_access *access); /* also of one that was zeroed */

/* As http1_options.admit. */
unsigned web_access_admit(const struct web_access *access, struct http1_call *call,
                          const char **ret_text);

#endif
