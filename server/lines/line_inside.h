/* SPDX-License-Identifier: MIT */
/* line_inside.h -- what line_server.c and line_connection.c share; nobody else includes it. */
#ifndef DECREE_SERVER_LINE_INSIDE_H
#define DECREE_SERVER_LINE_INSIDE_H

#include "byte_buffer.h"
#include "line_server.h"
#include "linked_list.h"

#define LINE_READ_BYTES (64u * 1024)

struct line_server {
    uv_loop_t *loop;
    struct line_handler handler;
    struct line_limits limits;
    const struct logger *logger;
    uv_tcp_t listener;
    uv_prepare_t flush; /* writes what is dirty */
    uv_idle_t awake;    /* active: something is dirty, so the loop must not sleep */
    uv_timer_t timer;   /* active: somebody is finishing, or has ended */
    uint32_t handles;   /* of the four above, not yet closed */
    uint32_t connection_count;
    uint64_t turned_away;
    struct list_link connections;
    struct list_link dirty; /* connections with something to do at the end of the iteration */
    bool listening, closing;
    void (*closed)(void *context);
    void *closed_context;
    uint8_t read_buffer[LINE_READ_BYTES]; /* of whoever is being read from: never kept */
};

struct line_connection {
    uv_tcp_t tcp;
    struct line_server *server;
    struct list_link link;       /* server->connections */
    struct list_link dirty_link; /* server->dirty, or alone */
    void *data;

    struct byte_buffer in; /* begins with what was not handed over yet */
    size_t in_used;        /* of in, handed over */
    size_t scanned;        /* of what follows, without a newline: not looked at again */
    size_t counted_size;   /* wanted, if counting */
    bool counting;         /* raw bytes are next, not a line */
    bool skipping;         /* inside a line that is too long */
    bool handing, turning; /* on the stack */
    uint32_t pauses;

    struct byte_buffer out;   /* written, not yet on its way */
    struct byte_buffer going; /* on its way */
    size_t gone;              /* of going */
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool writing;   /* write is in use */
    bool congested; /* unread output went above the bound */

    bool reading; /* libuv reads */
    bool ended;   /* the client's end of file came */
    bool told_end;
    bool finishing; /* nothing is handed over any more */
    bool shut;      /* everything is written, and the client was told so */
    bool closing;
    uint64_t finish_at_ms;
};

/* Takes the connection that waits at the listener. Errors: libuv's or NOMEM. */
int line_connection_accept(struct line_server *server);

/* Writes, hands over, pauses and resumes: whatever is due. */
void line_connection_turn(struct line_connection *connection);

/* Writes what there is, as far as the client's side takes it. */
void line_connection_write(struct line_connection *connection);

/* After the client's end of file nothing is read any more, so a reset is not told of. True: there
 * was one. */
bool line_connection_is_gone(const struct line_connection *connection);

void line_server_note_dirty(struct line_server *server, struct line_connection *connection);
/* A connection is finishing, or its client sends no more: to be looked at now and then. */
void line_server_note_waiting(struct line_server *server);

void line_server_connection_gone(struct line_server *server);

#endif
