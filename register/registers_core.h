/* SPDX-License-Identifier: MIT */
/* registers_core.h -- what the parts of the proposer share; for register/ alone.
 *
 *     registers.c   the border: step, take, who gets which message
 *     operation.c   requests and their turns: lanes, deadlines, answers
 *     append.c      set and compare-and-set: the next version of a key
 *     lookup.c      get, set of a given version, history, forget
 *     round.c       one question to all, asked until a quorum has answered
 */
#ifndef DECREE_REGISTER_REGISTERS_CORE_H
#define DECREE_REGISTER_REGISTERS_CORE_H

#include "cell.h"
#include "hash_table.h"
#include "prng.h"
#include "timer_heap.h"
#include "tray.h"
#include "voter.h"

#define INCARNATION_BITS 24u

struct decree_registers {
    struct tray tray;
    struct voter voter;
    struct hash_table cells;  /* by key */
    struct hash_table rounds; /* under way, by number */
    struct timer_heap timers;
    struct prng prng;
    uint64_t hash_seed;
    uint64_t retry_after_ns;
    uint32_t requests_max, value_bytes_max;

    uint64_t now_ns;
    bool started;
    uint64_t incarnation, boot; /* boot: the record of the incarnation */
    bool speaks;                /* that record is durable: own rounds may begin */
    uint64_t round_serial;      /* of rounds */
    uint64_t sequence;          /* of marks */
    uint32_t open;              /* requests without an answer */
    uint32_t news_timers;       /* that are set */
};

#endif
