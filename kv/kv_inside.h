/* SPDX-License-Identifier: MIT */
/* kv_inside.h -- what kv.c, range.c, txn.c and compaction.c share; nobody else includes it. */
#ifndef DECREE_KV_KV_INSIDE_H
#define DECREE_KV_KV_INSIDE_H

#include "allocator.h"
#include "index.h"
#include "key_index.h"
#include "kv.h"
#include "lease.h"
#include "member_list.h"
#include "store.h"

struct kv {
    struct allocator allocator;
    struct store store;
    struct index index;
    struct leases leases;
    uint64_t lease_stamp;  /* grants and renewals so far */
    uint64_t leases_begun; /* the stamp of the last renewal of all leases */
    int64_t revision;      /* main, of the last command that changed something */
    int64_t sub;           /* changes made by the command under way */
    int64_t compacted;     /* main; older revisions cannot be read any more; at first -1 */
    int64_t trimmed;       /* main; what compaction left of older records is in the index */
    uint64_t trim_at;      /* while trimming: the position of the next record to look at */
    bool trim_begun;       /* is it? */
    uint32_t swept;        /* slabs looked at since then */
    uint32_t pins;         /* readers for whom nothing may be given back */
    struct kv_alarm *alarms;
    size_t alarm_count, alarm_capacity;
    struct members members;
    struct kv_counters counters;
    /* Of the last command: */
    struct kv_pair *pairs;
    size_t pair_count, pair_capacity;
    struct kv_op_result *ops;
    size_t op_count, op_capacity;
    uint8_t *path; /* of each txn met, in order: did its compares hold? */
    size_t path_count, path_capacity;
};

/* The keys between two cursors. */
struct span {
    struct index_cursor from, to;
};

/* Grows an array that is full; its capacity counts elements. */
void *kv_grow(struct kv *kv, void *array, size_t *capacity, size_t element_size);

struct kv_pair kv_pair_of(const struct record *record);
void kv_keep_pair(struct kv *kv, const struct kv_pair *pair);

/* kv.c: one change each, as part of the command under way. A put was checked. Pairs that were there
 * before are kept if they are asked for. */
void kv_put(struct kv *kv, const struct command_put *put);
enum kv_error kv_check_lease(const struct kv *kv, const struct command_put *put);
enum kv_error kv_check_key(const struct kv *kv, const struct command_put *put);
uint64_t kv_delete_range(struct kv *kv, const struct command_delete_range *delete_range);

/* The key after the cursor, which is there, goes. Its lease is told by the caller. */
void kv_delete_at(struct kv *kv, struct index_cursor *cursor, struct key_index *key_index,
                  struct kv_bytes key);

/* kv_lease.c */
enum kv_error kv_lease_grant(struct kv *kv, const struct command_lease_grant *grant);
enum kv_error kv_lease_revoke(struct kv *kv, int64_t id, uint64_t *ret_deleted);
enum kv_error kv_lease_renew(struct kv *kv, int64_t id);
void kv_lease_renewals(struct kv *kv, const struct command_ids *ids);
enum kv_error kv_lease_expire(struct kv *kv, const struct command_lease_expire *expire,
                              uint64_t *ret_deleted);
void kv_lease_checkpoint(struct kv *kv, const struct command_checkpoint *checkpoint);

/* The revision that a reader in the midst of the command under way sees. */
int64_t kv_revision_within(const struct kv *kv);

/* range.c: the keys of a range in etcd's way of writing it; false if there can be none. */
bool span_find(const struct kv *kv, struct kv_bytes key, struct kv_bytes range_end,
               struct span *ret_span);

/* The next key of the span, or NULL; to be followed by index_next(&span->from). */
struct key_index *span_at(const struct kv *kv, struct span *span);

/* May this revision be read? */
enum kv_error kv_check_revision(const struct kv *kv, int64_t revision);

/* txn.c: the whole txn, or, on an error, nothing of it. */
enum kv_error kv_txn(struct kv *kv, const struct command_txn_body *body,
                     struct kv_result *ret_result);
bool kv_txn_has_put(const struct command_txn_body *body);
bool kv_txn_writes(const struct command_txn_body *body);

/* compaction.c */
enum kv_error kv_compact(struct kv *kv, int64_t revision);

/* How many of the key's oldest revisions nobody can read after a compaction up to that revision. */
uint32_t kv_obsolete(const struct kv *kv, struct key_index key_index, int64_t compacted);

/* Can the record at this position, of this key, be read after a compaction up to this revision? */
bool kv_is_needed(const struct kv *kv, struct kv_bytes key, uint64_t position, int64_t compacted);

/* In between kv_tidy() does nothing: records stay, and stay where they are. */
void kv_pin(const struct kv *kv);
void kv_unpin(const struct kv *kv);

/* Between commands: a slab may go to the shelf, and what was borrowed from it with it. */
void kv_shelve(struct kv *kv);

#endif
