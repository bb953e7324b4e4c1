/* SPDX-License-Identifier: MIT */
/* test_synod.c -- single-decree Paxos: the rules one by one, then small worlds at random with duels
 * and crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <decree/synod.h>

#include "ballot.h"
#include "prng.h"

#define MEMBERS 5u
#define QUEUE 400u
#define MS UINT64_C(1000000)

static const decree_node_id members[MEMBERS] = {1, 2, 3, 4, 5};

static struct decree_synod *open_synod(decree_node_id self, uint32_t count, uint32_t prepare,
                                       uint32_t vote)
{
    struct decree_synod_config config = {.self = self,
                                         .members = members,
                                         .member_count = count,
                                         .prepare_quorum = prepare,
                                         .vote_quorum = vote,
                                         .seed = self};
    struct decree_synod *synod = NULL;

    assert_int_equal(decree_synod_open(&synod, &config), 0);
    return synod;
}

static struct decree_synod_effects give(struct decree_synod *synod, struct decree_synod_event event)
{
    struct decree_synod_effects effects;

    assert_int_equal(decree_synod_step(synod, &event), 0);
    decree_synod_take(synod, &effects);
    return effects;
}

static struct decree_synod_effects persisted(struct decree_synod *synod, uint64_t version)
{
    return give(
        synod, (struct decree_synod_event){.type = DECREE_SYNOD_PERSISTED, .u.persisted = version});
}

static struct decree_synod_effects propose(struct decree_synod *synod, const char *text)
{
    struct decree_value *value = decree_value_copy(text, (uint32_t)strlen(text));
    struct decree_synod_effects effects = give(
        synod, (struct decree_synod_event){.type = DECREE_SYNOD_PROPOSE, .u.propose = value});

    decree_value_unref(value);
    return effects;
}

static struct decree_synod_effects receive(struct decree_synod *synod,
                                           struct decree_synod_message message)
{
    return give(synod,
                (struct decree_synod_event){.type = DECREE_SYNOD_MESSAGE, .u.message = message});
}

static struct decree_ballot ballot(uint64_t round, decree_node_id node)
{
    return (struct decree_ballot){.round = round, .node = node};
}

static void assert_ballot(struct decree_ballot is, uint64_t round, decree_node_id node)
{
    assert_int_equal(is.round, round);
    assert_int_equal(is.node, node);
}

static void assert_text(const struct decree_value *value, const char *text)
{
    assert_non_null(value);
    assert_int_equal(value->size, strlen(text));
    assert_memory_equal(value->data, text, value->size);
}

static void test_open_refuses_what_is_unsafe(void **state)
{
    static const decree_node_id twice[] = {1, 2, 2}, zero[] = {1, 0};
    struct decree_synod_config good = {.self = 1, .members = members, .member_count = 3};
    struct decree_synod_config config;
    struct decree_synod *synod = NULL;

    (void)state;
    config = good, config.prepare_quorum = 1, config.vote_quorum = 2;
    assert_int_equal(decree_synod_open(&synod, &config), DECREE_QUORUM);
    config = good, config.vote_quorum = 4;
    assert_int_equal(decree_synod_open(&synod, &config), DECREE_QUORUM);
    config = good, config.self = 4;
    assert_int_equal(decree_synod_open(&synod, &config), DECREE_INVALID);
    config = good, config.members = twice;
    assert_int_equal(decree_synod_open(&synod, &config), DECREE_INVALID);
    config = good, config.members = zero, config.member_count = 2;
    assert_int_equal(decree_synod_open(&synod, &config), DECREE_INVALID);
    config = good, config.member_count = 0;
    assert_int_equal(decree_synod_open(&synod, &config), DECREE_INVALID);
    config = good, config.members = NULL;
    assert_int_equal(decree_synod_open(&synod, &config), DECREE_INVALID);
    assert_null(synod);
    decree_synod_close(NULL);
}

static void test_one_node_decides_alone(void **state)
{
    struct decree_synod *synod = open_synod(1, 1, 0, 0);
    struct decree_synod_effects effects = propose(synod, "alone");

    (void)state;
    assert_ballot(effects.record->promised, 1, 1);
    effects = persisted(synod, effects.record->version);
    assert_ballot(effects.record->voted, 1, 1);
    assert_null(effects.decided);
    effects = persisted(synod, effects.record->version);
    assert_text(effects.decided, "alone");
    assert_true(effects.record->decided);
    assert_int_equal(effects.wake_at_ns, UINT64_MAX);
    decree_synod_close(synod);
}

static void test_prepare_waits_for_the_disk(void **state)
{
    struct decree_synod *synod = open_synod(1, 3, 0, 0);
    struct decree_synod_effects effects = propose(synod, "a");

    (void)state;
    assert_int_equal(effects.message_count, 0);
    effects = persisted(synod, effects.record->version);
    assert_int_equal(effects.message_count, 2);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_PREPARE);
    assert_ballot(effects.messages[0].ballot, 1, 1);
    decree_synod_close(synod);
}

static void test_promise_and_vote_wait_for_the_disk(void **state)
{
    struct decree_synod *synod = open_synod(2, 3, 0, 0);
    struct decree_value *value = decree_value_copy("v", 1);
    struct decree_synod_message prepare = {
        .type = DECREE_SYNOD_PREPARE, .from = 1, .to = 2, .ballot = ballot(1, 1)};
    struct decree_synod_message accept = prepare;
    struct decree_synod_effects effects = receive(synod, prepare);

    (void)state;
    accept.type = DECREE_SYNOD_ACCEPT;
    accept.value = value;
    assert_int_equal(effects.message_count, 0);
    effects = persisted(synod, effects.record->version);
    assert_int_equal(effects.message_count, 1);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_PROMISE);
    assert_null(effects.messages[0].value);
    effects = receive(synod, accept);
    assert_int_equal(effects.message_count, 0);
    assert_text(effects.record->value, "v");
    effects = persisted(synod, effects.record->version);
    assert_int_equal(effects.message_count, 1);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_ACCEPTED);
    decree_synod_close(synod);
    decree_value_unref(value);
}

static void test_promise_overtaken_before_the_disk_is_refused(void **state)
{
    struct decree_synod *synod = open_synod(2, 3, 0, 0);
    struct decree_synod_message low = {
        .type = DECREE_SYNOD_PREPARE, .from = 1, .to = 2, .ballot = ballot(1, 1)};
    struct decree_synod_message high = {
        .type = DECREE_SYNOD_PREPARE, .from = 3, .to = 2, .ballot = ballot(1, 3)};
    struct decree_synod_effects effects = receive(synod, low);
    uint64_t first = effects.record->version;

    (void)state;
    effects = receive(synod, high);
    assert_int_equal(effects.message_count, 0);
    effects = persisted(synod, first);
    assert_int_equal(effects.message_count, 1);
    assert_int_equal(effects.messages[0].to, 1);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_REFUSED);
    assert_ballot(effects.messages[0].ballot, 1, 3);
    effects = persisted(synod, first + 1);
    assert_int_equal(effects.message_count, 1);
    assert_int_equal(effects.messages[0].to, 3);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_PROMISE);
    decree_synod_close(synod);
}

/* Node 1 of 3 has claimed ballot 1.1 for "mine" and asks for promises. */
static struct decree_synod *claimed(void)
{
    struct decree_synod *synod = open_synod(1, 5, 0, 0);
    struct decree_synod_effects effects = propose(synod, "mine");

    (void)persisted(synod, effects.record->version);
    return synod;
}

static void test_highest_vote_wins(void **state)
{
    struct decree_synod *synod = claimed();
    struct decree_value *old = decree_value_copy("old", 3), *new = decree_value_copy("new", 3);
    struct decree_synod_message promise = {
        .type = DECREE_SYNOD_PROMISE, .from = 2, .to = 1, .ballot = ballot(1, 1)};
    struct decree_synod_effects effects;

    (void)state;
    promise.voted = ballot(0, 3);
    promise.value = new;
    (void)receive(synod, promise);
    promise.from = 3;
    promise.voted = ballot(0, 2);
    promise.value = old;
    effects = receive(synod, promise);
    assert_int_equal(effects.message_count, 4);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_ACCEPT);
    assert_text(effects.messages[0].value, "new");
    decree_synod_close(synod);
    decree_value_unref(old);
    decree_value_unref(new);
}

static void test_a_promise_counts_once_and_a_stale_one_never(void **state)
{
    struct decree_synod *synod = claimed();
    struct decree_synod_message promise = {
        .type = DECREE_SYNOD_PROMISE, .from = 2, .to = 1, .ballot = ballot(1, 1)};
    struct decree_synod_message stale = {
        .type = DECREE_SYNOD_PROMISE, .from = 3, .to = 1, .ballot = ballot(0, 1)};

    (void)state;
    (void)receive(synod, promise);
    assert_int_equal(receive(synod, promise).message_count, 0);
    assert_int_equal(receive(synod, stale).message_count, 0);
    promise.from = 3;
    assert_int_equal(receive(synod, promise).message_count, 4);
    decree_synod_close(synod);
}

static void test_a_promise_before_the_claim_counts_not(void **state)
{
    struct decree_synod *synod = open_synod(1, 3, 0, 0);
    struct decree_synod_message promise = {
        .type = DECREE_SYNOD_PROMISE, .from = 2, .to = 1, .ballot = ballot(1, 1)};

    (void)state;
    (void)propose(synod, "a");
    assert_int_equal(receive(synod, promise).message_count, 0);
    promise.from = 3;
    assert_int_equal(receive(synod, promise).message_count, 0);
    decree_synod_close(synod);
}

static void test_vote_quorum_decides_and_tells(void **state)
{
    struct decree_synod *synod = open_synod(1, 5, 4, 2);
    struct decree_synod_message answer = {
        .type = DECREE_SYNOD_PROMISE, .to = 1, .ballot = ballot(1, 1)};
    struct decree_synod_effects effects = propose(synod, "v");

    (void)state;
    effects = persisted(synod, effects.record->version);
    for (answer.from = 2; answer.from <= 4; answer.from++)
        effects = receive(synod, answer);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_ACCEPT);
    answer.type = DECREE_SYNOD_ACCEPTED;
    answer.from = 5;
    effects = receive(synod, answer);
    assert_null(effects.decided);
    effects = receive(synod, answer);
    assert_null(effects.decided); /* the same vote again; the own one is not durable yet */
    effects = persisted(synod, 2);
    assert_text(effects.decided, "v");
    assert_int_equal(effects.message_count, 4);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_DECIDED);
    decree_synod_close(synod);
}

/* A node that was away: it asks, is told, and says so when its disk has it. */
static void test_asking_needs_no_ballot(void **state)
{
    struct decree_synod *away = open_synod(2, 2, 1, 2), *knows = open_synod(1, 2, 1, 2);
    struct decree_value *value = decree_value_copy("v", 1);
    struct decree_synod_record decided = {.version = 3, .value = value, .decided = true};
    struct decree_synod_event learn = {.type = DECREE_SYNOD_LEARN};
    struct decree_synod_effects effects;

    (void)state;
    effects = give(knows,
                   (struct decree_synod_event){.type = DECREE_SYNOD_RESTORE, .u.restore = decided});
    assert_false(effects.everyone_knows);
    effects = give(away, learn);
    assert_int_equal(effects.message_count, 1);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_ASK);
    effects = receive(knows, effects.messages[0]);
    assert_int_equal(effects.message_count, 2);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_DECIDED);
    assert_int_equal(effects.messages[1].type, DECREE_SYNOD_LEARNED);
    effects = receive(away, effects.messages[0]);
    assert_text(effects.decided, "v");
    assert_true(ballot_is_bottom(effects.record->promised));
    assert_int_equal(effects.message_count, 0); /* its disk does not have it yet */
    effects = persisted(away, effects.record->version);
    assert_int_equal(effects.message_count, 1);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_LEARNED);
    effects = receive(knows, effects.messages[0]);
    assert_true(effects.everyone_knows);
    decree_value_unref(value);
    decree_synod_close(away);
    decree_synod_close(knows);
}

static void test_asking_in_vain_changes_nothing(void **state)
{
    struct decree_synod *synod = open_synod(1, 3, 2, 2);
    struct decree_synod_message ask = {.type = DECREE_SYNOD_ASK, .from = 2, .to = 1};
    struct decree_synod_message learned = {.type = DECREE_SYNOD_LEARNED, .from = 2, .to = 1};

    (void)state;
    assert_int_equal(receive(synod, ask).message_count, 0);
    assert_int_equal(receive(synod, learned).message_count, 0);
    learned.from = 3;
    assert_null(receive(synod, learned).decided);
    assert_null(receive(synod, learned).record);
    decree_synod_close(synod);
}

static void test_refusal_backs_off_and_returns_higher(void **state)
{
    struct decree_synod *synod = claimed();
    struct decree_synod_message refused = {
        .type = DECREE_SYNOD_REFUSED, .from = 2, .to = 1, .ballot = ballot(7, 3)};
    struct decree_synod_effects effects = receive(synod, refused);
    struct decree_synod_event wake = {.type = DECREE_SYNOD_WAKE, .now_ns = effects.wake_at_ns};

    (void)state;
    assert_true(effects.wake_at_ns < UINT64_MAX);
    effects = give(synod, wake);
    assert_ballot(effects.record->promised, 8, 1);
    decree_synod_close(synod);
}

static void test_slow_disk_gets_no_second_ballot(void **state)
{
    struct decree_synod *synod = open_synod(1, 3, 0, 0);
    struct decree_synod_effects effects = propose(synod, "a");
    struct decree_synod_event wake = {.type = DECREE_SYNOD_WAKE, .now_ns = effects.wake_at_ns};

    (void)state;
    effects = give(synod, wake);
    assert_null(effects.record);
    assert_true(effects.wake_at_ns > wake.now_ns);
    decree_synod_close(synod);
}

static void test_restart_keeps_promise_vote_and_decision(void **state)
{
    struct decree_value *value = decree_value_copy("kept", 4);
    struct decree_synod_event restore = {.type = DECREE_SYNOD_RESTORE};
    struct decree_synod_message prepare = {
        .type = DECREE_SYNOD_PREPARE, .from = 1, .to = 2, .ballot = ballot(2, 1)};
    struct decree_synod *synod = open_synod(2, 3, 0, 0);
    struct decree_synod_effects effects;

    (void)state;
    restore.u.restore = (struct decree_synod_record){
        .version = 9, .promised = ballot(3, 3), .voted = ballot(1, 1), .value = value};
    effects = give(synod, restore);
    assert_true(effects.wake_at_ns < UINT64_MAX); /* it has voted and wants to know */
    effects = receive(synod, prepare);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_REFUSED);
    assert_int_equal(decree_synod_step(synod, &restore), DECREE_MISUSE);
    decree_synod_close(synod);

    synod = open_synod(2, 3, 0, 0);
    restore.u.restore.decided = true;
    effects = give(synod, restore);
    assert_text(effects.decided, "kept");
    effects = receive(synod, prepare);
    assert_int_equal(effects.messages[0].type, DECREE_SYNOD_DECIDED);
    decree_synod_close(synod);
    decree_value_unref(value);
}

static void test_contradictory_record_is_corrupt(void **state)
{
    struct decree_synod *synod = open_synod(2, 3, 0, 0);
    struct decree_synod_event restore = {.type = DECREE_SYNOD_RESTORE};

    (void)state;
    restore.u.restore = (struct decree_synod_record){
        .version = 1, .promised = ballot(1, 1), .voted = ballot(1, 1)};
    assert_int_equal(decree_synod_step(synod, &restore), DECREE_CORRUPT);
    restore.u.restore = (struct decree_synod_record){.version = 1, .decided = true};
    assert_int_equal(decree_synod_step(synod, &restore), DECREE_CORRUPT);
    decree_synod_close(synod);
}

static void test_misuse_changes_nothing(void **state)
{
    struct decree_synod *synod = claimed();
    struct decree_value *value = decree_value_copy("x", 1);
    struct decree_synod_event event = {
        .type = DECREE_SYNOD_PROPOSE, .now_ns = 1000, .u.propose = value};

    (void)state;
    assert_int_equal(decree_synod_step(synod, &event), DECREE_MISUSE);
    event = (struct decree_synod_event){
        .type = DECREE_SYNOD_PERSISTED, .now_ns = 1000, .u.persisted = 99};
    assert_int_equal(decree_synod_step(synod, &event), DECREE_MISUSE);
    event = (struct decree_synod_event){.type = DECREE_SYNOD_WAKE, .now_ns = 0};
    assert_int_equal(decree_synod_step(synod, &event), 0); /* the clock did not move either */
    assert_int_equal(value->refs, 1);
    decree_synod_close(synod);
    decree_value_unref(value);
}

static void test_senseless_messages_are_ignored(void **state)
{
    struct decree_synod *synod = open_synod(2, 3, 0, 0);
    struct decree_synod_message prepare = {
        .type = DECREE_SYNOD_PREPARE, .from = 1, .to = 2, .ballot = ballot(1, 1)};
    struct decree_synod_message bad[] = {prepare, prepare, prepare, prepare,
                                         prepare, prepare, prepare, prepare};

    (void)state;
    bad[0].from = 9;
    bad[1].to = 3;
    bad[2].ballot = ballot(1, 3);
    bad[3].ballot.round = UINT64_MAX;
    bad[4].type = DECREE_SYNOD_ACCEPT;
    bad[5].type = DECREE_SYNOD_DECIDED;
    bad[6].type = (enum decree_synod_message_type)99;
    bad[7].from = 2;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct decree_synod_effects effects = receive(synod, bad[i]);

        assert_null(effects.record);
        assert_int_equal(effects.message_count, 0);
    }
    decree_synod_close(synod);
}

/* --- small worlds
 * --------------------------------------------------------------------------------- */

struct world {
    struct prng prng;
    uint32_t count, prepare, vote;
    uint64_t now_ns;
    struct decree_synod *nodes[MEMBERS]; /* NULL: down */
    struct decree_synod_record disks[MEMBERS], unsynced[MEMBERS];
    uint64_t wake_at_ns[MEMBERS];
    bool proposed[MEMBERS];
    struct decree_synod_message queue[QUEUE];
    uint32_t queued;
    struct decree_value *decided;
    bool quiet; /* nothing fails any more */
};

static uint32_t pick(struct world *world, uint32_t bound)
{
    return (uint32_t)prng_below(&world->prng, bound);
}

static void keep(struct decree_synod_record *slot, const struct decree_synod_record *record)
{
    decree_value_ref(record->value);
    decree_value_unref(slot->value);
    *slot = *record;
}

static void take(struct world *world, uint32_t i)
{
    struct decree_synod_effects effects;

    decree_synod_take(world->nodes[i], &effects);
    if (effects.record != NULL)
        keep(&world->unsynced[i], effects.record);
    world->wake_at_ns[i] = effects.wake_at_ns;
    for (uint32_t j = 0; j < effects.message_count && world->queued < QUEUE; j++) {
        const struct decree_synod_message *message = &effects.messages[j];

        if (message->type == DECREE_SYNOD_PROMISE || message->type == DECREE_SYNOD_PREPARE)
            assert_true(decree_ballot_compare(world->disks[i].promised, message->ballot) >= 0);
        if (message->type == DECREE_SYNOD_ACCEPTED)
            assert_true(decree_ballot_compare(world->disks[i].voted, message->ballot) >= 0);
        decree_value_ref(message->value);
        world->queue[world->queued++] = *message;
    }
    if (effects.decided != NULL && world->decided == NULL)
        world->decided = decree_value_ref(effects.decided);
    if (effects.decided != NULL) {
        assert_int_equal(effects.decided->size, world->decided->size);
        assert_memory_equal(effects.decided->data, world->decided->data, world->decided->size);
    }
}

static void offer(struct world *world, uint32_t i, struct decree_synod_event event)
{
    event.now_ns = world->now_ns;
    assert_int_equal(decree_synod_step(world->nodes[i], &event), 0);
    take(world, i);
}

static void start(struct world *world, uint32_t i)
{
    world->nodes[i] = open_synod(i + 1, world->count, world->prepare, world->vote);
    world->proposed[i] = false;
    keep(&world->unsynced[i], &world->disks[i]);
    if (world->disks[i].version > 0)
        offer(world, i,
              (struct decree_synod_event){.type = DECREE_SYNOD_RESTORE,
                                          .u.restore = world->disks[i]});
}

static void crash(struct world *world, uint32_t i)
{
    decree_synod_close(world->nodes[i]);
    world->nodes[i] = NULL;
}

static void move_message(struct world *world)
{
    uint32_t place = pick(world, world->queued);
    struct decree_synod_message message = world->queue[place];
    bool copies = !world->quiet && pick(world, 10) == 0;

    if (!copies)
        world->queue[place] = world->queue[--world->queued];
    if (world->nodes[message.to - 1] != NULL && (world->quiet || pick(world, 10) != 0))
        offer(world, message.to - 1,
              (struct decree_synod_event){.type = DECREE_SYNOD_MESSAGE, .u.message = message});
    if (!copies)
        decree_value_unref(message.value);
}

static void sync_disk(struct world *world, uint32_t i)
{
    keep(&world->disks[i], &world->unsynced[i]);
    offer(world, i,
          (struct decree_synod_event){.type = DECREE_SYNOD_PERSISTED,
                                      .u.persisted = world->disks[i].version});
}

static void suggest(struct world *world, uint32_t i)
{
    struct decree_value *value = decree_value_copy(&members[i], sizeof(members[i]));

    world->proposed[i] = true;
    offer(world, i, (struct decree_synod_event){.type = DECREE_SYNOD_PROPOSE, .u.propose = value});
    decree_value_unref(value);
}

static void act(struct world *world)
{
    uint32_t i = pick(world, world->count), action = pick(world, 100);

    if (world->nodes[i] == NULL) {
        if (world->quiet || action < 10)
            start(world, i);
        return;
    }
    world->now_ns += pick(world, 3) * MS;
    if (!world->quiet && action < 2)
        crash(world, i);
    else if (action < 10 && !world->proposed[i])
        suggest(world, i);
    else if (action < 35)
        sync_disk(world, i);
    else if (action < 50 && world->wake_at_ns[i] <= world->now_ns)
        offer(world, i, (struct decree_synod_event){.type = DECREE_SYNOD_WAKE});
    else if (world->queued > 0)
        move_message(world);
}

static bool all_know(const struct world *world)
{
    for (uint32_t i = 0; i < world->count; i++) {
        struct decree_synod_effects effects;

        if (world->nodes[i] == NULL)
            return false;
        decree_synod_take(world->nodes[i], &effects);
        if (effects.decided == NULL)
            return false;
    }
    return true;
}

static void live(uint64_t seed)
{
    struct world world = {.now_ns = 1};
    uint32_t patience = 60000;

    prng_init(&world.prng, seed);
    world.count = 1 + pick(&world, MEMBERS);
    world.prepare = 1 + pick(&world, world.count);
    world.vote = world.count + 1 - world.prepare;
    for (uint32_t i = 0; i < world.count; i++)
        start(&world, i);
    for (uint32_t i = 0; i < 1500; i++)
        act(&world);
    world.quiet = true;
    while (patience-- > 0 && (world.queued > 0 || !all_know(&world)))
        act(&world);
    if (!all_know(&world))
        fail_msg("seed %llu: not all nodes know the decision", (unsigned long long)seed);
    for (uint32_t i = 0; i < world.count; i++) {
        decree_synod_close(world.nodes[i]);
        decree_value_unref(world.disks[i].value);
        decree_value_unref(world.unsynced[i].value);
    }
    for (uint32_t i = 0; i < world.queued; i++)
        decree_value_unref(world.queue[i].value);
    decree_value_unref(world.decided);
}

static void test_small_worlds_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++)
        live(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_refuses_what_is_unsafe),
        cmocka_unit_test(test_one_node_decides_alone),
        cmocka_unit_test(test_prepare_waits_for_the_disk),
        cmocka_unit_test(test_promise_and_vote_wait_for_the_disk),
        cmocka_unit_test(test_promise_overtaken_before_the_disk_is_refused),
        cmocka_unit_test(test_highest_vote_wins),
        cmocka_unit_test(test_a_promise_counts_once_and_a_stale_one_never),
        cmocka_unit_test(test_a_promise_before_the_claim_counts_not),
        cmocka_unit_test(test_vote_quorum_decides_and_tells),
        cmocka_unit_test(test_asking_needs_no_ballot),
        cmocka_unit_test(test_asking_in_vain_changes_nothing),
        cmocka_unit_test(test_refusal_backs_off_and_returns_higher),
        cmocka_unit_test(test_slow_disk_gets_no_second_ballot),
        cmocka_unit_test(test_restart_keeps_promise_vote_and_decision),
        cmocka_unit_test(test_contradictory_record_is_corrupt),
        cmocka_unit_test(test_misuse_changes_nothing),
        cmocka_unit_test(test_senseless_messages_are_ignored),
        cmocka_unit_test(test_small_worlds_agree),
    };

    return cmocka_run_group_tests_name("synod", tests, NULL, NULL);
}
