/* SPDX-License-Identifier: MIT */
/* master_inside.h -- what master.c and master_play.c share; nobody else includes it. */
#ifndef DECREE_CMD_MASTER_INSIDE_H
#define DECREE_CMD_MASTER_INSIDE_H

#include <decree/paxos.h>

#include "master.h"
#include "master_script.h"

struct sent {            /* a message of the script */
    struct sent *next;   /* older */
    struct child *child; /* who has it */
    bool acked;
    unsigned put_off; /* the line that waits for it; 0: none */
    char *text;
    char name[];
};

struct master {
    uv_loop_t loop;
    uv_timer_t deadline;
    uv_signal_t signals[2];
    const struct master_options *options;
    char folder[RUN_PATH_BYTES];
    bool fresh;
    unsigned line;  /* that is played */
    uint32_t count; /* of processes, as the first start says; 0: none yet */
    struct child *children[DECREE_MEMBERS_MAX]; /* the latest of each; NULL: never started */
    struct child **all;                         /* the earlier ones too */
    size_t all_count, all_room;
    struct sent *messages; /* newest first */
    uint64_t slot;         /* the highest acknowledged */
    char *log;             /* the answer to get chatLog; NULL: not here yet */
    bool pong;
    bool expired, interrupted, failed;
    char complaint[SENTENCE_BYTES]; /* of a process; "": none */
};

/* Plays a line. False: it failed, and that was said. */
bool master_play(struct master *master, const struct script_line *line);

/* The script is over: what was put off? */
void master_conclude(struct master *master);

/* Says what went wrong in the present line, and notes that something did; returns false. */
__attribute__((format(printf, 2, 3))) bool master_fail(struct master *master, const char *format,
                                                       ...);
/* Tells something that is no failure. */
__attribute__((format(printf, 2, 3))) void master_note(const struct master *master,
                                                       const char *format, ...);

/* Runs the loop until the question is answered with true. False: patience ended, or somebody
 * interrupted. */
bool master_wait(struct master *master, bool (*question)(struct master *master, void *context),
                 void *context);

/* The same, with a patience of its own. */
bool master_wait_ms(struct master *master, uint64_t patience_ms,
                    bool (*question)(struct master *master, void *context), void *context);

/* What the processes say and do. */
void master_on_said(void *context, struct child *child, char *text);
void master_on_gone(void *context, struct child *child);

#endif
