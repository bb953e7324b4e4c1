/* SPDX-License-Identifier: MIT */
/* record.h -- one journal record to bytes and back; format.h has the layout. */
#ifndef DECREE_STORE_RECORD_H
#define DECREE_STORE_RECORD_H

#include <decree/paxos.h>

#include "bytes.h"
#include "format.h"

/* A record as it stands in a buffer: lsn and value are not set, the value's bytes are borrowed. */
struct record_image {
    struct decree_record record;
    bool has_value;
    uint32_t value_size;
    const uint8_t *value;
};

/* Bytes that the record takes, all in all. */
uint64_t record_size(const struct decree_record *record);

/* Writes what stands before the value; at most RECORD_HEADER_BYTES_MAX. */
void record_write_header(struct writer *writer, const struct decree_record *record);

/* The checksum that follows the record. header is what record_write_header() wrote; value may be
 * NULL. */
uint64_t record_checksum(const uint8_t *header, size_t header_size,
                         const struct decree_value *value, uint64_t chain);

/* Reads only what stands before the value; the value's bytes are not set and nothing is checked.
 * False: the bytes do not even look like a record, or end too early. */
bool record_read_header(struct reader *reader, struct record_image *ret_image);

/* Reads a whole record and checks it. chain goes in as the checksum before the record and comes out
 * as the one of the record. False: damaged or cut off. */
bool record_read(struct reader *reader, uint64_t *chain, struct record_image *ret_image);

/* True if this version knows the type and all fields. Only for a record that record_read() has
 * checked. */
bool record_known(const struct record_image *image);

#endif
