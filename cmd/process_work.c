/* SPDX-License-Identifier: MIT */
/* process_work.c -- texts on their way into the log, and who waits to see it.
 *
 *     msg --> engine ------------------------------> apply --> ack
 *        \--> held: until this process leads, or dies on the way there
 *     get chatLog --> an ask, looked at after each turn
 *
 * A log without SLOT is asked of the leader, if one is known: so it has everything that was
 * acknowledged. If the leader does not answer, the log is shown as it is here.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "process_inside.h"

#define TICK_MS 10u
#define READ_PATIENCE_MS 1000u
#define LEADER_PATIENCE_MS 300u
#define CAMPAIGN_AGAIN_MS 200u
#define RECEIVERS_PATIENCE_MS 3000u

/* ---- waiting ---- */

static void on_tick(uv_timer_t *tick)
{
    process_look(tick->data);
}

static void keep_looking(struct process *process)
{
    if (!uv_is_active((uv_handle_t *)&process->tick))
        uv_timer_start(&process->tick, on_tick, TICK_MS, TICK_MS);
    (void)host_engine(process->host); /* a turn comes before the next look */
}

/* Opens a ballot; who fails to win tries again after a while, not at the same time as others. */
static void campaign(struct process *process)
{
    uint64_t now_ms = uv_now(&process->loop);
    struct engine *engine = host_engine(process->host);
    uint8_t jitter = 0;

    if (now_ms < process->campaign_at_ms || engine == NULL ||
        !host_latest_status(process->host)->quorum_connected)
        return;
    (void)uv_random(NULL, NULL, &jitter, sizeof(jitter), 0, NULL);
    process->campaign_at_ms = now_ms + CAMPAIGN_AGAIN_MS + jitter;
    engine_campaign(engine);
}

/* ---- orders to crash ---- */

static bool is_ordered(const struct process *process, enum failpoint point)
{
    return process->orders[point].when != FAILPOINT_NEVER;
}

/* Points that only who leads comes to. */
static bool is_a_leaders(enum failpoint point)
{
    return point == FAILPOINT_P2A || point == FAILPOINT_DECISION;
}

static void arm(struct process *process, enum failpoint point)
{
    const struct order *order = &process->orders[point];

    failpoints_arm(process->failpoints, point, order->when, order->receivers);
}

void process_order(struct process *process, enum failpoint point, enum failpoint_when when,
                   uint32_t receivers)
{
    process->orders[point] = (struct order){when, receivers};
    if (!is_a_leaders(point))
        arm(process, point);
}

/* Whether this process leads, and what it proposes is its own. */
static bool leads(const struct process *process)
{
    const struct decree_status *status = host_latest_status(process->host);

    return status->leading && status->decided >= process->inherited;
}

/* Who begins to lead first proposes what others have left: that is not what a crash was ordered for,
 * so a leader's points are armed when it is over. */
static void look_at_orders(struct process *process)
{
    const struct decree_status *status = host_latest_status(process->host);

    if (status->leading && decree_ballot_compare(process->led, status->leader_ballot) != 0) {
        process->led = status->leader_ballot;
        process->inherited = status->accepted;
    }
    for (int i = FAILPOINT_NONE + 1; i < FAILPOINTS; i++) {
        enum failpoint point = (enum failpoint)i;

        if (!is_ordered(process, point) || !is_a_leaders(point))
            continue;
        if (leads(process))
            arm(process, point);
        else
            failpoints_disarm(process->failpoints, point);
    }
}

/* ---- messages ---- */

static void message_free(struct message *message)
{
    session_unref(message->session);
    free(message);
}

static void on_decided(void *argument, int error, decree_slot slot, void *result)
{
    struct message *message = argument;

    (void)slot;
    assert(error != 0 || result != NULL);
    if (error == 0) /* else the process is ending */
        session_reply(message->session, "ack", "%s %llu", message->id,
                      (unsigned long long)*(const decree_slot *)result);
    message_free(message);
}

static void propose(struct process *process, struct message *message)
{
    struct request *request = request_new(false, message->size, on_decided, message);
    int error = DECREE_NOMEM;

    if (request != NULL) {
        memcpy(request->bytes, message->text, message->size);
        error = host_submit(process->host, request);
    }
    if (error == 0)
        return;
    if (request != NULL)
        request_drop(request);
    session_reply(message->session, "error", "message %s: %s", message->id,
                  decree_error_text(error));
    message_free(message);
}

static bool in_phase_1(const struct process *process)
{
    return is_ordered(process, FAILPOINT_P1A) || is_ordered(process, FAILPOINT_P1B);
}

static bool asks_others(const struct process *process)
{
    return in_phase_1(process) || is_ordered(process, FAILPOINT_P2A);
}

/* Whether a point is armed that is reached by leading, or by trying to. */
static bool must_lead(const struct process *process)
{
    return asks_others(process) || is_ordered(process, FAILPOINT_DECISION);
}

void process_on_msg(struct process *process, struct session *session, const char *id,
                    const char *text)
{
    size_t size = strlen(text);
    struct message *message;
    decree_slot slot = chat_log_find(process->log, text, size);

    if (strlen(id) >= MESSAGE_ID_BYTES) {
        session_reply(session, "error", "the id of a message has less than %u letters",
                      MESSAGE_ID_BYTES);
        return;
    }
    if (slot != 0 && !must_lead(process)) {
        session_reply(session, "ack", "%s %llu", id, (unsigned long long)slot);
        return;
    }
    message = malloc(sizeof(*message) + size);
    if (message == NULL) {
        session_reply(session, "error", "message %s: no memory", id);
        return;
    }
    *message = (struct message){.session = session_ref(session),
                                .since_ms = uv_now(&process->loop),
                                .size = (uint32_t)size};
    memcpy(message->id, id, strlen(id) + 1);
    memcpy(message->text, text, size);
    if (!must_lead(process)) {
        propose(process, message);
        return;
    }
    /* Who is alone asks nobody, so this is as far as it gets. */
    if (process->options->count == 1 && asks_others(process))
        failpoints_crash(process->failpoints);
    *process->held_end = message;
    process->held_end = &message->next;
    keep_looking(process);
}

static struct message *take_held(struct process *process)
{
    struct message *message = process->held;

    if (message == NULL)
        return NULL;
    process->held = message->next;
    if (process->held == NULL)
        process->held_end = &process->held;
    message->next = NULL;
    return message;
}

/* Whether what is to reach those whom the points name would, by now: just after a start there may be
 * no connection yet. */
static bool reaches_named(const struct process *process)
{
    uint64_t waited_ms = uv_now(&process->loop) - process->held->since_ms;

    if (waited_ms >= RECEIVERS_PATIENCE_MS)
        return true;
    for (int point = FAILPOINT_NONE + 1; point < FAILPOINTS; point++) {
        const struct order *order = &process->orders[point];

        if (order->when == FAILPOINT_AFTER && order->receivers != FAILPOINT_TO_ALL &&
            !failpoints_reaches(process->failpoints, order->receivers))
            return false;
    }
    return true;
}

static void look_at_held(struct process *process)
{
    struct message *message;

    if (process->held == NULL || !reaches_named(process))
        return;
    if (in_phase_1(process) || !leads(process)) {
        if (in_phase_1(process) || !host_latest_status(process->host)->leading)
            campaign(process);
        return;
    }
    while ((message = take_held(process)) != NULL)
        propose(process, message);
}

/* ---- the log ---- */

static void answer(struct process *process, struct ask *ask)
{
    size_t size = 0;
    char *joined = chat_log_join(process->log, &size);

    assert(!ask->answered);
    ask->answered = true;
    if (joined == NULL)
        session_reply(ask->session, "error", "get chatLog: no memory");
    else
        session_reply_bytes(ask->session, "chatLog", joined, size);
    free(joined);
}

static void ask_free(struct ask *ask)
{
    session_unref(ask->session);
    free(ask);
}

static void on_read(void *argument, int error, decree_slot slot, void *result)
{
    struct ask *ask = argument;

    (void)slot;
    (void)result;
    ask->reading = false;
    if (ask->answered)
        ask_free(ask); /* nobody waited any more */
    else if (error == 0)
        ask->iteration = 0;
}

static void read_from_leader(struct process *process, struct ask *ask)
{
    struct request *request = request_new(true, 0, on_read, ask);

    if (request == NULL)
        return;
    ask->reading = host_submit(process->host, request) == 0;
    if (!ask->reading)
        request_drop(request);
}

void process_on_get(struct process *process, struct session *session, decree_slot slot)
{
    const struct decree_status *status = host_latest_status(process->host);
    struct ask *ask = malloc(sizeof(*ask));

    if (ask == NULL) {
        session_reply(session, "error", "get chatLog: no memory");
        return;
    }
    *ask = (struct ask){.next = process->asks,
                        .session = session_ref(session),
                        .slot = slot,
                        .iteration = process->iteration,
                        .since_ms = uv_now(&process->loop)};
    process->asks = ask;
    if (slot == 0 && status->leader != 0)
        read_from_leader(process, ask);
    keep_looking(process);
}

static bool is_ripe(struct process *process, const struct ask *ask)
{
    const struct decree_status *status = host_latest_status(process->host);
    uint64_t waited_ms = uv_now(&process->loop) - ask->since_ms;

    if (ask->iteration >= process->iteration || status->decided < ask->slot) {
        if (status->leader == 0 && waited_ms >= LEADER_PATIENCE_MS && status->decided < ask->slot)
            campaign(process); /* nobody who knows that slot is there to tell */
        return false;
    }
    return !ask->reading || waited_ms >= READ_PATIENCE_MS;
}

static void look_at_asks(struct process *process)
{
    struct ask **at = &process->asks;

    while (*at != NULL) {
        struct ask *ask = *at;

        if (ask->session->connection != NULL && !is_ripe(process, ask)) {
            at = &ask->next;
            continue;
        }
        *at = ask->next;
        answer(process, ask);
        if (!ask->reading)
            ask_free(ask);
    }
}

void process_look(struct process *process)
{
    if (process->host == NULL || process->stopping)
        return;
    look_at_orders(process);
    look_at_held(process);
    look_at_asks(process);
    if (process->held == NULL && process->asks == NULL)
        uv_timer_stop(&process->tick);
}

void process_forget(struct process *process)
{
    struct message *message;
    struct ask *ask;

    while ((message = take_held(process)) != NULL)
        message_free(message);
    while ((ask = process->asks) != NULL) {
        process->asks = ask->next;
        ask_free(ask);
    }
}
