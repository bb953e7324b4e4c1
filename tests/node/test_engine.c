/* SPDX-License-Identifier: MIT */
/* test_engine.c -- the engine over ports that write down what they are asked, with the real core
 * inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"

#define MS UINT64_C(1000000)
#define RECORDS_MAX 4096u
#define SCRIPT_BYTES 4096u

struct bed {
    struct journal journal; /* first: the ports are cast to the bed */
    struct transport transport;
    struct engine *engine;
    uint64_t now_ns;
    bool sync_at_once;
    struct decree_record records[RECORDS_MAX];
    uint32_t record_count;
    decree_lsn appended;
    struct decree_message sent[DECREE_MESSAGE_TYPES]; /* the last one of each type */
    char script[SCRIPT_BYTES];                        /* what was called, in order */
    unsigned applied, decided, done, lost;
    uintptr_t last_argument;
    uint64_t sum;
};

static struct bed *bed_of_transport(struct transport *transport)
{
    return (struct bed *)((char *)transport - offsetof(struct bed, transport));
}

static void note(struct bed *bed, const char *word)
{
    size_t used = strlen(bed->script);

    if (used + strlen(word) + 2 < sizeof(bed->script))
        snprintf(bed->script + used, sizeof(bed->script) - used, "%s ", word);
}

static void append(struct journal *journal, const struct decree_record *records, uint32_t count,
                   decree_lsn sync_lsn)
{
    struct bed *bed = (struct bed *)journal;
    const struct journal_sink *sink = engine_journal_sink(bed->engine);

    (void)sync_lsn;
    note(bed, "append");
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(records[i].lsn, bed->appended + 1);
        bed->appended = records[i].lsn;
        assert_true(bed->record_count < RECORDS_MAX);
        bed->records[bed->record_count] = records[i];
        decree_value_ref(bed->records[bed->record_count++].pvalue.command.value);
    }
    if (bed->sync_at_once && count > 0)
        sink->persisted(sink->context, bed->appended);
}

static void fetch(struct journal *journal, const struct decree_fetch *fetch)
{
    assert_true(fetch->last >= fetch->first);
    note((struct bed *)journal, "fetch");
}

static void send_message(struct transport *transport, const struct peer_message *message)
{
    struct bed *bed = bed_of_transport(transport);

    assert_int_equal(message->protocol, PEER_PAXOS);
    bed->sent[message->u.paxos->type] = *message->u.paxos;
    note(bed, "send");
}

static void flush(struct transport *transport)
{
    note(bed_of_transport(transport), "flush");
}

static const struct journal_ops journal_ops = {.append = append, .fetch = fetch};
static const struct transport_ops transport_ops = {.send = send_message, .flush = flush};

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct bed *bed = context;

    assert_true(slot > 0);
    assert_int_equal(size, 1);
    note(bed, "apply");
    bed->applied++;
    bed->sum += data[0];
    return &bed->sum;
}

static void on_decision(void *context, decree_slot slot, const struct decree_command *command)
{
    struct bed *bed = context;

    assert_non_null(command);
    assert_int_equal(slot, engine_applied(bed->engine) + 1);
    bed->decided++;
}

static struct bed *the_bed; /* the one that done() counts for */

static void done(void *argument, int error, decree_slot slot, void *result)
{
    struct bed *bed = the_bed;

    note(bed, "done");
    bed->last_argument = (uintptr_t)argument;
    bed->done++;
    if (error == DECREE_LOST)
        bed->lost++;
    else
        assert_true(slot > 0);
    if (result != NULL)
        assert_ptr_equal(result, &bed->sum);
}

static struct bed *open_bed(uint32_t members, uint32_t proposals_max)
{
    static const decree_node_id ids[3] = {1, 2, 3};
    struct bed *bed = calloc(1, sizeof(*bed));
    struct engine_config config = {
        .core = {.self = 1,
                 .members = ids,
                 .member_count = members,
                 .proposals_max = proposals_max,
                 .reads_max = 64,
                 .log_slots_max = 1024,
                 .seed = 42},
        .machine = {.context = bed, .apply = apply},
        .hooks = {.context = bed, .on_decision = on_decision},
    };

    assert_non_null(bed);
    bed->journal.ops = &journal_ops;
    bed->transport.ops = &transport_ops;
    assert_int_equal(engine_open(&bed->engine, &config), 0);
    the_bed = bed;
    return bed;
}

static void start(struct bed *bed)
{
    engine_set_now(bed->engine, bed->now_ns);
    engine_start(bed->engine, &bed->journal, &bed->transport);
}

static void persist(struct bed *bed)
{
    const struct journal_sink *sink = engine_journal_sink(bed->engine);

    sink->persisted(sink->context, bed->appended);
}

/* To the next moment that the engine wants to be woken at, if there is one. */
static void pass_time(struct bed *bed)
{
    uint64_t wake_at_ns = engine_wake_at(bed->engine);

    if (wake_at_ns > bed->now_ns && wake_at_ns != UINT64_MAX)
        bed->now_ns = wake_at_ns;
    engine_set_now(bed->engine, bed->now_ns);
}

/* Lets time pass, in steps that the engine asks for, until it leads. */
static void lead(struct bed *bed)
{
    struct decree_status status = {0};

    for (unsigned i = 0; i < 100 && !status.leading; i++) {
        pass_time(bed);
        persist(bed);
        engine_turn(bed->engine);
        engine_status(bed->engine, &status);
    }
    assert_true(status.leading);
}

static void close_bed(struct bed *bed)
{
    engine_close(bed->engine);
    for (uint32_t i = 0; i < bed->record_count; i++)
        decree_value_unref(bed->records[i].pvalue.command.value);
    free(bed);
}

static int propose(struct bed *bed, uint8_t amount, uintptr_t argument)
{
    struct decree_value *value = decree_value_copy(&amount, 1);
    int error = engine_propose(bed->engine, value, done, (void *)argument);

    decree_value_unref(value);
    return error;
}

static void a_proposal_is_journalled_then_applied_then_completed(void **state)
{
    struct bed *bed = open_bed(1, 64);

    (void)state;
    start(bed);
    lead(bed);
    bed->script[0] = '\0';
    assert_int_equal(propose(bed, 5, 77), 0);
    assert_string_equal(bed->script, ""); /* nothing happens outside of a turn */
    engine_turn(bed->engine);
    assert_string_equal(bed->script, "append "); /* not durable: not decided */
    assert_int_equal(engine_open_count(bed->engine), 1);
    persist(bed);
    engine_turn(bed->engine);
    assert_string_equal(bed->script,
                        "append append apply done "); /* the second one for the decision's record */
    assert_int_equal(bed->last_argument, 77);
    assert_int_equal(bed->sum, 5);
    assert_int_equal(engine_open_count(bed->engine), 0);
    assert_int_equal(bed->decided, 1);
    close_bed(bed);
}

static void a_journal_may_report_from_inside_append(void **state)
{
    struct bed *bed = open_bed(1, 64);

    (void)state;
    bed->sync_at_once = true;
    start(bed);
    lead(bed);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(propose(bed, 1, i), 0);
    engine_turn(bed->engine);
    assert_int_equal(bed->done, 50);
    assert_int_equal(bed->sum, 50);
    close_bed(bed);
}

static void records_go_before_messages_and_messages_before_completions(void **state)
{
    struct bed *bed = open_bed(3, 64);
    struct decree_message ack = {.type = DECREE_HEARTBEAT_ACK, .from = 2, .to = 1};
    struct decree_message p1b = {.type = DECREE_P1B, .from = 2, .to = 1};
    struct decree_message p2b = {.type = DECREE_P2B, .from = 2, .to = 1};
    struct decree_status status;

    (void)state;
    bed->sync_at_once = true;
    start(bed);
    for (unsigned i = 0; i < 200 && bed->sent[DECREE_P1A].type == 0; i++) {
        pass_time(bed);
        engine_turn(bed->engine);
        ack.round = bed->sent[DECREE_HEARTBEAT].round;
        engine_on_message(bed->engine, &ack);
        engine_turn(bed->engine);
    }
    assert_int_equal(bed->sent[DECREE_P1A].type, DECREE_P1A);
    p1b.ballot = bed->sent[DECREE_P1A].ballot;
    p1b.slot = bed->sent[DECREE_P1A].slot;
    engine_on_message(bed->engine, &p1b);
    engine_turn(bed->engine);
    engine_status(bed->engine, &status);
    assert_true(status.leading);
    bed->script[0] = '\0';
    assert_int_equal(propose(bed, 5, 1), 0);
    engine_turn(bed->engine);
    assert_string_equal(bed->script, "append send send flush ");
    p2b.ballot = p1b.ballot;
    p2b.slot = 1;
    p2b.count = 1;
    bed->script[0] = '\0';
    assert_int_equal(propose(bed, 6, 2), 0);
    engine_on_message(bed->engine, &p2b);
    engine_turn(bed->engine);
    assert_memory_equal(bed->script, "append send send flush apply done ", 34);
    assert_int_equal(bed->last_argument, 1);
    close_bed(bed);
}

static void more_than_fit_are_refused_and_fit_later(void **state)
{
    struct bed *bed = open_bed(1, 64);

    (void)state;
    start(bed);
    lead(bed);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(propose(bed, 1, i), 0);
    assert_int_equal(propose(bed, 1, 64), DECREE_FULL);
    engine_turn(bed->engine);
    assert_int_equal(propose(bed, 1, 64), DECREE_FULL); /* undecided as long as the disk is */
    persist(bed);
    engine_turn(bed->engine);
    assert_int_equal(bed->done, 64);
    assert_int_equal(propose(bed, 1, 64), 0);
    close_bed(bed);
}

static void reads_answer_after_what_was_decided(void **state)
{
    struct bed *bed = open_bed(1, 64);

    (void)state;
    start(bed);
    lead(bed);
    assert_int_equal(propose(bed, 9, 1), 0);
    engine_turn(bed->engine);
    persist(bed);
    assert_int_equal(engine_read(bed->engine, done, (void *)2), 0);
    engine_turn(bed->engine);
    engine_turn(bed->engine);
    assert_int_equal(bed->done, 2);
    assert_int_equal(bed->last_argument, 2);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(engine_read(bed->engine, done, (void *)3), 0);
    assert_int_equal(engine_read(bed->engine, done, (void *)3), DECREE_FULL);
    engine_turn(bed->engine);
    assert_int_equal(bed->done, 66);
    assert_int_equal(engine_read(bed->engine, done, (void *)3), 0);
    close_bed(bed);
}

static unsigned lost_in_order;

static void done_lost(void *argument, int error, decree_slot slot, void *result)
{
    assert_int_equal(error, DECREE_LOST);
    assert_int_equal(slot, 0);
    assert_null(result);
    assert_int_equal((uintptr_t)argument, lost_in_order);
    lost_in_order++;
}

static void closing_completes_what_is_open_with_lost(void **state)
{
    struct bed *bed = open_bed(3, 64); /* nobody answers: nothing is ever decided */

    (void)state;
    bed->sync_at_once = true;
    start(bed);
    lost_in_order = 0;
    for (uintptr_t i = 0; i < 10; i++) {
        struct decree_value *value = decree_value_copy("x", 1);

        assert_int_equal(engine_propose(bed->engine, value, done_lost, (void *)i), 0);
        decree_value_unref(value);
    }
    assert_int_equal(engine_read(bed->engine, done_lost, (void *)10), 0);
    engine_turn(bed->engine);
    assert_int_equal(engine_open_count(bed->engine), 11);
    close_bed(bed);
    assert_int_equal(lost_in_order, 11);
}

static void messages_without_room_are_dropped_and_counted(void **state)
{
    struct bed *bed = open_bed(3, 64); /* the disk never answers, so replies pile up */
    struct decree_message p2a = {
        .type = DECREE_P2A, .from = 2, .to = 1, .ballot = {.round = 1, .node = 2}};
    struct decree_pvalue pvalue = {.ballot = p2a.ballot, .slot = 1};
    struct engine_counters counters = {0};

    (void)state;
    start(bed);
    p2a.pvalue_count = 1;
    p2a.pvalues = &pvalue;
    for (unsigned i = 0; i < 100000 && counters.messages_refused == 0; i++) {
        p2a.ballot.round = pvalue.ballot.round = i + 1;
        p2a.slot = pvalue.slot = 1;
        engine_on_message(bed->engine, &p2a);
        bed->script[0] = '\0';
        if (bed->record_count > RECORDS_MAX / 2)
            bed->record_count = 0; /* no-ops: there is no value to let go */
        engine_counters(bed->engine, &counters);
    }
    assert_int_equal(counters.messages_refused, 1);
    engine_on_message(bed->engine, &p2a);
    engine_counters(bed->engine, &counters);
    assert_int_equal(counters.messages_refused, 2);
    persist(bed); /* only noted: the turn that the next message brings about makes room for it */
    engine_on_message(bed->engine, &p2a);
    engine_counters(bed->engine, &counters);
    assert_int_equal(counters.messages_refused, 2);
    close_bed(bed);
}

static void what_was_journalled_comes_back(void **state)
{
    struct bed *before = open_bed(1, 64), *after;

    (void)state;
    before->sync_at_once = true;
    start(before);
    lead(before);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(propose(before, (uint8_t)i, i), 0);
        engine_turn(before->engine);
    }
    assert_int_equal(before->done, 40);
    after = open_bed(1, 64);
    for (uint32_t i = 0; i < before->record_count; i++)
        assert_int_equal(engine_restore(after->engine, &before->records[i]), 0);
    assert_int_equal(after->applied, 40);
    assert_true(after->sum == before->sum);
    assert_int_equal(after->done, 0); /* nobody waits any more */
    after->appended = before->appended;
    start(after);
    lead(after);
    assert_int_equal(propose(after, 1, 1), 0);
    engine_turn(after->engine);
    persist(after);
    engine_turn(after->engine);
    assert_int_equal(after->done, 1);
    close_bed(after);
    close_bed(before);
}

static void a_record_that_contradicts_is_corrupt(void **state)
{
    struct bed *bed = open_bed(1, 64);
    struct decree_record decide = {.lsn = 1, .type = DECREE_RECORD_DECIDE, .pvalue = {.slot = 5}};

    (void)state;
    assert_int_equal(engine_restore(bed->engine, &decide),
                     DECREE_CORRUPT); /* of slots that were never accepted */
    close_bed(bed);
}

static void unsafe_quorums_are_refused(void **state)
{
    static const decree_node_id ids[3] = {1, 2, 3};
    struct engine_config config = {
        .core =
            {.self = 1, .members = ids, .member_count = 3, .prepare_quorum = 1, .vote_quorum = 2},
        .machine = {.apply = apply},
    };
    struct engine *engine;

    (void)state;
    assert_int_equal(engine_open(&engine, &config), DECREE_QUORUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proposal_is_journalled_then_applied_then_completed),
        cmocka_unit_test(a_journal_may_report_from_inside_append),
        cmocka_unit_test(records_go_before_messages_and_messages_before_completions),
        cmocka_unit_test(more_than_fit_are_refused_and_fit_later),
        cmocka_unit_test(reads_answer_after_what_was_decided),
        cmocka_unit_test(closing_completes_what_is_open_with_lost),
        cmocka_unit_test(messages_without_room_are_dropped_and_counted),
        cmocka_unit_test(what_was_journalled_comes_back),
        cmocka_unit_test(a_record_that_contradicts_is_corrupt),
        cmocka_unit_test(unsafe_quorums_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
