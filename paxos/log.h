/* SPDX-License-Identifier: MIT */
/* log.h -- the slots that this node keeps in memory: a ring of pvalues.
 *
 *        first        delivered   decided            last
 *          |              |          |                 |
 *     -----+==============+==========+=================+-----------------
 *          kept for peers  to deliver  accepted, some    may be accepted up to
 *                                     slots empty       min(recorded, delivered) + window
 *
 * A slot holds the pvalue that this node's acceptor accepted last, or that it learned as decided; a
 * bottom ballot says empty. decided only grows, and over slots that are not empty. recorded is how
 * far decided is known to the journal; accepting no further than a window past it makes a replay of
 * the journal fit again. settled is how far that is durable: only from there on may a slot be
 * forgotten at leisure, since only then does the journal give back what was decided and not what
 * was accepted before.
 *
 * Pvalues of successive slots lie side by side in memory, so a run can be sent from where it is.
 */
#ifndef DECREE_PAXOS_LOG_H
#define DECREE_PAXOS_LOG_H

#include <decree/paxos.h>

struct log {
    struct decree_pvalue *pvalues;
    uint32_t capacity; /* slots, a power of two */
    uint32_t window;   /* slots, half of it */
    decree_slot first, settled, delivered, decided, recorded, last;
    uint64_t kept_bytes; /* of values in [first, delivered] */
};

void log_init(struct log *log, struct decree_pvalue *pvalues, uint32_t capacity);
void log_release(struct log *log);

/* The pvalue of a slot in [first, first + capacity). */
struct decree_pvalue *log_at(const struct log *log, decree_slot slot);

/* True when the slot is held and not empty. */
bool log_has(const struct log *log, decree_slot slot);

/* True when the slot may be accepted now. */
bool log_fits(const struct log *log, decree_slot slot);

/* Replaces what an undecided slot holds; takes a reference on the value. */
void log_accept(struct log *log, const struct decree_pvalue *pvalue);

/* Moves decided one slot on; the slot must not be empty. */
void log_decide(struct log *log);

/* Moves delivered one slot on and returns that slot's pvalue. */
const struct decree_pvalue *log_deliver(struct log *log);

/* Forgets settled and delivered slots, oldest first, until at most bytes_max of values are kept. */
void log_trim(struct log *log, uint64_t bytes_max);

/* The end of the run of occupied slots that starts at slot, lies side by side in memory, goes to
 * last at most, and has at most bytes_max of values unless it is a single slot. slot - 1 when slot
 * is empty. */
decree_slot log_run(const struct log *log, decree_slot slot, decree_slot last, uint64_t bytes_max);

#endif
