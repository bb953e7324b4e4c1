/* SPDX-License-Identifier: MIT */
/* health.h -- whether this member can do its work, for load balancers and supervisors.
 *
 *     GET /health      {"health":"true","reason":""}, or 503 with "false" and the reason
 *                      ?serializable=true asks this member alone, ?exclude=NOSPACE passes an alarm over
 *     GET /livez       ok: the process serves; a supervisor starts it again if not
 *     GET /readyz      ok: it also reaches its cluster; a load balancer sends nobody here if not
 *                      both take ?verbose and ?exclude=NAME, and have their checks as sub-paths:
 *                      /readyz/linearizable_read
 *
 * A check that reads does so as a client would, by the method that clients call.
 */
#ifndef DECREE_SERVER_HEALTH_H
#define DECREE_SERVER_HEALTH_H

#include "http1.h"

/* Handlers; the context is a struct web. */
void health(struct http1_call *call);
void livez(struct http1_call *call);
void readyz(struct http1_call *call);

#endif
