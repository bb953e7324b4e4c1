/* SPDX-License-Identifier: MIT */
/* line_server.h -- a server for protocols made of lines, over TCP.
 *
 *     bytes --> line(), counted()  -->  the handler  -->  line_write() --> bytes
 *
 * A line ends with a newline, and a carriage return before it belongs to the end, as telnet sends
 * it. What is between is handed over as it is, zero bytes too. A handler that expects raw bytes
 * after a line asks for them from inside line(), with line_read_counted(). A last line without its
 * newline is dropped: nobody knows what was cut off.
 *
 * Everything is bounded. A line that is too long is skipped and told of once. Who does not read his
 * answers is not read from, until he does. Connections may idle for ever; who vanished without a
 * word is found by TCP's keep-alive. What was written during an iteration of the loop goes out at
 * its end, in one system call a connection, or earlier with line_server_flush().
 *
 * One thread, the loop's, which ignores or blocks SIGPIPE. The functions for a connection may be
 * called at any time until closed() was called for it, from inside the handler too; once the
 * connection is broken they do nothing.
 */
#ifndef DECREE_SERVER_LINE_SERVER_H
#define DECREE_SERVER_LINE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "logger.h"

struct line_server;
struct line_connection;

struct line_handler { /* line and closed are required; bytes are borrowed for the call */
    void *context;
    void (*opened)(void *context, struct line_connection *connection);
    void (*line)(void *context, struct line_connection *connection, const uint8_t *bytes,
                 size_t size);
    void (*counted)(void *context, struct line_connection *connection, const uint8_t *bytes,
                    size_t size);
    /* A line was longer than line_bytes_max; it is skipped to its end. NULL: line_finish(). */
    void (*too_long)(void *context, struct line_connection *connection);
    /* The client sends no more, but still reads. NULL: line_finish(). */
    void (*ended)(void *context, struct line_connection *connection);
    /* Unread output has fallen from above unread_bytes_max to below half of it. May be NULL. */
    void (*drained)(void *context, struct line_connection *connection);
    /* Once for each opened; the connection is gone afterwards. */
    void (*closed)(void *context, struct line_connection *connection);
};

struct line_limits {           /* 0 takes the default */
    uint32_t connections_max;  /* more are turned away; default 10000, or half of RLIMIT_NOFILE */
    uint32_t line_bytes_max;   /* without the newline; default 64 KiB */
    uint32_t unread_bytes_max; /* of answers; above, reading pauses; default 1 MiB */
    uint32_t finish_ms;        /* for the client to read what was written last; default 10 s */
};

/* handler and limits are copied; limits may be NULL, and so may logger, which is borrowed. Errors:
 * NOMEM. */
int line_server_open(struct line_server **ret_server, uv_loop_t *loop,
                     const struct line_handler *handler, const struct line_limits *limits,
                     const struct logger *logger);

/* Once. host is a name or an address; port 0 takes a free one. Waits while the name is looked up.
 * Errors: libuv's. */
int line_server_listen(struct line_server *server, const char *host, uint16_t port,
                       uint16_t *ret_port);

/* Writes now what the connections have for their clients. */
void line_server_flush(struct line_server *server);

/* Closes all, after one more attempt to write; closed(context) is called, from the loop, when the
 * server is gone. */
void line_server_close(struct line_server *server, void (*closed)(void *context), void *context);

/* ---- a connection ---- */

/* The handler's own; NULL at first. */
void line_set_data(struct line_connection *connection, void *data);
void *line_data(const struct line_connection *connection);

/* Bytes for the client, newlines included; copied. */
void line_write(struct line_connection *connection, const void *bytes, size_t size);

/* The same, formatted. */
__attribute__((format(printf, 2, 3))) void line_printf(struct line_connection *connection,
                                                       const char *format, ...);

/* Bytes written that the client's side has not taken yet. */
size_t line_unread(const struct line_connection *connection);

/* From inside line() or counted(): the next size bytes go to counted(), in one piece; 0 is fine.
 * They are kept in memory until they are complete: the caller sees to it that size is sane. */
void line_read_counted(struct line_connection *connection, size_t size);

/* Hands over no more until line_resume(); each pause needs its own resume. */
void line_pause(struct line_connection *connection);
void line_resume(struct line_connection *connection);

/* Hands over no more, and closes when the client has what was written. */
void line_finish(struct line_connection *connection);

/* Closes at once. */
void line_drop(struct line_connection *connection);

#endif
