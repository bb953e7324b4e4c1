/* SPDX-License-Identifier: MIT */
/* txn_request.h -- an etcdserverpb.TxnRequest, read, checked, and turned into a command.
 *
 * The tree lies in an arena; bytes are borrowed from the message. Txns are nested no deeper, and
 * have no more ops, than the limits allow, which are looked at before anything is allocated. As in
 * etcd, a txn within another may have so many fewer ops as that has; but other than etcd's, the ops
 * of all levels together are bounded too, and so is the depth, when the limit is not the default.
 */
#ifndef DECREE_SERVER_TXN_REQUEST_H
#define DECREE_SERVER_TXN_REQUEST_H

#include "arena.h"
#include "etcd_errors.h"
#include "kv_messages.h"

#define TXN_OPS_DEFAULT 128u /* of a level, less those of the levels above; etcd's default */
#define TXN_TREE_OPS_MIN \
    4096u /* of all levels, compares too: this, or twice the limit of a level */

struct txn_request;

/* What an op's command does not say of it. */
struct txn_op {
    struct range_request range; /* of a range */
    struct txn_request *txn;    /* of a txn */
};

struct txn_request {
    struct command command;
    struct txn_op *success, *failure; /* those of the command's txn */
    bool read_only;                   /* nothing but ranges, whichever way it goes */
    bool serializable;                /* and these may show an old state */
};

/* Reads the message and checks it as etcd does. ETCD_OK with *ret_txn NULL: malformed, or too
 * costly for the arena. */
enum etcd_error txn_request_read(struct arena *arena, size_t ops_max, const uint8_t *message,
                                 size_t size, struct txn_request **ret_txn);

#endif
