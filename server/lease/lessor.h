/* SPDX-License-Identifier: MIT */
/* lessor.h -- watches over the time of leases: who leads decides that one has ended, and has the log
 * revoke it.
 *
 *     applied commands --> lessor: granted, renewed, revoked       on every member
 *     keep-alive       --> lessor_renew() --> done                 on any member
 *     lessor           --> lease_renew 0, lease_expire             by the leader
 *
 * Leading. The clock of a lease is the leader's own. A member that finds itself the leader first
 * says in the log that it begins (lease_renew of id 0): what an earlier leader has still under way is
 * void behind that. Then every lease has its remaining time if it was written down, otherwise its
 * full time, never less than it was promised. Before it acts upon leases, be it to renew or to let
 * them end, a linearizable read proves that it still leads; one read serves all that waits, and what comes
 * in the 50 ms since it was asked for. A proof may be long on its way, and by then somebody else may lead: who
 * leads next gives every lease a quarter of a second beyond its full time, counted from a moment behind that
 * at which the proof was asked for; one that took longer serves no renewal, these go through the log.
 * So what was promised holds. The expiry itself carries the stamp of kv_lease_stamp(), so a renewal
 * that another member had the log take in between wins.
 *
 * A leader that was stopped, frozen or slow: the lessor's clock goes on by half a second at the most
 * between two turns of the loop, so the time that it did not see does not count against anybody.
 *
 * Renewing. At the leader the deadline moves, and nothing is written: that is what keep-alives cost.
 * Only if the lease has a checkpoint, or one may be under way, the log must void it, and the renewal
 * is a command. At any other member it is always a command, lease_renewals, which the leader sees when
 * it is applied: members do not pass each other anything but the log's traffic, and a renewal in the
 * log needs no second answer for the case that the leader changed meanwhile. One command renews all
 * that came while the last one was under way, so a member costs the log at most one entry at a time,
 * however many keep-alives it gets.
 *
 * Checkpoints: the leader writes down what is left of a lease when half of it is gone since its renewal
 * or since it was written down last, and once a minute. Who renews in time, at a third, costs the log
 * nothing by that. Nobody knows how long a leader leads: so he writes down what nobody has renewed
 * two seconds after he begins, and again at twice that age. Thus a lease that nobody renews ends,
 * however often leaders change, if they lead for some seconds; and a leader that dies takes with it
 * half of its time, and of the time that a lease had left, at the most. Who is about to hand over, or to stop, writes
 * down all: then nothing is lost but what is less than a second. Checkpoints too carry a stamp: what an
 * earlier leader wrote down, and what came after a renewal that its writer did not know of, is void.
 *
 * Asking. Only the leader knows what is left. At any other member a question goes into the log
 * (lease_question), and the leader's answer to it is a checkpoint, which all can read.
 *
 * All on the loop's thread.
 */
#ifndef DECREE_SERVER_LESSOR_H
#define DECREE_SERVER_LESSOR_H

#include <uv.h>

#include "backend.h"
#include "linked_list.h"

struct lessor;

/* Of the caller; lives until done is called. */
struct lease_renewal {
    struct list_link link, age_link;
    struct lessor *lessor;
    uint64_t since_ms;
    int64_t id;
    /* Called once, later. error: 0, NOMEM, TOO_LARGE or LOST. seconds: granted; 0: there is no such
     * lease. */
    void (*done)(struct lease_renewal *renewal, int error, int64_t seconds);
    /* It takes longer than a request may; called once at most, and done still comes. */
    void (*late)(struct lease_renewal *renewal);
};

#define LESSOR_LATE 1 /* beside the errors below zero: it takes longer than a request may */

/* How much time has a lease left? Of the caller; lives until done is called. */
struct lease_question {
    struct list_link link;
    int64_t id;
    uint64_t since_ms, asked_ms; /* asked_ms: when the log had the question last; 0: not yet */
    uint64_t news;               /* the last of all leases, then */
    /* Called once, later. error: 0, LATE or LOST. seconds: -1: there is no such lease. */
    void (*done)(struct lease_question *question, int error, int64_t seconds);
};

/* NULL: no memory. The backend tells it of leases from now on, and is borrowed. */
struct lessor *lessor_new(struct backend *backend);
void lessor_start(struct lessor *lessor, uv_loop_t *loop, uint32_t late_ms);

/* What is to be done after a turn of the backend, outside of its completions. */
void lessor_turn(struct lessor *lessor);

/* id, done and late are set. */
void lessor_renew(struct lessor *lessor, struct lease_renewal *renewal);

/* id and done are set. When the lessor closes, done is called at once. */
void lessor_ask(struct lessor *lessor, struct lease_question *question);

/* Before somebody else is to lead: has all that is left of leases written down. If this member does
 * not lead, there is nothing to write. */
void lessor_write_all(struct lessor *lessor);
bool lessor_wrote_all(const struct lessor *lessor); /* it is all in the log */

/* When the lease ends, by a clock that means something to this member only: for the order of them. */
uint64_t lessor_ends_ms(const struct lessor *lessor, int64_t id);

/* Renewals end with LOST, those that the backend has when it completes them. A leader writes down what
 * is left of leases, if the backend does it within half a second. */
void lessor_close(struct lessor *lessor, void (*closed)(void *context), void *context);

/* When the backend has nothing of it any more; one that was not started need not be closed. NULL is
 * fine. */
void lessor_free(struct lessor *lessor);

#endif
