/* SPDX-License-Identifier: MIT */
/* test_codec.c -- the wire form: that it is as codec.h says, gives back what went in, and believes
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "checksum.h"
#include "codec.h"
#include "message_tools.h"

#define FRAME_MAX FRAME_BYTES_MAX_DEFAULT

struct codec {
    struct encoder encoder;
    struct decoder decoder;
};

static int set_up(void **state)
{
    struct codec *codec = calloc(1, sizeof(*codec));

    assert_non_null(codec);
    encoder_init(&codec->encoder, FRAME_MAX);
    decoder_init(&codec->decoder);
    *state = codec;
    return 0;
}

static int tear_down(void **state)
{
    struct codec *codec = *state;

    encoder_release(&codec->encoder);
    decoder_release(&codec->decoder);
    free(codec);
    return 0;
}

/* The frame of a message as a chunk; size is its capacity, too. */
static struct chunk *encode(struct codec *codec, const struct decree_message *message)
{
    struct frame *frame;
    struct chunk *chunk;

    assert_int_equal(encoder_encode(&codec->encoder, message, &frame), 0);
    chunk = chunk_new(frame->size);
    assert_non_null(chunk);
    frame_copy(frame, chunk->data);
    frame_free(frame);
    return chunk;
}

/* What a receiver does with size bytes of the chunk. 0, or the error. */
static int receive(struct codec *codec, struct chunk *chunk, size_t size,
                   struct decree_message *ret_message)
{
    struct frame_header header;
    int error;

    if (size < FRAME_HEADER_BYTES)
        return DECREE_FULL;
    error = frame_header_read(&header, chunk->data, FRAME_MAX);
    if (error != 0)
        return error;
    if (size < FRAME_HEADER_BYTES + header.payload_size)
        return DECREE_FULL; /* to be continued */
    if (!frame_is_sound(&header, chunk->data + FRAME_HEADER_BYTES))
        return DECREE_CORRUPT;
    return decoder_decode(&codec->decoder, &header, chunk->data + FRAME_HEADER_BYTES, chunk, 1, 2,
                          ret_message);
}

static void assert_round_trip(struct codec *codec, const struct decree_message *message)
{
    struct chunk *chunk = encode(codec, message);
    struct decree_message decoded;

    assert_int_equal(receive(codec, chunk, chunk->capacity, &decoded), 0);
    message_assert_equal(message, &decoded);
    decoder_drop(&codec->decoder, &decoded);
    assert_int_equal(chunk->refs, 1);
    chunk_unref(chunk);
}

static void every_message_comes_back(void **state)
{
    struct prng prng;

    prng_init(&prng, 5);
    for (int round = 0; round < 300; round++) {
        for (int type = DECREE_MESSAGE_NONE + 1; type < DECREE_MESSAGE_TYPES; type++) {
            struct decree_message message = message_random(&prng, (enum decree_message_type)type);

            assert_round_trip(*state, &message);
            message_release(&message);
        }
    }
}

static void a_no_op_is_not_an_empty_value(void **state)
{
    struct decree_message message = message_run(9, 3, 0);
    struct decree_pvalue *pvalues = (struct decree_pvalue *)(uintptr_t)message.pvalues;
    struct decree_message decoded;
    struct chunk *chunk;

    decree_value_unref(pvalues[1].command.value);
    pvalues[1].command = (struct decree_command){0};
    chunk = encode(*state, &message);
    assert_int_equal(receive(*state, chunk, chunk->capacity, &decoded), 0);
    assert_int_equal(decoded.pvalues[0].command.value->size, 0);
    assert_null(decoded.pvalues[1].command.value);
    assert_int_equal(decoded.pvalues[1].command.origin, 0);
    assert_int_equal(decoded.pvalues[2].command.value->size, 0);
    decoder_drop(&((struct codec *)*state)->decoder, &decoded);
    chunk_unref(chunk);
    message_release(&message);
}

static void a_run_costs_two_bytes_a_pvalue_beyond_its_value(void **state)
{
    struct decree_message message = message_run(123456, 1000, 256);
    struct chunk *chunk = encode(*state, &message);

    assert_in_range(chunk->capacity - 1000 * 256, 2000, 2050);
    chunk_unref(chunk);
    message_release(&message);
}

static void large_values_are_not_copied_to_send_them(void **state)
{
    struct codec *codec = *state;
    struct decree_message message = message_run(1, 3, FRAME_COPY_BYTES_MAX + 1);
    struct decree_value *value = message.pvalues[1].command.value;
    struct frame *frame;
    bool found = false;

    assert_int_equal(encoder_encode(&codec->encoder, &message, &frame), 0);
    for (uint32_t i = 0; i < frame->piece_count; i++)
        found = found || frame->pieces[i].iov_base == value->data;
    assert_true(found);
    assert_int_equal(value->refs, 2);
    frame_free(frame);
    assert_int_equal(value->refs, 1);
    message_release(&message);
}

/* A value that fills its chunk stays there; a small one gets memory of its own, and lets the chunk
 * go. */
static void small_values_do_not_keep_large_chunks(void **state)
{
    struct codec *codec = *state;
    struct decree_message message = message_run(1, 1, 600), decoded;
    struct chunk *tight = encode(codec, &message), *wide = chunk_new(CHUNK_BYTES);
    struct decree_value *kept;

    memcpy(wide->data, tight->data, tight->capacity);
    assert_int_equal(receive(codec, tight, tight->capacity, &decoded), 0);
    assert_int_equal(tight->refs, 2);
    decoder_drop(&codec->decoder, &decoded);
    assert_int_equal(tight->refs, 1);
    assert_int_equal(receive(codec, wide, tight->capacity, &decoded), 0);
    assert_int_equal(wide->refs, 1);
    kept = decree_value_ref(decoded.pvalues[0].command.value);
    decoder_drop(&codec->decoder, &decoded);
    chunk_unref(wide);
    assert_memory_equal(kept->data, message.pvalues[0].command.value->data, 600);
    decree_value_unref(kept);
    chunk_unref(tight);
    message_release(&message);
}

static void what_is_cut_short_is_not_taken(void **state)
{
    struct decree_message message = message_run(77, 4, 20), decoded;
    struct chunk *chunk = encode(*state, &message);

    for (size_t size = 0; size < chunk->capacity; size++)
        assert_int_equal(receive(*state, chunk, size, &decoded), DECREE_FULL);
    chunk_unref(chunk);
    message_release(&message);
}

/* Also when the sender means it: a payload that ends anywhere, with the checksum that fits. */
static void a_payload_cut_short_is_corrupt(void **state)
{
    struct codec *codec = *state;
    struct decree_message message = message_run(77, 4, 20), decoded;
    struct chunk *chunk = encode(codec, &message);
    struct frame_header header;

    assert_int_equal(frame_header_read(&header, chunk->data, FRAME_MAX), 0);
    while (header.payload_size-- > 0)
        assert_int_equal(decoder_decode(&codec->decoder, &header, chunk->data + FRAME_HEADER_BYTES,
                                        chunk, 1, 2, &decoded),
                         DECREE_CORRUPT);
    chunk_unref(chunk);
    message_release(&message);
}

static void every_flipped_bit_is_refused(void **state)
{
    struct decree_message message = message_run(77, 4, 20), decoded;
    struct chunk *chunk = encode(*state, &message);

    for (size_t bit = 0; bit < chunk->capacity * 8; bit++) {
        chunk->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(receive(*state, chunk, chunk->capacity, &decoded), 0);
        chunk->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(receive(*state, chunk, chunk->capacity, &decoded), 0);
    decoder_drop(&((struct codec *)*state)->decoder, &decoded);
    chunk_unref(chunk);
    message_release(&message);
}

static void every_flipped_bit_of_a_hello_is_refused(void **state)
{
    struct hello hello = {0x1122334455667788, 3, 4}, read;
    uint8_t data[HELLO_FRAME_BYTES];
    struct frame_header header;

    assert_non_null(*state);
    hello_write(&hello, data);
    for (size_t bit = 0; bit <= sizeof(data) * 8; bit++) {
        bool whole = bit == sizeof(data) * 8;

        if (!whole)
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (frame_header_read(&header, data, HELLO_FRAME_BYTES) == 0 &&
            header.payload_size == HELLO_PAYLOAD_BYTES)
            assert_int_equal(frame_is_sound(&header, data + FRAME_HEADER_BYTES), whole);
        if (!whole)
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(hello_read(&read, &header, data + FRAME_HEADER_BYTES), 0);
    assert_memory_equal(&read, &hello, sizeof(hello));
}

static void headers_are_judged(void **state)
{
    uint8_t data[HELLO_FRAME_BYTES];
    struct frame_header header;

    assert_non_null(*state);
    hello_write(&(struct hello){1, 2, 3}, data);
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), 0);
    data[4]++;
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), DECREE_TOO_LARGE);
    data[2]++;
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), DECREE_VERSION);
    data[1]++;
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), DECREE_CORRUPT);
}

/* Decodes payload as a p2a, without regard to its checksum. */
static int decode_payload(struct codec *codec, const uint8_t *payload, size_t size)
{
    struct frame_header header = {.type = DECREE_P2A, .payload_size = (uint32_t)size};
    struct chunk *chunk = chunk_new(size + 1);
    struct decree_message decoded;
    int error;

    memcpy(chunk->data, payload, size);
    error = decoder_decode(&codec->decoder, &header, chunk->data, chunk, 1, 2, &decoded);
    if (error == 0)
        decoder_drop(&codec->decoder, &decoded);
    chunk_unref(chunk);
    return error;
}

/* Pvalue count and run length say a lot, and nothing follows. */
static void lies_about_counts_cost_nothing(void **state)
{
    static const uint64_t lies[] = {2, 1u << 17, (1u << 17) + 1, UINT32_MAX, UINT64_MAX >> 6};
    struct codec codec = {0};
    struct writer writer;
    uint8_t data[64];

    assert_non_null(*state);
    decoder_init(&codec.decoder);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        writer_init(&writer, data, sizeof(data));
        write_u8(&writer, 0x80);
        write_varint(&writer, lies[i]);
        write_varint(&writer, lies[i] << 6 | 32); /* a run with values, whose sizes are missing */
        assert_int_equal(decode_payload(&codec, data, (size_t)(writer.at - data)), DECREE_CORRUPT);
    }
    assert_int_equal(codec.decoder.pvalues_max, 0);
}

static void runs_that_do_not_add_up_are_corrupt(void **state)
{
    static const uint8_t one_of_two[] = {0x80, 2, 0x40}, three_of_two[] = {0x80, 2, 0xc0, 0x01};
    static const uint8_t empty_run[] = {0x80, 1, 0x00, 0x40}, left_over[] = {0x80, 1, 0x40, 7};
    static const uint8_t huge_size[] = {0x80, 1, 0x60, 0xff, 0xff, 0xff, 0xff, 0x0f};
    static const uint8_t good[] = {0x80, 2, 0x80, 0x01};

    assert_int_equal(decode_payload(*state, one_of_two, sizeof(one_of_two)), DECREE_CORRUPT);
    assert_int_equal(decode_payload(*state, three_of_two, sizeof(three_of_two)), DECREE_CORRUPT);
    assert_int_equal(decode_payload(*state, empty_run, sizeof(empty_run)), DECREE_CORRUPT);
    assert_int_equal(decode_payload(*state, left_over, sizeof(left_over)), DECREE_CORRUPT);
    assert_int_equal(decode_payload(*state, huge_size, sizeof(huge_size)), DECREE_CORRUPT);
    assert_int_equal(decode_payload(*state, good, sizeof(good)), 0);
}

/* Payloads with a few bytes changed, and ones of pure chance: the sanitizers see what is read and
 * written. */
static void random_payloads_do_no_harm(void **state)
{
    struct codec *codec = *state;
    uint8_t noise[200];
    uint32_t taken = 0;
    struct prng prng;

    prng_init(&prng, 99);
    for (int round = 0; round < 2000; round++) {
        struct decree_message message = message_random(&prng, DECREE_P2A);
        struct chunk *chunk = encode(codec, &message);
        size_t size = chunk->capacity - FRAME_HEADER_BYTES;

        for (int change = 0; change < 10; change++) {
            chunk->data[FRAME_HEADER_BYTES + prng_below(&prng, size < 40 ? size : 40)] =
                (uint8_t)prng_next(&prng);
            taken += decode_payload(codec, chunk->data + FRAME_HEADER_BYTES, size) == 0;
        }
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)prng_next(&prng);
        taken += decode_payload(codec, noise, (size_t)prng_below(&prng, sizeof(noise))) == 0;
        chunk_unref(chunk);
        message_release(&message);
    }
    assert_in_range(taken, 1, 21999);
}

static void too_large_messages_are_not_encoded(void **state)
{
    struct encoder encoder;
    struct decree_message message = message_run(1, 10, 100);
    struct frame *frame;

    assert_non_null(*state);
    encoder_init(&encoder, 1000);
    assert_int_equal(encoder_encode(&encoder, &message, &frame), DECREE_TOO_LARGE);
    message.pvalue_count = 9;
    assert_int_equal(encoder_encode(&encoder, &message, &frame), 0);
    frame_free(frame);
    message.pvalue_count = 10;
    message_release(&message);
    message = (struct decree_message){.type = DECREE_P2A, .pvalue_count = FRAME_PVALUES_MAX + 1};
    assert_int_equal(encoder_encode(&encoder, &message, &frame), DECREE_TOO_LARGE);
    encoder_release(&encoder);
}

/* One frame of each type, byte by byte: other versions of decree, on other machines, must read
 * these. */
static void frames_are_golden(void **state)
{
    static const char *const golden[DECREE_MESSAGE_TYPES] = {
#include "golden_frames.inc"
    };
    static const char *const names[DECREE_MESSAGE_TYPES] = {
#define MESSAGE_NAME(name, text, fields) [DECREE_##name] = #name,
        DECREE_MESSAGE_TABLE(MESSAGE_NAME)
#undef MESSAGE_NAME
    };
    struct decree_message sample = message_run(300, 4, 3);
    struct decree_pvalue *pvalues = (struct decree_pvalue *)(uintptr_t)sample.pvalues;
    bool rewrite = getenv("DECREE_REWRITE_GOLDEN") != NULL;

    memcpy((uint8_t *)(uintptr_t)pvalues[0].command.value->data, "one", 3);
    memcpy((uint8_t *)(uintptr_t)pvalues[1].command.value->data, "two", 3);
    memcpy((uint8_t *)(uintptr_t)pvalues[2].command.value->data, "six", 3);
    decree_value_unref(pvalues[3].command.value);
    pvalues[2].command.origin = 2;
    pvalues[3].command = (struct decree_command){0};
    for (int type = DECREE_MESSAGE_NONE + 1; type < DECREE_MESSAGE_TYPES; type++) {
        bool with_run = type == DECREE_P1B || type == DECREE_P2A || type == DECREE_DECISION ||
                        type == DECREE_PROPOSE;
        struct decree_message message = {.type = (enum decree_message_type)type,
                                         .ballot = {7, 1},
                                         .slot = 300,
                                         .last = type == DECREE_CATCH_UP ? 70000 : 0,
                                         .decided = 299,
                                         .round = type >= DECREE_HEARTBEAT ? 5 : 0,
                                         .age_ns = type == DECREE_HEARTBEAT ? 1000000 : 0,
                                         .count = type == DECREE_P2B ? 4 : 0,
                                         .pvalue_count = with_run ? 4 : 0,
                                         .pvalues = sample.pvalues};
        struct chunk *chunk = encode(*state, &message);
        char text[512];

        for (size_t i = 0; i < chunk->capacity; i++)
            (void)snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", chunk->data[i]);
        if (rewrite)
            print_message("[DECREE_%s] = \"%s\",\n", names[type], text);
        else
            assert_string_equal(text, golden[type]);
        chunk_unref(chunk);
    }
    message_release(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back),
        cmocka_unit_test(a_no_op_is_not_an_empty_value),
        cmocka_unit_test(a_run_costs_two_bytes_a_pvalue_beyond_its_value),
        cmocka_unit_test(large_values_are_not_copied_to_send_them),
        cmocka_unit_test(small_values_do_not_keep_large_chunks),
        cmocka_unit_test(what_is_cut_short_is_not_taken),
        cmocka_unit_test(a_payload_cut_short_is_corrupt),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_flipped_bit_of_a_hello_is_refused),
        cmocka_unit_test(headers_are_judged),
        cmocka_unit_test(lies_about_counts_cost_nothing),
        cmocka_unit_test(runs_that_do_not_add_up_are_corrupt),
        cmocka_unit_test(random_payloads_do_no_harm),
        cmocka_unit_test(too_large_messages_are_not_encoded),
        cmocka_unit_test(frames_are_golden),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
