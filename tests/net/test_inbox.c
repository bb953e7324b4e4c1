/* SPDX-License-Identifier: MIT */
/* test_inbox.c -- a stream cut anywhere gives the same frames, and lengths that lie cost no
 * memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "chunk.h"
#include "prng.h"

/* The frames of this test: four bytes of length, little-endian, that count themselves, then counted
 * bytes. */
static uint32_t frame_size(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

struct stream { /* endless; the same bytes for the same seed */
    struct prng sizes;
    uint32_t size, at; /* of the frame that is being made */
    uint32_t size_max;
};

static uint8_t stream_byte(struct stream *stream)
{
    uint8_t byte;

    if (stream->at == stream->size) {
        uint32_t max = prng_chance(&stream->sizes, 20000) ? stream->size_max : 3000;

        stream->size = 4 + (uint32_t)prng_below(&stream->sizes, max);
        stream->at = 0;
    }
    byte = (uint8_t)(stream->at < 4 ? stream->size >> (8 * stream->at) : stream->at % 251);
    stream->at++;
    return byte;
}

static void check_frame(const uint8_t *data, uint32_t size)
{
    for (uint32_t i = 4; i < size; i++) {
        if (data[i] != i % 251)
            fail_msg("byte %u of a frame of %u is wrong", i, size);
    }
}

/* Takes all whole frames, and borrows the chunk of some of them for a while. */
static uint32_t take_frames(struct inbox *inbox, struct prng *prng, struct chunk **borrowed)
{
    uint32_t count = 0;

    for (;;) {
        size_t size;
        const uint8_t *data = inbox_peek(inbox, &size);
        uint32_t expected;

        if (size < 4)
            return count;
        expected = frame_size(data);
        if (size < expected) {
            inbox_expect(inbox, expected);
            return count;
        }
        check_frame(data, expected);
        if (prng_chance(prng, 100000)) {
            chunk_unref(*borrowed);
            *borrowed = prng_chance(prng, 500000) ? chunk_ref(inbox->chunk) : NULL;
        }
        inbox_take(inbox, expected);
        count++;
    }
}

static void frames_come_out_however_the_stream_is_cut(void **state)
{
    struct chunk *borrowed = NULL;
    struct stream stream = {.size_max = 600000};
    struct inbox inbox;
    struct prng prng;
    uint32_t count = 0;

    (void)state;
    prng_init(&stream.sizes, 3);
    prng_init(&prng, 4);
    inbox_init(&inbox);
    while (count < 5000) {
        size_t size, most;
        uint8_t *data = inbox_space(&inbox, &size);

        assert_non_null(data);
        assert_true(size > 0);
        most = prng_chance(&prng, 500000) ? size : 1 + (size_t)prng_below(&prng, 2000);
        for (size_t i = 0; i < most && i < size; i++)
            data[i] = stream_byte(&stream);
        inbox_filled(&inbox, most < size ? most : size);
        count += take_frames(&inbox, &prng, &borrowed);
    }
    chunk_unref(borrowed);
    inbox_release(&inbox);
}

static void memory_grows_with_what_arrives_not_with_what_is_claimed(void **state)
{
    const size_t claimed = 64u << 20;
    struct inbox inbox;
    size_t arrived = 0, size, taken;

    (void)state;
    inbox_init(&inbox);
    while (arrived < 3u << 20) {
        uint8_t *data = inbox_space(&inbox, &size);

        assert_non_null(data);
        taken = size < 10000 ? size : 10000;
        memset(data, 1, taken);
        inbox_filled(&inbox, taken);
        arrived += taken;
        inbox_expect(&inbox, claimed);
        assert_true(inbox.chunk->capacity <= 2 * arrived + CHUNK_BYTES);
    }
    inbox_release(&inbox);
}

static void a_large_frame_gets_a_chunk_of_its_size(void **state)
{
    const size_t frame = 1000000;
    struct inbox inbox;
    size_t size, arrived = 0, taken;
    uint8_t *data;

    (void)state;
    inbox_init(&inbox);
    while (arrived < frame) {
        data = inbox_space(&inbox, &size);
        assert_non_null(data);
        taken = size < frame - arrived ? size : frame - arrived;
        memset(data, 1, taken);
        inbox_filled(&inbox, taken);
        arrived += taken;
        if (arrived < frame)
            inbox_expect(&inbox, frame);
    }
    assert_int_equal(inbox.chunk->capacity, frame);
    inbox_take(&inbox, frame);
    assert_non_null(inbox_space(&inbox, &size));
    assert_int_equal(size, CHUNK_BYTES); /* and is not kept */
    inbox_release(&inbox);
}

static void a_chunk_that_nobody_borrows_is_filled_again(void **state)
{
    struct inbox inbox;
    const uint8_t *first;
    size_t size;

    (void)state;
    inbox_init(&inbox);
    first = inbox_space(&inbox, &size);
    for (int i = 0; i < 100; i++) {
        assert_ptr_equal(inbox_space(&inbox, &size), first);
        inbox_filled(&inbox, 60000);
        inbox_take(&inbox, 60000);
    }
    inbox_release(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_however_the_stream_is_cut),
        cmocka_unit_test(memory_grows_with_what_arrives_not_with_what_is_claimed),
        cmocka_unit_test(a_large_frame_gets_a_chunk_of_its_size),
        cmocka_unit_test(a_chunk_that_nobody_borrows_is_filled_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
