/* SPDX-License-Identifier: MIT */
/* restore.h -- what the journal says at the start. */
#ifndef DECREE_PAXOS_RESTORE_H
#define DECREE_PAXOS_RESTORE_H

#include "core.h"

/* One record, in their order. Errors: CORRUPT: it cannot have been written after those before; FULL: take the
 * decisions first. */
int restore_record(struct decree_paxos *paxos, const struct decree_record *record);

#endif
