/* SPDX-License-Identifier: MIT */
/* bytes.h -- reading and writing little-endian numbers, varints and runs of bytes, with bounds
 * checked once.
 *
 * A writer never goes past its end and a reader never past its input: either becomes failed, every
 * later call is then a no-op (reads give zero), and the caller asks once, at the end, whether all
 * went well.
 */
#ifndef DECREE_BASE_BYTES_H
#define DECREE_BASE_BYTES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VARINT_BYTES_MAX 10u

struct writer {
    uint8_t *at, *end;
    bool failed;
};

struct reader {
    const uint8_t *at, *end;
    bool failed;
};

static inline void writer_init(struct writer *writer, uint8_t *data, size_t size)
{
    assert(data != NULL || size == 0);
    *writer = (struct writer){.at = data, .end = data + size};
}

static inline void reader_init(struct reader *reader, const uint8_t *data, size_t size)
{
    assert(data != NULL || size == 0);
    *reader = (struct reader){.at = data, .end = data + size};
}

static inline size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* True when everything was read, and nothing failed. */
static inline bool reader_done(const struct reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}

/* The next size bytes to write to, or NULL. */
static inline uint8_t *write_space(struct writer *writer, size_t size)
{
    uint8_t *space = writer->at;

    if (writer->failed || (size_t)(writer->end - writer->at) < size) {
        writer->failed = true;
        return NULL;
    }
    writer->at += size;
    return space;
}

static inline void write_bytes(struct writer *writer, const void *data, size_t size)
{
    uint8_t *space = write_space(writer, size);

    if (space != NULL && size > 0)
        memcpy(space, data, size);
}

static inline void write_little(struct writer *writer, uint64_t number, size_t size)
{
    uint8_t *space = write_space(writer, size);

    for (size_t i = 0; space != NULL && i < size; i++)
        space[i] = (uint8_t)(number >> (8 * i));
}

static inline void write_u8(struct writer *writer, uint8_t number)
{
    write_little(writer, number, 1);
}
static inline void write_u16(struct writer *writer, uint16_t number)
{
    write_little(writer, number, 2);
}
static inline void write_u32(struct writer *writer, uint32_t number)
{
    write_little(writer, number, 4);
}
static inline void write_u64(struct writer *writer, uint64_t number)
{
    write_little(writer, number, 8);
}

static inline void write_varint(struct writer *writer, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        write_u8(writer, (uint8_t)(number | 0x80));
    write_u8(writer, (uint8_t)number);
}

/* The next size bytes, borrowed from the input, or NULL. */
static inline const uint8_t *read_bytes(struct reader *reader, size_t size)
{
    const uint8_t *data = reader->at;

    if (reader->failed || reader_left(reader) < size) {
        reader->failed = true;
        return NULL;
    }
    reader->at += size;
    return data;
}

static inline uint64_t read_little(struct reader *reader, size_t size)
{
    const uint8_t *data = read_bytes(reader, size);
    uint64_t number = 0;

    for (size_t i = 0; data != NULL && i < size; i++)
        number |= (uint64_t)data[i] << (8 * i);
    return number;
}

static inline uint8_t read_u8(struct reader *reader)
{
    return (uint8_t)read_little(reader, 1);
}
static inline uint16_t read_u16(struct reader *reader)
{
    return (uint16_t)read_little(reader, 2);
}
static inline uint32_t read_u32(struct reader *reader)
{
    return (uint32_t)read_little(reader, 4);
}
static inline uint64_t read_u64(struct reader *reader)
{
    return read_little(reader, 8);
}

static inline uint64_t read_varint(struct reader *reader)
{
    uint64_t number = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = read_u8(reader);

        if (shift == 63 && byte > 1)
            break;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return number;
    }
    reader->failed = true;
    return 0;
}

#endif
