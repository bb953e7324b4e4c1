/* SPDX-License-Identifier: MIT */
/* leader.h -- the leader: slots for commands, in its own ballot (PMMC section 2.3, figure 7).
 *
 *     passive  -- scout adopts the ballot -->  inheriting  -- all inherited proposed -->  open
 *        ^                                          |                                      |
 *        +------------- pre-empted by a higher ballot, or the journal stands still --------+
 *
 * Inheriting: for each slot past the scout's base, up to the highest accepted one, the leader
 * proposes the pvalue that the scout found, or a no-op where none was accepted. Only then, and past
 * those, come new commands. To propose is to have it accepted by one's own acceptor first; the
 * commander does the rest.
 */
#ifndef DECREE_PAXOS_LEADER_H
#define DECREE_PAXOS_LEADER_H

#include "acceptor.h"
#include "commander.h"
#include "requests.h"
#include "scout.h"

struct leader {
    bool active;
    struct decree_ballot ballot;
    decree_slot inherit_last; /* highest slot that phase 1 brought, proposed or decided */
    struct commander commander;
    struct scout *scout;
    struct acceptor *acceptor;
    struct requests proposed; /* in this ballot, or performed before it */
};

void leader_adopt(struct leader *leader, const struct requests *performed, struct outbox *outbox);
void leader_deactivate(struct leader *leader, struct outbox *outbox);

/* Proposes inherited slots as far as they fit now; true when none is left: the leader is open. */
bool leader_inherit(struct leader *leader, struct outbox *outbox);

/* Proposes a command unless this ballot has done so; false when there is no room in the log or the
 * outbox. */
bool leader_propose(struct leader *leader, const struct decree_command *command,
                    struct outbox *outbox);

/* True when the log up to decided holds everything that may have been decided before this
 * ballot. */
bool leader_is_current(const struct leader *leader);

#endif
