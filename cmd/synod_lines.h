/* SPDX-License-Identifier: MIT */
/* synod_lines.h -- what happens in a synod, as lines on stdout: for people, for programs, or the
 * value alone. Complaints of disk and network go to stderr. */
#ifndef DECREE_CMD_SYNOD_LINES_H
#define DECREE_CMD_SYNOD_LINES_H

#include "synod_arguments.h"

#define SYNOD_COMPLAINTS_MAX 8u

struct synod_complaint { /* what was said, and when */
    uint64_t what, at_ns;
};

struct synod_lines {
    const struct synod_arguments *arguments; /* borrowed */
    uint64_t began_ns;
    struct logger logger; /* give this to the host */
    struct synod_complaint complaints[SYNOD_COMPLAINTS_MAX];
};

/* Time counts from here. */
void synod_lines_init(struct synod_lines *lines, const struct synod_arguments *arguments);

/* Who this node is, once it listens. */
void synod_lines_start(const struct synod_lines *lines);

/* The observer: context is the struct synod_lines. */
void synod_lines_print(void *context, const struct synod_happening *happening);

/* One object with the value alone, on a line. */
void synod_print_value_json(const uint8_t *data, size_t size);

/* Writes value for people: in quotes, with escapes, shortened if it is long; returns its target. */
const char *synod_value_text(char *target, size_t size, const struct decree_value *value);

#endif
