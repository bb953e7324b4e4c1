/* SPDX-License-Identifier: MIT */
/* peer_message.h -- what nodes say to each other: a message of one of the protocols. */
#ifndef DECREE_PORT_PEER_MESSAGE_H
#define DECREE_PORT_PEER_MESSAGE_H

#include <decree/paxos.h>
#include <decree/register.h>
#include <decree/synod.h>

enum peer_protocol { PEER_PAXOS = 1, PEER_SYNOD, PEER_REGISTER };

struct peer_message { /* borrows the message that it points to */
    enum peer_protocol protocol;
    union {
        const struct decree_message *paxos;
        const struct decree_synod_message *synod;
        const struct decree_register_message *reg;
    } u;
};

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

#endif
