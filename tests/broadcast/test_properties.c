/* SPDX-License-Identifier: MIT */
/* test_properties.c -- the properties of total order broadcast, each a test of its name.
 *
 * Small worlds at random are played out once, with real cores: messages are lost, copied and
 * reordered, disks are slow, nodes crash and lose what was not synced. Then all is healed, and what
 * was broadcast and what each life of each node delivered is judged, property by property.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cores.h"
#include "holdback.h"
#include "prng.h"
#include "sender.h"

#define WORLDS 60u
#define NODES 3u
#define ACTIONS 2500u
#define MESSAGES_MAX 600u
#define LIVES_MAX 200u

struct message {
    decree_node_id origin;
    uint64_t incarnation, sequence;
};

struct life { /* of a node, from a start to a crash */
    decree_node_id node;
    uint64_t incarnation;
    bool to_the_end;
    struct message delivered[MESSAGES_MAX];
    uint32_t count;
};

struct world {
    struct cores cores;
    struct prng prng;
    struct holdback holdbacks[NODES + 1];
    struct sender senders[NODES + 1];
    struct life *lives[LIVES_MAX], *now[NODES + 1];
    uint32_t life_count;
    struct message broadcast[MESSAGES_MAX];
    uint32_t broadcast_count;
    uint64_t held; /* messages that came early, in all lives */
};

static struct world *worlds[WORLDS];

static uint32_t pick(struct world *world, uint32_t bound)
{
    return (uint32_t)prng_below(&world->prng, bound);
}

/* ---- nodes that broadcast and deliver ---- */

static void note_delivered(struct world *world, decree_node_id node, const struct envelope *message)
{
    struct life *life = world->now[node];
    char name[64];

    snprintf(name, sizeof(name), "%u of %u in %u", (unsigned)message->sequence, message->origin,
             (unsigned)message->incarnation);
    assert_int_equal(message->size, strlen(name)); /* the bytes are those that were broadcast */
    assert_memory_equal(message->message, name, message->size);
    assert_true(life->count < MESSAGES_MAX);
    life->delivered[life->count++] = (struct message){message->origin, message->incarnation,
                                                      message->sequence};
    (void)sender_delivered(&world->senders[node], message);
}

static void on_effects(void *context, decree_node_id node, const struct decree_effects *effects)
{
    struct world *world = context;
    struct holdback *holdback = &world->holdbacks[node];
    struct envelope message;

    for (uint32_t i = 0; i < effects->decision_count; i++) {
        const struct decree_command *command = &effects->decisions[i].command;
        uint32_t held = holdback->origins[command->origin].count;

        if (command->origin == 0)
            continue;
        holdback_take_in(holdback, command->value->data, command->value->size);
        world->held += holdback->origins[command->origin].count > held;
        while (holdback_next(holdback, &message))
            note_delivered(world, node, &message);
    }
}

static void start(struct world *world, decree_node_id node)
{
    struct life *life = calloc(1, sizeof(*life));

    assert_non_null(life);
    assert_true(world->life_count < LIVES_MAX);
    life->node = node;
    world->lives[world->life_count++] = world->now[node] = life;
    holdback_release(&world->holdbacks[node]);
    assert_int_equal(cores_start(&world->cores, node), 0);
    life->incarnation = cores_status(&world->cores, node).incarnation;
    sender_init(&world->senders[node], node, life->incarnation);
}

static void broadcast(struct world *world, decree_node_id node)
{
    uint8_t command[ENVELOPE_BYTES_MAX + 64];
    struct envelope envelope;
    uint32_t head;
    int size;

    if (world->broadcast_count == MESSAGES_MAX ||
        sender_name(&world->senders[node], 0, &envelope) != 0)
        return;
    head = envelope_write(&envelope, command);
    size = snprintf((char *)command + head, 64, "%u of %u in %u", (unsigned)envelope.sequence, node,
                    (unsigned)envelope.incarnation);
    assert_true(size > 0);
    if (cores_propose(&world->cores, node, (const char *)command) != 0)
        return;
    sender_sent(&world->senders[node], (uint32_t)size);
    world->broadcast[world->broadcast_count++] = (struct message){node, envelope.incarnation,
                                                                  envelope.sequence};
}

/* ---- what may happen ---- */

static void move_message(struct world *world, decree_node_id from, decree_node_id to)
{
    struct cores_link *link = &world->cores.links[from - 1][to - 1];
    uint32_t place = link->count == 0 ? 0 : pick(world, link->count);

    if (link->count == 0)
        return;
    if (world->cores.nodes[to - 1].core == NULL || pick(world, 100) < 15)
        cores_drop(&world->cores, from, to, place);
    else if (pick(world, 100) < 10 && link->count < 100)
        cores_copy(&world->cores, from, to, place);
    else
        (void)cores_deliver(&world->cores, from, to, place);
}

static void pass_time(struct world *world)
{
    struct cores *cores = &world->cores;

    cores->now_ns += pick(world, 15) * CORES_MS;
    for (decree_node_id id = 1; id <= NODES; id++)
        if (cores_node(cores, id)->core != NULL &&
            cores_node(cores, id)->wake_at_ns <= cores->now_ns)
            cores_wake(cores, id);
}

static void crash(struct world *world, decree_node_id id)
{
    const struct cores_journal *journal = &cores_node(&world->cores, id)->journal;
    uint64_t open = journal->count - journal->synced;

    cores_crash(&world->cores, id, journal->synced + pick(world, (uint32_t)open + 1));
}

static void act(struct world *world)
{
    decree_node_id id = 1 + pick(world, NODES);
    bool down = cores_node(&world->cores, id)->core == NULL;
    uint32_t action = pick(world, 200);

    if (action < 100)
        move_message(world, id, 1 + (id + pick(world, NODES - 1)) % NODES);
    else if (action < 130)
        pass_time(world);
    else if (down && action < 140)
        start(world, id);
    else if (down)
        return;
    else if (action == 199 && pick(world, 4) == 0)
        crash(world, id);
    else if (action < 170)
        cores_persist(&world->cores, id, 0);
    else if (action < 185)
        broadcast(world, id);
    else if (cores_node(&world->cores, id)->fetch_count > 0)
        (void)cores_fetch(&world->cores, id);
}

static struct world *play(uint64_t seed)
{
    struct decree_config config = {.log_slots_max = 64,
                                   .proposals_max = 64,
                                   .message_bytes_max = 40, /* few to a message */
                                   .heartbeat_every_ns = 20 * CORES_MS,
                                   .suspect_after_ns = 100 * CORES_MS,
                                   .seed = seed};
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    prng_init(&world->prng, seed);
    cores_init(&world->cores, NODES, &config);
    world->cores.context = world;
    world->cores.on_effects = on_effects;
    for (decree_node_id id = 1; id <= NODES; id++)
        start(world, id);
    for (uint32_t i = 0; i < ACTIONS; i++)
        act(world);
    for (decree_node_id id = 1; id <= NODES; id++)
        if (cores_node(&world->cores, id)->core == NULL)
            start(world, id);
    cores_run(&world->cores, 5000 * CORES_MS);
    for (decree_node_id id = 1; id <= NODES; id++)
        world->now[id]->to_the_end = true;
    assert_string_equal(world->cores.failure, "");
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
        for (uint32_t life = 0; life < worlds[i]->life_count; life++)
            free(worlds[i]->lives[life]);
        for (decree_node_id id = 1; id <= NODES; id++)
            holdback_release(&worlds[i]->holdbacks[id]);
        cores_release(&worlds[i]->cores);
        free(worlds[i]);
    }
    return 0;
}

/* ---- the properties ---- */

static bool same(const struct message *a, const struct message *b)
{
    return a->origin == b->origin && a->incarnation == b->incarnation && a->sequence == b->sequence;
}

static bool is_in(const struct message *messages, uint32_t count, const struct message *message)
{
    for (uint32_t i = 0; i < count; i++)
        if (same(&messages[i], message))
            return true;
    return false;
}

typedef void property(const struct world *world, const struct life *life);

static void hold_in_every_life(property *holds)
{
    for (uint32_t i = 0; i < WORLDS; i++)
        for (uint32_t life = 0; life < worlds[i]->life_count; life++)
            holds(worlds[i], worlds[i]->lives[life]);
}

/* The worlds are such that the properties are not got for nothing. */
static void there_was_something_to_put_right(void **state)
{
    uint64_t held = 0, lives = 0, delivered = 0, lost = 0;

    (void)state;
    for (uint32_t i = 0; i < WORLDS; i++) {
        held += worlds[i]->held;
        lives += worlds[i]->life_count;
        delivered += worlds[i]->now[1]->count;
        lost += worlds[i]->broadcast_count - worlds[i]->now[1]->count;
    }
    print_message(
        "%u worlds: %u lives, %u messages delivered, %u lost with their origin, %u held back\n",
        WORLDS, (unsigned)lives, (unsigned)delivered, (unsigned)lost, (unsigned)held);
    assert_true(held > WORLDS);
    assert_true(lives > 2 * WORLDS + NODES * WORLDS);
    assert_true(delivered > 40 * WORLDS);
    assert_true(lost > 0);
}

/* If a member that stays up broadcasts a message, it delivers it. */
static void validity_of(const struct world *world, const struct life *life)
{
    for (uint32_t i = 0; i < world->broadcast_count; i++)
        if (life->to_the_end && world->broadcast[i].origin == life->node &&
            world->broadcast[i].incarnation == life->incarnation)
            assert_true(is_in(life->delivered, life->count, &world->broadcast[i]));
}

static void validity(void **state)
{
    (void)state;
    hold_in_every_life(validity_of);
}

/* If any life delivers a message, also one that crashed at once, all that live on deliver it. */
static void uniform_agreement_of(const struct world *world, const struct life *life)
{
    for (decree_node_id id = 1; id <= NODES; id++)
        for (uint32_t i = 0; i < life->count; i++)
            assert_true(
                is_in(world->now[id]->delivered, world->now[id]->count, &life->delivered[i]));
}

static void uniform_agreement(void **state)
{
    (void)state;
    hold_in_every_life(uniform_agreement_of);
}

/* Of two lives, what one delivered begins with what the other delivered. */
static void total_order_of(const struct world *world, const struct life *life)
{
    for (uint32_t other = 0; other < world->life_count; other++) {
        const struct life *second = world->lives[other];

        for (uint32_t i = 0; i < life->count && i < second->count; i++)
            assert_true(same(&life->delivered[i], &second->delivered[i]));
    }
}

static void total_order(void **state)
{
    (void)state;
    hold_in_every_life(total_order_of);
}

static void no_duplication_of(const struct world *world, const struct life *life)
{
    assert_true(world->life_count > 0);
    for (uint32_t i = 0; i < life->count; i++)
        assert_false(is_in(life->delivered, i, &life->delivered[i]));
}

static void no_duplication(void **state)
{
    (void)state;
    hold_in_every_life(no_duplication_of);
}

static void no_creation_of(const struct world *world, const struct life *life)
{
    for (uint32_t i = 0; i < life->count; i++)
        assert_true(is_in(world->broadcast, world->broadcast_count, &life->delivered[i]));
}

static void no_creation(void **state)
{
    (void)state;
    hold_in_every_life(no_creation_of);
}

/* Who delivers a message has delivered all that the same run of its origin broadcast before, and
 * nothing that a later run did. */
static void fifo_per_origin_of(const struct world *world, const struct life *life)
{
    struct message last[NODES + 1] = {{0}};

    assert_true(world->life_count > 0);
    for (uint32_t i = 0; i < life->count; i++) {
        const struct message *message = &life->delivered[i];
        struct message *before = &last[message->origin];

        assert_true(message->incarnation >= before->incarnation);
        if (message->incarnation > before->incarnation)
            before->sequence = 0;
        assert_int_equal(message->sequence, before->sequence + 1);
        *before = *message;
    }
}

static void fifo_per_origin(void **state)
{
    (void)state;
    hold_in_every_life(fifo_per_origin_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_was_something_to_put_right),
        cmocka_unit_test(validity),
        cmocka_unit_test(uniform_agreement),
        cmocka_unit_test(total_order),
        cmocka_unit_test(no_duplication),
        cmocka_unit_test(no_creation),
        cmocka_unit_test(fifo_per_origin),
    };

    return cmocka_run_group_tests(tests, play_all, release_all);
}
