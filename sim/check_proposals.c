/* SPDX-License-Identifier: MIT */
/* check_proposals.c -- a table of facts by the hash of what they are about. */
#include "check_proposals.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "checksum.h"

void proposals_release(struct proposals *proposals)
{
    free(proposals->facts);
}

static struct proposal_fact *fact_place(struct proposal_fact *facts, size_t room, uint64_t name)
{
    size_t place = (size_t)name & (room - 1);

    while (facts[place].name != 0 && facts[place].name != name)
        place = (place + 1) & (room - 1);
    return &facts[place];
}

static void make_room(struct proposals *proposals)
{
    size_t room = proposals->room == 0 ? 1024 : 2 * proposals->room;
    struct proposal_fact *facts;

    if (2 * proposals->count < proposals->room)
        return;
    facts = calloc(room, sizeof(*facts));
    assert(facts != NULL);
    for (size_t i = 0; i < proposals->room; i++)
        if (proposals->facts[i].name != 0)
            *fact_place(facts, room, proposals->facts[i].name) = proposals->facts[i];
    free(proposals->facts);
    proposals->facts = facts;
    proposals->room = room;
}

/* True when it is new, or as it was. */
static bool state_fact(struct proposals *proposals, uint64_t name, uint64_t value)
{
    struct proposal_fact *fact;

    make_room(proposals);
    fact = fact_place(proposals->facts, proposals->room, name | 1);
    if (fact->name == 0) {
        *fact = (struct proposal_fact){.name = name | 1, .value = value};
        proposals->count++;
    }
    return fact->value == value;
}

/* Short inputs with a seed are not mixed well enough to be told apart: all of it is hashed at once. */
static uint64_t name_of(const struct decree_register_message *message)
{
    uint64_t fields[] = {message->ballot.round, message->ballot.node,
                         message->type == DECREE_REGISTER_ACCEPT ? message->version : 0,
                         checksum(message->key.data, message->key.size, 0)};

    return checksum(fields, sizeof(fields), 0);
}

void proposals_on_message(struct proposals *proposals, uint64_t now_ns, uint64_t run,
                          const struct decree_register_message *message)
{
    if (message->type == DECREE_REGISTER_PREPARE) {
        size_t before = proposals->count;

        if (!state_fact(proposals, name_of(message), run))
            verdict_fail(proposals->verdict, "register-ballots", now_ns,
                         "node %u uses ballot %" PRIu64 ".%u again, which an earlier run has used",
                         message->from, message->ballot.round, message->ballot.node);
        proposals->ballots += proposals->count > before;
    }
    if (message->type != DECREE_REGISTER_ACCEPT)
        return;
    if (!state_fact(proposals, name_of(message),
                    checksum(message->value->data, message->value->size, 0)))
        verdict_fail(proposals->verdict, "register-ballots", now_ns,
                     "node %u: ballot %" PRIu64 ".%u has two values for version %" PRIu64,
                     message->from, message->ballot.round, message->ballot.node, message->version);
}
