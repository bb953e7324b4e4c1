/* SPDX-License-Identifier: MIT */
/* maintenance_inside.h -- the handlers of etcdserverpb.Maintenance that have files of their own, and
 * the header that all answers have. */
#ifndef DECREE_SERVER_MAINTENANCE_INSIDE_H
#define DECREE_SERVER_MAINTENANCE_INSIDE_H

#include "rpc.pb-c.h"
#include "services.h"

Etcdserverpb__ResponseHeader maintenance_header(struct grpc_call *call);

/* maintenance_hash.c */
int maintenance_hash(struct grpc_call *call, const uint8_t *message, size_t size);
int maintenance_hash_kv(struct grpc_call *call, const uint8_t *message, size_t size);

/* maintenance_move.c */
int maintenance_move_leader(struct grpc_call *call, const uint8_t *message, size_t size);

/* maintenance_downgrade.c */
int maintenance_downgrade(struct grpc_call *call, const uint8_t *message, size_t size);

#endif
