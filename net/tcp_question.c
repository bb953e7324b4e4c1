/* SPDX-License-Identifier: MIT */
/* tcp_question.c -- a stranger may ask for the value, in the words of HTTP, so that curl can:
 *
 *     GET /value HTTP/1.1             200 and the value's bytes, or 503 while none is chosen
 *
 * One request, one answer, and the connection ends. It stays a stranger meanwhile, so it has no
 * more time, and there are no more of them, than of those who say nothing. No frame begins with
 * these letters, since it begins with 0xc4.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp_parts.h"

#define METHOD "GET "
#define PATH "/value"
#define REQUEST_BYTES_MAX 8192u
#define HEAD_BYTES 256u

struct answer {
    struct inbound *inbound;
    struct decree_value *value; /* NULL: the head is all */
    uv_write_t write;
    char head[HEAD_BYTES];
};

bool question_begins(const uint8_t *data, size_t size)
{
    size_t letters = size < strlen(METHOD) ? size : strlen(METHOD);

    return size > 0 && memcmp(data, METHOD, letters) == 0;
}

static void on_written(uv_write_t *write, int status)
{
    struct answer *answer = write->data;

    (void)status; /* who does not read his answer does without */
    decree_value_unref(answer->value);
    inbound_close(answer->inbound);
    free(answer);
}

static void write_head(struct answer *answer, const char *status, const char *text)
{
    int size = snprintf(answer->head, sizeof(answer->head),
                        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n%s",
                        status, answer->value == NULL ? "text/plain" : "application/octet-stream",
                        answer->value == NULL ? strlen(text) : answer->value->size, text);

    assert(size > 0);
    assert((size_t)size < sizeof(answer->head));
}

static void answer_question(struct inbound *inbound, bool known_path)
{
    const struct value_source *source = inbound->tcp->config.value;
    struct answer *answer = calloc(1, sizeof(*answer));
    uv_buf_t pieces[2];

    if (answer == NULL) {
        inbound_close(inbound);
        return;
    }
    answer->inbound = inbound;
    answer->write.data = answer;
    if (known_path)
        answer->value = decree_value_ref(source->value(source->context));
    if (!known_path)
        write_head(answer, "404 Not Found", "only " PATH " can be asked for\n");
    else if (answer->value == NULL)
        write_head(answer, "503 Service Unavailable", "not chosen yet\n");
    else
        write_head(answer, "200 OK", "");
    pieces[0] = uv_buf_init(answer->head, (unsigned)strlen(answer->head));
    if (answer->value != NULL)
        pieces[1] = uv_buf_init((char *)(uintptr_t)answer->value->data, answer->value->size);
    (void)uv_read_stop((uv_stream_t *)&inbound->socket);
    if (uv_write(&answer->write, (uv_stream_t *)&inbound->socket, pieces,
                 answer->value == NULL ? 1 : 2, on_written) != 0)
        on_written(&answer->write, 0);
}

/* True when the request's head is there to its empty line. */
static bool is_whole(const uint8_t *data, size_t size)
{
    return memmem(data, size, "\r\n\r\n", 4) != NULL || memmem(data, size, "\n\n", 2) != NULL;
}

static bool asks_for_value(const uint8_t *data, size_t size)
{
    static const char asked[] = METHOD PATH;
    size_t length = sizeof(asked) - 1;

    if (size <= length || memcmp(data, asked, length) != 0)
        return false;
    return data[length] == ' ' || data[length] == '?' || data[length] == '\r' ||
           data[length] == '\n';
}

void question_take(struct inbound *inbound, const uint8_t *data, size_t size)
{
    assert(inbound->peer == 0);
    assert(question_begins(data, size));
    if (is_whole(data, size))
        answer_question(inbound, asks_for_value(data, size));
    else if (size > REQUEST_BYTES_MAX)
        inbound_refuse(inbound, "an overlong request");
}
