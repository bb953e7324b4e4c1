/* SPDX-License-Identifier: MIT */
/* message.c -- names and sanity of messages; see message.h. */
#include "message.h"

#include "ballot.h"

static const char *const message_names[] = {"?",
#define MESSAGE_NAME(name, text, fields) text,
                                            DECREE_MESSAGE_TABLE(MESSAGE_NAME)
#undef MESSAGE_NAME
};

static const char *const trace_names[] = {"?",
#define TRACE_NAME(name, text) text,
                                          DECREE_TRACE_TABLE(TRACE_NAME)
#undef TRACE_NAME
};

const char *decree_message_name(enum decree_message_type type)
{
    size_t index = (size_t)type;

    return message_names[index < sizeof(message_names) / sizeof(message_names[0]) ? index : 0];
}

const char *decree_trace_name(enum decree_trace_type type)
{
    size_t index = (size_t)type;

    return trace_names[index < sizeof(trace_names) / sizeof(trace_names[0]) ? index : 0];
}

int decree_ballot_compare(struct decree_ballot a, struct decree_ballot b)
{
    return ballot_compare(a, b);
}

/* Slots and rounds count up from one, so larger ones are never true, and sums of smaller ones never
 * wrap. */
#define NUMBER_MAX (UINT64_MAX / 2)

static bool command_is_sane(const struct decree_command *command, const struct outbox *outbox)
{
    if (command->origin == 0)
        return command->value == NULL;
    return command->value != NULL && command->value->size <= outbox->config->value_bytes_max;
}

/* Commands that make sense, and for successive slots from the first, each in a ballot if
 * with_ballots. */
static bool run_is_sane(const struct decree_message *message, uint32_t window, bool with_ballots,
                        const struct outbox *outbox)
{
    decree_slot first = message->pvalue_count == 0 ? 0 : message->pvalues[0].slot;

    if (message->pvalue_count > window || first < message->slot || first > NUMBER_MAX)
        return message->pvalue_count == 0;
    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        const struct decree_pvalue *pvalue = &message->pvalues[i];

        if (pvalue->slot != first + i || pvalue->slot == 0 ||
            !command_is_sane(&pvalue->command, outbox))
            return false;
        if (with_ballots && (ballot_is_bottom(pvalue->ballot) || pvalue->ballot.round > NUMBER_MAX))
            return false;
    }
    return true;
}

static bool proposals_are_sane(const struct decree_message *message, const struct outbox *outbox)
{
    if (message->pvalue_count > outbox->config->proposals_max)
        return false;
    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        const struct decree_command *command = &message->pvalues[i].command;

        if (quorum_index(&outbox->quorum, command->origin) == DECREE_MEMBERS_MAX ||
            command->sequence == 0 || !command_is_sane(command, outbox))
            return false;
    }
    return message->pvalue_count > 0;
}

static bool numbers_are_sane(const struct decree_message *message)
{
    return message->ballot.round <= NUMBER_MAX && message->slot <= NUMBER_MAX &&
           message->last <= NUMBER_MAX && message->decided <= NUMBER_MAX &&
           message->round <= NUMBER_MAX;
}

bool message_is_sane(const struct decree_message *message, uint32_t window,
                     const struct outbox *outbox)
{
    bool from_leader = message->from == message->ballot.node;

    if (message->to != outbox->config->self || message->from == outbox->config->self ||
        quorum_index(&outbox->quorum, message->from) == DECREE_MEMBERS_MAX ||
        !numbers_are_sane(message))
        return false;
    switch (message->type) {
    case DECREE_P1A:
        return from_leader && message->slot > 0;
    case DECREE_HAND_OVER:
        return from_leader;
    case DECREE_P1B:
        return run_is_sane(message, window, true, outbox);
    case DECREE_P2A:
        return from_leader && message->pvalue_count > 0 &&
               message->pvalues[0].slot == message->slot &&
               run_is_sane(message, window, false, outbox);
    case DECREE_P2B:
        return message->count <= window && message->slot > 0;
    case DECREE_DECISION:
        return run_is_sane(message, window, true, outbox);
    case DECREE_CATCH_UP:
        return message->slot > 0;
    case DECREE_PROPOSE:
        return proposals_are_sane(message, outbox);
    case DECREE_HEARTBEAT:
    case DECREE_HEARTBEAT_ACK:
    case DECREE_READ:
    case DECREE_READ_OK:
        return true;
    case DECREE_MESSAGE_NONE:
    case DECREE_MESSAGE_TYPES:
        return false;
    }
    return false;
}
