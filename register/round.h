/* SPDX-License-Identifier: MIT */
/* round.h -- one question to all members, asked again until a quorum has answered.
 *
 *     query    what has votes?   --state-->     nothing | chosen | in doubt: help
 *     prepare  promise!          --promise-->   nothing | chosen | in doubt: accept what was voted
 *     accept   vote!             --accepted-->  chosen
 *     compact  forget!           --state-->     done
 *
 * KNOWN TO BE CHOSEN, without a further round: somebody says decided, or a vote quorum has voted in
 * the same ballot.
 *
 * HELP. A vote that a query finds, and that may or may not be chosen, is brought to the others as
 * its proposer would: by the same accept, in the ballot of the vote. That is a copy of a message
 * that was sent before, and copies do no harm. So a reader ends the doubt without a ballot of its
 * own, and without disturbing a writer who is in the middle of it. Only if a higher ballot is in
 * the way it takes part itself.
 *
 * A question of its own number each, so that answers to earlier ones are told apart; the number
 * carries the incarnation, so answers to an earlier run are too. It goes again to those who have
 * not answered, after retry_after_ns, and then ever more rarely. A refusal ends the round: the
 * operation pauses for a random time that doubles with each refusal, and begins another one.
 */
#ifndef DECREE_REGISTER_ROUND_H
#define DECREE_REGISTER_ROUND_H

#include "registers_core.h"

enum round_phase {
    ROUND_IDLE = 1,
    ROUND_QUERY,
    ROUND_PREPARE,
    ROUND_ACCEPT,
    ROUND_COMPACT,
    ROUND_PAUSE
};

enum round_outcome {
    ROUND_GOES_ON = 1,
    ROUND_NOTHING,   /* no vote was found: no value was chosen before the round began, and after a
                      * prepare none can be in a lower ballot */
    ROUND_CHOSEN,    /* best is chosen */
    ROUND_REFUSED,   /* a higher ballot was promised */
    ROUND_COMPACTED, /* the version is */
    ROUND_DONE,      /* a vote quorum has compacted */
    ROUND_RESUMED    /* the pause is over */
};

struct round_vote {
    uint64_t version;
    struct decree_ballot ballot;
    struct decree_register_mark mark;
    struct decree_value *value; /* a reference; NULL: no vote */
    bool decided;
};

struct round {
    struct hash_entry entry; /* first; by number */
    struct timer_node timer;
    enum round_phase phase;
    uint64_t number, version;
    struct decree_ballot ballot; /* of prepare and accept */
    struct round_vote best;      /* found so far; in accept: what is to be chosen */
    uint32_t answered;           /* members that answered */
    uint32_t agreed;             /* members that voted for best, or that have compacted */
    uint64_t first, next;        /* the highest, the lowest that was reported; next 0: none */
    struct decree_ballot below;  /* accept: in which the version below was chosen, if it is known */
    uint32_t sendings, refusals;
    uint32_t trips; /* round trips begun */
};

void round_init(struct round *round);
void round_release(struct decree_registers *registers, struct round *round);

/* version 0: the latest, every version. */
void round_query(struct decree_registers *registers, struct cell *cell, struct round *round,
                 uint64_t version);
/* In a new ballot. */
void round_prepare(struct decree_registers *registers, struct cell *cell, struct round *round,
                   uint64_t version);
/* In a ballot that this node has for the key already. */
void round_prepare_in(struct decree_registers *registers, struct cell *cell, struct round *round,
                      uint64_t version, struct decree_ballot ballot);
/* Asks for votes; no other value was or will be proposed for this version in this ballot. below:
 * the version below was chosen in it, or bottom. */
void round_propose(struct decree_registers *registers, struct cell *cell, struct round *round,
                   const struct round_vote *proposal, struct decree_ballot below);
/* best is chosen, and version is at most that. */
void round_compact(struct decree_registers *registers, struct cell *cell, struct round *round,
                   uint64_t version);
void round_pause(struct decree_registers *registers, struct round *round);

/* Its timer has come. */
enum round_outcome round_wake(struct decree_registers *registers, struct cell *cell,
                              struct round *round);
/* An answer with its number. */
enum round_outcome round_on_answer(struct decree_registers *registers, struct cell *cell,
                                   struct round *round,
                                   const struct decree_register_message *message);

/* Others hear now of what was chosen last. */
void round_tell_news(struct decree_registers *registers, struct cell *cell);

/* References the value. */
void round_vote_set(struct round_vote *vote, const struct round_vote *from);
void round_vote_clear(struct round_vote *vote);

#endif
