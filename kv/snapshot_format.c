/* SPDX-License-Identifier: MIT */
/* snapshot_format.c -- see snapshot.h for the bytes. What is read may be anything. */
#include "snapshot_format.h"

#include <assert.h>
#include <string.h>

#include "checksum.h"

#define VERSION 1u
#define HEADER_SUMMED 120u
#define CHUNK_SUMMED 16u

static const uint8_t MAGIC[8] = {'d', 'e', 'c', 'r', 'e', 'e', 'K', '\n'};

enum entry_flag { TOMBSTONE = 1, HAS_SUB = 2, OVERWRITES = 4, HAS_LEASE = 8 };

void snapshot_header_write(const struct snapshot_header *header, uint8_t *data)
{
    struct writer writer;

    memset(data, 0, SNAPSHOT_HEADER_BYTES);
    writer_init(&writer, data, SNAPSHOT_HEADER_BYTES);
    write_bytes(&writer, MAGIC, sizeof(MAGIC));
    write_u32(&writer, VERSION);
    write_u32(&writer, 0);
    write_u64(&writer, header->bytes);
    write_u64(&writer, (uint64_t)header->revision);
    write_u64(&writer, (uint64_t)header->compacted);
    write_u64(&writer, header->lease_stamp);
    write_u64(&writer, header->leases_begun);
    write_u64(&writer, header->member_count);
    write_u64(&writer, header->alarm_count);
    write_u64(&writer, header->lease_count);
    write_u64(&writer, header->record_count);
    writer_init(&writer, data + HEADER_SUMMED, 8);
    write_u64(&writer, checksum(data, HEADER_SUMMED, 0));
    assert(!writer.failed);
}

uint64_t snapshot_header_checksum(const uint8_t *data)
{
    struct reader reader;

    reader_init(&reader, data + HEADER_SUMMED, 8);
    return read_u64(&reader);
}

static bool header_makes_sense(const struct snapshot_header *header)
{
    return header->bytes % SNAPSHOT_UNIT == 0 && header->bytes > SNAPSHOT_HEADER_BYTES &&
           header->revision >= 1 && header->revision < SNAPSHOT_NUMBER_MAX &&
           header->compacted >= -1 && header->compacted <= header->revision &&
           header->lease_stamp < (uint64_t)SNAPSHOT_NUMBER_MAX &&
           header->leases_begun <= header->lease_stamp;
}

enum snapshot_error snapshot_header_read(const uint8_t *data, struct snapshot_header *ret_header,
                                         const char **ret_reason)
{
    struct reader reader;

    *ret_reason = "this is no snapshot of decree";
    if (memcmp(data, MAGIC, sizeof(MAGIC)) != 0)
        return SNAPSHOT_FOREIGN;
    reader_init(&reader, data + sizeof(MAGIC), SNAPSHOT_HEADER_BYTES - sizeof(MAGIC));
    *ret_reason = "it was written by a later version of decree";
    if (read_u32(&reader) != VERSION)
        return SNAPSHOT_VERSION;
    *ret_reason = "the checksum of the header is wrong";
    if (snapshot_header_checksum(data) != checksum(data, HEADER_SUMMED, 0))
        return SNAPSHOT_DAMAGED;
    (void)read_u32(&reader);
    *ret_header = (struct snapshot_header){.bytes = read_u64(&reader)};
    ret_header->revision = (int64_t)read_u64(&reader);
    ret_header->compacted = (int64_t)read_u64(&reader);
    ret_header->lease_stamp = read_u64(&reader);
    ret_header->leases_begun = read_u64(&reader);
    ret_header->member_count = read_u64(&reader);
    ret_header->alarm_count = read_u64(&reader);
    ret_header->lease_count = read_u64(&reader);
    ret_header->record_count = read_u64(&reader);
    assert(!reader.failed);
    *ret_reason = "the header contradicts itself";
    return header_makes_sense(ret_header) ? SNAPSHOT_OK : SNAPSHOT_DAMAGED;
}

/* ---- chunks ---- */

uint64_t snapshot_chunk_checksum(const uint8_t *chunk, uint64_t seed)
{
    struct chunk_head head;
    bool known = snapshot_chunk_read(chunk, &head);

    assert(known);
    (void)known;
    return checksum(chunk + SNAPSHOT_CHUNK_HEAD_BYTES, head.bytes,
                    checksum(chunk, CHUNK_SUMMED, seed));
}

void snapshot_chunk_write(uint8_t *chunk, uint32_t bytes, uint32_t count, enum snapshot_kind kind,
                          uint64_t seed)
{
    struct writer writer;

    assert(count > 0);
    memset(chunk, 0, SNAPSHOT_CHUNK_HEAD_BYTES);
    writer_init(&writer, chunk, CHUNK_SUMMED);
    write_u32(&writer, bytes);
    write_u32(&writer, count);
    write_u8(&writer, (uint8_t)kind);
    writer_init(&writer, chunk + CHUNK_SUMMED, 8);
    write_u64(&writer, snapshot_chunk_checksum(chunk, seed));
    assert(!writer.failed);
}

bool snapshot_chunk_read(const uint8_t *chunk, struct chunk_head *ret_head)
{
    struct reader reader;
    uint8_t kind;

    reader_init(&reader, chunk, SNAPSHOT_CHUNK_HEAD_BYTES);
    ret_head->bytes = read_u32(&reader);
    ret_head->count = read_u32(&reader);
    kind = read_u8(&reader);
    ret_head->kind = (enum snapshot_kind)kind;
    (void)read_bytes(&reader, CHUNK_SUMMED - 9);
    ret_head->checksum = read_u64(&reader);
    if (kind == SNAPSHOT_END)
        return ret_head->count == 1 && ret_head->bytes < SNAPSHOT_UNIT;
    return kind >= SNAPSHOT_MEMBERS && kind < SNAPSHOT_END && ret_head->count > 0 &&
           ret_head->count <= ret_head->bytes && ret_head->bytes <= SNAPSHOT_ENTRIES_BYTES_MAX;
}

uint32_t snapshot_padding(uint64_t bytes)
{
    return (uint32_t)(SNAPSHOT_UNIT - (bytes + SNAPSHOT_CHUNK_HEAD_BYTES) % SNAPSHOT_UNIT) %
           SNAPSHOT_UNIT;
}

/* ---- entries ---- */

static unsigned flags_of(const struct record *record)
{
    unsigned flags = record->revision.sub != 0 ? HAS_SUB : 0u;

    if (record->tombstone)
        return flags | TOMBSTONE;
    if (record->version != 1 || record->create_revision != record->revision.main)
        flags |= OVERWRITES;
    return flags | (record->lease != 0 ? HAS_LEASE : 0u);
}

static size_t varint_size(uint64_t number)
{
    size_t size = 1;

    for (; number >= 0x80; number >>= 7)
        size++;
    return size;
}

size_t snapshot_record_size(const struct record *record, int64_t last_main)
{
    unsigned flags = flags_of(record);
    size_t size = 1 + varint_size((uint64_t)(record->revision.main - last_main)) +
                  varint_size(record->key.size) + record->key.size;

    if ((flags & HAS_SUB) != 0)
        size += varint_size((uint64_t)record->revision.sub);
    if ((flags & OVERWRITES) != 0)
        size += varint_size((uint64_t)(record->revision.main - record->create_revision)) +
                varint_size((uint64_t)record->version);
    if ((flags & HAS_LEASE) != 0)
        size += 8;
    return (flags & TOMBSTONE) != 0 ? size
                                    : size + varint_size(record->value.size) + record->value.size;
}

static void write_sized(struct writer *writer, struct kv_bytes bytes)
{
    write_varint(writer, bytes.size);
    write_bytes(writer, bytes.data, bytes.size);
}

void snapshot_record_write(struct writer *writer, const struct record *record, int64_t last_main)
{
    unsigned flags = flags_of(record);

    assert(record->revision.main >= last_main);
    write_u8(writer, (uint8_t)flags);
    write_varint(writer, (uint64_t)(record->revision.main - last_main));
    if ((flags & HAS_SUB) != 0)
        write_varint(writer, (uint64_t)record->revision.sub);
    write_sized(writer, record->key);
    if ((flags & OVERWRITES) != 0) {
        write_varint(writer, (uint64_t)(record->revision.main - record->create_revision));
        write_varint(writer, (uint64_t)record->version);
    }
    if ((flags & HAS_LEASE) != 0)
        write_u64(writer, (uint64_t)record->lease);
    if ((flags & TOMBSTONE) == 0)
        write_sized(writer, record->value);
}

/* A number from least to most; anything else is a failure. */
static int64_t read_number(struct reader *reader, int64_t least, int64_t most)
{
    uint64_t number = read_varint(reader);

    if (number > (uint64_t)most || (int64_t)number < least) {
        reader->failed = true;
        return 0;
    }
    return (int64_t)number;
}

static struct kv_bytes read_sized(struct reader *reader)
{
    uint64_t size = read_varint(reader);
    struct kv_bytes bytes = {NULL, 0};

    if (size > COMMAND_BYTES_MAX)
        reader->failed = true;
    bytes.data = read_bytes(reader, (size_t)size);
    if (bytes.data != NULL)
        bytes.size = (size_t)size;
    return bytes;
}

struct record snapshot_record_read(struct reader *reader, int64_t last_main)
{
    unsigned flags = read_u8(reader);
    struct record record = {.version = 1, .tombstone = (flags & TOMBSTONE) != 0};

    record.revision.main = last_main + read_number(reader, 0, SNAPSHOT_NUMBER_MAX - last_main);
    record.create_revision = record.revision.main;
    if ((flags & HAS_SUB) != 0)
        record.revision.sub = read_number(reader, 1, SNAPSHOT_NUMBER_MAX);
    record.key = read_sized(reader);
    if ((flags & OVERWRITES) != 0) {
        record.create_revision -= read_number(reader, 0, record.revision.main);
        record.version = read_number(reader, 2, SNAPSHOT_NUMBER_MAX);
    }
    if ((flags & HAS_LEASE) != 0)
        record.lease = (int64_t)read_u64(reader);
    if (record.tombstone)
        record.version = record.create_revision = 0;
    else
        record.value = read_sized(reader);
    if (record.key.size == 0 || flags != flags_of(&record))
        reader->failed = true;
    return record;
}

void snapshot_lease_write(struct writer *writer, const struct snapshot_lease *lease)
{
    write_u64(writer, (uint64_t)lease->id);
    write_u64(writer, (uint64_t)lease->granted);
    write_u64(writer, (uint64_t)lease->remaining);
    write_u64(writer, lease->stamp);
}

struct snapshot_lease snapshot_lease_read(struct reader *reader)
{
    struct snapshot_lease lease = {.id = (int64_t)read_u64(reader)};

    lease.granted = (int64_t)read_u64(reader);
    lease.remaining = (int64_t)read_u64(reader);
    lease.stamp = read_u64(reader);
    return lease;
}
