/* SPDX-License-Identifier: MIT */
/* sim_witness.c -- passes on to the checkers and to the trace what the engine of a node does. */
#include "sim_witness.h"

#include <errno.h>
#include <inttypes.h>

#include "sim_describe.h"

static void judge(struct sim_cluster *cluster)
{
    if (cluster->verdict->failed)
        world_stop(cluster->world);
}

/* Of the operation or the message in a command; 0: it is none. */
static uint64_t number_of(const struct decree_value *value)
{
    struct registers_command command = {.operation = 0};

    if (value == NULL)
        return 0;
    if (broadcasts_owns(value->data, value->size))
        return broadcasts_number(value->data, value->size);
    (void)registers_decode(&command, value->data, value->size);
    return command.operation;
}

void sim_witness_decision(void *context, decree_slot slot, const struct decree_command *command)
{
    struct sim_node *node = context;
    struct sim_cluster *cluster = node->cluster;
    uint64_t now_ns = cluster->world->now_ns;
    uint64_t operation = 0;

    apply_order_on_decision(&cluster->apply_order, now_ns, node->id, slot, command);
    agreement_on_decision(&cluster->agreement, now_ns, node->id, slot, command);
    if (command->origin != 0) {
        operation = number_of(command->value);
        if (operation == 0)
            verdict_fail(cluster->verdict, "integrity", now_ns,
                         "node %u: slot %" PRIu64
                         " holds bytes that nobody proposed; expected a command",
                         node->id, slot);
        exactly_once_on_decision(&cluster->exactly_once, now_ns, node->id, slot, command,
                                 operation);
    }
    durability_on_decision(&cluster->durability, node->id, slot, operation);
    world_note(cluster->world, slot * 31 + operation);
    judge(cluster);
}

void *sim_witness_apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct sim_node *node = context;
    struct registers_command command;

    apply_order_on_apply(&node->cluster->apply_order, node->cluster->world->now_ns, node->id, slot);
    if (broadcasts_owns(data, size))
        broadcasts_apply(&node->cluster->broadcasts, node->id, data, size);
    judge(node->cluster);
    if (!registers_decode(&command, data, size))
        return NULL;
    return registers_apply(&node->registers, &command);
}

void sim_witness_trouble(void *context, int system_errno, const char *what)
{
    struct sim_node *node = context;
    struct sim_cluster *cluster = node->cluster;

    (void)what;
    sim_trace_put(cluster->trace, cluster->world->now_ns, node->id, "%s",
                  system_errno == 0        ? "disk works"
                  : system_errno == ENOSPC ? "DISK FULL"
                                           : "WRITE FAILS");
}

void sim_witness_trace(void *context, const struct decree_trace *trace)
{
    struct sim_node *node = context;
    struct sim_cluster *cluster = node->cluster;
    char text[SIM_TRACE_CELL_MAX];

    if (trace->type == DECREE_TRACE_ADOPTED) {
        ballots_on_adopted(&cluster->ballots, cluster->world->now_ns, node->id, trace->ballot);
        judge(cluster);
    }
    if (cluster->on_trace != NULL)
        cluster->on_trace(cluster->on_trace_context, node, trace);
    if (!sim_trace_wants(cluster->trace))
        return;
    sim_describe_trace(text, sizeof(text), trace);
    sim_trace_mark(cluster->trace, cluster->world->now_ns, node->id,
                   trace->type == DECREE_TRACE_ADOPTED   ? SIM_MARK_LEADS
                   : trace->type == DECREE_TRACE_DECIDED ? SIM_MARK_DECIDED
                                                         : SIM_MARK_NOTE,
                   "%s", text);
}
