/* SPDX-License-Identifier: MIT */
/* synod.h -- single-decree Paxos: a set of nodes chooses one value, once.
 *
 * The protocol of Lamport's "Paxos Made Simple", pure as paxos.h is and with the same shape in
 * miniature: events go in by step, effects come out by take. It keeps nothing but what one decree
 * needs, and one file has all of it.
 *
 *      events                                     effects
 *   message, propose,  -->  decree_synod_step() x N  -->  decree_synod_take() once
 *   persisted, wake                                 record | messages | decided
 *
 * The state that must survive a crash is one record; each record replaces the one before. Every
 * message handed out may be sent at once: a promise or a vote stays inside until PERSISTED tells
 * that its record is durable. Messages may be lost, copied and reordered. Who has proposed or voted
 * tries again until it knows the decision, after random waits that grow, so that duels end. Who has
 * not, such as a node that was away, gets to know it by LEARN, without a ballot of its own; that is
 * for the owner to repeat. No function here calls back, and any thread may own a synod, one at a
 * time.
 */
#ifndef DECREE_SYNOD_H
#define DECREE_SYNOD_H

#include <decree/paxos.h>

/* X(name, text, what the fields mean); fields not named are zero. */
#define DECREE_SYNOD_MESSAGE_TABLE(X)                                            \
    X(PREPARE, "prepare", "ballot asks for a promise")                           \
    X(PROMISE, "promise",                                                        \
      "ballot: promised; voted, value: of the vote that was given last, if any") \
    X(ACCEPT, "accept", "ballot; value: asks for a vote")                        \
    X(ACCEPTED, "accepted", "ballot: the vote was given in it")                  \
    X(REFUSED, "refused", "ballot: the higher one that was promised instead")    \
    X(DECIDED, "decided", "value")                                               \
    X(ASK, "ask", "wants to know what is decided, if anything is")               \
    X(LEARNED, "learned", "the sender has on stable storage what is decided")

enum decree_synod_message_type {
    DECREE_SYNOD_NONE = 0,
#define DECREE_SYNOD_ENUM(name, text, fields) DECREE_SYNOD_##name,
    DECREE_SYNOD_MESSAGE_TABLE(DECREE_SYNOD_ENUM)
#undef DECREE_SYNOD_ENUM
};

struct decree_synod_message {
    enum decree_synod_message_type type;
    decree_node_id from, to;
    struct decree_ballot ballot;
    struct decree_ballot voted;
    struct decree_value *value;
};

struct decree_synod_record { /* all that must survive */
    uint64_t version;        /* grows with every record */
    struct decree_ballot promised;
    struct decree_ballot voted; /* bottom: no vote was given */
    struct decree_value *value; /* of that vote, or what was decided; NULL: neither */
    bool decided;
};

enum decree_synod_event_type {
    DECREE_SYNOD_RESTORE = 1, /* the newest record; only as the first event */
    DECREE_SYNOD_MESSAGE,     /* from a peer; a senseless one is ignored */
    DECREE_SYNOD_PROPOSE,     /* a value to choose, unless another is; once */
    DECREE_SYNOD_PERSISTED,   /* the record of this version, or a newer one, is on stable storage */
    DECREE_SYNOD_WAKE,        /* the time asked for has come */
    DECREE_SYNOD_LEARN        /* ask the others what is decided; whoever knows it answers */
};

struct decree_synod_event {
    enum decree_synod_event_type type;
    uint64_t now_ns; /* monotonic; never goes back */
    union {
        struct decree_synod_record restore;
        struct decree_synod_message message;
        struct decree_value *propose;
        uint64_t persisted;
    } u;
};

struct decree_synod_effects {
    const struct decree_synod_record *record; /* to be made durable; NULL: nothing new */
    const struct decree_synod_message *messages;
    uint32_t message_count;
    struct decree_value *decided; /* from the time it is known, in every take; NULL before */
    bool everyone_knows;          /* all others have said that they have it on stable storage */
    uint64_t wake_at_ns;          /* UINT64_MAX: never */
};

struct decree_synod_config {
    decree_node_id self;
    const decree_node_id *members; /* all of them, self too; copied */
    uint32_t member_count;
    uint32_t prepare_quorum; /* default a majority; prepare_quorum + vote_quorum > member_count */
    uint32_t vote_quorum;    /* default a majority */
    uint64_t retry_after_ns; /* at first; default 100 ms */
    uint64_t seed;           /* the only source of randomness */
};

struct decree_synod;

/* Checks and copies config. Errors: INVALID, QUORUM, NOMEM. */
int decree_synod_open(struct decree_synod **ret_synod, const struct decree_synod_config *config);

/* Takes in one event; pointers in it are borrowed for the call, values are referred to. 0, MISUSE,
 * or CORRUPT for a record that contradicts itself; then nothing has changed. */
int decree_synod_step(struct decree_synod *synod, const struct decree_synod_event *event);

/* Hands out what is due. Borrowed until the next step or take. */
void decree_synod_take(struct decree_synod *synod, struct decree_synod_effects *ret_effects);

/* Drops all values and frees; NULL is fine. */
void decree_synod_close(struct decree_synod *synod);

/* A static name such as "promise"; "?" for what is not in the table. */
const char *decree_synod_message_name(enum decree_synod_message_type type);

#endif
