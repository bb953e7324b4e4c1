/* SPDX-License-Identifier: MIT */
/* log_service_inside.h -- what log_service.c, log_session.c and log_gather.c share; nobody else
 * includes it. */
#ifndef DECREE_SERVER_LOG_SERVICE_INSIDE_H
#define DECREE_SERVER_LOG_SERVICE_INSIDE_H

#include "byte_buffer.h"
#include "linked_list.h"
#include "log_protocol.h"
#include "log_service.h"

#define LOG_UNREAD_BYTES_MAX (1024u * 1024)
#define LOG_LINE_BYTES_MAX (64u * 1024)
#define LOG_GATHERED_BYTES_MAX \
    ((size_t)256 << 20)        /* of values that are still coming in, all in all */
#define LOG_REQUESTS_MAX 8192u /* of a session, unanswered */

struct log_service {
    uv_loop_t *loop;
    struct log_backend *backend;
    struct line_server *server;
    const struct logger *logger;
    struct list_link sessions;
    struct list_link touched; /* sessions with something that may be answered now */
    struct list_link parked;  /* sessions whose next answer waits for an item */
    struct list_link stalled; /* sessions whose newest request found no room, oldest first */
    uint64_t last_seen;       /* the last item, when the parked were looked at */
    uint32_t under_way;       /* proposals and reads in the engine */
    size_t gathered_bytes;    /* announced in requests that are not whole yet */
    bool room;                /* something was completed since the engine was full */
    uv_timer_t retry;         /* active: somebody is stalled */
    bool draining;
    void (*drained)(void *context);
    void *drained_context;
    void (*closed)(void *context);
    void *closed_context;
};

struct log_request {
    struct log_request *next;
    struct log_service *service;
    struct log_session *session; /* NULL: gone; the completion frees this */
    enum log_verb verb;          /* NONE: a mistake, with its sentence */
    bool ready;                  /* the engine has answered */
    bool begun;                  /* GET: the head of the answer is out */
    int error;                   /* of the engine or the log */
    enum log_error_code code;    /* of a mistake */
    uint64_t request_id;
    uint64_t index;               /* of the item; GET: the next to be written */
    uint64_t count;               /* GET: still to be written */
    struct decree_value *command; /* PROP, MPROP: until it is decided */
    char sentence[];
};

enum gather_state {
    GATHER_NOTHING = 1, /* a line is a request */
    GATHER_VALUE,       /* a line is a value, or says how many bytes are one */
    GATHER_BYTES,
    GATHER_END, /* the empty line after bytes */
    GATHER_OVER /* nothing that comes is looked at any more */
};

/* A request of several lines, as it comes in. */
struct log_gather {
    enum gather_state state;
    uint64_t request_id;
    uint64_t wanted; /* values still to come */
    uint32_t count;
    struct byte_buffer bytes; /* of the values */
    struct byte_buffer sizes; /* a size_t each */
    size_t charged_bytes;     /* of service->gathered_bytes */
    size_t left;              /* bytes of this value still to come */
    size_t value_size;
    struct log_complaint complaint;
};

struct log_session {
    struct log_service *service;
    struct line_connection *connection;
    struct list_link link;         /* service->sessions */
    struct list_link touched_link; /* service->touched, or alone */
    struct list_link parked_link;  /* service->parked, or alone */
    struct list_link stalled_link; /* service->stalled, or alone */
    struct log_request *first, **last;
    struct log_request *newest; /* while stalled: the one that found no room */
    uint32_t request_count;
    bool crowded; /* LOG_REQUESTS_MAX: the connection is paused */
    bool ended;   /* the client sends no more */
    struct log_gather gather;
};

/* ---- log_session.c ---- */

struct log_session *log_session_new(struct log_service *service,
                                    struct line_connection *connection);

/* The connection is gone. */
void log_session_free(struct log_session *session);

/* A request that was understood. */
void log_session_ask(struct log_session *session, const struct log_line *line);

/* An item to be entered. */
void log_session_enter(struct log_session *session, uint64_t request_id,
                       const struct decree_log_value *values, uint32_t value_count);

/* A request that is wrong: the answer in its turn. */
void log_session_refuse(struct log_session *session, const struct log_complaint *complaint);

/* The client is not understood any more: the answer, and the end. */
void log_session_give_up(struct log_session *session, const struct log_complaint *complaint);

/* Writes the answers that are due. */
void log_session_advance(struct log_session *session);

/* Offers again what found no room; false: there is still none. */
bool log_session_retry(struct log_session *session);

/* A session is stalled: it is tried again when something was completed, or after a moment. */
void log_service_note_stalled(struct log_service *service);

/* ---- log_gather.c ---- */

void log_gather_line(struct log_session *session, const uint8_t *bytes, size_t size);
void log_gather_counted(struct log_session *session, const uint8_t *bytes, size_t size);
void log_gather_too_long(struct log_session *session);
void log_gather_release(struct log_session *session);

#endif
