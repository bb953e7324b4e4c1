/* SPDX-License-Identifier: MIT */
/* log_gather.c -- from lines to requests: one line each, but values may follow, counted or by the
 * line.
 *
 *     PROP 1 hello            a request
 *     PROP 2 $5 | 5 bytes, in pieces | the end of a line
 *     MPROP 3 2 | a value | $4 | 4 bytes | the end of a line
 *
 * A mistake in a request of several lines is told of when all of it was read, so that what follows
 * is understood again. Where it cannot be known what belongs to it, the connection ends.
 */
#include <assert.h>
#include <inttypes.h>

#include "log_service_inside.h"

#define PIECE_BYTES (64u * 1024)
#define KEPT_BYTES 4096u

static void reset(struct log_session *session)
{
    struct log_gather *gather = &session->gather;

    session->service->gathered_bytes -= gather->charged_bytes;
    gather->charged_bytes = 0;
    byte_buffer_reset(&gather->bytes, KEPT_BYTES);
    byte_buffer_reset(&gather->sizes, KEPT_BYTES);
    gather->state = GATHER_NOTHING;
    gather->count = 0;
    gather->complaint.code = LOG_ERROR_NONE;
}

void log_gather_release(struct log_session *session)
{
    struct log_gather *gather = &session->gather;

    session->service->gathered_bytes -= gather->charged_bytes;
    byte_buffer_release(&gather->bytes);
    byte_buffer_release(&gather->sizes);
}

/* ---- a request of several lines, whole ---- */

static void enter_values(struct log_session *session)
{
    struct log_gather *gather = &session->gather;
    const size_t *sizes = (const size_t *)(const void *)gather->sizes.data;
    const uint8_t *at = gather->bytes.data;
    struct decree_log_value *values = malloc(gather->count * sizeof(*values));

    if (values == NULL) {
        log_complain(&gather->complaint, LOG_ERROR_MEMORY, "out of memory");
        log_session_refuse(session, &gather->complaint);
        return;
    }
    for (uint32_t i = 0; i < gather->count; i++) {
        values[i] = (struct decree_log_value){.data = at, .size = sizes[i]};
        at = sizes[i] > 0 ? at + sizes[i] : at;
    }
    log_session_enter(session, gather->request_id, values, gather->count);
    free(values);
}

static void complete(struct log_session *session)
{
    struct log_gather *gather = &session->gather;

    if (gather->bytes.failed || gather->sizes.failed)
        log_complain(&gather->complaint, LOG_ERROR_MEMORY, "out of memory");
    if (gather->complaint.code == LOG_ERROR_NONE)
        enter_values(session);
    else
        log_session_refuse(session, &gather->complaint);
    reset(session);
}

static void value_ends(struct log_session *session)
{
    struct log_gather *gather = &session->gather;

    assert(gather->wanted > 0);
    gather->wanted--;
    if (gather->complaint.code == LOG_ERROR_NONE) {
        byte_buffer_append(&gather->sizes, &gather->value_size, sizeof(gather->value_size));
        gather->count++;
    }
    gather->state = GATHER_VALUE;
    if (gather->wanted == 0)
        complete(session);
}

/* ---- values ---- */

static void read_piece(struct log_session *session)
{
    struct log_gather *gather = &session->gather;

    line_read_counted(session->connection, gather->left < PIECE_BYTES ? gather->left : PIECE_BYTES);
}

/* Room for size more bytes, if the item is not too large with them. */
static void expect_bytes(struct log_session *session, size_t size)
{
    struct log_gather *gather = &session->gather;
    struct log_service *service = session->service;
    uint32_t most = service->backend->item_bytes_max;

    if (size > most || gather->bytes.size > most - size) {
        log_complain(&gather->complaint, LOG_ERROR_TOO_LARGE,
                     "an item may have %" PRIu32 " bytes, all in all", most);
    } else if (size > LOG_GATHERED_BYTES_MAX - service->gathered_bytes) {
        log_complain(&gather->complaint, LOG_ERROR_MEMORY,
                     "too many values are coming in at once; try again");
    } else {
        service->gathered_bytes += size;
        gather->charged_bytes += size;
    }
}

static void take_form(struct log_session *session, const struct log_form *form)
{
    struct log_gather *gather = &session->gather;

    if (form->counted && form->size > LOG_COUNTED_BYTES_MAX) {
        log_session_give_up(session, &gather->complaint);
        return;
    }
    expect_bytes(session, form->size);
    gather->value_size = form->size;
    if (form->counted) {
        gather->state = GATHER_BYTES;
        gather->left = form->size;
        read_piece(session);
        return;
    }
    if (gather->complaint.code == LOG_ERROR_NONE)
        byte_buffer_append(&gather->bytes, form->data, form->size);
    value_ends(session);
}

void log_gather_counted(struct log_session *session, const uint8_t *bytes, size_t size)
{
    struct log_gather *gather = &session->gather;

    assert(gather->state == GATHER_BYTES);
    assert(size <= gather->left);
    if (gather->complaint.code == LOG_ERROR_NONE)
        byte_buffer_append(&gather->bytes, bytes, size);
    gather->left -= size;
    if (gather->left > 0)
        read_piece(session);
    else
        gather->state = GATHER_END;
}

/* ---- lines ---- */

static void begin(struct log_session *session, const struct log_line *line, uint64_t wanted)
{
    struct log_gather *gather = &session->gather;

    gather->request_id = line->request_id;
    gather->wanted = wanted;
    gather->state = GATHER_VALUE;
}

static void take_request(struct log_session *session, const uint8_t *bytes, size_t size)
{
    struct log_gather *gather = &session->gather;
    struct log_line line;

    if (size == 0)
        return; /* somebody pressed the key once more */
    log_line_parse(bytes, size, &line, &gather->complaint);
    if (line.verb == LOG_PROP && line.value.counted) {
        begin(session, &line, 1);
        take_form(session, &line.value);
    } else if (line.verb == LOG_MPROP && line.count >= 1 && line.count <= DECREE_LOG_VALUES_MAX) {
        begin(session, &line, line.count);
    } else if (line.verb == LOG_MPROP) {
        log_session_give_up(session, &gather->complaint); /* who knows how many values follow */
    } else if (gather->complaint.code != LOG_ERROR_NONE) {
        log_session_refuse(session, &gather->complaint);
        gather->complaint.code = LOG_ERROR_NONE;
    } else if (line.verb == LOG_PROP) {
        struct decree_log_value value = {line.value.data, line.value.size};

        log_session_enter(session, line.request_id, &value, 1);
    } else {
        log_session_ask(session, &line);
    }
}

static void take_value(struct log_session *session, const uint8_t *bytes, size_t size)
{
    struct log_form form;

    log_form_parse(bytes, size, &form, &session->gather.complaint);
    take_form(session, &form);
}

void log_gather_line(struct log_session *session, const uint8_t *bytes, size_t size)
{
    struct log_gather *gather = &session->gather;

    switch (gather->state) {
    case GATHER_NOTHING:
        take_request(session, bytes, size);
        break;
    case GATHER_VALUE:
        take_value(session, bytes, size);
        break;
    case GATHER_BYTES:
        assert(false && "no line comes while bytes are expected");
        break;
    case GATHER_OVER:
        break;
    case GATHER_END:
        if (size == 0) {
            value_ends(session);
            break;
        }
        log_complain(&gather->complaint, LOG_ERROR_SYNTAX,
                     "the line must end after the %zu bytes that were announced",
                     gather->value_size);
        log_session_give_up(session, &gather->complaint);
        break;
    }
}

void log_gather_too_long(struct log_session *session)
{
    struct log_gather *gather = &session->gather;
    bool request = gather->state == GATHER_NOTHING;

    if (gather->state == GATHER_OVER)
        return;
    log_complain(&gather->complaint, LOG_ERROR_TOO_LONG,
                 "a line may have %u bytes; send longer values as $<size> and their bytes",
                 LOG_LINE_BYTES_MAX);
    if (request) {
        log_session_refuse(session, &gather->complaint);
        gather->complaint.code = LOG_ERROR_NONE;
    } else if (gather->state == GATHER_END) {
        log_session_give_up(session, &gather->complaint);
    } else {
        value_ends(session);
    }
}
