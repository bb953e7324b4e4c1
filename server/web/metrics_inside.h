/* SPDX-License-Identifier: MIT */
/* metrics_inside.h -- what the files of the metrics share.
 *
 *     metrics.c           the page, and the table of its plain numbers
 *     metrics_grpc.c      calls of clients, by method
 *     metrics_node.c      what the node below counts: roles, disk, peers, loop
 *     metrics_process.c   what the system knows of the process
 *     metrics_text.c      how all of it is written
 */
#ifndef DECREE_SERVER_METRICS_INSIDE_H
#define DECREE_SERVER_METRICS_INSIDE_H

#include "backend.h"
#include "grpc_counters.h"
#include "metrics.h"
#include "metrics_text.h"

/* The parts of grpc's families. */
void metrics_grpc_put(const struct metrics_grpc *metrics, const struct grpc_server *grpc,
                      struct byte_buffer *out);

/* The counters of these methods in one; the times are those of the last. paths ends with NULL. */
void metrics_grpc_sum(const struct grpc_server *grpc, const char *const *paths,
                      struct grpc_method_counters *ret_sum);

void metrics_node_put(struct backend *backend, struct byte_buffer *out);
void metrics_process_put(struct byte_buffer *out);

#endif
