/* SPDX-License-Identifier: MIT */
/* leadership.h -- how this node comes to lead, and how it stops: what scout, leader, election and reads do
 * together.
 *
 *     follows -- the timer, or a campaign: scout --> scouts -- a quorum's promises: adopt --> leads
 *        ^                                             |                                        |
 *        +------ give way to a higher ballot, or stand down: no quorum, no disk, no progress ---+
 */
#ifndef DECREE_PAXOS_LEADERSHIP_H
#define DECREE_PAXOS_LEADERSHIP_H

#include "core.h"

/* The ballot that this node names in its heartbeats: its own, while it can do what a leader must. */
struct decree_ballot leadership_ballot(const struct decree_paxos *paxos);

/* If there is room for the messages. */
void leadership_heartbeat(struct decree_paxos *paxos);

/* May phase 1 begin, since nobody leads? */
bool leadership_may_scout(const struct decree_paxos *paxos);

/* Begins phase 1, in a ballot above all that was heard of. */
void leadership_scout(struct decree_paxos *paxos);

/* The scout's ballot was adopted. */
void leadership_adopt(struct decree_paxos *paxos);

/* Gives up leading and scouting, if this node does either. */
void leadership_stand_down(struct decree_paxos *paxos, struct decree_ballot higher);

/* Does so if the ballot is above its own. */
void leadership_give_way(struct decree_paxos *paxos, struct decree_ballot seen);

/* The leader is another one now: what was given to the last one is given again. */
void leadership_changed(struct decree_paxos *paxos);

/* Nothing of what was given to the leader came to be decided: its heartbeats pass, but what is larger may
 * not. Every other time a peer that hears the leader is asked to pass it on. */
void leadership_propose_another_way(struct decree_paxos *paxos);

/* Somebody wants this node to lead, or to show how it begins to. */
void leadership_campaign(struct decree_paxos *paxos);

/* Asks a peer to lead instead, if this node leads and there is room for the message. Until the peer's
 * phase 1 reaches it, this node goes on. */
void leadership_hand_over(struct decree_paxos *paxos, decree_node_id to);

#endif
