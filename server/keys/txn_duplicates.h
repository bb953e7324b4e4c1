/* SPDX-License-Identifier: MIT */
/* txn_duplicates.h -- etcd's rule that no key may be put twice by a txn. */
#ifndef DECREE_SERVER_TXN_DUPLICATES_H
#define DECREE_SERVER_TXN_DUPLICATES_H

#include "arena.h"
#include "command.h"

/* True if some way through the txn puts a key twice, or puts a key that it also deletes. Deletions
 * may overlap, and so may the two branches of a txn, of which one is taken. If the arena is
 * exhausted by this, the answer is false and means nothing. */
bool txn_has_duplicates(struct arena *arena, const struct command_txn *txn);

#endif
