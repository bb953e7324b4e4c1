/* SPDX-License-Identifier: MIT */
/* failpoints.c -- arming, dying, and the points of messages; see failpoints.h. */
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failpoints_inside.h"

static const struct {
    const char *text, *help;
    bool sends;
} points[FAILPOINTS] = {
#define FAILPOINT_ROW(name, text, sends, help) [FAILPOINT_##name] = {text, help, sends},
    FAILPOINT_TABLE(FAILPOINT_ROW)
#undef FAILPOINT_ROW
};

enum failpoint failpoint_find(const char *text)
{
    for (int point = FAILPOINT_NONE + 1; point < FAILPOINTS; point++)
        if (strcmp(points[point].text, text) == 0)
            return (enum failpoint)point;
    return FAILPOINT_NONE;
}

const char *failpoint_name(enum failpoint point)
{
    assert(point > FAILPOINT_NONE);
    assert(point < FAILPOINTS);
    return points[point].text;
}

const char *failpoint_help(enum failpoint point)
{
    assert(point > FAILPOINT_NONE);
    assert(point < FAILPOINTS);
    return points[point].help;
}

bool failpoint_sends(enum failpoint point)
{
    assert(point > FAILPOINT_NONE);
    assert(point < FAILPOINTS);
    return points[point].sends;
}

/* ---- arming and dying ---- */

void failpoints_arm(struct failpoints *failpoints, enum failpoint point, enum failpoint_when when,
                    uint32_t receivers)
{
    assert(point > FAILPOINT_NONE);
    assert(point < FAILPOINTS);
    assert(when != FAILPOINT_NEVER);
    failpoints->arms[point].receivers = failpoint_sends(point) ? receivers : FAILPOINT_TO_ALL;
    if (point == FAILPOINT_P2B)
        failpoints->vote_lsn = 0;
    atomic_store(&failpoints->arms[point].when, (int)when);
}

void failpoints_disarm(struct failpoints *failpoints, enum failpoint point)
{
    assert(point > FAILPOINT_NONE);
    assert(point < FAILPOINTS);
    atomic_store(&failpoints->arms[point].when, FAILPOINT_NEVER);
}

enum failpoint_when failpoints_armed(const struct failpoints *failpoints, enum failpoint point,
                                     uint32_t *ret_receivers)
{
    assert(point > FAILPOINT_NONE);
    assert(point < FAILPOINTS);
    if (ret_receivers != NULL)
        *ret_receivers = failpoints->arms[point].receivers;
    return (enum failpoint_when)atomic_load(&failpoints->arms[point].when);
}

static bool has(const struct failpoints *failpoints, enum failpoint point, enum failpoint_when when)
{
    return failpoints_armed(failpoints, point, NULL) == when;
}

static bool is_armed(const struct failpoints *failpoints, enum failpoint point)
{
    return !has(failpoints, point, FAILPOINT_NEVER);
}

/* As abrupt as a process can end: no handler, no buffer, no other thread gets a turn. */
static _Noreturn void kill_self(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

void failpoints_die(struct failpoints *failpoints, enum failpoint point, enum failpoint_when when)
{
    const struct failpoints_options *options = &failpoints->options;

    if (atomic_load(&failpoints->dead))
        return;
    log_warn(options->logger, "failpoint", "node=%s point=%s when=%s", options->name,
             failpoint_name(point), when == FAILPOINT_BEFORE ? "before" : "after");
    if (options->die == NULL)
        kill_self();
    atomic_store(&failpoints->dead, true);
    options->die(options->die_context, point, when);
}

void failpoints_crash(struct failpoints *failpoints)
{
    log_warn(failpoints->options.logger, "crash", "node=%s reason=\"it was told to\"",
             failpoints->options.name);
    kill_self();
}

/* ---- what this node is up to ---- */

static bool same(struct decree_ballot a, struct decree_ballot b)
{
    return decree_ballot_compare(a, b) == 0;
}

/* This node proposed for the slot in a ballot that stands, as far as it knows. */
static bool leads_to(const struct failpoints *failpoints, decree_slot slot)
{
    struct decree_status status;

    failpoints->status(failpoints->status_context, &status);
    if (failpoints->options.member_count == 1)
        return status.leading;
    return same(status.promised, failpoints->ballot) &&
           failpoints->ballot.node == failpoints->options.self && slot >= failpoints->first &&
           slot <= failpoints->last;
}

static void note_p2a(struct failpoints *failpoints, const struct decree_message *p2a)
{
    decree_slot last = p2a->slot + p2a->pvalue_count - 1;
    struct decree_status status;

    if (!same(p2a->ballot, failpoints->ballot)) {
        failpoints->ballot = p2a->ballot;
        failpoints->first = p2a->slot;
        failpoints->last = last;
    }
    if (p2a->slot < failpoints->first)
        failpoints->first = p2a->slot;
    if (last > failpoints->last)
        failpoints->last = last;
    if (failpoints->vote_lsn == 0 && has(failpoints, FAILPOINT_P2B, FAILPOINT_AFTER)) {
        failpoints->status(failpoints->status_context, &status);
        failpoints->vote_lsn = status.appended;
    }
}

/* The node's own promise and vote, which it does not send. */
static void look_at_own(struct failpoints *failpoints, const struct decree_message *message)
{
    if (message->type == DECREE_P1A && is_armed(failpoints, FAILPOINT_P1B))
        failpoints_die(failpoints, FAILPOINT_P1B,
                       failpoints_armed(failpoints, FAILPOINT_P1B, NULL));
    if (message->type == DECREE_P2A && has(failpoints, FAILPOINT_P2B, FAILPOINT_BEFORE))
        failpoints_die(failpoints, FAILPOINT_P2B, FAILPOINT_BEFORE);
    if (message->type == DECREE_P2A)
        note_p2a(failpoints, message);
}

static void look_at_own_vote(struct failpoints *failpoints)
{
    struct decree_status status;

    if (failpoints->vote_lsn == 0 || !has(failpoints, FAILPOINT_P2B, FAILPOINT_AFTER))
        return;
    failpoints->status(failpoints->status_context, &status);
    if (status.persisted >= failpoints->vote_lsn)
        failpoints_die(failpoints, FAILPOINT_P2B, FAILPOINT_AFTER);
}

/* ---- the points of messages ---- */

static enum failpoint point_of(enum decree_message_type type)
{
    switch (type) {
    case DECREE_P1A:
        return FAILPOINT_P1A;
    case DECREE_P1B:
        return FAILPOINT_P1B;
    case DECREE_P2A:
        return FAILPOINT_P2A;
    case DECREE_P2B:
        return FAILPOINT_P2B;
    case DECREE_DECISION: /* it may also be an answer to who catches up */
    case DECREE_CATCH_UP:
    case DECREE_PROPOSE:
    case DECREE_HEARTBEAT:
    case DECREE_HEARTBEAT_ACK:
    case DECREE_READ:
    case DECREE_READ_OK:
    case DECREE_HAND_OVER:
    case DECREE_MESSAGE_NONE:
    case DECREE_MESSAGE_TYPES:
        break;
    }
    return FAILPOINT_NONE;
}

static bool names(const struct failpoints *failpoints, enum failpoint point, decree_node_id to)
{
    uint32_t receivers;

    return failpoints_armed(failpoints, point, &receivers) == FAILPOINT_AFTER && to > 0 &&
           (receivers & (1u << (to - 1))) != 0;
}

/* Whether the message may go out; before that, whether the node may live. */
static bool passes(struct failpoints *failpoints, const struct decree_message *message)
{
    enum failpoint point = point_of(message->type);

    look_at_own(failpoints, message);
    if (point != FAILPOINT_NONE && is_armed(failpoints, point)) {
        if (has(failpoints, point, FAILPOINT_BEFORE))
            failpoints_die(failpoints, point, FAILPOINT_BEFORE);
        failpoints->reached = point;
        if (!names(failpoints, point, message->to))
            return false;
    }
    if (message->decided > failpoints->delivered && is_armed(failpoints, FAILPOINT_DECISION) &&
        leads_to(failpoints, failpoints->delivered + 1))
        return names(failpoints, FAILPOINT_DECISION, message->to);
    return true;
}

static void on_send(struct transport *port, const struct peer_message *message)
{
    struct failpoints *failpoints = (struct failpoints *)port;
    bool pass = message->protocol != PEER_PAXOS || passes(failpoints, message->u.paxos);

    if (pass && !atomic_load(&failpoints->dead))
        failpoints->transport->ops->send(failpoints->transport, message);
}

static void on_flush(struct transport *port)
{
    struct failpoints *failpoints = (struct failpoints *)port;

    if (atomic_load(&failpoints->dead))
        return;
    failpoints->transport->ops->flush(failpoints->transport);
    if (failpoints->reached != FAILPOINT_NONE)
        failpoints_die(failpoints, failpoints->reached, FAILPOINT_AFTER);
    look_at_own_vote(failpoints);
}

static void on_close(struct transport *port, void (*closed)(void *context), void *context)
{
    struct failpoints *failpoints = (struct failpoints *)port;

    failpoints->transport->ops->close(failpoints->transport, closed, context);
}

/* What the core would tell in a moment, on whatever message comes first. */
static void tell_named(struct failpoints *failpoints, decree_slot slot)
{
    struct transport *transport = failpoints->transport;

    for (decree_node_id id = 1; id <= failpoints->options.member_count; id++) {
        struct decree_message decision = {.type = DECREE_DECISION,
                                          .from = failpoints->options.self,
                                          .to = id,
                                          .ballot = failpoints->ballot,
                                          .decided = slot};
        struct peer_message message = {.protocol = PEER_PAXOS, .u.paxos = &decision};

        if (id != failpoints->options.self && names(failpoints, FAILPOINT_DECISION, id))
            transport->ops->send(transport, &message);
    }
    transport->ops->flush(transport);
}

void failpoints_on_decision(struct failpoints *failpoints, decree_slot slot)
{
    enum failpoint_when when = failpoints_armed(failpoints, FAILPOINT_DECISION, NULL);

    assert(slot > failpoints->delivered);
    failpoints->delivered = slot;
    if (failpoints->transport == NULL || atomic_load(&failpoints->dead))
        return; /* restoring, or dead */
    look_at_own_vote(failpoints);
    if (failpoints->options.member_count == 1 && has(failpoints, FAILPOINT_P2B, FAILPOINT_AFTER))
        failpoints_die(failpoints, FAILPOINT_P2B, FAILPOINT_AFTER); /* its own was all it took */
    if (when == FAILPOINT_NEVER || !leads_to(failpoints, slot))
        return;
    if (when == FAILPOINT_AFTER)
        tell_named(failpoints, slot);
    failpoints_die(failpoints, FAILPOINT_DECISION, when);
}

/* ---- what comes in ---- */

static void on_message(void *context, const struct peer_message *message)
{
    struct failpoints *failpoints = context;

    if (message->protocol == PEER_PAXOS && message->u.paxos->type == DECREE_HEARTBEAT_ACK)
        failpoints->answered |= 1u << (message->u.paxos->from - 1);
    if (!atomic_load(&failpoints->dead))
        failpoints->sink.message(failpoints->sink.context, message);
}

static void on_unreachable(void *context, decree_node_id peer)
{
    struct failpoints *failpoints = context;

    assert(peer > 0);
    failpoints->answered &= ~(1u << (peer - 1));
    failpoints->sink.unreachable(failpoints->sink.context, peer);
}

struct transport_sink failpoints_sink(struct failpoints *failpoints,
                                      const struct transport_sink *sink)
{
    failpoints->sink = *sink;
    return (struct transport_sink){failpoints, on_message, on_unreachable};
}

bool failpoints_reaches(const struct failpoints *failpoints, uint32_t receivers)
{
    uint32_t self = 1u << (failpoints->options.self - 1);

    return (receivers & ~self & ~failpoints->answered) == 0;
}

/* ---- life ---- */

struct transport *failpoints_transport(struct failpoints *failpoints, struct transport *transport,
                                       void (*status)(void *context,
                                                      struct decree_status *ret_status),
                                       void *status_context)
{
    static const struct transport_ops ops = {on_send, on_flush, on_close};

    assert(failpoints->transport == NULL);
    assert(transport != NULL);
    failpoints->port.ops = &ops;
    failpoints->transport = transport;
    failpoints->status = status;
    failpoints->status_context = status_context;
    return &failpoints->port;
}

int failpoints_new(struct failpoints **ret_failpoints, const struct failpoints_options *options)
{
    struct failpoints *failpoints = calloc(1, sizeof(*failpoints));

    assert(options->self > 0);
    assert(options->self <= options->member_count);
    assert(options->name != NULL);
    if (failpoints == NULL)
        return DECREE_NOMEM;
    failpoints->options = *options;
    for (int point = 0; point < FAILPOINTS; point++)
        atomic_init(&failpoints->arms[point].when, FAILPOINT_NEVER);
    atomic_init(&failpoints->dead, false);
    failpoints_init_fs(failpoints);
    *ret_failpoints = failpoints;
    return 0;
}

void failpoints_free(struct failpoints *failpoints)
{
    free(failpoints);
}
