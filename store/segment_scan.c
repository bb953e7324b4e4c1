/* SPDX-License-Identifier: MIT */
/* segment_scan.c -- what recovery wants to know of a segment's bytes. */
#include "segment_scan.h"

#include <assert.h>
#include <string.h>

#include "fs.h"
#include "record.h"

static bool header_at(const struct segment_scan *scan, uint64_t offset,
                      struct frame_header *ret_header, uint64_t *ret_sum)
{
    if (offset + FRAME_HEADER_BYTES > scan->bytes)
        return false;
    return frame_header_decode(scan->data + offset, scan->incarnation,
                               position_make(scan->number, offset), ret_header, ret_sum);
}

/* Could a write of [offset, end) over zeros that was cut off, or zeros over such a one, have left
 * these bytes? */
static bool torn_possible(const struct segment_scan *scan, uint64_t offset, uint64_t end)
{
    assert(offset < end);
    assert(end <= scan->bytes);
    while (offset < end) {
        uint64_t next = (offset / FS_SECTOR_BYTES + 1) * FS_SECTOR_BYTES;

        if (next > end)
            next = end;
        if (scan->data[offset] == 0 || scan->data[next - 1] == 0)
            return true;
        offset = next;
    }
    return false;
}

/* Checks the records of a frame whose header continues the chain. */
static enum frame_state scan_body(const struct segment_scan *scan, uint64_t offset,
                                  const struct frame_header *header, uint64_t chain,
                                  struct frame_found *ret_found)
{
    uint64_t body_at = offset + FRAME_HEADER_BYTES;
    uint64_t end = body_at + header->body_bytes;
    struct record_image image;
    struct reader reader;
    bool known = true;

    if (end > scan->bytes || header->record_count == 0)
        return FRAME_FOREIGN;
    reader_init(&reader, scan->data + body_at, header->body_bytes);
    for (uint32_t i = 0; i < header->record_count; i++) {
        if (!record_read(&reader, &chain, &image))
            return torn_possible(scan, offset, end) ? FRAME_NONE : FRAME_ROTTEN;
        known = known && record_known(&image);
    }
    if (!reader_done(&reader))
        return FRAME_FOREIGN;
    *ret_found = (struct frame_found){
        .header = *header, .body_at = body_at, .end = frame_align(end), .chain = chain};
    return known ? FRAME_GOOD : FRAME_UNKNOWN;
}

enum frame_state segment_scan_frame(const struct segment_scan *scan, uint64_t offset,
                                    uint64_t chain, decree_lsn first_lsn,
                                    struct frame_found *ret_found)
{
    struct frame_header header;
    uint64_t sum;

    assert(offset >= SEGMENT_FRAMES_AT);
    assert(offset % FRAME_ALIGNMENT == 0);
    if (offset + FRAME_HEADER_BYTES > scan->bytes)
        return FRAME_NONE;
    if (header_at(scan, offset, &header, &sum)) {
        if (header.previous != chain || header.first_lsn != first_lsn)
            return FRAME_FOREIGN;
        return scan_body(scan, offset, &header, sum, ret_found);
    }
    return torn_possible(scan, offset, offset + FRAME_HEADER_BYTES) ? FRAME_NONE : FRAME_ROTTEN;
}

bool segment_scan_continues(const struct segment_scan *scan, uint64_t offset, uint64_t chain,
                            decree_lsn first_lsn)
{
    struct frame_header header;
    uint64_t sum;

    return header_at(scan, offset, &header, &sum) && header.previous == chain &&
           header.first_lsn == first_lsn;
}

void segment_scan_rest(const struct segment_scan *scan, uint64_t offset, uint64_t *ret_used_end,
                       uint64_t *ret_mark)
{
    uint64_t used_end = offset, mark = 0;

    assert(offset % FRAME_ALIGNMENT == 0);
    assert(scan->bytes % FRAME_ALIGNMENT == 0);
    for (uint64_t at = offset; at < scan->bytes; at += FRAME_ALIGNMENT) {
        struct frame_header header;
        uint64_t word, sum;

        memcpy(&word, scan->data + at, sizeof(word));
        if (word == 0)
            continue;
        used_end = at + FRAME_ALIGNMENT;
        if (header_at(scan, at, &header, &sum) && header.synced > mark)
            mark = header.synced;
    }
    *ret_used_end = used_end;
    *ret_mark = mark;
}
