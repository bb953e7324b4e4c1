/* SPDX-License-Identifier: MIT */
/* sim_svg.h -- a part of a run as a message diagram: a line per node, time going down, an arrow per
 * message.
 *
 *     what happens --> sim_svg_sent, _watch, _mark  (what is in the window is kept)
 *                      sim_svg_draw --> one SVG file, complete in itself
 *
 * Time is not to scale: things that happen at different times are at different heights, in order, and
 * long silences are cut short. Equal runs give equal files, byte for byte.
 */
#ifndef DECREE_SIM_SVG_H
#define DECREE_SIM_SVG_H

#include <stdio.h>

#include "network.h"

#define SIM_SVG_TEXT_MAX 40u

enum sim_svg_kind { /* what a message is for */
                    SIM_SVG_PHASE_1 = 1,
                    SIM_SVG_PHASE_2,
                    SIM_SVG_DECISION,
                    SIM_SVG_FORWARD,
                    SIM_SVG_OTHER
};

enum sim_mark {
    SIM_MARK_NOTE = 1, /* a step of the protocol */
    SIM_MARK_LEADS,
    SIM_MARK_DECIDED,
    SIM_MARK_SYNCED, /* records are on stable storage */
    SIM_MARK_UP,     /* also: thawed */
    SIM_MARK_DOWN,
    SIM_MARK_FROZEN
};

struct sim_svg_message {
    uint64_t number; /* of the packet */
    unsigned from, to;
    enum sim_svg_kind kind;
    uint64_t sent_ns, arrived_ns; /* arrived: 0: not, or not yet */
    uint64_t again_ns;            /* a copy arrived; 0: none */
    uint64_t lost_ns;
    char text[SIM_SVG_TEXT_MAX];
};

struct sim_svg_mark {
    uint64_t at_ns;
    unsigned node; /* 0: between the nodes */
    enum sim_mark mark;
    char text[SIM_SVG_TEXT_MAX];
};

struct sim_svg_window {      /* 0 takes the default */
    uint64_t from_ns, to_ns; /* default: all of the run */
    uint32_t events_max;     /* messages and marks, the first so many; default 120 */
};

struct sim_svg {
    struct sim_svg_window window;
    unsigned node_count;
    uint32_t event_count;
    struct sim_svg_message *messages; /* events_max of each */
    struct sim_svg_mark *marks;
    uint32_t message_count, mark_count;
    enum sim_mark first_states[SIM_NODES_MAX + 1]; /* UP, DOWN or FROZEN, when the window begins */
    enum sim_mark states[SIM_NODES_MAX + 1];
};

void sim_svg_init(struct sim_svg *svg, const struct sim_svg_window *window, unsigned node_count);
void sim_svg_release(struct sim_svg *svg);

/* A packet with this number is sent; its fate follows. text is copied. */
void sim_svg_sent(struct sim_svg *svg, uint64_t now_ns, const struct sim_svg_message *message);

/* Looks on at what becomes of packets. NULL: nothing looks on. */
void sim_svg_watch(struct sim_svg *svg, struct network *network);

void sim_svg_mark(struct sim_svg *svg, uint64_t now_ns, unsigned node, enum sim_mark mark,
                  const char *text);

/* title: what a person types to see it again. */
void sim_svg_draw(const struct sim_svg *svg, FILE *out, const char *title);

#endif
