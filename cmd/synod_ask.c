/* SPDX-License-Identifier: MIT */
/* synod_ask.c -- a loop of its own for one question, that ends when the connection has ended. */
#include "synod_ask.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decree.pb-c.h"
#include "grpc_client.h"
#include "http1_client.h"

#define OK 200u
#define UNAVAILABLE 503u
#define TOO_LATE "no answer in time"

struct question {
    uv_loop_t loop;
    uv_timer_t patience;
    struct synod_answer *answer;
    bool connected;
    bool ended; /* nothing more is wanted of the connection, or to be had */
    struct http1_client *http;
    struct grpc_client *grpc;
    struct grpc_client_call call;
};

static void keep_value(struct synod_answer *answer, const uint8_t *value, size_t size)
{
    assert(answer->value == NULL);
    answer->value = malloc(size + 1);
    if (answer->value == NULL) {
        answer->outcome = SYNOD_OUTCOME_UNREACHABLE;
        snprintf(answer->reason, sizeof(answer->reason), "out of memory");
        return;
    }
    memcpy(answer->value, value, size);
    answer->size = size;
    answer->outcome = SYNOD_OUTCOME_VALUE;
}

static void hang_up(struct question *question, const char *reason)
{
    if (question->ended)
        return;
    question->ended = true;
    if (question->http != NULL)
        http1_client_close(question->http, reason);
    if (question->grpc != NULL)
        grpc_client_close(question->grpc, reason);
}

static void on_impatient(uv_timer_t *timer)
{
    hang_up(timer->data, TOO_LATE);
}

/* The last that is heard of the connection. */
static void on_closed(void *context, const char *reason)
{
    struct question *question = context;
    struct synod_answer *answer = question->answer;

    if (answer->outcome == 0) {
        answer->outcome = question->connected && !question->ended ? SYNOD_OUTCOME_STRANGE
                                                                  : SYNOD_OUTCOME_UNREACHABLE;
        snprintf(answer->reason, sizeof(answer->reason), "%s", reason);
    }
    question->ended = true;
    uv_close((uv_handle_t *)&question->patience, NULL);
}

static bool begin(struct question *question, struct synod_answer *answer, uint64_t timeout_ms)
{
    *question = (struct question){.answer = answer};
    *answer = (struct synod_answer){.outcome = 0};
    if (uv_loop_init(&question->loop) != 0) {
        answer->outcome = SYNOD_OUTCOME_UNREACHABLE;
        snprintf(answer->reason, sizeof(answer->reason), "cannot set up an event loop");
        return false;
    }
    uv_timer_init(&question->loop, &question->patience);
    question->patience.data = question;
    uv_timer_start(&question->patience, on_impatient, timeout_ms, 0);
    return true;
}

static void finish(struct question *question)
{
    if (question->http == NULL && question->grpc == NULL)
        on_closed(question, "out of memory");
    uv_run(&question->loop, UV_RUN_DEFAULT);
    uv_loop_close(&question->loop);
    assert(question->answer->outcome != 0);
}

/* --- http ----------------------------------------------------------------------------------- */

static void on_connected(void *context)
{
    ((struct question *)context)->connected = true;
}

static void on_http_done(void *context, unsigned status, const uint8_t *body, size_t size)
{
    struct question *question = context;
    struct synod_answer *answer = question->answer;

    if (status == OK) {
        keep_value(answer, body, size);
    } else if (status == UNAVAILABLE) {
        answer->outcome = SYNOD_OUTCOME_NOT_YET;
    } else if (status != 0) {
        answer->outcome = SYNOD_OUTCOME_STRANGE;
        snprintf(answer->reason, sizeof(answer->reason), "it answered GET /value with status %u",
                 status);
    }
    if (status != 0)
        hang_up(question, "answered");
}

void synod_ask_http(struct synod_answer *ret_answer, const struct endpoint *endpoint,
                    uint64_t timeout_ms)
{
    struct question question;
    struct http1_client_sink sink = {&question, on_connected, on_closed};
    struct http1_client_request request = {
        .method = "GET", .path = "/value", .done = on_http_done, .context = &question};

    if (!begin(&question, ret_answer, timeout_ms))
        return;
    question.http = http1_client_open(&question.loop, endpoint, NULL, &sink);
    if (question.http != NULL && http1_client_send(question.http, &request) != 0)
        hang_up(&question, "out of memory");
    finish(&question);
}

/* --- grpc ----------------------------------------------------------------------------------- */

static void take_reply(struct synod_answer *answer, const struct reply *reply)
{
    size_t size;
    const uint8_t *body;
    Decree__V1__ChosenValue *chosen;

    if (reply->code == GRPC_UNAVAILABLE && reply->has_status) {
        answer->outcome = SYNOD_OUTCOME_NOT_YET;
        return;
    }
    if (reply->code != GRPC_OK) {
        answer->outcome = reply->http_status == 0 ? SYNOD_OUTCOME_UNREACHABLE
                                                  : SYNOD_OUTCOME_STRANGE;
        snprintf(answer->reason, sizeof(answer->reason), "%s", reply->text);
        return;
    }
    body = reply_message(reply, &size);
    chosen = decree__v1__chosen_value__unpack(NULL, size, body);
    if (chosen == NULL) {
        answer->outcome = SYNOD_OUTCOME_STRANGE;
        snprintf(answer->reason, sizeof(answer->reason), "its answer is malformed");
        return;
    }
    keep_value(answer, chosen->value.data, chosen->value.len);
    decree__v1__chosen_value__free_unpacked(chosen, NULL);
}

static void on_grpc_done(struct grpc_client_call *call)
{
    struct question *question = call->context;

    take_reply(question->answer, &call->reply);
    reply_release(&call->reply);
    hang_up(question, "answered");
}

static void on_grpc_ready(void *context)
{
    static const uint8_t nothing[REPLY_HEAD_BYTES]; /* the frame of an empty message */
    struct question *question = context;

    question->call = (struct grpc_client_call){.path = "/decree.v1.Synod/GetValue",
                                               .body = nothing,
                                               .body_size = sizeof(nothing),
                                               .done = on_grpc_done,
                                               .context = question};
    grpc_client_start(question->grpc, &question->call);
}

void synod_ask_grpc(struct synod_answer *ret_answer, const struct endpoint *endpoint,
                    uint64_t timeout_ms)
{
    struct question question;
    struct grpc_client_sink sink = {&question, on_grpc_ready, on_closed};

    if (!begin(&question, ret_answer, timeout_ms))
        return;
    question.grpc = grpc_client_open(&question.loop, endpoint, &sink);
    finish(&question);
}

void synod_answer_release(struct synod_answer *answer)
{
    free(answer->value);
    answer->value = NULL;
}
