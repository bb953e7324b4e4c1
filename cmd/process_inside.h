/* SPDX-License-Identifier: MIT */
/* process_inside.h -- what process_server.c, process_lines.c and process_work.c share; nobody else includes it. */
#ifndef DECREE_CMD_PROCESS_INSIDE_H
#define DECREE_CMD_PROCESS_INSIDE_H

#include <uv.h>

#include "chat_log.h"
#include "failpoints.h"
#include "host.h"
#include "line_server.h"
#include "pid_file.h"
#include "process_server.h"

#define MESSAGE_ID_BYTES 64u

/* A connection as those see it who answer later: it may be gone by then. */
struct session {
    struct process *process;
    struct line_connection *connection; /* NULL: gone */
    bool ended;                         /* it sends no more */
    uint32_t references;
};

struct message { /* a text on its way into the log */
    struct message *next;
    struct session *session;
    char id[MESSAGE_ID_BYTES];
    uint64_t since_ms;
    uint32_t size;
    char text[];
};

struct ask { /* a log that somebody wants to see */
    struct ask *next;
    struct session *session;
    decree_slot slot;   /* not before everything up to it is there; 0: as it is */
    uint64_t iteration; /* of the loop, in which it came */
    uint64_t since_ms;
    bool reading; /* the engine has it as a read */
    bool answered;
};

struct order {                /* to crash at a point */
    enum failpoint_when when; /* NEVER: there is none */
    uint32_t receivers;
};

struct process {
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_check_t check; /* after each turn of the host */
    uv_timer_t tick;  /* active while somebody waits */
    const struct process_options *options;
    struct run_folder folder;
    struct cluster_spec cluster;
    struct pid_file pid_file;
    char pid_path[RUN_PATH_BYTES], data_path[RUN_PATH_BYTES];
    struct failpoints *failpoints;
    struct chat_log *log;
    struct host *host; /* NULL: not open */
    struct line_server *lines;
    uint16_t port;
    bool stopping;

    struct order orders[FAILPOINTS];
    struct decree_ballot led; /* the ballot in which this process leads, as far as was seen */
    decree_slot inherited;    /* slots up to it were others', when it began to lead */

    uint64_t iteration;
    uint64_t campaign_at_ms; /* not before */
    struct message *held, **held_end;
    struct ask *asks;
};

struct session *session_ref(struct session *session);
void session_unref(struct session *session);

/* "LENGTH-word bytes", if somebody still listens. */
void session_reply_bytes(struct session *session, const char *word, const char *bytes, size_t size);
__attribute__((format(printf, 3, 4))) void session_reply(struct session *session, const char *word,
                                                         const char *format, ...);

/* Crash there. */
void process_order(struct process *process, enum failpoint point, enum failpoint_when when,
                   uint32_t receivers);

/* A text, and somebody who asks for the log. */
void process_on_msg(struct process *process, struct session *session, const char *id,
                    const char *text);
void process_on_get(struct process *process, struct session *session, decree_slot slot);

/* The handler of the port's lines. */
struct line_handler process_lines(struct process *process);

/* Looks what can be done by now for those who wait. */
void process_look(struct process *process);

/* The host is gone: forget those who wait. */
void process_forget(struct process *process);

#endif
