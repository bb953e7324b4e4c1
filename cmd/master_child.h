/* SPDX-License-Identifier: MIT */
/* master_child.h -- a process that the master started: its life, and the connection to it.
 *
 *     child_start() --> STARTING -- 'ready' on its standard output, then connected --> UP --> GONE
 *
 * It ends with the master, whatever becomes of that one. One that is started again is a new child.
 */
#ifndef DECREE_CMD_MASTER_CHILD_H
#define DECREE_CMD_MASTER_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "run_folder.h"

enum child_state { CHILD_STARTING = 1, CHILD_UP, CHILD_GONE };

struct child;

struct child_observer {
    void *context;
    /* A message came; text ends with a zero, and is borrowed. */
    void (*said)(void *context, struct child *child, char *text);
    /* It is CHILD_GONE. */
    void (*gone)(void *context, struct child *child);
};

struct child { /* zero what is not named at the start */
    uint32_t id;
    struct child_observer observer;
    enum child_state state;
    uint16_t port;
    int64_t exit_status;
    int exit_signal;
    bool armed;       /* a crash was ordered, now or at a point */
    unsigned ordered; /* the line that did */
    bool told;        /* its end was expected by who waits for it */

    uv_process_t process;
    uv_pipe_t output;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uint32_t handles; /* not yet closed */
    char *buffer;     /* of what came, up to used */
    size_t used, room;
};

/* Starts process id of count, to listen on port, or on another if that is taken. NULL, with a
 * sentence of SENTENCE_BYTES: it could not be started. */
struct child *child_start(uv_loop_t *loop, const char *folder, uint32_t id, uint32_t count,
                          uint16_t port, const struct child_observer *observer, char *sentence);

/* Sends a line, which needs no newline; does nothing when the child is not up. */
void child_say(struct child *child, const char *line, size_t size);

/* Sends it a signal, if it lives. */
void child_signal(struct child *child, int number);

/* When its handles are closed: child->handles is 0. NULL is fine. */
void child_free(struct child *child);

/* The last line that it wrote to its log, in ret_line[line_bytes]; "" if there is none. */
void child_last_words(const char *folder, uint32_t id, char *ret_line, size_t line_bytes);

#endif
