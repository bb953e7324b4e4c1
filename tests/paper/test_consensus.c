/* SPDX-License-Identifier: MIT */
/* test_consensus.c -- the properties of consensus, each a test of its name: propose(v), decide(v), by
 * the synod (Cachin, Guerraoui and Rodrigues, "Introduction to Reliable and Secure Distributed
 * Programming", module 5.2; Lamport, "Paxos Made Simple").
 *
 * Small worlds at random are played out once: several members propose, messages are lost, copied and
 * reordered, members crash and lose what was not synced. Then all is healed, and what was proposed
 * and what each member decided, in each of its lives, is judged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <decree/synod.h>

#include "prng.h"

#define WORLDS 1500u
#define MEMBERS_MAX 5u
#define ACTIONS 600u
#define QUEUE_MAX 300u
#define DECISIONS_MAX 64u
#define MS UINT64_C(1000000)
#define HEAL_LIMIT 20000u

struct decision {
    uint32_t member, life;
    char value[16];
};

struct member {
    struct decree_synod *synod; /* NULL: down */
    struct decree_synod_record newest, durable;
    uint32_t life;
    uint64_t wake_at_ns;
    bool proposed, decided; /* in this life */
};

struct world {
    struct prng prng;
    uint32_t count, prepare, vote;
    decree_node_id ids[MEMBERS_MAX];
    struct member members[MEMBERS_MAX];
    struct decree_synod_message queue[QUEUE_MAX]; /* each refers to its value */
    uint32_t queued;
    uint64_t now_ns, seed;
    bool proposed[MEMBERS_MAX]; /* "vI" by member I, in any life */
    struct decision decisions[DECISIONS_MAX];
    uint32_t decision_count;
    uint32_t disk, crash;    /* how often a record is synced, and a member crashes, in percent */
    uint32_t crashes, duels; /* duels: promises that refused */
};

static struct world *worlds[WORLDS];

static uint32_t pick(struct world *world, uint32_t bound)
{
    return (uint32_t)prng_below(&world->prng, bound);
}

static void record_keep(struct decree_synod_record *kept, const struct decree_synod_record *record)
{
    struct decree_value *old = kept->value;

    *kept = *record;
    decree_value_ref(kept->value);
    decree_value_unref(old);
}

/* ---- members ---- */

static void send_message(struct world *world, const struct decree_synod_message *message)
{
    world->duels += message->type == DECREE_SYNOD_REFUSED;
    if (world->queued == QUEUE_MAX)
        return;
    world->queue[world->queued] = *message;
    decree_value_ref(world->queue[world->queued++].value);
}

static void note_decision(struct world *world, uint32_t index, const struct decree_value *value)
{
    struct member *member = &world->members[index];
    struct decision *decision = &world->decisions[world->decision_count];

    if (member->decided) { /* it is told again in every take: it must stay what it was */
        for (uint32_t i = 0; i < world->decision_count; i++)
            if (world->decisions[i].member == index && world->decisions[i].life == member->life)
                decision = &world->decisions[i];
        assert_int_equal(strlen(decision->value), value->size);
        if (memcmp(decision->value, value->data, value->size) == 0)
            return;
        decision = &world->decisions[world->decision_count]; /* decides again: integrity will see */
    }
    assert_true(world->decision_count < DECISIONS_MAX);
    assert_true(value->size < sizeof(decision->value));
    *decision = (struct decision){.member = index, .life = member->life};
    memcpy(decision->value, value->data, value->size);
    world->decision_count++;
    member->decided = true;
}

static void step(struct world *world, uint32_t index, struct decree_synod_event event)
{
    struct member *member = &world->members[index];
    struct decree_synod_effects effects;

    event.now_ns = world->now_ns;
    assert_int_equal(decree_synod_step(member->synod, &event), 0);
    decree_synod_take(member->synod, &effects);
    if (effects.record != NULL)
        record_keep(&member->newest, effects.record);
    for (uint32_t i = 0; i < effects.message_count; i++)
        send_message(world, &effects.messages[i]);
    if (effects.decided != NULL)
        note_decision(world, index, effects.decided);
    member->wake_at_ns = effects.wake_at_ns;
}

static void start(struct world *world, uint32_t index)
{
    struct member *member = &world->members[index];
    uint64_t seed = ++world->seed;
    struct decree_synod_config config = {.self = world->ids[index],
                                         .members = world->ids,
                                         .member_count = world->count,
                                         .prepare_quorum = world->prepare,
                                         .vote_quorum = world->vote,
                                         .seed = seed};

    assert_int_equal(decree_synod_open(&member->synod, &config), 0);
    member->life++;
    member->proposed = member->decided = false;
    member->wake_at_ns = UINT64_MAX;
    record_keep(&member->newest, &member->durable);
    if (member->durable.version > 0)
        step(world, index,
             (struct decree_synod_event){.type = DECREE_SYNOD_RESTORE,
                                         .u.restore = member->durable});
}

static void crash(struct world *world, uint32_t index)
{
    struct member *member = &world->members[index];

    if (pick(world, 2) == 0) /* the write was on its way */
        record_keep(&member->durable, &member->newest);
    decree_synod_close(member->synod);
    member->synod = NULL;
    world->crashes++;
}

static void propose(struct world *world, uint32_t index)
{
    struct decree_value *value;
    char text[16];

    if (world->members[index].proposed)
        return;
    snprintf(text, sizeof(text), "v%u", index);
    value = decree_value_copy(text, (uint32_t)strlen(text));
    world->members[index].proposed = world->proposed[index] = true;
    step(world, index,
         (struct decree_synod_event){.type = DECREE_SYNOD_PROPOSE, .u.propose = value});
    decree_value_unref(value);
}

static void persist(struct world *world, uint32_t index)
{
    struct member *member = &world->members[index];

    if (member->newest.version == member->durable.version)
        return;
    record_keep(&member->durable, &member->newest);
    step(world, index,
         (struct decree_synod_event){.type = DECREE_SYNOD_PERSISTED,
                                     .u.persisted = member->durable.version});
}

static void wake(struct world *world, uint32_t index)
{
    if (world->members[index].wake_at_ns <= world->now_ns)
        step(world, index, (struct decree_synod_event){.type = DECREE_SYNOD_WAKE});
}

/* Takes the message at this place off the queue: it arrives, or is lost; a copy may stay. */
static void move_message(struct world *world, uint32_t place, bool arrives, bool copied)
{
    struct decree_synod_message message = world->queue[place];
    uint32_t to = message.to - 1;

    if (copied)
        decree_value_ref(message.value);
    else
        world->queue[place] = world->queue[--world->queued];
    if (arrives && world->members[to].synod != NULL)
        step(world, to,
             (struct decree_synod_event){.type = DECREE_SYNOD_MESSAGE, .u.message = message});
    decree_value_unref(message.value);
}

/* ---- what may happen ---- */

static void act(struct world *world)
{
    uint32_t index = pick(world, world->count), action = pick(world, 100);

    if (action < 50 && world->queued > 0) {
        move_message(world, pick(world, world->queued), pick(world, 5) != 0, pick(world, 10) == 0);
        return;
    }
    world->now_ns += pick(world, 10) * MS;
    if (world->members[index].synod == NULL) {
        if (action < 70)
            start(world, index);
        return;
    }
    if (pick(world, 100) < world->crash)
        crash(world, index);
    else if (pick(world, 100) < world->disk)
        persist(world, index);
    else if (action < 90)
        wake(world, index);
    else
        propose(world, index);
}

static bool all_have_decided(const struct world *world)
{
    for (uint32_t i = 0; i < world->count; i++)
        if (!world->members[i].decided)
            return false;
    return true;
}

/* Nothing fails any more. Gives up in the end: termination will see. */
static void heal(struct world *world)
{
    for (uint32_t i = 0; i < world->count; i++)
        if (world->members[i].synod == NULL)
            start(world, i);
    propose(world, 0); /* somebody wants a decision, and all want to know it */
    for (uint32_t i = 0; i < world->count; i++)
        step(world, i, (struct decree_synod_event){.type = DECREE_SYNOD_LEARN});
    for (uint32_t turn = 0; turn < HEAL_LIMIT && !all_have_decided(world); turn++) {
        world->now_ns += MS;
        for (uint32_t left = world->queued; left > 0 && world->queued > 0; left--)
            move_message(world, 0, true, false);
        for (uint32_t i = 0; i < world->count; i++) {
            persist(world, i);
            wake(world, i);
        }
    }
}

static struct world *play(uint64_t seed)
{
    static const uint32_t counts[] = {1, 2, 3, 3, 4, 5};
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    prng_init(&world->prng, seed);
    world->seed = seed * 1000;
    world->count = counts[pick(world, 6)];
    world->disk = 5 + pick(world, 60);
    world->crash = 1 + pick(world, 5);
    world->vote = 1 + pick(world, world->count);
    world->prepare = world->count + 1 - world->vote;
    for (uint32_t i = 0; i < world->count; i++)
        world->ids[i] = i + 1;
    for (uint32_t i = 0; i < world->count; i++)
        start(world, i);
    for (uint32_t i = 0; i < ACTIONS && world->decision_count < DECISIONS_MAX - 2 * MEMBERS_MAX;
         i++)
        act(world);
    heal(world);
    return world;
}

static int play_all(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORLDS; i++)
        worlds[i] = play(i + 1);
    return 0;
}

static int release_all(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORLDS; i++) {
        struct world *world = worlds[i];

        for (uint32_t j = 0; j < world->count; j++) {
            decree_synod_close(world->members[j].synod);
            decree_value_unref(world->members[j].newest.value);
            decree_value_unref(world->members[j].durable.value);
        }
        while (world->queued > 0)
            decree_value_unref(world->queue[--world->queued].value);
        free(world);
    }
    return 0;
}

/* ---- the properties ---- */

static void there_was_something_to_agree_on(void **state)
{
    uint32_t crashes = 0, duels = 0, decisions = 0, proposers = 0;

    (void)state;
    for (uint32_t i = 0; i < WORLDS; i++) {
        crashes += worlds[i]->crashes;
        duels += worlds[i]->duels;
        decisions += worlds[i]->decision_count;
        for (uint32_t j = 0; j < worlds[i]->count; j++)
            proposers += worlds[i]->proposed[j];
    }
    print_message("%u worlds: %u crashes, %u refusals, %u proposers, %u decisions\n", WORLDS,
                  crashes, duels, proposers, decisions);
    assert_true(crashes > WORLDS);
    assert_true(duels > WORLDS);
    assert_true(proposers > 2 * WORLDS);
}

/* Every member that is up in the end has decided. */
static void termination(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORLDS; i++)
        for (uint32_t j = 0; j < worlds[i]->count; j++)
            assert_true(worlds[i]->members[j].decided);
}

/* What is decided was proposed. */
static void validity(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORLDS; i++) {
        for (uint32_t j = 0; j < worlds[i]->decision_count; j++) {
            const char *value = worlds[i]->decisions[j].value;
            uint32_t proposer = (uint32_t)(value[1] - '0');

            assert_int_equal(value[0], 'v');
            assert_true(proposer < worlds[i]->count);
            assert_true(worlds[i]->proposed[proposer]);
        }
    }
}

/* No member decides twice. */
static void integrity(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORLDS; i++) {
        const struct decision *decisions = worlds[i]->decisions;

        for (uint32_t j = 0; j < worlds[i]->decision_count; j++)
            for (uint32_t k = 0; k < j; k++)
                assert_false(decisions[j].member == decisions[k].member &&
                             decisions[j].life == decisions[k].life);
    }
}

/* No two members decide differently, also not one that crashes right after. */
static void uniform_agreement(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < WORLDS; i++)
        for (uint32_t j = 1; j < worlds[i]->decision_count; j++)
            assert_string_equal(worlds[i]->decisions[j].value, worlds[i]->decisions[0].value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_was_something_to_agree_on),
        cmocka_unit_test(termination),
        cmocka_unit_test(validity),
        cmocka_unit_test(integrity),
        cmocka_unit_test(uniform_agreement),
    };

    return cmocka_run_group_tests(tests, play_all, release_all);
}
