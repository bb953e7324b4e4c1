/* SPDX-License-Identifier: MIT */
/* snapshot_format.h -- the pieces of a snapshot and their bytes, as snapshot.h defines them; for the
 * files of the snapshot only. */
#ifndef DECREE_KV_SNAPSHOT_FORMAT_H
#define DECREE_KV_SNAPSHOT_FORMAT_H

#include "bytes.h"
#include "snapshot.h"
#include "store.h"

#define SNAPSHOT_CHUNK_HEAD_BYTES 24u
#define SNAPSHOT_LEASE_BYTES 32u
#define SNAPSHOT_ALARM_BYTES 9u
/* Of the entries of one chunk: what it may have before its last entry, and that. */
#define SNAPSHOT_ENTRIES_BYTES_MAX (SNAPSHOT_CHUNK_BYTES + 2ull * COMMAND_BYTES_MAX)
#define SNAPSHOT_NUMBER_MAX ((int64_t)1 << 62) /* revisions go on from here without overflow */

enum snapshot_kind {
    SNAPSHOT_MEMBERS = 1,
    SNAPSHOT_ALARMS,
    SNAPSHOT_LEASES,
    SNAPSHOT_RECORDS,
    SNAPSHOT_END
};

struct chunk_head {
    uint32_t bytes, count;
    enum snapshot_kind kind;
    uint64_t checksum;
};

void snapshot_header_write(const struct snapshot_header *header, uint8_t *data);
enum snapshot_error snapshot_header_read(const uint8_t *data, struct snapshot_header *ret_header,
                                         const char **ret_reason);

/* The checksum that the chunk has, whose bytes are all there; the one that seeds the next is that of
 * the chunk, or of the header. */
uint64_t snapshot_header_checksum(const uint8_t *data);
uint64_t snapshot_chunk_checksum(const uint8_t *chunk, uint64_t seed);

/* Sets the checksum too. */
void snapshot_chunk_write(uint8_t *chunk, uint32_t bytes, uint32_t count, enum snapshot_kind kind,
                          uint64_t seed);
/* False: it can be none. */
bool snapshot_chunk_read(const uint8_t *chunk, struct chunk_head *ret_head);

/* A record after one of the revision last_main. */
size_t snapshot_record_size(const struct record *record, int64_t last_main);
void snapshot_record_write(struct writer *writer, const struct record *record, int64_t last_main);
/* reader fails if it is none. */
struct record snapshot_record_read(struct reader *reader, int64_t last_main);

void snapshot_lease_write(struct writer *writer, const struct snapshot_lease *lease);
struct snapshot_lease snapshot_lease_read(struct reader *reader);

/* The bytes of the end's one entry, if so many bytes are before the end's chunk. */
uint32_t snapshot_padding(uint64_t bytes);

#endif
