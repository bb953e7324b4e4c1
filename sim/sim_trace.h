/* SPDX-License-Identifier: MIT */
/* sim_trace.h -- the run as a table for people: time, a column per node, and a margin for the
 * network.
 *
 *      time ms | n1                 | n2                 | n3                 |
 *      503.112 | p1a 1.1 >*         |                    |                    |
 *      503.498 |                    | promised 1.1       | promised 1.1       |
 *      504.020 |                    | p1b 1.1 >1         | CRASH              | cut 1-2
 *
 * What happens at one moment shares a line where it fits.
 */
#ifndef DECREE_SIM_TRACE_H
#define DECREE_SIM_TRACE_H

#include <stdio.h>

#include "sim_svg.h"

#define SIM_TRACE_CELL_MAX 64u

enum sim_trace_detail {
    SIM_TRACE_NOTHING = 0,
    SIM_TRACE_EVENTS,
    SIM_TRACE_EVERYTHING /* heartbeats too */
};

struct sim_trace {
    enum sim_trace_detail detail;
    FILE *out;
    struct sim_svg *svg; /* borrowed; draws the same; NULL, as after init: nothing is drawn */
    unsigned node_count, width;
    uint64_t at_ns;
    bool pending;
    char cells[SIM_NODES_MAX + 1][SIM_TRACE_CELL_MAX]; /* 0: the margin */
};

/* out is borrowed; detail NOTHING makes every call a no-op, as long as svg is not set. */
void sim_trace_init(struct sim_trace *trace, FILE *out, enum sim_trace_detail detail,
                    unsigned node_count);

/* True if it matters what it is told. */
bool sim_trace_wants(const struct sim_trace *trace);

/* Something happened at node, or, with node 0, in between. */
__attribute__((format(printf, 4, 5))) void sim_trace_put(struct sim_trace *trace, uint64_t now_ns,
                                                         unsigned node, const char *format, ...);
__attribute__((format(printf, 5, 6))) void sim_trace_mark(struct sim_trace *trace, uint64_t now_ns,
                                                          unsigned node, enum sim_mark mark,
                                                          const char *format, ...);

/* Messages are sent, perhaps to several; the drawing has them from sim_svg_sent(). */
__attribute__((format(printf, 4, 5))) void sim_trace_send(struct sim_trace *trace, uint64_t now_ns,
                                                          unsigned node, const char *format, ...);

/* The end of the world is no news. */
void sim_trace_stop(struct sim_trace *trace);

/* Prints what is pending. */
void sim_trace_flush(struct sim_trace *trace);

#endif
