/* SPDX-License-Identifier: MIT */
/* snapshot.h -- the whole store as a run of bytes, written beside a store that goes on, and read
 * back.
 *
 *     writer:  new -> measure ... measure -> bytes() -> read ... read -> free
 *     loader:  new -> add ... add -> finish -> a kv
 *     reader:  the same without a store: checks the bytes, and hands out what they tell
 *
 * A snapshot is of one moment, that of snapshot_writer_new(): of the leases, alarms and members a
 * copy is made then; the records up to the revision of that moment stay in the store, because what
 * a compaction gives up meanwhile is kept until the last writer is freed. So all its work can be
 * done in slices. Stores that applied the same commands write the same bytes.
 *
 * Numbers are little-endian; a varint has 7 bits a byte, lowest first; a checksum is XXH3, 64 bits.
 *
 * HEADER
 *      0  8  "decreeK\n"
 *      8  4  version of the form: 1
 *     12  4  zero
 *     16  8  bytes in all, a multiple of 512
 *     24  8  revision
 *     32  8  compacted: the oldest revision that can be read; -1 if there was no compaction
 *     40  8  grants and renewals of leases so far, see kv_lease_stamp()
 *     48  8  of these, the last renewal of all leases
 *     56  8  number of members
 *     64  8  number of alarms
 *     72  8  number of leases
 *     80  8  number of records
 *     88 32  zero
 *    120  8  checksum of bytes 0 to 119; seed 0
 *     Bytes 0 to 11 are the same in all versions.
 *
 * CHUNK, one after the other until the end. A chunk is closed when it has SNAPSHOT_CHUNK_BYTES or
 * more, or when its kind is over; a kind without entries has none.
 *      0  4  bytes of its entries
 *      4  4  number of entries, at least 1
 *      8  1  kind: 1 members, 2 alarms, 3 leases, 4 records, 5 the end; in this order
 *      9  7  zero
 *     16  8  checksum of bytes 0 to 15 and of the entries; seeded with that of the chunk before, of
 *            the first with the header's: so no chunk can be lost, or come twice
 *     24     the entries, without gaps
 *
 * ENTRIES
 *     member   varint size, the command that told of it (command.h); in the order of first telling
 *     alarm    8 bytes member, 1 byte type; in the order of raising
 *     lease    8 bytes id, 8 granted, 8 remaining, 8 stamp; by id
 *     record   1 byte   1 a tombstone, 2 sub is not 0, 4 it overwrites something, 8 it has a lease
 *              varint   revision.main less that of the record before
 *              varint   revision.sub                  if 2
 *              varint   size of the key, then the key
 *              varint   main - create_revision        if 4; else they are the same
 *              varint   version                       if 4; else it is 1
 *              8 bytes  lease                         if 8
 *              varint   size of the value, then it    unless 1
 *              by revision; none that compaction has given up
 *     the end  one entry: zeros, up to the next multiple of 512
 *
 * LATER. Kinds can be added with another version of the form.
 */
#ifndef DECREE_KV_SNAPSHOT_H
#define DECREE_KV_SNAPSHOT_H

#include "kv.h"

#define SNAPSHOT_UNIT 512u /* sizes are multiples of it */
#define SNAPSHOT_HEADER_BYTES 128u
#define SNAPSHOT_CHUNK_BYTES (32u << 10)

/* ---- writing ---- */

struct snapshot_writer;

/* kv is borrowed until snapshot_writer_free(), and gives no memory back until then. Copies the
 * leases, which takes some 30 ns for each. NULL: no memory. */
struct snapshot_writer *snapshot_writer_new(const struct kv *kv);
void snapshot_writer_free(struct snapshot_writer *writer); /* NULL is fine */

/* A bit of the work of finding out how large it will be, a millisecond or so. True: there is more
 * to do. */
bool snapshot_writer_measure(struct snapshot_writer *writer);

/* The bytes that are not yet read; once it is measured. */
uint64_t snapshot_writer_left(const struct snapshot_writer *writer);

/* Once it is measured: the next bytes, up to size, some with each call. Fewer, even none, are no
 * sign of the end: a call has a bounded bit of work to do. False: no memory. */
bool snapshot_writer_read(struct snapshot_writer *writer, uint8_t *data, size_t size,
                          size_t *ret_size);

/* ---- reading ---- */

enum snapshot_error {
    SNAPSHOT_OK = 0,
    SNAPSHOT_NO_MEMORY,
    SNAPSHOT_FOREIGN, /* these bytes are something else */
    SNAPSHOT_VERSION, /* of a later decree */
    SNAPSHOT_DAMAGED,
    SNAPSHOT_CUT_OFF /* it should go on */
};

struct snapshot_header {
    uint64_t bytes;
    int64_t revision, compacted;
    uint64_t lease_stamp, leases_begun;
    uint64_t member_count, alarm_count, lease_count, record_count;
};

struct snapshot_lease {
    int64_t id, granted, remaining;
    uint64_t stamp;
};

/* Called in the order of the bytes; all borrowed for the call. A sentence says why it cannot be, and
 * ends the reading; NULL: all is well. Any may be NULL. */
struct snapshot_visitor {
    void *context;
    const char *(*header)(void *context, const struct snapshot_header *header);
    const char *(*member)(void *context, const struct command_member *member);
    const char *(*alarm)(void *context, const struct kv_alarm *alarm);
    const char *(*lease)(void *context, const struct snapshot_lease *lease);
    const char *(*change)(void *context, const struct kv_change *change);
};

struct snapshot_reader;

/* NULL: no memory. */
struct snapshot_reader *snapshot_reader_new(const struct snapshot_visitor *visitor);
void snapshot_reader_free(struct snapshot_reader *reader); /* NULL is fine */

/* Takes in the next bytes, whatever they are. After an error nothing more is taken. Memory is asked
 * for only as bytes come. */
enum snapshot_error snapshot_reader_add(struct snapshot_reader *reader, const uint8_t *data,
                                        size_t size);

/* Was that all? OK or an error. */
enum snapshot_error snapshot_reader_finish(struct snapshot_reader *reader);

/* After an error: what is wrong, and the byte where the piece begins that it is wrong with. */
const char *snapshot_reader_reason(const struct snapshot_reader *reader, uint64_t *ret_offset);

/* Of what was read to its end without an error. */
const struct snapshot_header *snapshot_reader_header(const struct snapshot_reader *reader);

struct snapshot_loader;

/* A reader that makes a store of it, with these options; NULL: no memory. */
struct snapshot_loader *snapshot_loader_new(const struct kv_options *options);
void snapshot_loader_free(struct snapshot_loader *loader); /* NULL is fine */
enum snapshot_error snapshot_loader_add(struct snapshot_loader *loader, const uint8_t *data,
                                        size_t size);
enum snapshot_error snapshot_loader_finish(struct snapshot_loader *loader, struct kv **ret_kv);
const char *snapshot_loader_reason(const struct snapshot_loader *loader, uint64_t *ret_offset);
const struct snapshot_header *snapshot_loader_header(const struct snapshot_loader *loader);

#endif
