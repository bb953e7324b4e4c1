/* SPDX-License-Identifier: MIT */
/* kv_messages.h -- requests and responses of etcdserverpb.KV as plain structs and bytes, without
 * protobuf-c.
 *
 * Field numbers are those of proto/rpc.proto and proto/kv.proto. Bytes in a request are borrowed
 * from its message.
 */
#ifndef DECREE_SERVER_KV_MESSAGES_H
#define DECREE_SERVER_KV_MESSAGES_H

#include "byte_buffer.h"
#include "kv.h"
#include "protobuf_wire.h"

enum sort_order { SORT_NONE, SORT_ASCEND, SORT_DESCEND };
enum sort_target { SORT_KEY, SORT_VERSION, SORT_CREATE, SORT_MOD, SORT_VALUE };

struct range_request {
    struct kv_bytes key, range_end;
    int64_t limit, revision;
    int32_t sort_order, sort_target;
    bool serializable, keys_only, count_only;
    int64_t min_mod_revision, max_mod_revision, min_create_revision, max_create_revision;
};

struct put_request {
    struct kv_bytes key, value;
    int64_t lease;
    bool prev_kv, ignore_value, ignore_lease;
};

struct delete_range_request {
    struct kv_bytes key, range_end;
    bool prev_kv;
};

struct compaction_request {
    int64_t revision;
    bool physical;
};

struct response_header {
    uint64_t cluster_id, member_id;
    int64_t revision;
    uint64_t term;
};

/* False: malformed. */
bool range_request_read(const uint8_t *message, size_t size, struct range_request *ret_request);
bool put_request_read(const uint8_t *message, size_t size, struct put_request *ret_request);
bool delete_range_request_read(const uint8_t *message, size_t size,
                               struct delete_range_request *ret_request);

bool compaction_request_read(const uint8_t *message, size_t size,
                             struct compaction_request *ret_request);

/* Field 1 of every response. */
void response_header_write(struct byte_buffer *out, const struct response_header *header);

/* An mvccpb.KeyValue as a field, without its value if keys_only. */
void pair_write(struct byte_buffer *out, uint32_t field, const struct kv_pair *pair,
                bool keys_only);

/* A message within the message, of a field numbered 1 to 15: what is appended between the two calls
 * is its body. The first returns what the second is given. */
size_t message_begin(struct byte_buffer *out, uint32_t field);
void message_end(struct byte_buffer *out, size_t begun);

/* A number as a field numbered 1 to 15. */
void number_write(struct byte_buffer *out, uint32_t field, uint64_t number);

#endif
