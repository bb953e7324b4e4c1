/* SPDX-License-Identifier: MIT */
/* format.h -- the journal on disk, byte by byte.
 *
 * A data directory holds
 *
 *     lock                    locked while a process uses the directory; always empty
 *     identity                whose directory this is; text, see identity.c
 *     0000000001.journal      the segments: numbered from 1, without holes
 *     0000000002.journal
 *     identity.new, segment.new   being made; worthless after a crash
 *
 * All numbers are little-endian. A varint has 7 bits a byte, lowest first, high bit set if more
 * follow. A checksum is XXH3, 64 bits, with a seed. A position is segment number << 32 | byte in
 * the segment's file.
 *
 * SEGMENT. Its whole length is written, as zeros behind a header, and synced before it gets its
 * name, so that a write to it later changes no metadata and a file that is too short is known to be
 * damaged. The next segment is made before this one is full. Three parts:
 *
 *     byte 0      header, never written again
 *                   0  8  "decreeJ\n"
 *                   8  4  version of the format: 1
 *                  12  4  zero
 *                  16  8  incarnation of the directory, as in its identity
 *                  24  8  number of the segment, as in its name
 *                  32  8  length of the file
 *                  40  8  checksum of bytes 0 to 39; seed 0
 *                 These 48 bytes are the same in all versions.
 *     byte 4096   seal, written in place, in a sector of its own
 *                   0  8  "decreeS\n"
 *                   8  8  synced: everything before this position was on stable storage
 *                  16  8  checksum of bytes 0 to 15; seed incarnation ^ its own position
 *     byte 8192   frames, one after the other, each at the next multiple of 8; zeros after the last
 *
 * FRAME. What one write brings: a header, then its records without gaps. The header:
 *
 *      0  4  0x4d726643
 *      4  4  bytes of all its records
 *      8  4  number of records, at least 1
 *     12  4  zero
 *     16  8  lsn of the first record; the others follow, one by one, across frames and segments
 *     24  8  synced: when this was written, everything before this position was on stable storage
 *     32  8  previous: the checksum that ends the frame before; of the first, the incarnation
 *     40  8  checksum of bytes 0 to 39; seed incarnation ^ the frame's position, so that no frame
 *            can be taken for one where it does not belong
 *
 * RECORD. An accept of a small command costs about 20 bytes beyond the command.
 *
 *     1 byte   type: 1 boot, 2 promise, 3 accept, 4 decide, 5 foreign (enum decree_record_type);
 *              a foreign record has a value and no other field. Journals written before there were
 *              foreign records are read as ever; who does not know them refuses to run
 *     1 byte   which fields follow: 1 ballot, 2 slot, 4 command, 8 value; the others are zero
 *     varints  ballot: round, node
 *              slot
 *              command: origin, incarnation, sequence
 *              value: its size; its bytes follow the last varint (no value is not an empty value)
 *     8 bytes  checksum of all of it; seeded with the 8 bytes before the record, which are the
 *              checksum of the record before or of the frame's header. The bytes of a value are
 *              summed apart, seeded with the checksum of what stands before them
 *
 * The checksums make a chain through the whole journal, and each record can be checked alone from 8
 * bytes earlier. The journal ends where the chain does.
 *
 * TORN OR ROTTEN. When the chain ends at a position P and not all is zero behind it, the question
 * is whether the last write was cut off (drop it: nobody was told that it is kept) or bytes that
 * were kept have changed (the node may have voted there: refuse to run). Told apart by:
 *
 *  1. The marks. If a seal, or the header of a frame anywhere, says that a position after P was
 *     synced, then what stood at P was synced: rot. Every frame thereby vouches for all frames
 *     before it, a seal (written when the journal has been idle for a moment, at open and at close)
 *     for the last one too, and a new segment for the whole of the one before, which is synced
 *     first.
 *  2. The zeros. All that is behind P was zero before the write. A write that was cut off leaves
 *     each sector as it was, as written, or as written up to some byte (fs.h); so does putting back
 *     the zeros. So if every sector of the frame at P, or of its header if that is unreadable,
 *     begins and ends in a byte that is not zero, all of the frame was written: rot.
 *  3. A header that checks but contradicts the chain is rot; so are holes in the numbers and wrong
 *     lengths.
 *
 * What cannot be told: damage to a last frame that no mark vouches for and where a sector happens
 * to begin or end in a zero byte. That is at most the batch in flight, or the last one acknowledged
 * within the moment before the process was killed. Nor can the loss of the last used segment
 * together with all files after it.
 *
 * Dropping a torn tail writes zeros over everything behind P and syncs that before anything else is
 * written, so bytes of a dropped frame are never there to follow a new one. What no mark vouches
 * for but is whole is written once more, as it is, and synced: the process before may have died of
 * a sync that failed, with pages that look clean but are not on the disk.
 *
 * LATER. A snapshot will be files of their own, and records of new types; forgetting will delete
 * segments from the front and note in a file where the journal begins. Both will come with another
 * version number here.
 */
#ifndef DECREE_STORE_FORMAT_H
#define DECREE_STORE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_VERSION 1u

#define SEGMENT_UNIT 4096u /* lengths are a multiple of this */
#define SEGMENT_HEADER_BYTES 48u
#define SEGMENT_SEAL_AT 4096u
#define SEGMENT_SEAL_BYTES 24u
#define SEGMENT_FRAMES_AT 8192u
#define SEGMENT_NUMBER_MAX UINT32_MAX
#define SEGMENT_BYTES_MAX (UINT64_C(1) << 30)

#define FRAME_MAGIC 0x4d726643u
#define FRAME_HEADER_BYTES 48u
#define FRAME_ALIGNMENT 8u

#define RECORD_FIELD_BALLOT 1u
#define RECORD_FIELD_SLOT 2u
#define RECORD_FIELD_COMMAND 4u
#define RECORD_FIELD_VALUE 8u
#define RECORD_CHECKSUM_BYTES 8u
#define RECORD_HEADER_BYTES_MAX 57u /* type, fields, and varints: 4 of 64 bits and 3 of 32 */
#define RECORD_BYTES_MAX (RECORD_HEADER_BYTES_MAX + RECORD_CHECKSUM_BYTES) /* without the value */

struct segment_header {
    uint32_t version;
    uint64_t incarnation;
    uint64_t number;
    uint64_t bytes;
};

struct frame_header {
    uint32_t body_bytes;
    uint32_t record_count;
    uint64_t first_lsn;
    uint64_t synced;
    uint64_t previous;
};

static inline uint64_t position_make(uint64_t segment, uint64_t offset)
{
    return segment << 32 | offset;
}

static inline uint64_t position_segment(uint64_t position)
{
    return position >> 32;
}

static inline uint64_t position_offset(uint64_t position)
{
    return position & UINT32_MAX;
}

/* The next place where a frame may begin. */
static inline uint64_t frame_align(uint64_t offset)
{
    return (offset + FRAME_ALIGNMENT - 1) & ~(uint64_t)(FRAME_ALIGNMENT - 1);
}

/* The readers return false if the bytes are not such a thing; outputs are then not written. */
void segment_header_encode(const struct segment_header *header, uint8_t *data);
bool segment_header_decode(const uint8_t *data, struct segment_header *ret_header);

void seal_encode(uint64_t incarnation, uint64_t segment, uint64_t synced, uint8_t *data);
bool seal_decode(uint64_t incarnation, uint64_t segment, const uint8_t *data, uint64_t *ret_synced);

/* Returns the header's checksum, with which the chain goes on. */
uint64_t frame_header_encode(const struct frame_header *header, uint64_t incarnation,
                             uint64_t position, uint8_t *data);
bool frame_header_decode(const uint8_t *data, uint64_t incarnation, uint64_t position,
                         struct frame_header *ret_header, uint64_t *ret_checksum);

#endif
