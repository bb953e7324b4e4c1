/* SPDX-License-Identifier: MIT */
/* register.h -- leaderless registers: for each key a history of versions, each chosen by a Paxos
 * instance of its own, run by whichever node was asked.
 *
 * Pure, as paxos.h and synod.h are, and with the same shape: events go in by step, effects come out
 * by take. There is no leader and no election, so no operation waits for one: while a quorum lives,
 * the longest wait is a retransmission.
 *
 *      events                                          effects
 *   message, request,  -->  decree_registers_step() x N  -->  decree_registers_take() once
 *   persisted, wake                                      records | messages | answers
 *
 * Instance (key, version) has the acceptors of "Paxos Made Simple". A node that sets asks for a
 * promise for every version of the key, with version 0, and then sets one version after the other
 * in one round trip each, until somebody competes. A version is proposed only once the one before
 * it is known to be chosen, so versions that nobody numbered himself have no holes.
 *
 * Every message handed out may be sent at once: a promise or vote stays inside until its record is
 * durable. Messages may be lost, copied and reordered. A ballot is never used twice, also not after
 * a crash: its round is counter << 24 | incarnation, and a record of the start keeps the latter.
 *
 * A proposer that is no member, such as a client of paxoskv's calls, speaks through the node that
 * it called: PREPARE and ACCEPT from node 0, with ballots whose node has the bit
 * DECREE_REGISTER_OUTSIDER, so that they are never those of a member. The answers come out as
 * messages to node 0, for the host to hand over by their number. Any of them may fail to come.
 */
#ifndef DECREE_REGISTER_H
#define DECREE_REGISTER_H

#include <decree/paxos.h>

#define DECREE_REGISTER_KEY_BYTES_MAX 4096u
#define DECREE_REGISTER_VERSION_MAX (UINT64_C(1) << 62)  /* that may be asked for */
#define DECREE_REGISTER_OUTSIDER UINT32_C(0x80000000)    /* in the ballots of who is no member */
#define DECREE_REGISTER_HISTORY_MAX 1024u                /* versions in one answer */
#define DECREE_REGISTER_HISTORY_BYTES_MAX (1024u * 1024) /* of values, unless one alone has more */

/* Bytes of somebody else's; a key is 1 to DECREE_REGISTER_KEY_BYTES_MAX of them. */
struct decree_register_key {
    const uint8_t *data;
    uint32_t size;
};

/* Who proposed a value: with it two equal values are told apart. All zero: a proposer that is no
 * node, such as a client of paxoskv's calls. */
struct decree_register_mark {
    decree_node_id node;
    uint64_t incarnation, sequence;
};

/* X(name, text, what the fields mean); all carry key and, but for DECIDED and COMPACT that answer
 * nothing, number: the asker's, repeated in the answer. An answer may also be DECIDED, with value.
 * Fields not named are zero. */
#define DECREE_REGISTER_MESSAGE_TABLE(X)                                                          \
    X(QUERY, "query", "version, or 0: the latest with a vote")                                    \
    X(STATE, "state",                                                                             \
      "version: the one asked for, or the latest with a vote, 0: none; ballot: promised; voted, " \
      "value, mark: of the vote, if any; decided: its value is chosen; first: oldest version "    \
      "kept; next: the lowest version above with a vote, 0: none")                                \
    X(PREPARE, "prepare", "version, or 0: every version; ballot asks for a promise")              \
    X(PROMISE, "promise", "as state; ballot: the one promised")                                   \
    X(ACCEPT, "accept",                                                                           \
      "version, ballot, value, mark: asks for a vote; by whose ballot it is, "                    \
      "or by who has seen a vote in it; voted: ballot in which the version below was chosen")     \
    X(ACCEPTED, "accepted", "version; ballot: the vote was given in it")                          \
    X(REFUSED, "refused",                                                                         \
      "version; ballot: promised instead; first: if above version, that is compacted")            \
    X(DECIDED, "decided",                                                                         \
      "version, ballot: chosen in it; value and mark, or neither for who has voted in it")        \
    X(COMPACT, "compact", "version: those below it are not wanted; the answer is a state")

enum decree_register_message_type {
    DECREE_REGISTER_NONE = 0,
#define DECREE_REGISTER_ENUM(name, text, fields) DECREE_REGISTER_##name,
    DECREE_REGISTER_MESSAGE_TABLE(DECREE_REGISTER_ENUM)
#undef DECREE_REGISTER_ENUM
        DECREE_REGISTER_MESSAGE_TYPES
};

struct decree_register_message {
    enum decree_register_message_type type;
    decree_node_id from, to;
    struct decree_register_key key;
    uint64_t version;
    uint64_t number;
    uint64_t first, next;
    struct decree_ballot ballot;
    struct decree_ballot voted;
    struct decree_register_mark mark;
    struct decree_value *value;
    bool decided;
};

enum decree_register_operation {
    DECREE_REGISTER_SET = 1, /* version 0: appends the next one */
    DECREE_REGISTER_GET,     /* version 0: the latest */
    DECREE_REGISTER_CAS,     /* appends a version if expected (0: nothing yet) is the latest */
    DECREE_REGISTER_HISTORY, /* up to limit versions that are kept, from version on */
    DECREE_REGISTER_FORGET   /* versions below version, the latest always stays */
};

struct decree_register_request {
    enum decree_register_operation operation;
    struct decree_register_key key;
    uint64_t version;  /* as the operation says */
    uint64_t expected; /* CAS only */
    uint32_t limit;    /* HISTORY only; 0: as many as fit into an answer */
    struct decree_value *value;
    uint64_t name;        /* the asker's own, repeated in the answer */
    uint64_t deadline_ns; /* give up then, with LOST; 0: never */
};

struct decree_register_version {
    uint64_t version;
    struct decree_value *value;
};

struct decree_register_answer {
    uint64_t name;
    /* 0; CONFLICT: a SET of a version that has another value, or a CAS that came too late, with
     * what is there; NOT_FOUND; COMPACTED; LOST: the deadline passed, or what is needed to tell was
     * compacted: the outcome of a SET or CAS is unknown. */
    int error;
    /* SET, CAS: what was set; GET: what is there; HISTORY: oldest first, may be none; else none. */
    const struct decree_register_version *versions;
    uint32_t version_count;
    uint64_t latest; /* the highest version known to be chosen, 0: none */
    uint32_t rounds; /* round trips that it took */
};

/* What must survive, one after the other; bytes are the register's own business. */
struct decree_register_record {
    uint64_t number; /* dense, from 1 */
    struct decree_value *value;
};

enum decree_register_event_type {
    DECREE_REGISTER_EVENT_RESTORE = 1, /* one record, oldest first; only before START */
    DECREE_REGISTER_EVENT_START,
    DECREE_REGISTER_EVENT_MESSAGE,
    DECREE_REGISTER_EVENT_REQUEST,
    DECREE_REGISTER_EVENT_PERSISTED, /* every record up to this number is on stable storage */
    DECREE_REGISTER_EVENT_WAKE
};

struct decree_register_event {
    enum decree_register_event_type type;
    uint64_t now_ns; /* monotonic; never goes back */
    union {
        struct decree_register_record restore;
        struct decree_register_message message;
        struct decree_register_request request;
        uint64_t persisted;
    } u;
};

struct decree_register_effects {
    const struct decree_register_record *records;
    const struct decree_register_message *messages;
    const struct decree_register_answer *answers;
    uint32_t record_count, message_count, answer_count;
    uint64_t sync_number; /* somebody waits for this record to be durable; 0: no need to sync now */
    uint64_t wake_at_ns;  /* UINT64_MAX: never */
};

struct decree_registers_config { /* 0 takes the default */
    decree_node_id self;
    const decree_node_id *members; /* all of them, self too; copied */
    uint32_t member_count;
    uint32_t prepare_quorum, vote_quorum; /* default majorities; their sum exceeds member_count */
    uint32_t requests_max;                /* open at once; default 4096 */
    uint32_t value_bytes_max;             /* of one value; default 1 MiB */
    uint64_t keep_versions;               /* of each key; default 0: all */
    uint64_t retry_after_ns;              /* a retransmission; default 100 ms */
    uint64_t seed;                        /* the only source of randomness */
};

struct decree_registers;

/* Checks and copies config. Errors: INVALID, QUORUM, NOMEM. */
int decree_registers_open(struct decree_registers **ret_registers,
                          const struct decree_registers_config *config);

/* Takes in one event; pointers in it are borrowed for the call, values are referred to. 0, or FULL
 * (MESSAGE, which may then be dropped, and REQUEST), NOMEM, MISUSE, INVALID and TOO_LARGE (REQUEST:
 * key or version, value), CORRUPT (RESTORE); then nothing has changed. A message without sense is
 * ignored. */
int decree_registers_step(struct decree_registers *registers,
                          const struct decree_register_event *event);

/* Hands out what is due. Borrowed until the next step or take. */
void decree_registers_take(struct decree_registers *registers,
                           struct decree_register_effects *ret_effects);

/* Drops everything and frees; NULL is fine. */
void decree_registers_close(struct decree_registers *registers);

/* A static name such as "promise"; "?" for what is not in the table. */
const char *decree_register_message_name(enum decree_register_message_type type);

#endif
