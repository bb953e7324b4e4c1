/* SPDX-License-Identifier: MIT */
/* voter.c -- see voter.h. */
#include "voter.h"

#include <assert.h>
#include <string.h>

/* --- answers --- */

/* What the acceptor knows of a version, or, with 0, of the latest. */
static struct decree_register_message report(const struct cell *cell, uint64_t version,
                                             enum decree_register_message_type type,
                                             const struct decree_register_message *asked)
{
    uint64_t shown = version != 0 ? version : cell->latest;
    const struct cell_version *found = cell_find(cell, shown);
    struct decree_register_message answer = {.type = type,
                                             .to = asked->from,
                                             .number = asked->number,
                                             .version = shown,
                                             .first = cell->first,
                                             .next = version != 0 ? cell_next(cell, version) : 0,
                                             .ballot = cell_promised(cell, version)};

    if (found != NULL && found->value != NULL) {
        answer.voted = found->voted;
        answer.mark = found->mark;
        answer.value = found->value;
        answer.decided = found->decided;
    }
    return answer;
}

/* A refusal needs no record: it promises nothing. */
static void refuse(const struct voter *voter, const struct cell *cell,
                   const struct decree_register_message *asked)
{
    struct decree_register_message answer = report(cell, asked->version, DECREE_REGISTER_REFUSED,
                                                   asked);

    answer.version = asked->version;
    answer.next = 0;
    tray_reply(voter->tray, cell->name, &answer, 0);
}

static void on_query(const struct voter *voter, const struct cell *cell,
                     const struct decree_register_message *message)
{
    struct decree_register_message answer = report(cell, message->version, DECREE_REGISTER_STATE,
                                                   message);

    tray_reply(voter->tray, cell->name, &answer, cell->record);
}

/* --- records --- */

static struct register_record record_of(const struct cell *cell, enum register_record_kind kind,
                                        uint64_t version, struct decree_ballot ballot)
{
    return (struct register_record){.kind = kind,
                                    .key = {.data = cell->name->data, .size = cell->name->size},
                                    .version = version,
                                    .ballot = ballot};
}

/* The number of the record, or 0: out of memory. */
static uint64_t append(const struct voter *voter, const struct register_record *record)
{
    struct decree_value *bytes = register_record_encode(record);

    return bytes == NULL ? 0 : tray_record(voter->tray, bytes);
}

/* --- promises and votes --- */

/* See cell.h: who completes an old version does not disturb who sets new ones. */
static bool counts_for_all(const struct cell *cell, uint64_t version)
{
    return version == 0 || version >= cell->chosen;
}

static int promise(const struct voter *voter, struct cell *cell, uint64_t version,
                   struct decree_ballot ballot)
{
    bool wide = counts_for_all(cell, version);
    struct cell_version *alone = wide ? NULL : cell_make(cell, version);
    struct register_record record = record_of(cell, REGISTER_PROMISE, wide ? 0 : version, ballot);
    uint64_t number;

    if (!wide && alone == NULL)
        return DECREE_NOMEM;
    number = append(voter, &record);
    if (number == 0)
        return DECREE_NOMEM;
    cell_promise(cell, alone, wide, ballot);
    cell->record = number;
    return 0;
}

static int on_prepare(const struct voter *voter, struct cell *cell,
                      const struct decree_register_message *message)
{
    int order = decree_ballot_compare(message->ballot, cell_promised(cell, message->version));
    struct decree_register_message answer;

    if (order < 0 || (message->version != 0 && message->version < cell->first)) {
        refuse(voter, cell, message);
        return 0;
    }
    if (order > 0) {
        int error = promise(voter, cell, message->version, message->ballot);

        if (error != 0)
            return error;
    }
    answer = report(cell, message->version, DECREE_REGISTER_PROMISE, message);
    answer.ballot = message->ballot;
    tray_reply(voter->tray, cell->name, &answer, cell->record);
    return 0;
}

static int vote(const struct voter *voter, struct cell *cell, struct cell_version *version,
                const struct decree_register_message *message)
{
    bool wide = counts_for_all(cell, version->version);
    struct register_record record = record_of(cell, wide ? REGISTER_VOTE : REGISTER_LATE_VOTE,
                                              version->version, message->ballot);
    uint64_t number;

    record.mark = message->mark;
    record.value = message->value->data;
    record.value_size = message->value->size;
    number = append(voter, &record);
    if (number == 0)
        return DECREE_NOMEM;
    cell_promise(cell, version, wide, message->ballot);
    cell_vote(cell, version, message->ballot, message->mark, message->value);
    cell->record = number;
    return 0;
}

static bool same_bytes(const struct decree_value *a, const struct decree_value *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* There is a vote in this ballot, or a decision, already. A member is told what is decided; an
 * outsider wants to hear accepted or refused, and may have sent anything. */
static void confirm(const struct voter *voter, const struct cell *cell,
                    const struct cell_version *version,
                    const struct decree_register_message *message)
{
    struct decree_register_message answer = {.type = DECREE_REGISTER_ACCEPTED,
                                             .to = message->from,
                                             .number = message->number,
                                             .version = message->version,
                                             .ballot = message->ballot};

    if (version->decided && message->from != 0) {
        answer.type = DECREE_REGISTER_DECIDED;
        answer.ballot = version->voted;
        answer.mark = version->mark;
        answer.value = version->value;
        tray_reply(voter->tray, cell->name, &answer, 0);
    } else if (same_bytes(version->value, message->value)) {
        tray_reply(voter->tray, cell->name, &answer, cell->record);
    } else {
        refuse(voter, cell, message);
    }
}

/* --- what is decided --- */

static void keep_few(const struct voter *voter, struct cell *cell)
{
    uint64_t first = cell_keep_from(cell, voter->keep);

    if (first > cell->first)
        cell_compact(cell, first);
}

/* The number of the record is not kept: nobody waits for it. What this node has found out itself,
 * and has a vote for, gets none: to find it out again is cheap. */
static int on_decided(const struct voter *voter, struct cell *cell,
                      const struct decree_register_message *message)
{
    struct cell_version *version = cell_find(cell, message->version);
    bool voted = version != NULL && version->value != NULL &&
                 decree_ballot_compare(version->voted, message->ballot) >= 0;
    struct register_record record = record_of(cell, voted ? REGISTER_DECIDED : REGISTER_LEARNED,
                                              message->version, message->ballot);

    if (message->version < cell->first || (version != NULL && version->decided) ||
        (message->value == NULL && !(voted && ballot_same(version->voted, message->ballot))))
        return 0;
    if (voted) {
        record.ballot = version->voted; /* higher than it was chosen in, but for the same value */
    } else {
        record.mark = message->mark;
        record.value = message->value->data;
        record.value_size = message->value->size;
        version = cell_make(cell, message->version);
    }
    if (version == NULL)
        return DECREE_NOMEM;
    if (!(voted && message->from == message->to) && append(voter, &record) == 0)
        return DECREE_NOMEM;
    if (!voted)
        cell_vote(cell, version, message->ballot, message->mark, message->value);
    cell_decide(cell, version);
    keep_few(voter, cell);
    return 0;
}

/* Who asks for a vote knows that the version below is chosen, and in which ballot. Without memory
 * it is not learned, which does no harm. */
static void learn_below(const struct voter *voter, struct cell *cell,
                        const struct decree_register_message *message)
{
    struct decree_register_message decided = {.type = DECREE_REGISTER_DECIDED,
                                              .from = message->from,
                                              .to = message->to,
                                              .version = message->version - 1,
                                              .ballot = message->voted};

    (void)on_decided(voter, cell, &decided);
}

/* --- accept --- */

static int on_accept(const struct voter *voter, struct cell *cell,
                     const struct decree_register_message *message)
{
    struct cell_version *version;
    int error;

    if (!ballot_none(message->voted))
        learn_below(voter, cell, message);
    if (message->version < cell->first) {
        refuse(voter, cell, message);
        return 0;
    }
    version = cell_find(cell, message->version);
    if (version == NULL || !version->decided) {
        if (decree_ballot_compare(message->ballot, cell_promised(cell, message->version)) < 0) {
            refuse(voter, cell, message);
            return 0;
        }
        version = cell_make(cell, message->version);
        if (version == NULL)
            return DECREE_NOMEM;
        if (!ballot_same(version->voted, message->ballot)) {
            error = vote(voter, cell, version, message);
            if (error != 0)
                return error;
        }
    }
    confirm(voter, cell, version, message);
    return 0;
}

/* --- compact --- */

/* What is forgotten by call stays forgotten, even if it was by count before; and the records must
 * tell, too, that something later is chosen. */
static int forget(const struct voter *voter, struct cell *cell, uint64_t first)
{
    const struct cell_version *chosen = cell_find(cell, cell->chosen);
    struct register_record why = record_of(cell, REGISTER_DECIDED, cell->chosen, chosen->voted);
    struct register_record record = record_of(cell, REGISTER_COMPACT, first,
                                              (struct decree_ballot){0});
    uint64_t number = append(voter, &why) == 0 ? 0 : append(voter, &record);

    if (number == 0)
        return DECREE_NOMEM;
    cell_compact(cell, first);
    cell->forgotten = first;
    cell->record = number;
    return 0;
}

static int on_compact(const struct voter *voter, struct cell *cell,
                      const struct decree_register_message *message)
{
    uint64_t first = message->version < cell->chosen ? message->version : cell->chosen;
    struct decree_register_message answer;

    if (first > cell->forgotten) {
        int error = forget(voter, cell, first);

        if (error != 0)
            return error;
    }
    answer = report(cell, 0, DECREE_REGISTER_STATE, message);
    tray_reply(voter->tray, cell->name, &answer, cell->record);
    return 0;
}

int voter_on_message(struct voter *voter, struct cell *cell,
                     const struct decree_register_message *message)
{
    switch (message->type) {
    case DECREE_REGISTER_QUERY:
        on_query(voter, cell, message);
        return 0;
    case DECREE_REGISTER_PREPARE:
        return on_prepare(voter, cell, message);
    case DECREE_REGISTER_ACCEPT:
        return on_accept(voter, cell, message);
    case DECREE_REGISTER_DECIDED:
        return on_decided(voter, cell, message);
    case DECREE_REGISTER_COMPACT:
        return on_compact(voter, cell, message);
    case DECREE_REGISTER_NONE:
    case DECREE_REGISTER_STATE:
    case DECREE_REGISTER_PROMISE:
    case DECREE_REGISTER_ACCEPTED:
    case DECREE_REGISTER_REFUSED:
    case DECREE_REGISTER_MESSAGE_TYPES:
        break;
    }
    assert(false); /* for the proposer */
    return 0;
}

/* --- restore --- */

static int restore_vote(struct cell *cell, const struct register_record *record)
{
    struct decree_value *value = decree_value_copy(record->value, record->value_size);
    struct cell_version *version = value == NULL ? NULL : cell_make(cell, record->version);

    if (version == NULL) {
        decree_value_unref(value);
        return DECREE_NOMEM;
    }
    if (record->kind != REGISTER_LEARNED)
        cell_promise(cell, version, record->kind == REGISTER_VOTE, record->ballot);
    cell_vote(cell, version, record->ballot, record->mark, value);
    decree_value_unref(value);
    if (record->kind == REGISTER_LEARNED)
        cell_decide(cell, version);
    return 0;
}

static int restore_promise(struct cell *cell, const struct register_record *record)
{
    struct cell_version *version = NULL;

    if (record->version != 0) {
        version = cell_make(cell, record->version);
        if (version == NULL)
            return DECREE_NOMEM;
    }
    cell_promise(cell, version, record->version == 0, record->ballot);
    return 0;
}

static bool contradicts(const struct cell *cell, const struct register_record *record)
{
    const struct cell_version *version = cell_find(cell, record->version);

    if (record->kind == REGISTER_COMPACT)
        return record->version > cell->chosen;
    if (ballot_none(record->ballot))
        return true;
    if (record->kind == REGISTER_DECIDED)
        return version == NULL || version->value == NULL ||
               !ballot_same(version->voted, record->ballot);
    return record->kind != REGISTER_PROMISE && record->version == 0;
}

int voter_restore(struct voter *voter, struct cell *cell, const struct register_record *record)
{
    int error = 0;

    if (record->version != 0 && record->version < cell->first) {
        /* Fewer versions are kept now than when this was written. */
        if (record->kind == REGISTER_VOTE)
            cell_promise(cell, NULL, true, record->ballot);
        return 0;
    }
    if (contradicts(cell, record))
        return DECREE_CORRUPT;
    switch (record->kind) {
    case REGISTER_PROMISE:
        return restore_promise(cell, record);
    case REGISTER_VOTE:
    case REGISTER_LATE_VOTE:
    case REGISTER_LEARNED:
        error = restore_vote(cell, record);
        break;
    case REGISTER_DECIDED:
        cell_decide(cell, cell_find(cell, record->version));
        break;
    case REGISTER_COMPACT:
        cell_compact(cell, record->version);
        cell->forgotten = record->version;
        break;
    case REGISTER_BOOT:
        assert(false); /* it has no key */
    }
    if (error == 0)
        keep_few(voter, cell);
    return error;
}
