/* SPDX-License-Identifier: MIT */
/* test_codec.c -- the wire form: that it is as codec.h says, gives back what went in, and believes
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
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
static struct chunk *encode_any(struct codec *codec, const struct peer_message *message)
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

static struct chunk *encode(struct codec *codec, const struct decree_message *message)
{
    struct peer_message peer_message = message_of(message);

    return encode_any(codec, &peer_message);
}

/* What a receiver does with size bytes of the chunk. 0, or the error. */
static int receive(struct codec *codec, struct chunk *chunk, size_t size,
                   struct peer_letter *ret_letter)
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
                          ret_letter);
}

struct round_trips {
    struct codec *codec;
    struct prng prng;
};

static void make_round_trip(void *context, enum peer_protocol protocol, int type)
{
    struct round_trips *trips = context;
    struct peer_letter letter = letter_random(&trips->prng, protocol, type), decoded;
    struct peer_message message = peer_letter_message(&letter);
    struct chunk *chunk = encode_any(trips->codec, &message);

    assert_int_equal(receive(trips->codec, chunk, chunk->capacity, &decoded), 0);
    letter_assert_equal(&letter, &decoded);
    decoder_drop(&trips->codec->decoder, &decoded);
    assert_int_equal(chunk->refs, 1);
    chunk_unref(chunk);
    letter_release(&letter);
}

static void every_message_comes_back(void **state)
{
    struct round_trips trips = {.codec = *state};

    prng_init(&trips.prng, 5);
    for (int round = 0; round < 300; round++)
        letter_each(make_round_trip, &trips);
}

static void a_no_op_is_not_an_empty_value(void **state)
{
    struct decree_message message = message_run(9, 3, 0);
    struct decree_pvalue *pvalues = (struct decree_pvalue *)(uintptr_t)message.pvalues;
    struct peer_letter decoded;
    struct chunk *chunk;

    decree_value_unref(pvalues[1].command.value);
    pvalues[1].command = (struct decree_command){0};
    chunk = encode(*state, &message);
    assert_int_equal(receive(*state, chunk, chunk->capacity, &decoded), 0);
    assert_int_equal(decoded.u.paxos.pvalues[0].command.value->size, 0);
    assert_null(decoded.u.paxos.pvalues[1].command.value);
    assert_int_equal(decoded.u.paxos.pvalues[1].command.origin, 0);
    assert_int_equal(decoded.u.paxos.pvalues[2].command.value->size, 0);
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
    struct peer_message peer_message = message_of(&message);
    struct frame *frame;
    bool found = false;

    assert_int_equal(encoder_encode(&codec->encoder, &peer_message, &frame), 0);
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
    struct decree_message message = message_run(1, 1, 600);
    struct peer_letter decoded;
    struct chunk *tight = encode(codec, &message), *wide = chunk_new(CHUNK_BYTES);
    struct decree_value *kept;

    memcpy(wide->data, tight->data, tight->capacity);
    assert_int_equal(receive(codec, tight, tight->capacity, &decoded), 0);
    assert_int_equal(tight->refs, 2);
    decoder_drop(&codec->decoder, &decoded);
    assert_int_equal(tight->refs, 1);
    assert_int_equal(receive(codec, wide, tight->capacity, &decoded), 0);
    assert_int_equal(wide->refs, 1);
    kept = decree_value_ref(decoded.u.paxos.pvalues[0].command.value);
    decoder_drop(&codec->decoder, &decoded);
    chunk_unref(wide);
    assert_memory_equal(kept->data, message.pvalues[0].command.value->data, 600);
    decree_value_unref(kept);
    chunk_unref(tight);
    message_release(&message);
}

static void what_is_cut_short_is_not_taken(void **state)
{
    struct decree_message message = message_run(77, 4, 20);
    struct peer_letter decoded;
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
    struct decree_message message = message_run(77, 4, 20);
    struct peer_letter decoded;
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
    struct decree_message message = message_run(77, 4, 20);
    struct peer_letter decoded;
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
    struct hello hello = {0x1122334455667788, 3, 4, true}, read;
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
    assert_int_equal(read.cluster_id, hello.cluster_id);
    assert_int_equal(read.from, hello.from);
    assert_int_equal(read.to, hello.to);
    assert_int_equal(read.urgent, hello.urgent);
}

static void headers_are_judged(void **state)
{
    uint8_t data[HELLO_FRAME_BYTES];
    struct frame_header header;

    assert_non_null(*state);
    hello_write(&(struct hello){1, 2, 3, true}, data);
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), 0);
    data[4]++;
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), DECREE_TOO_LARGE);
    data[2]++;
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), DECREE_VERSION);
    data[1]++;
    assert_int_equal(frame_header_read(&header, data, HELLO_FRAME_BYTES), DECREE_CORRUPT);
}

/* Decodes payload as a message of that type, without regard to its checksum. */
static int decode_as(struct codec *codec, unsigned type, const uint8_t *payload, size_t size)
{
    struct frame_header header = {.type = (uint8_t)type, .payload_size = (uint32_t)size};
    struct chunk *chunk = chunk_new(size + 1);
    struct peer_letter decoded;
    int error;

    memcpy(chunk->data, payload, size);
    error = decoder_decode(&codec->decoder, &header, chunk->data, chunk, 1, 2, &decoded);
    if (error == 0)
        decoder_drop(&codec->decoder, &decoded);
    chunk_unref(chunk);
    return error;
}

static int decode_payload(struct codec *codec, const uint8_t *payload, size_t size)
{
    return decode_as(codec, DECREE_P2A, payload, size);
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

static void types_of_no_protocol_are_corrupt(void **state)
{
    static const uint8_t synod[] = {0}, reg[] = {0, 1, 'k'};
    uint32_t taken = 0;

    for (unsigned type = 0; type < 256; type++) {
        bool is_synod = type > FRAME_SYNOD && type < FRAME_SYNOD + PEER_SYNOD_TYPES;
        bool is_register = type > FRAME_REGISTER &&
                           type < FRAME_REGISTER + DECREE_REGISTER_MESSAGE_TYPES;
        bool is_paxos = type > 0 && type < DECREE_MESSAGE_TYPES;
        int one_byte = is_synod || is_paxos ? 0 : DECREE_CORRUPT;

        assert_int_equal(decode_as(*state, type, synod, sizeof(synod)), one_byte);
        assert_int_equal(decode_as(*state, type, reg, sizeof(reg)),
                         is_register ? 0 : DECREE_CORRUPT);
        taken += is_synod || is_register || is_paxos;
    }
    assert_int_equal(taken, 12 + 8 + 9);
}

static void wrong_fields_of_small_messages_are_corrupt(void **state)
{
    static const uint8_t unknown_bit[] = {8}, cut_ballot[] = {1, 5}, left_over[] = {1, 5, 1, 9};
    static const uint8_t no_key[] = {0, 0}, cut_key[] = {0, 3, 'a', 'b'};
    static const uint8_t long_node[] = {1, 5, 0xff, 0xff, 0xff, 0xff, 0x7f};
    uint8_t long_key[3 + DECREE_REGISTER_KEY_BYTES_MAX + 1] = {0, 0x81, 0x20};
    unsigned synod = FRAME_SYNOD + DECREE_SYNOD_PREPARE,
             reg = FRAME_REGISTER + DECREE_REGISTER_QUERY;

    assert_int_equal(decode_as(*state, synod, unknown_bit, sizeof(unknown_bit)), DECREE_CORRUPT);
    assert_int_equal(decode_as(*state, synod, cut_ballot, sizeof(cut_ballot)), DECREE_CORRUPT);
    assert_int_equal(decode_as(*state, synod, left_over, sizeof(left_over)), DECREE_CORRUPT);
    assert_int_equal(decode_as(*state, synod, left_over, sizeof(left_over) - 1), 0);
    assert_int_equal(decode_as(*state, synod, long_node, sizeof(long_node)), DECREE_CORRUPT);
    assert_int_equal(decode_as(*state, reg, no_key, sizeof(no_key)), DECREE_CORRUPT);
    assert_int_equal(decode_as(*state, reg, cut_key, sizeof(cut_key)), DECREE_CORRUPT);
    assert_int_equal(decode_as(*state, reg, long_key, sizeof(long_key)), DECREE_CORRUPT);
    long_key[1] = 0x80; /* 4096: the longest */
    assert_int_equal(decode_as(*state, reg, long_key, sizeof(long_key) - 1), 0);
}

struct fuzz {
    struct codec *codec;
    struct prng prng;
    uint32_t taken, refused;
};

static void change_and_decode(void *context, enum peer_protocol protocol, int type)
{
    struct fuzz *fuzz = context;
    struct peer_letter letter = letter_random(&fuzz->prng, protocol, type);
    struct peer_message message = peer_letter_message(&letter);
    struct chunk *chunk = encode_any(fuzz->codec, &message);
    size_t size = chunk->capacity - FRAME_HEADER_BYTES;

    for (int change = 0; change < 10; change++) {
        chunk->data[FRAME_HEADER_BYTES + prng_below(&fuzz->prng, size < 40 ? size : 40)] =
            (uint8_t)prng_next(&fuzz->prng);
        if (decode_as(fuzz->codec, chunk->data[3], chunk->data + FRAME_HEADER_BYTES, size) == 0)
            fuzz->taken++;
        else
            fuzz->refused++;
    }
    chunk_unref(chunk);
    letter_release(&letter);
}

static void changed_payloads_of_all_types_do_no_harm(void **state)
{
    struct fuzz fuzz = {.codec = *state};

    prng_init(&fuzz.prng, 7);
    for (int round = 0; round < 200; round++)
        letter_each(change_and_decode, &fuzz);
    assert_true(fuzz.taken > 0);
    assert_true(fuzz.refused > 0);
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
    struct peer_message peer_message = message_of(&message);
    struct frame *frame;

    assert_non_null(*state);
    encoder_init(&encoder, 1000);
    assert_int_equal(encoder_encode(&encoder, &peer_message, &frame), DECREE_TOO_LARGE);
    message.pvalue_count = 9;
    assert_int_equal(encoder_encode(&encoder, &peer_message, &frame), 0);
    frame_free(frame);
    message.pvalue_count = 10;
    message_release(&message);
    message = (struct decree_message){.type = DECREE_P2A, .pvalue_count = FRAME_PVALUES_MAX + 1};
    assert_int_equal(encoder_encode(&encoder, &peer_message, &frame), DECREE_TOO_LARGE);
    encoder_release(&encoder);
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
        cmocka_unit_test(types_of_no_protocol_are_corrupt),
        cmocka_unit_test(wrong_fields_of_small_messages_are_corrupt),
        cmocka_unit_test(changed_payloads_of_all_types_do_no_harm),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
