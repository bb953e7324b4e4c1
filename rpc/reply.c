/* SPDX-License-Identifier: MIT */
/* reply.c -- headers, body and outcome of one answer. */
#include "reply.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc_parse.h"

void reply_init(struct reply *reply)
{
    assert(reply != NULL);
    *reply = (struct reply){.code = GRPC_UNKNOWN};
}

void reply_release(struct reply *reply)
{
    assert(reply != NULL);
    free(reply->body);
    *reply = (struct reply){.code = GRPC_UNKNOWN};
}

static int hex_digit(uint8_t character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    return -1;
}

/* grpc-message is percent-encoded; what is not well encoded is taken as it stands. */
static void decode_text(struct reply *reply, const uint8_t *value, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < size && length + 1 < sizeof(reply->text); i++) {
        int high = value[i] == '%' && i + 2 < size ? hex_digit(value[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(value[i + 2]) : -1;

        if (low >= 0) {
            reply->text[length++] = (char)(high * 16 + low);
            i += 2;
        } else {
            reply->text[length++] = (char)value[i];
        }
    }
    reply->text[length] = '\0';
}

static bool is_name(const uint8_t *name, size_t size, const char *wanted)
{
    return size == strlen(wanted) && memcmp(name, wanted, size) == 0;
}

void reply_header(struct reply *reply, const uint8_t *name, size_t name_size, const uint8_t *value,
                  size_t value_size)
{
    char number[8] = "";

    assert(reply != NULL);
    if (value_size < sizeof(number))
        memcpy(number, value, value_size);
    if (is_name(name, name_size, ":status")) {
        reply->http_status = (unsigned)strtoul(number, NULL, 10);
    } else if (is_name(name, name_size, "grpc-status")) {
        reply->has_status = true;
        reply->code = grpc_status_parse(number);
    } else if (is_name(name, name_size, "grpc-message")) {
        decode_text(reply, value, value_size);
    }
}

static bool make_room(struct reply *reply, size_t size)
{
    size_t room = reply->room == 0 ? 4096 : reply->room;
    uint8_t *body;

    while (room - reply->size < size)
        room *= 2;
    if (room == reply->room)
        return true;
    body = realloc(reply->body, room);
    if (body == NULL)
        return false;
    reply->body = body;
    reply->room = room;
    return true;
}

void reply_data(struct reply *reply, const uint8_t *data, size_t size)
{
    assert(reply->size <= REPLY_BYTES_MAX);
    assert(data != NULL || size == 0);
    if (reply->too_large || reply->no_memory || size == 0)
        return;
    if (size > REPLY_BYTES_MAX - reply->size) {
        reply->too_large = true;
        return;
    }
    if (!make_room(reply, size)) {
        reply->no_memory = true;
        return;
    }
    memcpy(reply->body + reply->size, data, size);
    reply->size += size;
}

void reply_fail(struct reply *reply, enum grpc_status code, const char *text)
{
    assert(code != GRPC_OK);
    assert(text != NULL);
    reply->code = code;
    snprintf(reply->text, sizeof(reply->text), "%s", text);
}

const uint8_t *reply_next_message(const struct reply *reply, size_t at, size_t *ret_size)
{
    uint32_t size;

    assert(at <= reply->size);
    if (reply->size - at < REPLY_HEAD_BYTES || reply->body[at] != 0)
        return NULL;
    size = grpc_prefix_length(reply->body + at);
    if (reply->size - at - REPLY_HEAD_BYTES < size)
        return NULL;
    *ret_size = size;
    return reply->body + at + REPLY_HEAD_BYTES;
}

void reply_drop(struct reply *reply, size_t size)
{
    assert(size <= reply->size);
    if (size == 0)
        return;
    memmove(reply->body, reply->body + size, reply->size - size);
    reply->size -= size;
}

static bool is_one_message(const struct reply *reply)
{
    size_t size;

    return reply_next_message(reply, 0, &size) != NULL && size == reply->size - REPLY_HEAD_BYTES;
}

void reply_finish(struct reply *reply, bool is_stream)
{
    char text[64];

    if (!reply->has_status) {
        snprintf(text, sizeof(text), "no gRPC answer, but HTTP status %u", reply->http_status);
        reply_fail(reply, grpc_status_of_http(reply->http_status), text);
    } else if (reply->code != GRPC_OK) {
        return;
    } else if (reply->too_large) {
        reply_fail(reply, GRPC_RESOURCE_EXHAUSTED, "the answer is larger than 2 GiB");
    } else if (reply->no_memory) {
        reply_fail(reply, GRPC_RESOURCE_EXHAUSTED, "out of memory for the answer");
    } else if (is_stream && reply->size > 0) {
        reply_fail(reply, GRPC_INTERNAL, "the answer ends within a message");
    } else if (!is_stream && !is_one_message(reply)) {
        reply_fail(reply, GRPC_INTERNAL, "the answer does not hold exactly one plain message");
    }
}

const uint8_t *reply_message(const struct reply *reply, size_t *ret_size)
{
    assert(reply->code == GRPC_OK);
    assert(reply->size >= REPLY_HEAD_BYTES);
    *ret_size = reply->size - REPLY_HEAD_BYTES;
    return reply->body + REPLY_HEAD_BYTES;
}
