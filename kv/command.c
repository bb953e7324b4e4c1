/* SPDX-License-Identifier: MIT */
/* command.c -- commands to bytes; command_decode.c has the way back. */
#include "command.h"

#include <assert.h>

#define NUMBER_BYTES 8u
#define OP_HEAD_BYTES 2u

/* ---- sizes ---- */

static size_t varint_size(uint64_t number)
{
    size_t size = 1;

    for (; number >= 0x80; number >>= 7)
        size++;
    assert(size <= VARINT_BYTES_MAX);
    return size;
}

static size_t sized_bytes_size(struct kv_bytes bytes)
{
    return varint_size(bytes.size) + bytes.size;
}

static size_t span_size(struct kv_bytes key, struct kv_bytes range_end)
{
    return sized_bytes_size(key) + sized_bytes_size(range_end);
}

static size_t compare_size(const struct command_compare *compare)
{
    return 2 + span_size(compare->key, compare->range_end) +
           (compare->target == COMPARE_VALUE ? sized_bytes_size(compare->value) : NUMBER_BYTES);
}

static size_t op_size(const struct command *op);

static size_t txn_size(const struct command_txn *txn)
{
    size_t size = varint_size(txn->compare_count) + varint_size(txn->success_count) +
                  varint_size(txn->failure_count);

    for (size_t i = 0; i < txn->compare_count; i++)
        size += compare_size(&txn->compares[i]);
    for (size_t i = 0; i < txn->success_count; i++)
        size += op_size(&txn->success[i]);
    for (size_t i = 0; i < txn->failure_count; i++)
        size += op_size(&txn->failure[i]);
    return size;
}

static size_t checkpoint_size(const struct command_checkpoint *checkpoint)
{
    size_t size = varint_size(checkpoint->stamp) + varint_size(checkpoint->lease_count);

    for (size_t i = 0; i < checkpoint->lease_count; i++)
        size += NUMBER_BYTES + varint_size(checkpoint->leases[i].seconds);
    return size;
}

static size_t member_size(const struct command_member *member)
{
    size_t size = NUMBER_BYTES + sized_bytes_size(member->name) + varint_size(member->url_count);

    for (size_t i = 0; i < member->url_count; i++)
        size += sized_bytes_size(member->urls[i]);
    return size;
}

static size_t body_size(const struct command *op)
{
    const struct command_range *range = &op->u.range;

    switch (op->op) {
    case COMMAND_PUT:
        return span_size(op->u.put.key, op->u.put.value) +
               (op->u.put.lease != 0 ? NUMBER_BYTES : 0);
    case COMMAND_DELETE_RANGE:
        return span_size(op->u.delete_range.key, op->u.delete_range.range_end);
    case COMMAND_RANGE:
        return span_size(range->key, range->range_end) + varint_size(range->limit) +
               varint_size(range->revision);
    case COMMAND_TXN:
        return txn_size(&op->u.txn);
    case COMMAND_COMPACT:
        return varint_size(op->u.compact);
    case COMMAND_LEASE_GRANT:
        return NUMBER_BYTES + varint_size(op->u.lease_grant.seconds);
    case COMMAND_LEASE_REVOKE:
        return NUMBER_BYTES;
    case COMMAND_LEASE_CHECKPOINT:
        return checkpoint_size(&op->u.checkpoint);
    case COMMAND_ALARM:
        return NUMBER_BYTES + 1;
    case COMMAND_LEASE_RENEW:
        return NUMBER_BYTES;
    case COMMAND_LEASE_EXPIRE:
        return NUMBER_BYTES + varint_size(op->u.lease_expire.stamp);
    case COMMAND_MEMBER:
        return member_size(&op->u.member);
    case COMMAND_LEASE_RENEWALS:
    case COMMAND_LEASE_QUESTION:
        return varint_size(op->u.lease_ids.id_count) + op->u.lease_ids.id_count * NUMBER_BYTES;
    }
    assert(false);
    return 0;
}

static size_t op_size(const struct command *op)
{
    return OP_HEAD_BYTES + body_size(op);
}

size_t command_size(const struct command *command)
{
    return 1 + op_size(command);
}

/* ---- bytes ---- */

static void write_sized_bytes(struct writer *writer, struct kv_bytes bytes)
{
    write_varint(writer, bytes.size);
    write_bytes(writer, bytes.data, bytes.size);
}

static void write_span(struct writer *writer, struct kv_bytes key, struct kv_bytes range_end)
{
    assert(key.size > 0);
    write_sized_bytes(writer, key);
    write_sized_bytes(writer, range_end);
}

static unsigned put_flags(const struct command_put *put)
{
    return (put->prev_kv ? COMMAND_PREV_KV : 0u) | (put->ignore_value ? COMMAND_IGNORE_VALUE : 0u) |
           (put->ignore_lease ? COMMAND_IGNORE_LEASE : 0u) |
           (put->lease != 0 ? COMMAND_HAS_LEASE : 0u);
}

static unsigned flags_of(const struct command *op)
{
    switch (op->op) {
    case COMMAND_PUT:
        return put_flags(&op->u.put);
    case COMMAND_DELETE_RANGE:
        return op->u.delete_range.prev_kv ? COMMAND_PREV_KV : 0u;
    case COMMAND_RANGE:
        return (op->u.range.keys_only ? COMMAND_KEYS_ONLY : 0u) |
               (op->u.range.count_only ? COMMAND_COUNT_ONLY : 0u);
    case COMMAND_ALARM:
        return op->u.alarm.activate ? COMMAND_ACTIVATE : 0u;
    case COMMAND_TXN:
    case COMMAND_COMPACT:
    case COMMAND_LEASE_GRANT:
    case COMMAND_LEASE_REVOKE:
    case COMMAND_LEASE_CHECKPOINT:
    case COMMAND_LEASE_RENEW:
    case COMMAND_LEASE_EXPIRE:
    case COMMAND_MEMBER:
    case COMMAND_LEASE_RENEWALS:
    case COMMAND_LEASE_QUESTION:
        return 0;
    }
    assert(false);
    return 0;
}

static void write_put(struct writer *writer, const struct command_put *put)
{
    assert(!put->ignore_value || put->value.size == 0);
    assert(!put->ignore_lease || put->lease == 0);
    write_span(writer, put->key, put->value);
    if (put->lease != 0)
        write_u64(writer, (uint64_t)put->lease);
}

static void write_range(struct writer *writer, const struct command_range *range)
{
    write_span(writer, range->key, range->range_end);
    write_varint(writer, range->limit);
    write_varint(writer, range->revision);
}

static void write_compare(struct writer *writer, const struct command_compare *compare)
{
    write_u8(writer, compare->target);
    write_u8(writer, compare->result);
    write_span(writer, compare->key, compare->range_end);
    if (compare->target == COMPARE_VALUE)
        write_sized_bytes(writer, compare->value);
    else
        write_u64(writer, (uint64_t)compare->number);
}

static void write_op(struct writer *writer, const struct command *op, unsigned depth);

static void write_txn(struct writer *writer, const struct command_txn *txn, unsigned depth)
{
    assert(depth < COMMAND_DEPTH_MAX);
    write_varint(writer, txn->compare_count);
    write_varint(writer, txn->success_count);
    write_varint(writer, txn->failure_count);
    for (size_t i = 0; i < txn->compare_count; i++)
        write_compare(writer, &txn->compares[i]);
    for (size_t i = 0; i < txn->success_count; i++)
        write_op(writer, &txn->success[i], depth + 1);
    for (size_t i = 0; i < txn->failure_count; i++)
        write_op(writer, &txn->failure[i], depth + 1);
}

static void write_lease(struct writer *writer, const struct command_lease_grant *lease)
{
    write_u64(writer, (uint64_t)lease->id);
    write_varint(writer, lease->seconds);
}

static void write_checkpoint(struct writer *writer, const struct command_checkpoint *checkpoint)
{
    write_varint(writer, checkpoint->stamp);
    write_varint(writer, checkpoint->lease_count);
    for (size_t i = 0; i < checkpoint->lease_count; i++)
        write_lease(writer, &checkpoint->leases[i]);
}

static void write_alarm(struct writer *writer, const struct command_alarm *alarm)
{
    write_u64(writer, alarm->member);
    write_u8(writer, (uint8_t)alarm->type);
}

static void write_member(struct writer *writer, const struct command_member *member)
{
    write_u64(writer, member->id);
    write_sized_bytes(writer, member->name);
    write_varint(writer, member->url_count);
    for (size_t i = 0; i < member->url_count; i++)
        write_sized_bytes(writer, member->urls[i]);
}

static void write_ids(struct writer *writer, const struct command_ids *ids)
{
    write_varint(writer, ids->id_count);
    for (size_t i = 0; i < ids->id_count; i++)
        write_u64(writer, (uint64_t)ids->ids[i]);
}

static void write_op(struct writer *writer, const struct command *op, unsigned depth)
{
    write_u8(writer, (uint8_t)op->op);
    write_u8(writer, (uint8_t)flags_of(op));
    switch (op->op) {
    case COMMAND_PUT:
        write_put(writer, &op->u.put);
        break;
    case COMMAND_DELETE_RANGE:
        write_span(writer, op->u.delete_range.key, op->u.delete_range.range_end);
        break;
    case COMMAND_RANGE:
        assert(depth > 0);
        write_range(writer, &op->u.range);
        break;
    case COMMAND_TXN:
        write_txn(writer, &op->u.txn, depth);
        break;
    case COMMAND_COMPACT:
        write_varint(writer, op->u.compact);
        break;
    case COMMAND_LEASE_GRANT:
        write_lease(writer, &op->u.lease_grant);
        break;
    case COMMAND_LEASE_REVOKE:
        write_u64(writer, (uint64_t)op->u.lease_revoke);
        break;
    case COMMAND_LEASE_CHECKPOINT:
        write_checkpoint(writer, &op->u.checkpoint);
        break;
    case COMMAND_ALARM:
        write_alarm(writer, &op->u.alarm);
        break;
    case COMMAND_LEASE_RENEW:
        write_u64(writer, (uint64_t)op->u.lease_renew);
        break;
    case COMMAND_LEASE_EXPIRE:
        write_u64(writer, (uint64_t)op->u.lease_expire.id);
        write_varint(writer, op->u.lease_expire.stamp);
        break;
    case COMMAND_MEMBER:
        write_member(writer, &op->u.member);
        break;
    case COMMAND_LEASE_RENEWALS:
    case COMMAND_LEASE_QUESTION:
        write_ids(writer, &op->u.lease_ids);
        break;
    }
}

void command_encode(const struct command *command, uint8_t *data, size_t size)
{
    struct writer writer;

    assert(size == command_size(command));
    writer_init(&writer, data, size);
    write_u8(&writer, COMMAND_MACHINE_KV);
    write_op(&writer, command, 0);
    assert(!writer.failed);
    assert(writer.at == writer.end);
}
