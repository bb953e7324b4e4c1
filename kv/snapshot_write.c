/* SPDX-License-Identifier: MIT */
/* snapshot_write.c -- the writer: two walks over the records, the first to know the sizes.
 *
 * Both walks make the same chunks; the first adds their sizes up, the second fills them in, one at a
 * time. Whether a record of before the compaction is needed is a question to the index; the first
 * walk notes the answers, a bit each, for the second.
 */
#include <stdlib.h>

#include "kv_inside.h"
#include "snapshot_format.h"

#define VISITS_PER_CALL 1024u
#define LEASES_AHEAD 16u /* are asked of the memory before they are read */

struct chunk {
    uint8_t *data; /* head and entries */
    size_t capacity;
    size_t size, sent; /* with head; to be read */
    uint64_t entries;  /* bytes; also while nothing but sizes is wanted */
    uint32_t count;
};

struct answers { /* of records up to the compaction: is it needed? */
    uint8_t *bits;
    uint64_t count, capacity, at;
};

struct snapshot_writer {
    const struct kv *kv;
    struct snapshot_header header;
    bool measured, failed;
    struct snapshot_lease *leases; /* a heap, once it is measured: the least id is first */
    uint64_t lease_count, leases_unheaped;
    uint8_t *small; /* the entries of the members, then those of the alarms */
    size_t members_bytes, small_bytes;

    enum snapshot_kind kind; /* what comes next */
    uint64_t position;       /* of the walk */
    int64_t last_main;
    struct answers answers;
    struct chunk chunk;
    uint64_t checksum; /* of the chunk before */
    uint64_t made;     /* bytes of all chunks so far, and the header */
    uint64_t read;     /* bytes handed out */
};

/* ---- what is copied at the beginning ---- */

static void swap_leases(struct snapshot_lease *a, struct snapshot_lease *b)
{
    struct snapshot_lease other = *a;

    *a = *b;
    *b = other;
}

static void heap_sink(struct snapshot_lease *heap, uint64_t count, uint64_t at)
{
    uint64_t least = at;

    for (;;) {
        for (uint64_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (heap[child].id < heap[least].id)
                least = child;
        if (least == at)
            return;
        swap_leases(&heap[at], &heap[least]);
        at = least;
    }
}

static bool copy_leases(struct snapshot_writer *writer)
{
    const struct leases *leases = &writer->kv->leases;

    writer->leases = malloc((leases->count + 1) * sizeof(writer->leases[0]));
    if (writer->leases == NULL)
        return false;
    for (size_t i = 0; i < leases->place_count; i++) {
        const struct lease *lease = leases->places[i];

        if (i + LEASES_AHEAD < leases->place_count)
            __builtin_prefetch(leases->places[i + LEASES_AHEAD]);
        if (lease != NULL)
            writer->leases[writer->lease_count++] = (struct snapshot_lease){
                lease->id, lease->granted, lease->remaining, lease->stamp};
    }
    writer->header.lease_count = writer->lease_count;
    writer->leases_unheaped = writer->lease_count / 2;
    return true;
}

/* Puts the leases in the order of a heap; part of measuring. */
static void heap_some(struct snapshot_writer *writer, uint32_t *visits)
{
    for (; writer->leases_unheaped > 0 && *visits > 0; --*visits)
        heap_sink(writer->leases, writer->header.lease_count, --writer->leases_unheaped);
}

static struct command command_of(const struct kv_member *member)
{
    struct command command = {.op = COMMAND_MEMBER};

    command.u.member = (struct command_member){.id = member->id,
                                               .name = member->name,
                                               .urls = member->urls,
                                               .url_count = member->url_count};
    return command;
}

static void write_small(struct snapshot_writer *writer, struct writer *to)
{
    size_t count;
    const struct kv_member *members = kv_members(writer->kv, &count);
    const struct kv_alarm *alarms;

    for (size_t i = 0; i < count; i++) {
        struct command command = command_of(&members[i]);
        size_t size = command_size(&command);
        uint8_t *space;

        write_varint(to, size);
        space = write_space(to, size);
        if (space != NULL)
            command_encode(&command, space, size);
    }
    writer->header.member_count = count;
    writer->members_bytes = (size_t)(to->at - writer->small);
    alarms = kv_alarms(writer->kv, &count);
    for (size_t i = 0; i < count; i++) {
        write_u64(to, alarms[i].member);
        write_u8(to, (uint8_t)alarms[i].type);
    }
    writer->header.alarm_count = count;
}

static bool copy_small(struct snapshot_writer *writer)
{
    size_t member_count, alarm_count, bytes = 1;
    const struct kv_member *members = kv_members(writer->kv, &member_count);
    struct writer to;

    (void)kv_alarms(writer->kv, &alarm_count);
    for (size_t i = 0; i < member_count; i++) {
        struct command command = command_of(&members[i]);

        bytes += VARINT_BYTES_MAX + command_size(&command);
    }
    bytes += alarm_count * SNAPSHOT_ALARM_BYTES;
    writer->small = malloc(bytes);
    if (writer->small == NULL)
        return false;
    writer_init(&to, writer->small, bytes);
    write_small(writer, &to);
    assert(!to.failed);
    writer->small_bytes = (size_t)(to.at - writer->small);
    return true;
}

/* ---- the chunk that is being made ---- */

/* Room for so many bytes more; NULL: no memory. */
static uint8_t *chunk_room(struct chunk *chunk, size_t size)
{
    size_t needed = SNAPSHOT_CHUNK_HEAD_BYTES + chunk->entries + size;

    if (needed > chunk->capacity) {
        size_t capacity = needed < 2 * SNAPSHOT_CHUNK_BYTES ? 2 * SNAPSHOT_CHUNK_BYTES : needed;
        uint8_t *data = realloc(chunk->data, capacity);

        if (data == NULL)
            return NULL;
        chunk->data = data;
        chunk->capacity = capacity;
    }
    return chunk->data + SNAPSHOT_CHUNK_HEAD_BYTES + chunk->entries;
}

/* Counts entries of so many bytes. If they are to be written: where to; else, or without memory,
 * NULL. */
static uint8_t *add_entries(struct snapshot_writer *writer, uint32_t count, size_t size)
{
    uint8_t *room = NULL;

    if (writer->measured) {
        room = chunk_room(&writer->chunk, size);
        writer->failed = writer->failed || room == NULL;
    }
    writer->chunk.entries += size;
    writer->chunk.count += count;
    return room;
}

static void close_chunk(struct snapshot_writer *writer)
{
    struct chunk *chunk = &writer->chunk;

    if (chunk->count == 0)
        return;
    writer->made += SNAPSHOT_CHUNK_HEAD_BYTES + chunk->entries;
    if (writer->measured && !writer->failed) {
        snapshot_chunk_write(chunk->data, (uint32_t)chunk->entries, chunk->count, writer->kind,
                             writer->checksum);
        writer->checksum = snapshot_chunk_checksum(chunk->data, writer->checksum);
        chunk->size = SNAPSHOT_CHUNK_HEAD_BYTES + chunk->entries;
        chunk->sent = 0;
    }
    chunk->entries = chunk->count = 0;
}

static bool chunk_is_full(const struct snapshot_writer *writer)
{
    return writer->chunk.entries >= SNAPSHOT_CHUNK_BYTES;
}

/* ---- the kinds; each adds to the chunk until it is full, and says whether there is more ---- */

static bool add_small(struct snapshot_writer *writer, size_t from, size_t to, uint64_t count)
{
    uint8_t *room = count > 0 ? add_entries(writer, (uint32_t)count, to - from) : NULL;

    if (room != NULL)
        memcpy(room, writer->small + from, to - from);
    return false;
}

static bool add_leases(struct snapshot_writer *writer)
{
    while (writer->lease_count > 0 && !chunk_is_full(writer)) {
        uint8_t *room = add_entries(writer, 1, SNAPSHOT_LEASE_BYTES);
        struct writer to;

        writer->lease_count--;
        if (room == NULL)
            continue;
        writer_init(&to, room, SNAPSHOT_LEASE_BYTES);
        snapshot_lease_write(&to, &writer->leases[0]);
        writer->leases[0] = writer->leases[writer->lease_count];
        heap_sink(writer->leases, writer->lease_count, 0);
    }
    return writer->lease_count > 0;
}

static void note_answer(struct snapshot_writer *writer, bool needed)
{
    struct answers *answers = &writer->answers;

    if (answers->count == 8 * answers->capacity) {
        uint64_t capacity = answers->capacity == 0 ? 1024 : 2 * answers->capacity;
        uint8_t *bits = realloc(answers->bits, (size_t)capacity);

        if (bits == NULL) {
            writer->failed = true;
            return;
        }
        memset(bits + answers->capacity, 0, (size_t)(capacity - answers->capacity));
        answers->bits = bits;
        answers->capacity = capacity;
    }
    answers->bits[answers->count / 8] |= (uint8_t)(needed ? 1u << answers->count % 8 : 0);
    answers->count++;
}

static bool is_needed(struct snapshot_writer *writer, const struct record *record,
                      uint64_t position)
{
    struct answers *answers = &writer->answers;
    bool needed;

    if (record->revision.main > writer->header.compacted)
        return true;
    if (writer->measured) {
        assert(answers->at < answers->count);
        needed = (answers->bits[answers->at / 8] >> answers->at % 8 & 1) != 0;
        answers->at++;
        return needed;
    }
    needed = kv_is_needed(writer->kv, record->key, position, writer->header.compacted);
    note_answer(writer, needed);
    return needed;
}

static void add_record(struct snapshot_writer *writer, const struct record *record)
{
    size_t size = snapshot_record_size(record, writer->last_main);
    uint8_t *room = add_entries(writer, 1, size);
    struct writer to;

    if (room != NULL) {
        writer_init(&to, room, size);
        snapshot_record_write(&to, record, writer->last_main);
        assert(!to.failed && to.at == to.end);
    }
    writer->last_main = record->revision.main;
    if (!writer->measured)
        writer->header.record_count++;
}

/* The next record of the snapshot's time; false: there is none. */
static bool next_record(struct snapshot_writer *writer, struct record *ret_record,
                        uint64_t *ret_position)
{
    uint64_t before = writer->position;

    if (!store_next(&writer->kv->store, &writer->position, ret_record, NULL) ||
        ret_record->revision.main > writer->header.revision)
        return false;
    /* At the end of a slab the next begins. */
    *ret_position = before >> 32 == writer->position >> 32 ? before : writer->position >> 32 << 32;
    return true;
}

static bool add_records(struct snapshot_writer *writer, uint32_t *visits)
{
    for (; *visits > 0 && !chunk_is_full(writer) && !writer->failed; --*visits) {
        struct record record;
        uint64_t position;

        if (!next_record(writer, &record, &position))
            return false;
        if (is_needed(writer, &record, position))
            add_record(writer, &record);
    }
    return true;
}

static bool add_end(struct snapshot_writer *writer)
{
    uint32_t size = snapshot_padding(writer->made);
    uint8_t *room = add_entries(writer, 1, size);

    if (room != NULL && size > 0)
        memset(room, 0, size);
    return false;
}

static bool add_some(struct snapshot_writer *writer, uint32_t *visits)
{
    switch (writer->kind) {
    case SNAPSHOT_MEMBERS:
        return add_small(writer, 0, writer->members_bytes, writer->header.member_count);
    case SNAPSHOT_ALARMS:
        return add_small(writer, writer->members_bytes, writer->small_bytes,
                         writer->header.alarm_count);
    case SNAPSHOT_LEASES:
        return add_leases(writer);
    case SNAPSHOT_RECORDS:
        return add_records(writer, visits);
    case SNAPSHOT_END:
        return add_end(writer);
    }
    return false;
}

/* Goes on until the chunk is closed, or the visits are used up. False: that was the last chunk, or
 * there is no memory. */
static bool make_chunk(struct snapshot_writer *writer, uint32_t *visits)
{
    uint64_t before = writer->made;

    while (writer->kind <= SNAPSHOT_END && writer->made == before && *visits > 0 &&
           !writer->failed) {
        bool more = add_some(writer, visits);

        if (!more || chunk_is_full(writer))
            close_chunk(writer);
        if (!more)
            writer->kind++;
    }
    return writer->kind <= SNAPSHOT_END && !writer->failed;
}

/* ---- the whole ---- */

static void begin_walk(struct snapshot_writer *writer)
{
    writer->kind = SNAPSHOT_MEMBERS;
    writer->position = 0;
    writer->last_main = 0;
    writer->lease_count = writer->header.lease_count;
    writer->made = SNAPSHOT_HEADER_BYTES;
}

struct snapshot_writer *snapshot_writer_new(const struct kv *kv)
{
    struct snapshot_writer *writer = calloc(1, sizeof(*writer));

    if (writer == NULL)
        return NULL;
    writer->kv = kv;
    kv_pin(kv);
    writer->header = (struct snapshot_header){.revision = kv->revision,
                                              .compacted = kv->compacted,
                                              .lease_stamp = kv->lease_stamp,
                                              .leases_begun = kv->leases_begun};
    if (!copy_leases(writer) || !copy_small(writer)) {
        snapshot_writer_free(writer);
        return NULL;
    }
    begin_walk(writer);
    return writer;
}

void snapshot_writer_free(struct snapshot_writer *writer)
{
    if (writer == NULL)
        return;
    kv_unpin(writer->kv);
    free(writer->leases);
    free(writer->small);
    free(writer->answers.bits);
    free(writer->chunk.data);
    free(writer);
}

/* The header is the first that is read. */
static void begin_reading(struct snapshot_writer *writer)
{
    uint8_t *data = chunk_room(&writer->chunk, SNAPSHOT_HEADER_BYTES);

    writer->header.bytes = writer->made;
    writer->measured = true;
    begin_walk(writer);
    if (data == NULL) {
        writer->failed = true;
        return;
    }
    snapshot_header_write(&writer->header, writer->chunk.data);
    writer->checksum = snapshot_header_checksum(writer->chunk.data);
    writer->chunk.size = SNAPSHOT_HEADER_BYTES;
}

bool snapshot_writer_measure(struct snapshot_writer *writer)
{
    uint32_t visits = VISITS_PER_CALL;

    heap_some(writer, &visits);
    while (!writer->measured && visits > 0)
        if (!make_chunk(writer, &visits))
            begin_reading(writer);
    return !writer->measured;
}

uint64_t snapshot_writer_left(const struct snapshot_writer *writer)
{
    assert(writer->measured);
    return writer->header.bytes - writer->read;
}

bool snapshot_writer_read(struct snapshot_writer *writer, uint8_t *data, size_t size,
                          size_t *ret_size)
{
    struct chunk *chunk = &writer->chunk;
    uint32_t visits = VISITS_PER_CALL;
    size_t done = 0;

    assert(writer->measured);
    while (done < size && !writer->failed) {
        size_t part = chunk->size - chunk->sent;

        part = part < size - done ? part : size - done;
        if (part > 0)
            memcpy(data + done, chunk->data + chunk->sent, part);
        chunk->sent += part;
        done += part;
        if (done < size && (visits == 0 || !make_chunk(writer, &visits)) &&
            chunk->sent == chunk->size)
            break;
    }
    writer->read += done;
    assert(writer->read <= writer->header.bytes);
    *ret_size = done;
    return !writer->failed;
}
