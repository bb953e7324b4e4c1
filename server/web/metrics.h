/* SPDX-License-Identifier: MIT */
/* metrics.h -- GET /metrics: what this member counts, in the text form of Prometheus.
 *
 *     # HELP etcd_server_has_leader Whether ...
 *     # TYPE etcd_server_has_leader gauge
 *     etcd_server_has_leader 1
 *
 * Names are etcd's where the meaning is the same, so that dashboards made for it fill; what only
 * decree has begins with decree_.
 */
#ifndef DECREE_SERVER_METRICS_H
#define DECREE_SERVER_METRICS_H

#include "http1.h"

struct grpc_server;

/* The labels of each method, which are looked up when they are first wanted. */
struct metrics_grpc {
    char (*labels)[256];
};

/* False: no memory. */
bool metrics_grpc_init(struct metrics_grpc *metrics, const struct grpc_server *grpc);
void metrics_grpc_release(struct metrics_grpc *metrics); /* also of one that was zeroed */

/* A handler; the context is a struct web. */
void metrics(struct http1_call *call);

#endif
