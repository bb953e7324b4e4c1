/* SPDX-License-Identifier: MIT */
/* peer_proto.c -- see peer_proto.h. The types have the same numbers on both sides. */
#include "peer_proto.h"

#include <assert.h>

#include "codec.h"
#include "value_block.h"

static const char no_memory[] = "takes more memory than there is";

/* ---- wrapping ---- */

/* A new message of the arena; NULL when out of memory. */
static void *make(struct arena *arena, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = arena_alloc(arena, descriptor->sizeof_message);

    if (message != NULL)
        protobuf_c_message_init(descriptor, message);
    return message;
}

/* False when out of memory. The bottom ballot is left out. */
static bool wrap_ballot(struct arena *arena, struct decree_ballot ballot,
                        Decree__V1__Ballot **ret_ballot)
{
    Decree__V1__Ballot *wrapped;

    if (ballot.round == 0 && ballot.node == 0)
        return true;
    wrapped = make(arena, &decree__v1__ballot__descriptor);
    if (wrapped == NULL)
        return false;
    wrapped->round = ballot.round;
    wrapped->node = ballot.node;
    *ret_ballot = wrapped;
    return true;
}

static ProtobufCBinaryData bytes_of(const struct decree_value *value)
{
    return (ProtobufCBinaryData){value->size, (uint8_t *)(uintptr_t)value->data};
}

static bool wrap_pvalue(struct arena *arena, const struct decree_pvalue *pvalue,
                        Decree__V1__Pvalue **ret_pvalue)
{
    Decree__V1__Pvalue *wrapped = make(arena, &decree__v1__pvalue__descriptor);

    if (wrapped == NULL)
        return false;
    wrapped->slot = pvalue->slot;
    wrapped->origin = pvalue->command.origin;
    wrapped->incarnation = pvalue->command.incarnation;
    wrapped->sequence = pvalue->command.sequence;
    if (pvalue->command.value != NULL) {
        wrapped->command_case = DECREE__V1__PVALUE__COMMAND_VALUE;
        wrapped->value = bytes_of(pvalue->command.value);
    }
    *ret_pvalue = wrapped;
    return wrap_ballot(arena, pvalue->ballot, &wrapped->ballot);
}

static Decree__V1__PaxosMessage *wrap_paxos(struct arena *arena,
                                            const struct decree_message *message)
{
    Decree__V1__PaxosMessage *paxos = make(arena, &decree__v1__paxos_message__descriptor);
    size_t list_size = message->pvalue_count * sizeof(Decree__V1__Pvalue *);

    if (paxos == NULL || message->pvalue_count > FRAME_PVALUES_MAX)
        return NULL;
    paxos->type = (Decree__V1__PaxosMessage__Type)message->type;
    paxos->slot = message->slot;
    paxos->last = message->last;
    paxos->decided = message->decided;
    paxos->round = message->round;
    paxos->age_ns = message->age_ns;
    paxos->count = message->count;
    if (!wrap_ballot(arena, message->ballot, &paxos->ballot))
        return NULL;
    if (message->pvalue_count == 0)
        return paxos;
    paxos->n_pvalues = message->pvalue_count;
    paxos->pvalues = arena_alloc(arena, list_size);
    if (paxos->pvalues == NULL)
        return NULL;
    for (uint32_t i = 0; i < message->pvalue_count; i++) {
        if (!wrap_pvalue(arena, &message->pvalues[i], &paxos->pvalues[i]))
            return NULL;
    }
    return paxos;
}

static Decree__V1__SynodMessage *wrap_synod(struct arena *arena,
                                            const struct decree_synod_message *message)
{
    Decree__V1__SynodMessage *synod = make(arena, &decree__v1__synod_message__descriptor);

    if (synod == NULL || !wrap_ballot(arena, message->ballot, &synod->ballot) ||
        !wrap_ballot(arena, message->voted, &synod->voted))
        return NULL;
    synod->type = (Decree__V1__SynodMessage__Type)message->type;
    if (message->value != NULL) {
        synod->content_case = DECREE__V1__SYNOD_MESSAGE__CONTENT_VALUE;
        synod->value = bytes_of(message->value);
    }
    return synod;
}

static bool wrap_mark(struct arena *arena, const struct decree_register_mark *mark,
                      Decree__V1__Mark **ret_mark)
{
    Decree__V1__Mark *wrapped;

    if (mark->node == 0 && mark->incarnation == 0 && mark->sequence == 0)
        return true;
    wrapped = make(arena, &decree__v1__mark__descriptor);
    if (wrapped == NULL)
        return false;
    wrapped->node = mark->node;
    wrapped->incarnation = mark->incarnation;
    wrapped->sequence = mark->sequence;
    *ret_mark = wrapped;
    return true;
}

static Decree__V1__RegisterMessage *wrap_register(struct arena *arena,
                                                  const struct decree_register_message *message)
{
    Decree__V1__RegisterMessage *reg = make(arena, &decree__v1__register_message__descriptor);

    if (reg == NULL || !wrap_ballot(arena, message->ballot, &reg->ballot) ||
        !wrap_ballot(arena, message->voted, &reg->voted) ||
        !wrap_mark(arena, &message->mark, &reg->mark))
        return NULL;
    reg->type = (Decree__V1__RegisterMessage__Type)message->type;
    reg->key = (ProtobufCBinaryData){message->key.size, (uint8_t *)(uintptr_t)message->key.data};
    reg->version = message->version;
    reg->number = message->number;
    reg->first = message->first;
    reg->next = message->next;
    reg->decided = message->decided;
    if (message->value != NULL) {
        reg->content_case = DECREE__V1__REGISTER_MESSAGE__CONTENT_VALUE;
        reg->value = bytes_of(message->value);
    }
    return reg;
}

Decree__V1__Message *peer_proto_wrap(struct arena *arena, uint64_t cluster_id,
                                     const struct peer_message *message)
{
    Decree__V1__Message *wrapped = make(arena, &decree__v1__message__descriptor);
    bool done = false;

    if (wrapped == NULL)
        return NULL;
    wrapped->cluster_id = cluster_id;
    wrapped->sender = peer_message_from(message);
    wrapped->receiver = peer_message_to(message);
    switch (message->protocol) {
    case PEER_PAXOS:
        wrapped->protocol_case = DECREE__V1__MESSAGE__PROTOCOL_PAXOS;
        wrapped->paxos = wrap_paxos(arena, message->u.paxos);
        done = wrapped->paxos != NULL;
        break;
    case PEER_SYNOD:
        wrapped->protocol_case = DECREE__V1__MESSAGE__PROTOCOL_SYNOD;
        wrapped->synod = wrap_synod(arena, message->u.synod);
        done = wrapped->synod != NULL;
        break;
    case PEER_REGISTER:
        wrapped->protocol_case = DECREE__V1__MESSAGE__PROTOCOL_REGISTER;
        wrapped->register_ = wrap_register(arena, message->u.reg);
        done = wrapped->register_ != NULL;
        break;
    }
    return done ? wrapped : NULL;
}

/* ---- unwrapping ---- */

static struct decree_ballot unwrap_ballot(const Decree__V1__Ballot *ballot)
{
    return ballot == NULL ? (struct decree_ballot){0}
                          : (struct decree_ballot){ballot->round, ballot->node};
}

/* The memory for all values. False when there is none; NULL: there are no values. */
static bool block_for(const Decree__V1__PaxosMessage *paxos, struct value_block **ret_block)
{
    uint32_t count = 0;
    size_t size = 0;

    for (size_t i = 0; i < paxos->n_pvalues; i++) {
        if (paxos->pvalues[i]->command_case != DECREE__V1__PVALUE__COMMAND_VALUE)
            continue;
        count++;
        size += paxos->pvalues[i]->value.len;
    }
    *ret_block = count > 0 ? value_block_new(count, size, NULL) : NULL;
    return count == 0 || *ret_block != NULL;
}

static void unwrap_pvalue(const Decree__V1__Pvalue *wrapped, struct value_block *block,
                          struct decree_pvalue *ret_pvalue)
{
    *ret_pvalue = (struct decree_pvalue){
        .ballot = unwrap_ballot(wrapped->ballot),
        .slot = wrapped->slot,
        .command = {wrapped->origin, wrapped->incarnation, wrapped->sequence, NULL}};
    if (wrapped->command_case == DECREE__V1__PVALUE__COMMAND_VALUE)
        ret_pvalue->command.value = value_block_add(block, wrapped->value.data,
                                                    (uint32_t)wrapped->value.len);
}

static const char *unwrap_pvalues(struct arena *arena, const Decree__V1__PaxosMessage *paxos,
                                  struct decree_message *message)
{
    struct decree_pvalue *pvalues;
    struct value_block *block;

    if (paxos->n_pvalues > FRAME_PVALUES_MAX)
        return "paxos.pvalues: too many";
    if (paxos->n_pvalues == 0)
        return NULL;
    pvalues = arena_alloc(arena, paxos->n_pvalues * sizeof(*pvalues));
    if (pvalues == NULL || !block_for(paxos, &block))
        return no_memory;
    for (size_t i = 0; i < paxos->n_pvalues; i++)
        unwrap_pvalue(paxos->pvalues[i], block, &pvalues[i]);
    message->pvalues = pvalues;
    message->pvalue_count = (uint32_t)paxos->n_pvalues;
    return NULL;
}

static const char *unwrap_paxos(struct arena *arena, const Decree__V1__PaxosMessage *paxos,
                                struct decree_message *message)
{
    if ((int)paxos->type <= 0 || (int)paxos->type >= (int)DECREE_MESSAGE_TYPES)
        return "paxos.type: none that there is";
    message->type = (enum decree_message_type)paxos->type;
    message->ballot = unwrap_ballot(paxos->ballot);
    message->slot = paxos->slot;
    message->last = paxos->last;
    message->decided = paxos->decided;
    message->round = paxos->round;
    message->age_ns = paxos->age_ns;
    message->count = paxos->count;
    return unwrap_pvalues(arena, paxos, message);
}

/* One value, if it is there. */
static const char *unwrap_value(bool is_there, const ProtobufCBinaryData *bytes,
                                struct decree_value **ret_value)
{
    struct value_block *block;

    *ret_value = NULL;
    if (!is_there)
        return NULL;
    block = value_block_new(1, bytes->len, NULL);
    if (block == NULL)
        return no_memory;
    *ret_value = value_block_add(block, bytes->data, (uint32_t)bytes->len);
    return NULL;
}

static const char *unwrap_synod(const Decree__V1__SynodMessage *synod,
                                struct decree_synod_message *message)
{
    if ((int)synod->type <= 0 || (int)synod->type >= (int)PEER_SYNOD_TYPES)
        return "synod.type: none that there is";
    message->type = (enum decree_synod_message_type)synod->type;
    message->ballot = unwrap_ballot(synod->ballot);
    message->voted = unwrap_ballot(synod->voted);
    return unwrap_value(synod->content_case == DECREE__V1__SYNOD_MESSAGE__CONTENT_VALUE,
                        &synod->value, &message->value);
}

static const char *unwrap_register(const Decree__V1__RegisterMessage *reg,
                                   struct decree_register_message *message)
{
    if ((int)reg->type <= 0 || (int)reg->type >= (int)DECREE_REGISTER_MESSAGE_TYPES)
        return "register.type: none that there is";
    if (reg->key.len == 0 || reg->key.len > DECREE_REGISTER_KEY_BYTES_MAX)
        return "register.key: not of 1 to 4096 bytes";
    message->type = (enum decree_register_message_type)reg->type;
    message->key = (struct decree_register_key){reg->key.data, (uint32_t)reg->key.len};
    message->version = reg->version;
    message->number = reg->number;
    message->first = reg->first;
    message->next = reg->next;
    message->ballot = unwrap_ballot(reg->ballot);
    message->voted = unwrap_ballot(reg->voted);
    message->decided = reg->decided;
    if (reg->mark != NULL)
        message->mark = (struct decree_register_mark){reg->mark->node, reg->mark->incarnation,
                                                      reg->mark->sequence};
    return unwrap_value(reg->content_case == DECREE__V1__REGISTER_MESSAGE__CONTENT_VALUE,
                        &reg->value, &message->value);
}

const char *peer_proto_unwrap(struct arena *arena, const Decree__V1__Message *message,
                              struct peer_letter *ret_letter)
{
    decree_node_id from = message->sender, to = message->receiver;

    switch (message->protocol_case) {
    case DECREE__V1__MESSAGE__PROTOCOL_PAXOS:
        ret_letter->protocol = PEER_PAXOS;
        ret_letter->u.paxos = (struct decree_message){.from = from, .to = to};
        return unwrap_paxos(arena, message->paxos, &ret_letter->u.paxos);
    case DECREE__V1__MESSAGE__PROTOCOL_SYNOD:
        ret_letter->protocol = PEER_SYNOD;
        ret_letter->u.synod = (struct decree_synod_message){.from = from, .to = to};
        return unwrap_synod(message->synod, &ret_letter->u.synod);
    case DECREE__V1__MESSAGE__PROTOCOL_REGISTER:
        ret_letter->protocol = PEER_REGISTER;
        ret_letter->u.reg = (struct decree_register_message){.from = from, .to = to};
        return unwrap_register(message->register_, &ret_letter->u.reg);
    case DECREE__V1__MESSAGE__PROTOCOL__NOT_SET:
    case _DECREE__V1__MESSAGE__PROTOCOL__CASE_IS_INT_SIZE:
        break;
    }
    return "neither paxos nor synod nor register is there";
}

void peer_proto_drop(const struct peer_letter *letter)
{
    switch (letter->protocol) {
    case PEER_PAXOS:
        for (uint32_t i = 0; i < letter->u.paxos.pvalue_count; i++)
            decree_value_unref(letter->u.paxos.pvalues[i].command.value);
        break;
    case PEER_SYNOD:
        decree_value_unref(letter->u.synod.value);
        break;
    case PEER_REGISTER:
        decree_value_unref(letter->u.reg.value);
        break;
    }
}
