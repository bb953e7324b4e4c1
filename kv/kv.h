/* SPDX-License-Identifier: MIT */
/* kv.h -- a key-value store with the memory of every revision, as etcd's: the front of kv/.
 *
 *     kv_apply(kv, command, size, &result);             one decided command in, its outcome out
 *     kv_range(kv, &request, visit, context, &result);  keys as they are now, or at a revision
 *
 * Pure: no I/O, no clock, no global; the same commands give the same state and the same results.
 * One thread at a time.
 *
 * A new store has revision 1; a command that changes something makes the next one, and all its
 * changes share it, told apart by a second number. A superseded pair stays readable at its
 * revision, until a compaction gives the past up.
 *
 *     kv            command bytes -> changes                              kv.c, command.c
 *     range, txn    ranges; compares and several changes at once          range.c, txn.c
 *     compaction    gives up the past, a bit at a time                    compaction.c
 *     lease         leases and the keys that hang on them                 kv_lease.c, lease.c
 *     members       where clients reach each member of the cluster         member_list.c
 *     index         ordered B+-tree: key -> its key_index                 index.c
 *     key_index     one key's revisions, in order: positions in the store key_index.c
 *     store         every change as a record, in revision order, in slabs store.c
 *
 * Memory: running out of it in the midst of a command cannot be answered, for a replica that skips
 * a command is a replica no more. kv then calls kv_options.out_of_memory, which must not return.
 */
#ifndef DECREE_KV_KV_H
#define DECREE_KV_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "shelf.h"

/* X(name, code, text): text is what etcd says after "etcdserver: ". */
#define KV_ERROR_TABLE(X)                                                                  \
    X(MALFORMED, -1, "malformed command") /* the bytes are no command of this version */   \
    X(KEY_NOT_FOUND, -2, "key not found") /* ignore_value or ignore_lease without a key */ \
    X(LEASE_NOT_FOUND, -3, "requested lease not found")                                    \
    X(FUTURE_REVISION, -4, "mvcc: required revision is a future revision")                 \
    X(COMPACTED, -5, "mvcc: required revision has been compacted")                         \
    X(LEASE_EXISTS, -6, "lease already exists")                                            \
    X(NO_SPACE, -7, "mvcc: database space exceeded")                                       \
    X(CORRUPT, -8, "corrupt cluster")

enum kv_error {
    KV_OK = 0,
#define KV_ERROR_ENUM(name, code, text) KV_##name = (code),
    KV_ERROR_TABLE(KV_ERROR_ENUM)
#undef KV_ERROR_ENUM
};

/* A key with its value, as of mod_revision. */
struct kv_pair {
    struct kv_bytes key, value;
    int64_t create_revision, mod_revision;
    int64_t version; /* 1 for the put that created the key */
    int64_t lease;   /* 0: none */
};

struct kv_options { /* NULL members take the defaults */
    void *context;
    /* As realloc(), and as free() if size is 0; default: libc's. */
    void *(*resize)(void *context, void *memory, size_t size);
    /* Says so and ends the process: it must not return, and the store must not be touched again,
     * not even by kv_free(). Default: an assertion fails. */
    void (*out_of_memory)(void *context, size_t size);
    const struct kv_shelf *shelf; /* copied; default: all stays in memory */
    /* Of hashes of what clients choose: one that they can guess lets them choose what collides. */
    uint64_t seed;
};

/* The outcome of one op of a txn. Those of a nested txn follow it, before the next of its own. */
struct kv_op_result {
    enum command_op op;
    int64_t revision; /* of the store as this op saw it or left it */
    bool succeeded;   /* txn: all compares held */
    bool more;        /* range: the limit left some out */
    uint64_t count;   /* range: keys in it; delete_range: keys deleted */
    size_t op_count;  /* txn: its own ops, without those of txns within */
    /* Of kv_result.pairs: what was there before (put, delete_range), or is there (range). */
    size_t first_pair, pair_count;
};

/* What a command did. On an error nothing has changed. Pointers are borrowed until the next
 * kv_apply(), kv_query() or kv_tidy(). */
struct kv_result {
    enum kv_error error;
    int64_t revision;            /* of the store, after the command */
    uint64_t deleted;            /* keys, by delete_range or lease_revoke */
    const struct kv_pair *pairs; /* what was there before, if asked for, by key; all of a txn's */
    size_t pair_count;
    bool succeeded; /* txn: all compares held; alarm: it rings, or it was silenced */
    const struct kv_op_result *ops;
    size_t op_count; /* txn: its own ops, without those of txns within */
};

struct kv_range_request {
    struct kv_bytes key, range_end; /* as in command_delete_range; key is not empty */
    uint64_t limit;                 /* pairs handed to the visitor at most; 0: no limit */
    int64_t revision;               /* 0 or less: as it is now */
    bool keys_only;                 /* values are left empty */
    bool count_only;                /* the visitor, then NULL if you like, is not called */
};

struct kv_range_result {
    uint64_t count; /* keys in the range, whatever the limit */
    bool more;      /* the limit left some out */
};

/* Called once for each pair, by key. Must not call kv_apply(). The bytes are borrowed until the
 * next kv_apply() or kv_tidy(). */
typedef void kv_visit(void *context, const struct kv_pair *pair);

/* One change, as watches want it. For a deletion, pair has key and mod_revision only. */
struct kv_change {
    struct kv_pair pair;
    int64_t sub; /* order within the revision, from 0 */
    bool deleted;
};

/* Called once for each change, in the order they were made; false: that was enough. Borrowed as
 * above. */
typedef bool kv_visit_change(void *context, const struct kv_change *change);

struct kv_lease {
    int64_t id;
    int64_t granted;   /* seconds */
    int64_t remaining; /* seconds, as of the last checkpoint; 0: none was made */
    uint64_t stamp;    /* of its grant or last renewal in the log */
    size_t key_count;
};

struct kv_alarm {
    uint64_t member;
    enum alarm_type type;
};

/* What a member told of itself last. */
struct kv_member {
    uint64_t id;
    struct kv_bytes name;        /* a zero byte, not counted, follows it, and each of the urls */
    const struct kv_bytes *urls; /* where clients reach it */
    size_t url_count;
};

struct kv_stats {
    uint64_t keys;          /* alive now */
    uint64_t changes;       /* records needed, those of the past included */
    uint64_t record_bytes;  /* of these records */
    uint64_t memory_bytes;  /* asked of the allocator in all, index and unused room included */
    uint64_t shelved_bytes; /* on the shelf */
    uint64_t leases;
};

/* What was done since the store was made, in this process. */
struct kv_counters {
    uint64_t puts, deletes, txns,
        ranges;         /* those in txns too; ranges only these; deletes of keys or ranges */
    uint64_t put_bytes; /* of keys and values */
};

struct kv;

/* An empty store at revision 1; NULL when out of memory. options may be NULL and is copied. */
struct kv *kv_new(const struct kv_options *options);
void kv_free(struct kv *kv); /* NULL is fine */

/* Applies one command; data may be any bytes. ret_result is always written. */
void kv_apply(struct kv *kv, const uint8_t *data, size_t size, struct kv_result *ret_result);

/* The outcome of a txn command that writes nothing, whichever of its branches is taken; MALFORMED
 * for any other. */
void kv_query(struct kv *kv, const uint8_t *data, size_t size, struct kv_result *ret_result);

/* Visits the pairs of a range. KV_OK, KV_FUTURE_REVISION or KV_COMPACTED. A count of the present,
 * without pairs, is quick however many keys there are. */
enum kv_error kv_range(const struct kv *kv, const struct kv_range_request *request, kv_visit *visit,
                       void *context, struct kv_range_result *ret_result);

/* The revision of the last change, 1 if there was none. */
int64_t kv_revision(const struct kv *kv);

/* The oldest revision that can be read; -1 before the first compaction. */
int64_t kv_compacted(const struct kv *kv);

/* Gives back what compaction left: a bounded bit of work, some milliseconds at most, whenever there
 * is time. No reader can tell. True: there is more to do. */
bool kv_tidy(struct kv *kv);

/* Has kv_tidy() nothing left to do? While somebody reads the store bit by bit it waits, and so this
 * is false after a compaction. */
bool kv_is_tidy(const struct kv *kv);

/* Visits every change from first_revision on, which is not compacted. */
void kv_changes(const struct kv *kv, int64_t first_revision, kv_visit_change *visit, void *context);

/* A hash of every change up to revision that compaction has not given up, by key: equal on replicas
 * that applied the same commands, however tidy they are. Reads the whole store. revision: 0 or
 * less: all. Errors as kv_range(). */
enum kv_error kv_hash(const struct kv *kv, int64_t revision, uint64_t *ret_hash);

/* The same in slices, of the store as it is now, whatever is applied in between; until the hasher is
 * freed, compaction gives no memory back. *ret_hasher is NULL on an error, or if there is no memory.
 * Errors as kv_range(). */
struct kv_hasher;
enum kv_error kv_hasher_new(const struct kv *kv, int64_t revision, struct kv_hasher **ret_hasher);

/* Less than a millisecond of work, if values are small. True: there is more to do. */
bool kv_hasher_step(struct kv_hasher *hasher);
uint64_t kv_hasher_sum(const struct kv_hasher *hasher); /* when there is not */
void kv_hasher_free(struct kv_hasher *hasher);          /* NULL is fine */

/* False: there is no such lease. */
bool kv_lease(const struct kv *kv, int64_t id, struct kv_lease *ret_lease);

/* How many grants and renewals of leases there were: a lease_expire with this stamp is void when a
 * renewal that its maker does not know of comes before it. */
uint64_t kv_lease_stamp(const struct kv *kv);

/* The stamp of the last renewal of all leases: it changes when somebody begins to watch over them. */
uint64_t kv_leases_begun(const struct kv *kv);

/* Visits the lease's keys, in order; nothing if there is no such lease. */
void kv_lease_keys(const struct kv *kv, int64_t id,
                   void (*visit)(void *context, struct kv_bytes key), void *context);

/* The next lease after *at, in no order that means anything; *at begins at 0 and is good until the
 * next kv_apply(). False at the end. */
bool kv_next_lease(const struct kv *kv, size_t *at, struct kv_lease *ret_lease);

/* The alarms that ring, by the order of their raising; borrowed until the next kv_apply(). */
const struct kv_alarm *kv_alarms(const struct kv *kv, size_t *ret_count);

/* The members that told of themselves, by the order of their first telling; borrowed until the next
 * kv_apply(). No part of kv_hash(), which is over keys. */
const struct kv_member *kv_members(const struct kv *kv, size_t *ret_count);

/* Makes a store that was loaded from a snapshot of one cluster the beginning of another: the members
 * are forgotten. A bump above 0 adds to the revision, and compacts up to there: whoever saw revisions
 * of the old cluster that the snapshot does not have is told so, and not something else. */
#define KV_BUMP_MAX ((int64_t)1 << 60)
void kv_begin_cluster(struct kv *kv, int64_t bump);

void kv_stats(const struct kv *kv, struct kv_stats *ret_stats);

/* Borrowed. */
const struct kv_counters *kv_counters(const struct kv *kv);

/* etcd's words for the error, without "etcdserver: "; static; "ok" for KV_OK. */
const char *kv_error_text(enum kv_error error);

#endif
