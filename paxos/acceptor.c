/* SPDX-License-Identifier: MIT */
/* acceptor.c -- promises and votes; see acceptor.h. */
#include "acceptor.h"

#include <assert.h>

#include "ballot.h"

static void promise(struct acceptor *acceptor, struct decree_ballot ballot, struct outbox *outbox)
{
    struct decree_pvalue record = {.ballot = ballot};

    assert(ballot_compare(ballot, acceptor->promised) > 0);
    acceptor->promised = ballot;
    outbox_record(outbox, DECREE_RECORD_PROMISE, &record);
    outbox_trace(outbox, DECREE_TRACE_PROMISED, ballot.node, ballot, 0, 0);
}

static void hold(const struct acceptor *acceptor, struct held *reply, struct outbox *outbox)
{
    reply->promised = acceptor->promised;
    outbox_hold(outbox, reply);
}

void acceptor_on_p1a(struct acceptor *acceptor, const struct decree_message *message,
                     struct outbox *outbox)
{
    struct held reply = {
        .type = DECREE_P1B,
        .to = message->from,
        .ballot = message->ballot,
        .slot = message->slot,
        .count = message->count,
    };

    if (ballot_compare(message->ballot, acceptor->promised) > 0)
        promise(acceptor, message->ballot, outbox);
    hold(acceptor, &reply, outbox);
}

static void accept(struct acceptor *acceptor, const struct decree_pvalue *pvalue,
                   struct outbox *outbox)
{
    log_accept(acceptor->log, pvalue);
    outbox_record(outbox, DECREE_RECORD_ACCEPT, pvalue);
}

/* Accepts the run's slots until one does not fit; returns how many of them have this node's
 * vote. */
static uint32_t accept_run(struct acceptor *acceptor, const struct decree_message *message,
                           struct outbox *outbox)
{
    struct log *log = acceptor->log;

    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        struct decree_pvalue pvalue = {.ballot = message->ballot,
                                       .slot = message->slot + i,
                                       .command = message->pvalues[i].command};

        if (pvalue.slot <= log->decided)
            continue;
        if (!log_fits(log, pvalue.slot))
            return i;
        if (log_has(log, pvalue.slot) &&
            ballot_equal(log_at(log, pvalue.slot)->ballot, pvalue.ballot))
            continue;
        accept(acceptor, &pvalue, outbox);
    }
    return message->pvalue_count;
}

void acceptor_on_p2a(struct acceptor *acceptor, const struct decree_message *message,
                     struct outbox *outbox)
{
    struct held reply = {
        .type = DECREE_P2B, .to = message->from, .ballot = message->ballot, .slot = message->slot};

    if (ballot_compare(message->ballot, acceptor->promised) >= 0) {
        if (!ballot_equal(message->ballot, acceptor->promised))
            promise(acceptor, message->ballot, outbox);
        reply.count = accept_run(acceptor, message, outbox);
        if (reply.count == 0)
            return;
        outbox_trace(outbox, DECREE_TRACE_ACCEPTED, message->from, message->ballot, message->slot,
                     reply.count);
    }
    hold(acceptor, &reply, outbox);
}

void acceptor_learn(struct acceptor *acceptor, const struct decree_pvalue *pvalue,
                    struct outbox *outbox)
{
    struct log *log = acceptor->log;

    assert(pvalue->slot == log->decided + 1);
    if (!log_has(log, pvalue->slot) ||
        ballot_compare(log_at(log, pvalue->slot)->ballot, pvalue->ballot) < 0)
        accept(acceptor, pvalue, outbox);
    if (ballot_compare(pvalue->ballot, acceptor->promised) > 0)
        acceptor->promised = pvalue->ballot;
    log_decide(log);
}

static void answer_p1b(const struct acceptor *acceptor, const struct outbox *outbox,
                       struct decree_message *message)
{
    const struct log *log = acceptor->log;
    decree_slot slot = message->slot > log->decided ? message->slot : log->decided + 1;
    decree_slot end;

    message->last = log->last;
    while (slot < log->last && !log_has(log, slot))
        slot++;
    end = log_run(log, slot, log->last, outbox->config->message_bytes_max);
    if (end < slot)
        return;
    message->pvalues = log_at(log, slot);
    message->pvalue_count = (uint32_t)(end - slot + 1);
}

void acceptor_on_durable(struct acceptor *acceptor, const struct held *held)
{
    if (ballot_compare(held->promised, acceptor->durable) > 0)
        acceptor->durable = held->promised;
    assert(ballot_compare(acceptor->durable, acceptor->promised) <= 0);
}

bool acceptor_answer(const struct acceptor *acceptor, const struct held *held,
                     const struct outbox *outbox, struct decree_message *ret_message)
{
    bool refused = ballot_compare(acceptor->durable, held->ballot) > 0;

    if (held->type == DECREE_P1B && !refused && !ballot_equal(acceptor->promised, held->ballot))
        return false;
    /* A refusal names a ballot that the asker itself may try next: without slot 0 it would pass for
     * a promise. */
    *ret_message = (struct decree_message){.type = held->type,
                                           .from = outbox->config->self,
                                           .to = held->to,
                                           .ballot = acceptor->durable,
                                           .slot = held->type == DECREE_P1B && refused ? 0
                                                                                       : held->slot,
                                           .decided = acceptor->log->decided};
    if (held->type == DECREE_P1B && !refused) {
        ret_message->again = held->count > 0;
        answer_p1b(acceptor, outbox, ret_message);
    }
    if (held->type == DECREE_P2B) {
        ret_message->count = held->count;
        if (held->count > 0)
            ret_message->ballot =
                held->ballot; /* the vote was given, whatever was promised since */
    }
    return true;
}

int acceptor_restore(struct acceptor *acceptor, const struct decree_record *record)
{
    const struct decree_pvalue *pvalue = &record->pvalue;

    if (ballot_is_bottom(pvalue->ballot))
        return DECREE_CORRUPT;
    if (record->type == DECREE_RECORD_ACCEPT) {
        if (pvalue->slot <= acceptor->log->decided)
            return DECREE_CORRUPT;
        log_accept(acceptor->log, pvalue);
    }
    if (ballot_compare(pvalue->ballot, acceptor->promised) > 0)
        acceptor->promised = acceptor->durable = pvalue->ballot;
    return 0;
}
