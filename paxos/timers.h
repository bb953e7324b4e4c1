/* SPDX-License-Identifier: MIT */
/* timers.h -- what is done when its time has come. */
#ifndef DECREE_PAXOS_TIMERS_H
#define DECREE_PAXOS_TIMERS_H

#include "core.h"

/* Everything that is due by now. */
void timers_wake(struct decree_paxos *paxos);

/* Reads are on their way: looks after them some time later. */
void timers_watch_reads(struct decree_paxos *paxos);

#endif
