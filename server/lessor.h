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
 * them end, a linearizable read proves that it still leads; one read serves all that waits. A proof
 * serves renewals for 50 ms more: who leads next gives every lease that much beyond its full time,
 * counted from a moment behind the proof, so what was promised holds. The
 * expiry itself carries the stamp of kv_lease_stamp(), so a renewal that another member had the log
 * take in between wins.
 *
 * A leader that was stopped, frozen or slow: the lessor's clock goes on by half a second at the most
 * between two turns of the loop, so the time that it did not see does not count against anybody.
 *
 * Renewing. At the leader the deadline moves, and nothing is written: that is what keep-alives cost.
 * Only if the lease has a checkpoint, or one may be under way, the log must void it, and the renewal
 * is a command. At any other member it is always a command, lease_renew, which the leader sees when
 * it is applied: members do not pass each other anything but the log's traffic, and a renewal in the
 * log needs no second answer for the case that the leader changed meanwhile.
 *
 * Checkpoints: once a minute the leader writes down what is left of those leases that have more time
 * than that and are not renewed.
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

/* NULL: no memory. The backend tells it of leases from now on, and is borrowed. */
struct lessor *lessor_new(struct backend *backend);
void lessor_start(struct lessor *lessor, uv_loop_t *loop, uint32_t late_ms);

/* What is to be done after a turn of the backend, outside of its completions. */
void lessor_turn(struct lessor *lessor);

/* id, done and late are set. */
void lessor_renew(struct lessor *lessor, struct lease_renewal *renewal);

/* The seconds left of a lease that is there. Who does not lead does not see what is renewed at the
 * leader: he says what the log tells, and the full time if that is past. */
int64_t lessor_left(const struct lessor *lessor, const struct kv_lease *lease);

/* Renewals end with LOST, those that the backend has when it completes them. */
void lessor_close(struct lessor *lessor, void (*closed)(void *context), void *context);

/* When the backend has nothing of it any more; one that was not started need not be closed. NULL is
 * fine. */
void lessor_free(struct lessor *lessor);

#endif
