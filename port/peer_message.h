/* SPDX-License-Identifier: MIT */
/* peer_message.h -- what nodes say to each other: a message of one of the protocols. */
#ifndef DECREE_PORT_PEER_MESSAGE_H
#define DECREE_PORT_PEER_MESSAGE_H

#include <decree/paxos.h>
#include <decree/register.h>
#include <decree/synod.h>

enum peer_protocol { PEER_PAXOS = 1, PEER_SYNOD, PEER_REGISTER };

/* One more than the highest type of a synod's messages. */
#define PEER_COUNT(name, text, fields) +1
enum { PEER_SYNOD_TYPES = 1 DECREE_SYNOD_MESSAGE_TABLE(PEER_COUNT) };
#undef PEER_COUNT

/* A static name such as "paxos". */
static inline const char *peer_protocol_name(enum peer_protocol protocol)
{
    switch (protocol) {
    case PEER_PAXOS:
        return "paxos";
    case PEER_SYNOD:
        return "synod";
    case PEER_REGISTER:
        return "register";
    }
    return "?";
}

struct peer_message { /* borrows the message that it points to */
    enum peer_protocol protocol;
    union {
        const struct decree_message *paxos;
        const struct decree_synod_message *synod;
        const struct decree_register_message *reg;
    } u;
};

/* A message of one of the protocols itself: for who makes one, or keeps one. */
struct peer_letter {
    enum peer_protocol protocol;
    union {
        struct decree_message paxos;
        struct decree_synod_message synod;
        struct decree_register_message reg;
    } u;
};

/* Borrows the letter. */
static inline struct peer_message peer_letter_message(const struct peer_letter *letter)
{
    struct peer_message message = {.protocol = letter->protocol};

    switch (letter->protocol) {
    case PEER_PAXOS:
        message.u.paxos = &letter->u.paxos;
        break;
    case PEER_SYNOD:
        message.u.synod = &letter->u.synod;
        break;
    case PEER_REGISTER:
        message.u.reg = &letter->u.reg;
        break;
    }
    return message;
}

static inline decree_node_id peer_message_from(const struct peer_message *message)
{
    switch (message->protocol) {
    case PEER_PAXOS:
        return message->u.paxos->from;
    case PEER_SYNOD:
        return message->u.synod->from;
    case PEER_REGISTER:
        return message->u.reg->from;
    }
    return 0;
}

static inline decree_node_id peer_message_to(const struct peer_message *message)
{
    switch (message->protocol) {
    case PEER_PAXOS:
        return message->u.paxos->to;
    case PEER_SYNOD:
        return message->u.synod->to;
    case PEER_REGISTER:
        return message->u.reg->to;
    }
    return 0;
}

/* What others wait for, and never large: it goes past what is large, on a way of its own. */
static inline bool peer_message_is_urgent(const struct peer_message *message)
{
    if (message->protocol != PEER_PAXOS)
        return false;
    switch (message->u.paxos->type) {
    case DECREE_P1A:
    case DECREE_P2B:
    case DECREE_HEARTBEAT:
    case DECREE_HEARTBEAT_ACK:
    case DECREE_READ:
    case DECREE_READ_OK:
    case DECREE_CATCH_UP:
    case DECREE_HAND_OVER:
        return true;
    case DECREE_P1B:
        return message->u.paxos->pvalue_count == 0;
    case DECREE_P2A:
    case DECREE_DECISION:
    case DECREE_PROPOSE:
    case DECREE_MESSAGE_NONE:
    case DECREE_MESSAGE_TYPES:
        break;
    }
    return false;
}

/* To be dropped while more than this is under way to its receiver. */
#define PEER_MESSAGE_AGAIN_BYTES (256u << 10)

static inline bool peer_message_is_again(const struct peer_message *message)
{
    return message->protocol == PEER_PAXOS && message->u.paxos->again;
}

#endif
