/* SPDX-License-Identifier: MIT */
/* txn_response.h -- what a txn did, as an etcdserverpb.TxnResponse. */
#ifndef DECREE_SERVER_TXN_RESPONSE_H
#define DECREE_SERVER_TXN_RESPONSE_H

#include "txn_request.h"

/* Appends the response behind its head; result is that of the txn's command. If memory runs out, out fails. */
void txn_response_write(struct byte_buffer *out, const struct txn_request *txn,
                        const struct kv_result *result);

#endif
