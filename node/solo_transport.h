/* SPDX-License-Identifier: MIT */
/* solo_transport.h -- the transport of a cluster of one without an address: there is nobody to talk
 * to. */
#ifndef DECREE_NODE_SOLO_TRANSPORT_H
#define DECREE_NODE_SOLO_TRANSPORT_H

#include "transport.h"

/* Errors: NOMEM. */
int solo_transport_open(struct transport **ret_transport);

#endif
