/* SPDX-License-Identifier: MIT */
/* demo_screen.h -- the story line by line, and below it, on a terminal, a table of the nodes that
 * is kept fresh.
 *
 * Where stdout is no terminal there is no live table: demo_screen_show() prints the table once, and
 * demo_screen_refresh() prints nothing.
 */
#ifndef DECREE_CMD_DEMO_SCREEN_H
#define DECREE_CMD_DEMO_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "demo_cluster.h"
#include "demo_load.h"

/* What a node says of itself. */
struct demo_view {
    bool answers;
    uint64_t member_id, leader_id, round, slot;
    int64_t revision;
};

struct demo_screen {
    bool is_terminal;
    unsigned lines; /* of the live table, on the screen now */
    uint64_t start_ns;
};

void demo_screen_init(struct demo_screen *screen);

/* One line of the story, with the seconds since the start before it. */
__attribute__((format(printf, 2, 3))) void demo_screen_say(struct demo_screen *screen,
                                                           const char *format, ...);

/* Draws the live table again. */
void demo_screen_refresh(struct demo_screen *screen, const struct demo_cluster *cluster,
                         const struct demo_view *views, const struct demo_progress *progress);

/* Prints the table for good. */
void demo_screen_show(struct demo_screen *screen, const struct demo_cluster *cluster,
                      const struct demo_view *views, const struct demo_progress *progress);

#endif
