/* SPDX-License-Identifier: MIT */
/* command_decode.c -- bytes to commands. What comes in may be anything, so no size is trusted, and
 * a txn is read through to its last item before anybody acts on its first.
 */
#include "command.h"

#include <assert.h>

/* The smallest item: two bytes, a key of one byte, an empty end. */
#define ITEM_BYTES_MIN 4u

static struct kv_bytes read_sized_bytes(struct reader *reader)
{
    uint64_t size = read_varint(reader);

    if (size > reader_left(reader))
        reader->failed = true;
    if (reader->failed)
        return (struct kv_bytes){NULL, 0};
    return (struct kv_bytes){read_bytes(reader, (size_t)size), (size_t)size};
}

static struct kv_bytes read_key(struct reader *reader)
{
    struct kv_bytes key = read_sized_bytes(reader);

    if (key.size == 0)
        reader->failed = true;
    return key;
}

/* A count of items of at least that many bytes, each still to be read. */
static size_t read_count(struct reader *reader, size_t bytes_min)
{
    uint64_t count = read_varint(reader);

    if (count > reader_left(reader) / bytes_min)
        reader->failed = true;
    return reader->failed ? 0 : (size_t)count;
}

static void read_put(struct reader *reader, unsigned flags, struct command_put *ret_put)
{
    ret_put->prev_kv = (flags & COMMAND_PREV_KV) != 0;
    ret_put->ignore_value = (flags & COMMAND_IGNORE_VALUE) != 0;
    ret_put->ignore_lease = (flags & COMMAND_IGNORE_LEASE) != 0;
    ret_put->key = read_key(reader);
    ret_put->value = read_sized_bytes(reader);
    if ((flags & COMMAND_HAS_LEASE) != 0) {
        ret_put->lease = (int64_t)read_u64(reader);
        if (ret_put->lease == 0 || ret_put->ignore_lease)
            reader->failed = true;
    }
    if (ret_put->ignore_value && ret_put->value.size > 0)
        reader->failed = true;
}

static void read_delete_range(struct reader *reader, unsigned flags,
                              struct command_delete_range *ret_delete_range)
{
    ret_delete_range->prev_kv = (flags & COMMAND_PREV_KV) != 0;
    ret_delete_range->key = read_key(reader);
    ret_delete_range->range_end = read_sized_bytes(reader);
}

static void read_range(struct reader *reader, unsigned flags, struct command_range *ret_range)
{
    ret_range->keys_only = (flags & COMMAND_KEYS_ONLY) != 0;
    ret_range->count_only = (flags & COMMAND_COUNT_ONLY) != 0;
    ret_range->key = read_key(reader);
    ret_range->range_end = read_sized_bytes(reader);
    ret_range->limit = read_varint(reader);
    ret_range->revision = read_varint(reader);
}

struct command_compare command_read_compare(struct reader *reader)
{
    struct command_compare compare = {0};

    compare.target = read_u8(reader);
    compare.result = read_u8(reader);
    compare.key = read_key(reader);
    compare.range_end = read_sized_bytes(reader);
    if (compare.target == COMPARE_VALUE)
        compare.value = read_sized_bytes(reader);
    else
        compare.number = (int64_t)read_u64(reader);
    return compare;
}

struct command_lease_grant command_read_lease(struct reader *reader)
{
    struct command_lease_grant lease = {.id = (int64_t)read_u64(reader)};

    lease.seconds = read_varint(reader);
    if (lease.seconds > INT64_MAX)
        reader->failed = true;
    return lease;
}

static struct command read_op(struct reader *reader, unsigned depth);

static void read_txn(struct reader *reader, unsigned depth, struct command_txn_body *ret_body)
{
    ret_body->compare_count = read_count(reader, ITEM_BYTES_MIN);
    ret_body->success_count = read_count(reader, ITEM_BYTES_MIN);
    ret_body->failure_count = read_count(reader, ITEM_BYTES_MIN);
    ret_body->items.data = reader->at;
    if (depth == COMMAND_DEPTH_MAX)
        reader->failed = true;
    for (size_t i = 0; i < ret_body->compare_count && !reader->failed; i++)
        (void)command_read_compare(reader);
    for (size_t i = 0; i < ret_body->success_count && !reader->failed; i++)
        (void)read_op(reader, depth + 1);
    for (size_t i = 0; i < ret_body->failure_count && !reader->failed; i++)
        (void)read_op(reader, depth + 1);
    ret_body->items.size = (size_t)(reader->at - ret_body->items.data);
}

static void read_checkpoint(struct reader *reader, struct command_checkpoint *ret_checkpoint)
{
    ret_checkpoint->stamp = read_varint(reader);
    ret_checkpoint->lease_count = read_count(reader, sizeof(uint64_t) + 1);
    ret_checkpoint->items.data = reader->at;
    for (size_t i = 0; i < ret_checkpoint->lease_count && !reader->failed; i++)
        (void)command_read_lease(reader);
    ret_checkpoint->items.size = (size_t)(reader->at - ret_checkpoint->items.data);
}

int64_t command_read_id(struct reader *reader)
{
    return (int64_t)read_u64(reader);
}

static void read_ids(struct reader *reader, struct command_ids *ret_ids)
{
    ret_ids->id_count = read_count(reader, sizeof(int64_t));
    ret_ids->items.data = reader->at;
    for (size_t i = 0; i < ret_ids->id_count && !reader->failed; i++)
        (void)command_read_id(reader);
    ret_ids->items.size = (size_t)(reader->at - ret_ids->items.data);
}

struct kv_bytes command_read_url(struct reader *reader)
{
    return read_sized_bytes(reader);
}

static void read_member(struct reader *reader, struct command_member *ret_member)
{
    ret_member->id = read_u64(reader);
    ret_member->name = read_sized_bytes(reader);
    ret_member->url_count = read_count(reader, 1);
    ret_member->items.data = reader->at;
    for (size_t i = 0; i < ret_member->url_count && !reader->failed; i++)
        (void)command_read_url(reader);
    ret_member->items.size = (size_t)(reader->at - ret_member->items.data);
}

static void read_alarm(struct reader *reader, unsigned flags, struct command_alarm *ret_alarm)
{
    uint8_t type;

    ret_alarm->activate = (flags & COMMAND_ACTIVATE) != 0;
    ret_alarm->member = read_u64(reader);
    type = read_u8(reader);
    ret_alarm->type = type == ALARM_CORRUPT ? ALARM_CORRUPT : ALARM_NOSPACE;
    if (type != ALARM_CORRUPT && type != ALARM_NOSPACE)
        reader->failed = true;
}

static unsigned flags_known(unsigned op)
{
    switch (op) {
    case COMMAND_PUT:
        return COMMAND_PREV_KV | COMMAND_IGNORE_VALUE | COMMAND_IGNORE_LEASE | COMMAND_HAS_LEASE;
    case COMMAND_DELETE_RANGE:
        return COMMAND_PREV_KV;
    case COMMAND_RANGE:
        return COMMAND_KEYS_ONLY | COMMAND_COUNT_ONLY;
    case COMMAND_ALARM:
        return COMMAND_ACTIVATE;
    default:
        return 0;
    }
}

/* A txn has puts, deletions, ranges and txns; outside of one there is everything but ranges. */
static bool op_belongs(unsigned op, unsigned depth)
{
    if (op == COMMAND_RANGE)
        return depth > 0;
    return depth == 0 || op <= COMMAND_TXN;
}

static struct command read_op(struct reader *reader, unsigned depth)
{
    unsigned op = read_u8(reader), flags = read_u8(reader);
    struct command command = {.op = op};

    if (reader->failed || (flags & ~flags_known(op)) != 0 || !op_belongs(op, depth)) {
        reader->failed = true;
        return command;
    }
    switch (op) {
    case COMMAND_PUT:
        read_put(reader, flags, &command.u.put);
        break;
    case COMMAND_DELETE_RANGE:
        read_delete_range(reader, flags, &command.u.delete_range);
        break;
    case COMMAND_RANGE:
        read_range(reader, flags, &command.u.range);
        break;
    case COMMAND_TXN:
        read_txn(reader, depth, &command.u.txn_body);
        break;
    case COMMAND_COMPACT:
        command.u.compact = read_varint(reader);
        break;
    case COMMAND_LEASE_GRANT:
        command.u.lease_grant = command_read_lease(reader);
        break;
    case COMMAND_LEASE_REVOKE:
        command.u.lease_revoke = (int64_t)read_u64(reader);
        break;
    case COMMAND_LEASE_CHECKPOINT:
        read_checkpoint(reader, &command.u.checkpoint);
        break;
    case COMMAND_ALARM:
        read_alarm(reader, flags, &command.u.alarm);
        break;
    case COMMAND_LEASE_RENEW:
        command.u.lease_renew = (int64_t)read_u64(reader);
        break;
    case COMMAND_LEASE_EXPIRE:
        command.u.lease_expire.id = (int64_t)read_u64(reader);
        command.u.lease_expire.stamp = read_varint(reader);
        break;
    case COMMAND_MEMBER:
        read_member(reader, &command.u.member);
        break;
    case COMMAND_LEASE_RENEWALS:
    case COMMAND_LEASE_QUESTION:
        read_ids(reader, &command.u.lease_ids);
        break;
    default: /* no op of ours */
        reader->failed = true;
    }
    return command;
}

struct command command_read_op(struct reader *reader)
{
    return read_op(reader, 1);
}

bool command_decode(const uint8_t *data, size_t size, struct command *ret_command)
{
    struct command command;
    struct reader reader;

    reader_init(&reader, data, size);
    if (size > COMMAND_BYTES_MAX || read_u8(&reader) != COMMAND_MACHINE_KV)
        return false;
    command = read_op(&reader, 0);
    if (!reader_done(&reader))
        return false;
    *ret_command = command;
    return true;
}
