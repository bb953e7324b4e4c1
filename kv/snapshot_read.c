/* SPDX-License-Identifier: MIT */
/* snapshot_read.c -- the reader: from bytes in any portions to whole chunks, and their entries.
 *
 * A chunk is looked into when it is all there and its checksum is right. Still nothing in it is
 * believed: who can make a snapshot can make its checksums.
 */
#include <stdlib.h>

#include "snapshot_format.h"

#define ROOM_MIN (64u << 10)

struct snapshot_reader {
    struct snapshot_visitor visitor;
    struct snapshot_header header;
    bool has_header, at_end;
    enum snapshot_error error;
    const char *reason;
    uint64_t offset; /* where the piece begins that is being read */
    uint8_t *data;   /* of that piece, so far */
    size_t size, capacity;
    uint64_t checksum; /* of the piece before */

    enum snapshot_kind kind; /* of the last chunk */
    uint64_t counts[SNAPSHOT_END + 1];
    int64_t last_main, last_sub;
    int64_t last_lease;
};

struct snapshot_reader *snapshot_reader_new(const struct snapshot_visitor *visitor)
{
    struct snapshot_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL)
        return NULL;
    reader->visitor = *visitor;
    reader->reason = "it has not been read";
    return reader;
}

void snapshot_reader_free(struct snapshot_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->data);
    free(reader);
}

static enum snapshot_error fail(struct snapshot_reader *reader, enum snapshot_error error,
                                const char *reason)
{
    assert(error != SNAPSHOT_OK);
    if (reader->error == SNAPSHOT_OK) {
        reader->error = error;
        reader->reason = reason;
    }
    return reader->error;
}

/* What a visitor says, or the reader itself; NULL is fine. */
static void check(struct snapshot_reader *reader, const char *reason)
{
    if (reason != NULL)
        (void)fail(reader, SNAPSHOT_DAMAGED, reason);
}

/* ---- entries ---- */

static void read_member(struct snapshot_reader *reader, struct reader *entries)
{
    uint64_t size = read_varint(entries);
    const uint8_t *data = size <= COMMAND_BYTES_MAX ? read_bytes(entries, (size_t)size) : NULL;
    struct command command;

    if (data == NULL || !command_decode(data, (size_t)size, &command) ||
        command.op != COMMAND_MEMBER)
        check(reader, "a member makes no sense");
    else if (reader->visitor.member != NULL)
        check(reader, reader->visitor.member(reader->visitor.context, &command.u.member));
}

static void read_alarm(struct snapshot_reader *reader, struct reader *entries)
{
    struct kv_alarm alarm = {.member = read_u64(entries)};
    uint8_t type = read_u8(entries);

    alarm.type = (enum alarm_type)type;
    if (entries->failed || (type != ALARM_NOSPACE && type != ALARM_CORRUPT))
        check(reader, "an alarm makes no sense");
    else if (reader->visitor.alarm != NULL)
        check(reader, reader->visitor.alarm(reader->visitor.context, &alarm));
}

static void read_lease(struct snapshot_reader *reader, struct reader *entries)
{
    struct snapshot_lease lease = snapshot_lease_read(entries);
    bool first = reader->counts[SNAPSHOT_LEASES] == 0;

    if (entries->failed || lease.id == 0 || (!first && lease.id <= reader->last_lease) ||
        lease.stamp > reader->header.lease_stamp || lease.granted < 0 || lease.remaining < 0)
        check(reader, "a lease makes no sense");
    else if (reader->visitor.lease != NULL)
        check(reader, reader->visitor.lease(reader->visitor.context, &lease));
    reader->last_lease = lease.id;
}

static bool record_is_in_order(const struct snapshot_reader *reader, const struct record *record)
{
    int64_t main = record->revision.main;

    if (main == reader->last_main ? record->revision.sub <= reader->last_sub
                                  : main < reader->last_main)
        return false;
    return main > 1 && main <= reader->header.revision &&
           (record->tombstone || record->create_revision > 1);
}

static void read_record(struct snapshot_reader *reader, struct reader *entries)
{
    struct record record = snapshot_record_read(entries, reader->last_main);
    struct kv_change change = {.sub = record.revision.sub, .deleted = record.tombstone};

    if (entries->failed || !record_is_in_order(reader, &record)) {
        check(reader, "a record makes no sense");
        return;
    }
    reader->last_main = record.revision.main;
    reader->last_sub = record.revision.sub;
    change.pair = (struct kv_pair){.key = record.key,
                                   .value = record.value,
                                   .create_revision = record.create_revision,
                                   .mod_revision = record.revision.main,
                                   .version = record.version,
                                   .lease = record.lease};
    if (reader->visitor.change != NULL)
        check(reader, reader->visitor.change(reader->visitor.context, &change));
}

static bool counts_are_right(const struct snapshot_reader *reader)
{
    return reader->counts[SNAPSHOT_MEMBERS] == reader->header.member_count &&
           reader->counts[SNAPSHOT_ALARMS] == reader->header.alarm_count &&
           reader->counts[SNAPSHOT_LEASES] == reader->header.lease_count &&
           reader->counts[SNAPSHOT_RECORDS] == reader->header.record_count;
}

static void read_end(struct snapshot_reader *reader, struct reader *entries)
{
    while (reader_left(entries) > 0)
        if (read_u8(entries) != 0)
            check(reader, "there is something in the padding at the end");
    if (!counts_are_right(reader))
        check(reader, "it holds more or less than its header says");
    reader->at_end = true;
}

static void read_entry(struct snapshot_reader *reader, enum snapshot_kind kind,
                       struct reader *entries)
{
    switch (kind) {
    case SNAPSHOT_MEMBERS:
        read_member(reader, entries);
        break;
    case SNAPSHOT_ALARMS:
        read_alarm(reader, entries);
        break;
    case SNAPSHOT_LEASES:
        read_lease(reader, entries);
        break;
    case SNAPSHOT_RECORDS:
        read_record(reader, entries);
        break;
    case SNAPSHOT_END:
        read_end(reader, entries);
        break;
    }
    reader->counts[kind]++;
}

/* ---- pieces ---- */

static void read_header(struct snapshot_reader *reader)
{
    const char *reason;
    enum snapshot_error error = snapshot_header_read(reader->data, &reader->header, &reason);

    if (error != SNAPSHOT_OK) {
        (void)fail(reader, error, reason);
        return;
    }
    reader->has_header = true;
    reader->checksum = snapshot_header_checksum(reader->data);
    if (reader->visitor.header != NULL)
        check(reader, reader->visitor.header(reader->visitor.context, &reader->header));
}

static void read_chunk(struct snapshot_reader *reader, const struct chunk_head *head)
{
    uint64_t sum = snapshot_chunk_checksum(reader->data, reader->checksum);
    struct reader entries;

    if (sum != head->checksum) {
        (void)fail(reader, SNAPSHOT_DAMAGED, "a checksum is wrong");
        return;
    }
    reader->checksum = sum;
    reader_init(&entries, reader->data + SNAPSHOT_CHUNK_HEAD_BYTES, head->bytes);
    for (uint32_t i = 0; i < head->count && reader->error == SNAPSHOT_OK; i++)
        read_entry(reader, head->kind, &entries);
    if (reader->error == SNAPSHOT_OK && !reader_done(&entries))
        check(reader, "a chunk is longer than its entries");
    reader->kind = head->kind;
}

/* How long the piece is, as far as can be told by now. */
static size_t piece_size(struct snapshot_reader *reader, struct chunk_head *ret_head)
{
    uint64_t left = reader->header.bytes - reader->offset;

    if (!reader->has_header)
        return SNAPSHOT_HEADER_BYTES;
    if (reader->size < SNAPSHOT_CHUNK_HEAD_BYTES)
        return SNAPSHOT_CHUNK_HEAD_BYTES;
    if (!snapshot_chunk_read(reader->data, ret_head) || ret_head->kind < reader->kind ||
        SNAPSHOT_CHUNK_HEAD_BYTES + (uint64_t)ret_head->bytes > left ||
        (ret_head->kind == SNAPSHOT_END) !=
            (SNAPSHOT_CHUNK_HEAD_BYTES + (uint64_t)ret_head->bytes == left)) {
        (void)fail(reader, SNAPSHOT_DAMAGED, "the head of a chunk makes no sense");
        return 0;
    }
    return SNAPSHOT_CHUNK_HEAD_BYTES + (size_t)ret_head->bytes;
}

/* Room for some of the piece: not for all that it claims to be, before that has come. */
static size_t make_room(struct snapshot_reader *reader, size_t wanted, size_t coming)
{
    size_t needed = wanted - reader->size < coming ? wanted : reader->size + coming;

    if (needed > reader->capacity) {
        size_t capacity = 2 * reader->capacity > needed ? 2 * reader->capacity : needed;
        uint8_t *data;

        capacity = capacity > ROOM_MIN ? capacity : ROOM_MIN;
        data = realloc(reader->data, capacity);
        if (data == NULL) {
            (void)fail(reader, SNAPSHOT_NO_MEMORY, "out of memory");
            return 0;
        }
        reader->data = data;
        reader->capacity = capacity;
    }
    return needed - reader->size;
}

static void finish_piece(struct snapshot_reader *reader, const struct chunk_head *head)
{
    if (reader->has_header)
        read_chunk(reader, head);
    else
        read_header(reader);
    if (reader->error != SNAPSHOT_OK)
        return;
    reader->offset += reader->size;
    reader->size = 0;
}

enum snapshot_error snapshot_reader_add(struct snapshot_reader *reader, const uint8_t *data,
                                        size_t size)
{
    struct chunk_head head = {0};

    while (size > 0 && reader->error == SNAPSHOT_OK) {
        size_t wanted, part;

        if (reader->at_end)
            return fail(reader, SNAPSHOT_DAMAGED, "there is more behind its end");
        wanted = piece_size(reader, &head);
        part = reader->error == SNAPSHOT_OK ? make_room(reader, wanted, size) : 0;
        if (part > 0)
            memcpy(reader->data + reader->size, data, part);
        reader->size += part;
        data += part;
        size -= part;
        /* A head that has just become whole may tell of a longer piece. */
        if (reader->error == SNAPSHOT_OK && reader->size == wanted &&
            piece_size(reader, &head) == wanted)
            finish_piece(reader, &head);
    }
    return reader->error;
}

enum snapshot_error snapshot_reader_finish(struct snapshot_reader *reader)
{
    if (reader->error == SNAPSHOT_OK && !reader->at_end)
        return fail(reader, reader->has_header ? SNAPSHOT_CUT_OFF : SNAPSHOT_FOREIGN,
                    reader->has_header ? "it ends here, and should go on"
                                       : "it is too short for a snapshot");
    return reader->error;
}

const char *snapshot_reader_reason(const struct snapshot_reader *reader, uint64_t *ret_offset)
{
    *ret_offset = reader->offset;
    return reader->reason;
}

const struct snapshot_header *snapshot_reader_header(const struct snapshot_reader *reader)
{
    assert(reader->at_end);
    return &reader->header;
}
