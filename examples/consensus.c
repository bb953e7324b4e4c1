/* SPDX-License-Identifier: MIT */
/* consensus.c -- propose and decide: three members of a synod in one process agree on one value.
 *
 *     ./consensus [SEED]
 *
 * Each proposes another value; all decide the same one. The synods do no input or output: this
 * program is their network, which loses a third of the messages and delivers the others in any
 * order; their clock; and their disk, which here is quick. The same seed gives the same run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/synod.h>

#define MEMBERS 3
#define ON_THE_WAY_MAX 256

struct world {
    struct decree_synod *synods[MEMBERS];
    uint64_t wake_at_ns[MEMBERS];
    struct decree_value *decided[MEMBERS];
    struct decree_synod_message on_the_way[ON_THE_WAY_MAX]; /* each refers to its value */
    uint32_t count;
    uint64_t now_ns, luck;
};

static uint32_t draw(struct world *world, uint32_t bound)
{
    world->luck = world->luck * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(world->luck >> 33) % bound;
}

static void send_message(struct world *world, const struct decree_synod_message *message)
{
    bool lost = draw(world, 3) == 0 || world->count == ON_THE_WAY_MAX;
    char ballot[40] = "";

    if (message->ballot.round > 0)
        snprintf(ballot, sizeof(ballot), " %" PRIu64 ".%u", message->ballot.round,
                 message->ballot.node);
    printf("%6.1f ms  %u > %u  %s%s%s\n", (double)world->now_ns / 1e6, message->from, message->to,
           decree_synod_message_name(message->type), ballot, lost ? "  lost" : "");
    if (lost)
        return;
    world->on_the_way[world->count++] = *message;
    decree_value_ref(message->value);
}

/* Gives an event to a member and does what it asks for in return. */
static void step(struct world *world, uint32_t member, struct decree_synod_event event)
{
    struct decree_synod_effects effects;

    do {
        event.now_ns = world->now_ns;
        if (decree_synod_step(world->synods[member], &event) != 0)
            exit(1);
        decree_synod_take(world->synods[member], &effects);
        for (uint32_t i = 0; i < effects.message_count; i++)
            send_message(world, &effects.messages[i]);
        if (effects.decided != NULL && world->decided[member] == NULL) {
            world->decided[member] = decree_value_ref(effects.decided);
            printf("%6.1f ms  %u decides %.*s\n", (double)world->now_ns / 1e6, member + 1,
                   (int)effects.decided->size, (const char *)effects.decided->data);
        }
        world->wake_at_ns[member] = effects.wake_at_ns;
        event.type = DECREE_SYNOD_PERSISTED; /* a real disk would take its time */
        if (effects.record != NULL)
            event.u.persisted = effects.record->version;
    } while (effects.record != NULL);
}

/* Any message that is on the way arrives; or time goes on, until a member wants to be woken. */
static void go_on(struct world *world)
{
    struct decree_synod_event event = {.type = DECREE_SYNOD_WAKE};
    uint32_t member = 0;

    if (world->count > 0) {
        uint32_t place = draw(world, world->count);

        event.type = DECREE_SYNOD_MESSAGE;
        event.u.message = world->on_the_way[place];
        world->on_the_way[place] = world->on_the_way[--world->count];
        world->now_ns += 500000;
        step(world, event.u.message.to - 1, event);
        decree_value_unref(event.u.message.value);
        return;
    }
    for (uint32_t i = 1; i < MEMBERS; i++)
        if (world->wake_at_ns[i] < world->wake_at_ns[member])
            member = i;
    if (world->wake_at_ns[member] > world->now_ns)
        world->now_ns = world->wake_at_ns[member];
    step(world, member, event);
}

static bool all_have_decided(const struct world *world)
{
    for (uint32_t i = 0; i < MEMBERS; i++)
        if (world->decided[i] == NULL)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    static const decree_node_id members[MEMBERS] = {1, 2, 3};
    static const char *const proposals[MEMBERS] = {"red", "green", "blue"};
    static struct world world;
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;

    world.luck = seed;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct decree_synod_config config = {
            .self = i + 1, .members = members, .member_count = MEMBERS, .seed = seed * MEMBERS + i};

        if (decree_synod_open(&world.synods[i], &config) != 0)
            return 1;
    }
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct decree_value *value = decree_value_copy(proposals[i],
                                                       (uint32_t)strlen(proposals[i]));

        step(&world, i,
             (struct decree_synod_event){.type = DECREE_SYNOD_PROPOSE, .u.propose = value});
        decree_value_unref(value);
    }
    while (!all_have_decided(&world))
        go_on(&world);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        decree_value_unref(world.decided[i]);
        decree_synod_close(world.synods[i]);
    }
    while (world.count > 0)
        decree_value_unref(world.on_the_way[--world.count].value);
    return 0;
}
