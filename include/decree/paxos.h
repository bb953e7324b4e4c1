/* SPDX-License-Identifier: MIT */
/* paxos.h -- the pure Paxos core: a replicated log, without input or output.
 *
 * No I/O, no threads, no clock, no global, no allocation after decree_paxos_open().
 * Same config, seed and events => same effects, byte for byte.
 *
 *      events                                     effects
 *   message, propose,  -->  decree_paxos_step() x N  -->  decree_paxos_take() once
 *   read, persisted, wake                       records | messages | decisions | reads
 *        ^                                        |          |          |
 *        +---- PERSISTED{lsn} ------- journal <---+     transport   state machine
 *
 * The five rules; each has a test of the same name:
 *  1. SEND-NOW      Every message handed out may be sent at once. The core itself holds back what a
 *                   crash could make a lie (p1a, p1b, p2b) until its record is durable.
 *  2. APPEND-ORDER  Records are journalled in the order given; lsns are dense.
 *  3. APPLY-ORDER   Decisions come by slot, without gaps, once per run; apply at once.
 *  4. BORROW        Pointers in an event live for that call, in effects until the next
 *                   decree_paxos_step() or decree_paxos_take(). To keep a value:
 *                   decree_value_ref().
 *  5. ALL-OR-NONE   A decree_paxos_step() that returns an error has changed nothing. Only
 *                   RESTORE, MESSAGE, PROPOSE, READ and FETCHED can meet DECREE_FULL: take, or wait
 *                   for the journal, and offer the event again. PERSISTED and WAKE free room, so
 *                   they always fit.
 *
 * The protocol is the one of van Renesse and Altinbuken, "Paxos Made Moderately Complex" (PMMC),
 * with flexible quorums (Howard et al.), runs of slots per message, and a leader chosen by quorum
 * connection (OmniPaxos). Any thread may own a core, one at a time.
 */
#ifndef DECREE_PAXOS_H
#define DECREE_PAXOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <decree/error.h>

#define DECREE_MEMBERS_MAX 31u

typedef uint32_t decree_node_id; /* a member, from 1; 0 is nobody */
typedef uint64_t decree_slot;    /* a place in the log, from 1; 0 is before the first */
typedef uint64_t decree_lsn;     /* a position in this node's journal, from 1; 0 is none */

struct decree_ballot { /* ordered by round, then node; all zero is the bottom ballot */
    uint64_t round;
    decree_node_id node;
};

/* Immutable bytes with an owner. refs is not atomic: one thread, that of the core, counts. */
struct decree_value {
    uint32_t refs;
    uint32_t size; /* bytes */
    const uint8_t *data;
    void (*release)(struct decree_value *value); /* called when refs falls to zero */
};

/* PMMC's command <client, cid, operation>. A no-op has origin 0 and no value. */
struct decree_command {
    decree_node_id origin; /* the node where it was proposed */
    uint64_t incarnation;  /* of that node: grows with every start */
    uint64_t sequence;     /* from 1 in each incarnation, without holes */
    struct decree_value *value;
};

struct decree_pvalue { /* PMMC's triple <ballot, slot, command> */
    struct decree_ballot ballot;
    decree_slot slot;
    struct decree_command command;
};

/* X(name, text, what the fields mean). Messages carry decided, heartbeat_ack excepted: every slot
 * up to it is decided, as far as the sender knows. Fields not named are zero. */
#define DECREE_MESSAGE_TABLE(X)                                                                  \
    X(P1A, "p1a",                                                                                \
      "ballot asks for a promise; slot: first slot wanted; count: 1 if it was asked for before") \
    X(P1B, "p1b",                                                                                \
      "ballot: promised; slot: first slot answered for, 0: refused; last: highest accepted; "    \
      "pvalues: the first run accepted in [slot, last], ask again past it")                      \
    X(P2A, "p2a", "ballot; slot: first of the run; pvalues: the run, one per slot")              \
    X(P2B, "p2b",                                                                                \
      "ballot: promised; slot, count: the run voted for, none if the ballot is higher")          \
    X(DECISION, "decision",                                                                      \
      "ballot: what was accepted in it up to decided is decided; pvalues: decided"               \
      " whatever their ballot")                                                                  \
    X(CATCH_UP, "catch_up",                                                                      \
      "slot: first decided slot wanted; last: no need for slots past it;"                        \
      " count: 1 if it was asked for before")                                                    \
    X(PROPOSE, "propose", "pvalues: commands to be ordered, slot and ballot unset")              \
    X(HEARTBEAT, "heartbeat",                                                                    \
      "round; ballot: of the leader that the sender is or hears, with a quorum,"                 \
      " or bottom; age_ns: since it was heard")                                                  \
    X(HEARTBEAT_ACK, "heartbeat_ack", "round: the one answered; ballot: promised")               \
    X(READ, "read", "round: the asker's number")                                                 \
    X(READ_OK, "read_ok",                                                                        \
      "round: the one asked with; slot: apply up to here, then answer; ballot: of the leader, "  \
      "if it answers itself")                                                                    \
    X(HAND_OVER, "hand_over", "ballot: of the leader, who wants the receiver to lead instead")

enum decree_message_type {
    DECREE_MESSAGE_NONE = 0,
#define DECREE_MESSAGE_ENUM(name, text, fields) DECREE_##name,
    DECREE_MESSAGE_TABLE(DECREE_MESSAGE_ENUM)
#undef DECREE_MESSAGE_ENUM
        DECREE_MESSAGE_TYPES
};

struct decree_message {
    enum decree_message_type type;
    decree_node_id from, to;
    struct decree_ballot ballot;
    decree_slot slot;
    decree_slot last;
    decree_slot decided;
    uint64_t round;
    uint64_t age_ns;
    uint32_t count;
    uint32_t pvalue_count;
    const struct decree_pvalue *pvalues;
    /* It was sent before, so a transport drops it while much is still under way to its receiver: on
     * a slow link that is the first copy. Not a part of the message: it does not travel. */
    bool again;
};

/* What must survive a crash; also what is fed back at restore.
 *   BOOT     sequence space of this run: pvalue.command.incarnation
 *   PROMISE  pvalue.ballot is promised; to oneself: the ballot is claimed
 *   ACCEPT   the pvalue is accepted (and its ballot promised); replaces what the slot held
 *   DECIDE   every slot up to pvalue.slot is decided, each as what it last held
 *   FOREIGN  not the core's: another writer of the same journal keeps bytes in
 *            pvalue.command.value. The core never hands it out, and does nothing when it is
 *            restored; its lsn does not count as one of the core's */
enum decree_record_type {
    DECREE_RECORD_BOOT = 1,
    DECREE_RECORD_PROMISE,
    DECREE_RECORD_ACCEPT,
    DECREE_RECORD_DECIDE,
    DECREE_RECORD_FOREIGN
};

struct decree_record {
    decree_lsn lsn;
    enum decree_record_type type;
    struct decree_pvalue pvalue;
};

enum decree_event_type {
    DECREE_EVENT_RESTORE = 1, /* one journal record, oldest first; only before START */
    DECREE_EVENT_START,       /* nothing more to restore: speak and act from now on */
    DECREE_EVENT_MESSAGE,     /* from a peer; stale or senseless ones are counted, not errors */
    DECREE_EVENT_PROPOSE,     /* a command to be ordered; see decree_paxos_last_sequence() */
    DECREE_EVENT_READ,        /* a linearizable read: in effects.reads when it may be answered */
    DECREE_EVENT_PERSISTED,   /* every record up to lsn is on stable storage */
    DECREE_EVENT_FETCHED,     /* decided pvalues for a decree_fetch, by slot, without gaps */
    DECREE_EVENT_UNREACHABLE, /* a hint: this peer's port refuses connections */
    DECREE_EVENT_CAMPAIGN,    /* begin phase 1 now, whoever leads; nothing without a quorum */
    DECREE_EVENT_HAND_OVER,   /* ask this peer to lead instead; nothing unless this node leads */
    DECREE_EVENT_WAKE         /* the time asked for has come */
};

/* A peer needs decided slots that only this node's journal still holds. The host reads them back
 * and gives them to the core as FETCHED; it may give fewer, or forget the request: the peer asks
 * again. */
struct decree_fetch {
    decree_node_id to;
    decree_slot first, last;
};

struct decree_event {
    enum decree_event_type type;
    uint64_t now_ns; /* monotonic, from the host; the only clock the core has; never goes back */
    union {
        struct decree_record restore;
        struct decree_message message;
        struct decree_value *propose;
        uint64_t read; /* the host's name for the read */
        decree_lsn persisted;
        struct {
            decree_node_id to;
            uint32_t count;
            const struct decree_pvalue *pvalues;
        } fetched;
        decree_node_id unreachable;
        decree_node_id hand_over;
    } u;
};

struct decree_effects {
    const struct decree_record *records;
    const struct decree_message *messages;
    /* A command decided twice comes the second time as a no-op. */
    const struct decree_pvalue *decisions;
    /* Answer from the state that has the decisions of these effects applied. */
    const uint64_t *reads;
    const struct decree_fetch *fetches;
    uint32_t record_count, message_count, decision_count, read_count, fetch_count;
    decree_lsn sync_lsn; /* somebody waits for this lsn to be durable; 0: no need to sync now */
    uint64_t wake_at_ns; /* send WAKE then, at once if it is not after now; UINT64_MAX: never */
};

/* What the core did, for people and tests; X(name, text). ballot, slot, count and node as they
 * apply. */
#define DECREE_TRACE_TABLE(X)                                                \
    X(BOOTED, "booted")           /* count: incarnation */                   \
    X(SCOUTING, "scouting")       /* phase 1 begins for ballot */            \
    X(PROMISED, "promised")       /* the acceptor adopted ballot */          \
    X(ADOPTED, "adopted")         /* phase 1 done; slot: first to propose */ \
    X(PREEMPTED, "preempted")     /* by ballot */                            \
    X(RESIGNED, "resigned")       /* the journal or catch-up stands still */ \
    X(FOLLOWING, "following")     /* a leader with ballot is heard of */     \
    X(LEADERLESS, "leaderless")   /* nobody who leads is heard any more */   \
    X(ACCEPTED, "accepted")       /* count slots from slot, in ballot */     \
    X(DECIDED, "decided")         /* every slot up to slot */                \
    X(CATCHING_UP, "catching_up") /* from node, starting with slot */        \
    X(DROPPED, "dropped")         /* a message was of no use; node: sender */

enum decree_trace_type {
    DECREE_TRACE_NONE = 0,
#define DECREE_TRACE_ENUM(name, text) DECREE_TRACE_##name,
    DECREE_TRACE_TABLE(DECREE_TRACE_ENUM)
#undef DECREE_TRACE_ENUM
};

struct decree_trace {
    enum decree_trace_type type;
    decree_node_id node;
    struct decree_ballot ballot;
    decree_slot slot;
    uint64_t count;
};

/* Every limit is here; memory = f(config), fixed at open; 0 takes the default. proposals_max and
 * log_slots_max must be the same on all members, and stay so. */
struct decree_config {
    decree_node_id self;
    const decree_node_id *members; /* all of them, self too; copied */
    uint32_t member_count;
    uint32_t prepare_quorum;     /* q1; default a majority; q1 + q2 > member_count */
    uint32_t vote_quorum;        /* q2; default a majority */
    uint32_t proposals_max;      /* of this node; a power of two, 64 to 8192; default 4096 */
    uint32_t log_slots_max;      /* kept in memory; a power of two from 16; default 65536 */
    uint32_t reads_max;          /* unanswered; a power of two; default 8192 */
    uint32_t message_bytes_max;  /* of values in one message, or one value; default 1 MiB */
    uint32_t value_bytes_max;    /* of one command; default 2 MiB */
    uint64_t proposal_bytes_max; /* of this node's undecided proposals; default 64 MiB */
    uint64_t log_bytes_max;      /* of decided values kept for peers; default 16 MiB */
    uint64_t heartbeat_every_ns; /* default 100 ms */
    uint64_t suspect_after_ns;   /* election timeout; default 1 s */
    /* This node opens a ballot only while a proposal of its own waits, or when told to campaign. */
    bool scout_on_demand;
    uint64_t seed;                              /* the only source of randomness */
    void *(*alloc)(void *context, size_t size); /* NULL: malloc */
    void (*dealloc)(void *context, void *memory);
    /* May be NULL; must not call the core. */
    void (*trace)(void *context, const struct decree_trace *trace);
    void *context;
};

struct decree_status {     /* a copy; for people, metrics and routing */
    decree_node_id leader; /* 0: none known */
    struct decree_ballot leader_ballot;
    struct decree_ballot promised;
    bool leading;          /* this node's ballot was adopted, and it reaches a vote quorum */
    bool quorum_connected; /* this node reaches enough members to lead */
    uint64_t incarnation;
    decree_slot decided;   /* every slot up to it is decided and was handed out */
    decree_slot accepted;  /* highest slot accepted */
    decree_slot log_first; /* oldest slot still in memory */
    uint32_t proposals;    /* of this node, undecided */
    decree_lsn appended, persisted;
    uint64_t held; /* replies that wait for their records to be durable */
    uint64_t dropped_messages;
};

struct decree_paxos;

/* Checks and copies config, allocates all memory. Errors: INVALID, QUORUM, NOMEM. */
int decree_paxos_open(struct decree_paxos **ret_paxos, const struct decree_config *config);

/* Takes in one event. 0, or FULL, MISUSE, TOO_LARGE, CORRUPT (RESTORE only); then nothing has
 * changed. */
int decree_paxos_step(struct decree_paxos *paxos, const struct decree_event *event);

/* Hands out everything that is due at now_ns, the time of the last event. Borrowed until the next
 * step or take. */
void decree_paxos_take(struct decree_paxos *paxos, struct decree_effects *ret_effects);

/* Drops all values and frees; NULL is fine. */
void decree_paxos_close(struct decree_paxos *paxos);

/* The sequence given to the last PROPOSE that was taken in; a decision with this origin,
 * incarnation and sequence is its outcome. 0 before the first. */
uint64_t decree_paxos_last_sequence(const struct decree_paxos *paxos);

/* A copy, as of the last step. */
void decree_paxos_status(const struct decree_paxos *paxos, struct decree_status *ret_status);

/* -1, 0 or 1: the order of ballots. */
int decree_ballot_compare(struct decree_ballot a, struct decree_ballot b);

struct decree_value *decree_value_ref(struct decree_value *value); /* NULL is fine */
void decree_value_unref(struct decree_value *value);               /* NULL is fine */

/* A value of its own memory, with one reference and a copy of the bytes; NULL when out of
 * memory. */
struct decree_value *decree_value_copy(const void *data, uint32_t size);

/* Static names such as "p1a" and "adopted"; "?" for what is not in the table. */
const char *decree_message_name(enum decree_message_type type);
const char *decree_trace_name(enum decree_trace_type type);

#endif
