/* SPDX-License-Identifier: MIT */
/* command.h -- the byte form of what is replicated: one change to the key-value store.
 *
 *   byte 0     COMMAND_MACHINE_KV: for the key-value store, in this version of the form
 *   then       OP
 *
 *   OP         byte enum command_op, byte flags, and by the op:
 *   put            BYTES key, BYTES value, [8 bytes lease]
 *   delete_range   BYTES key, BYTES range_end
 *   range          BYTES key, BYTES range_end, varint limit, varint revision; only in a txn
 *   txn            varint compares, varint ops if all of them hold, varint ops if not; COMPAREs, OPs, OPs
 *   compact        varint revision
 *   lease_grant    8 bytes id, varint seconds
 *   lease_revoke   8 bytes id
 *   lease_checkpoint   varint stamp, varint leases, for each: 8 bytes id, varint seconds; void for a
 *                  lease that lease_expire with this stamp would not revoke
 *   alarm          8 bytes member, byte enum alarm_type
 *   lease_renew    8 bytes id; 0: all leases, said by a leader when he begins to watch over them
 *   lease_expire   8 bytes id, varint stamp: revokes the lease if the log had no grant and no renewal
 *                  of it since, and no renewal of all leases; see kv_lease_stamp()
 *   member         8 bytes id, BYTES name, varint urls, for each: BYTES url; what a member tells of itself
 *   lease_renewals  varint leases, for each: 8 bytes id; each renewed, those that are not there passed over
 *   lease_question  varint leases, for each: 8 bytes id; changes nothing: who leads is to write down
 *                  what is left of them, by a lease_checkpoint
 *
 *   COMPARE    byte enum compare_target, byte enum compare_result, BYTES key, BYTES range_end, and
 *              BYTES value for COMPARE_VALUE, else 8 bytes number
 *   BYTES      varint size, then as many bytes
 *
 * Numbers of 8 bytes are little-endian. A flag is a bit; one that the op does not know makes the
 * command malformed. The lease of a put is there if COMMAND_HAS_LEASE is set, and is then not 0. A
 * key is never empty. Nothing may follow. Numbers of ops and flags are never used again for
 * another meaning: journals keep these bytes.
 */
#ifndef DECREE_KV_COMMAND_H
#define DECREE_KV_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

#define COMMAND_MACHINE_KV 0x4bu
#define COMMAND_BYTES_MAX (UINT32_C(1) << 30) /* of a whole command; more is malformed */
#define COMMAND_DEPTH_MAX 130u                /* of txns within txns; etcd's limits allow 128 */

enum command_op {
    COMMAND_PUT = 1,
    COMMAND_DELETE_RANGE,
    COMMAND_RANGE,
    COMMAND_TXN,
    COMMAND_COMPACT,
    COMMAND_LEASE_GRANT,
    COMMAND_LEASE_REVOKE,
    COMMAND_LEASE_CHECKPOINT,
    COMMAND_ALARM,
    COMMAND_LEASE_RENEW,
    COMMAND_LEASE_EXPIRE,
    COMMAND_MEMBER,
    COMMAND_LEASE_RENEWALS,
    COMMAND_LEASE_QUESTION
};

enum command_flag {
    COMMAND_PREV_KV = 0x01, /* put and delete_range: the result carries what was there before */
    COMMAND_IGNORE_VALUE = 0x02, /* put: keep the value that is there; the value sent is empty */
    COMMAND_IGNORE_LEASE = 0x04, /* put: keep the lease that is there; no lease is sent */
    COMMAND_HAS_LEASE = 0x08,    /* put: a lease follows the value */
    COMMAND_KEYS_ONLY = 0x10,    /* range: without values */
    COMMAND_COUNT_ONLY = 0x20,   /* range: without pairs */
    COMMAND_ACTIVATE = 0x40      /* alarm: it rings; else it is silenced */
};

/* As etcd numbers them. A target or result that is none of these compares as true. */
enum compare_target {
    COMPARE_VERSION = 0,
    COMPARE_CREATE,
    COMPARE_MOD,
    COMPARE_VALUE,
    COMPARE_LEASE
};
enum compare_result { COMPARE_EQUAL = 0, COMPARE_GREATER, COMPARE_LESS, COMPARE_NOT_EQUAL };

enum alarm_type { ALARM_NOSPACE = 1, ALARM_CORRUPT };

/* Bytes of somebody else. data may be NULL if size is 0. */
struct kv_bytes {
    const uint8_t *data;
    size_t size;
};

struct command_put {
    struct kv_bytes key, value;
    int64_t lease; /* 0: none */
    bool prev_kv, ignore_value, ignore_lease;
};

/* range_end: empty for one key, one zero byte for "from key on", else the first key past the
 * range. */
struct command_delete_range {
    struct kv_bytes key, range_end;
    bool prev_kv;
};

struct command_range {
    struct kv_bytes key, range_end;
    uint64_t limit;    /* 0: none */
    uint64_t revision; /* the bits of an int64_t; 0: as it is now */
    bool keys_only, count_only;
};

struct command_compare {
    uint8_t target, result; /* see the enums; others are kept */
    struct kv_bytes key, range_end;
    struct kv_bytes value; /* COMPARE_VALUE only */
    int64_t number;        /* all others */
};

struct command;

/* To be encoded: trees of the caller's. */
struct command_txn {
    const struct command_compare *compares;
    const struct command *success, *failure; /* put, delete_range, range or txn */
    size_t compare_count, success_count, failure_count;
};

/* As decoded: the items are read one after the other with command_read_compare() and
 * command_read_op(), which cannot fail: command_decode() has read them all. */
struct command_txn_body {
    struct kv_bytes items;
    size_t compare_count, success_count, failure_count;
};

struct command_lease_grant {
    int64_t id;
    uint64_t seconds;
};

struct command_lease_expire {
    int64_t id;
    uint64_t stamp;
};

struct command_ids {
    const int64_t *ids; /* to be encoded: the caller's */
    size_t id_count;
    struct kv_bytes items; /* as decoded: for command_read_id() */
};

struct command_checkpoint {
    uint64_t stamp;
    const struct command_lease_grant *leases; /* to be encoded: the caller's */
    size_t lease_count;
    struct kv_bytes items; /* as decoded: for command_read_lease() */
};

struct command_alarm {
    uint64_t member;
    enum alarm_type type;
    bool activate;
};

/* A member of the cluster says who it is and where clients reach it: all of it anew each time. */
struct command_member {
    uint64_t id;
    struct kv_bytes name;
    const struct kv_bytes *urls; /* to be encoded: the caller's */
    size_t url_count;
    struct kv_bytes items; /* as decoded: for command_read_url() */
};

struct command {
    enum command_op op;
    union {
        struct command_put put;
        struct command_delete_range delete_range;
        struct command_range range;
        struct command_txn txn;
        struct command_txn_body txn_body;
        uint64_t compact;
        struct command_lease_grant lease_grant;
        int64_t lease_revoke;
        struct command_checkpoint checkpoint;
        struct command_alarm alarm;
        int64_t lease_renew;
        struct command_lease_expire lease_expire;
        struct command_member member;
        struct command_ids lease_ids; /* renewals, question */
    } u;
};

/* The number of bytes that command_encode() writes. */
size_t command_size(const struct command *command);

/* Writes the command to data, which has room for size == command_size(command) bytes. Keys are not
 * empty; a put with ignore_value has no value, one with ignore_lease no lease; txns are nested no
 * deeper than COMMAND_DEPTH_MAX, and only there are ranges. */
void command_encode(const struct command *command, uint8_t *data, size_t size);

/* Reads a command from bytes that anybody may have made; false if they are not one. The bytes in
 * ret_command are borrowed from data. */
bool command_decode(const uint8_t *data, size_t size, struct command *ret_command);

/* The next item of what was decoded: a txn, a checkpoint, a member, ids; reader is over its items. */
struct command_compare command_read_compare(struct reader *reader);
struct command command_read_op(struct reader *reader);
struct command_lease_grant command_read_lease(struct reader *reader);
struct kv_bytes command_read_url(struct reader *reader);
int64_t command_read_id(struct reader *reader);

#endif
