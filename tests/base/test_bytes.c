/* SPDX-License-Identifier: MIT */
/* test_bytes.c -- numbers and varints round-trip, and no input or size goes past an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bytes.h"

static void test_numbers_are_little_endian_and_round_trip(void **state)
{
    static const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                       0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08};
    uint8_t data[sizeof(expected)];
    struct writer writer;
    struct reader reader;

    (void)state;
    writer_init(&writer, data, sizeof(data));
    write_u8(&writer, 0x01);
    write_u16(&writer, 0x0203);
    write_u32(&writer, 0x04050607);
    write_u64(&writer, UINT64_C(0x08090a0b0c0d0e0f));
    assert_false(writer.failed);
    assert_ptr_equal(writer.at, writer.end);
    assert_memory_equal(data, expected, sizeof(expected));
    reader_init(&reader, data, sizeof(data));
    assert_int_equal(read_u8(&reader), 0x01);
    assert_int_equal(read_u16(&reader), 0x0203);
    assert_int_equal(read_u32(&reader), 0x04050607);
    assert_true(read_u64(&reader) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_true(reader_done(&reader));
}

static void test_varints_round_trip(void **state)
{
    static const uint64_t numbers[] = {
        0, 1, 127, 128, 16383, 16384, UINT32_MAX, (UINT64_C(1) << 63) - 1, UINT64_MAX};
    static const size_t sizes[] = {1, 1, 1, 2, 2, 3, 5, 9, 10};

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint8_t data[VARINT_BYTES_MAX];
        struct writer writer;
        struct reader reader;

        writer_init(&writer, data, sizeof(data));
        write_varint(&writer, numbers[i]);
        assert_false(writer.failed);
        assert_int_equal(writer.at - data, sizes[i]);
        reader_init(&reader, data, sizes[i]);
        assert_true(read_varint(&reader) == numbers[i]);
        assert_true(reader_done(&reader));
    }
}

static void test_bad_varints_fail(void **state)
{
    static const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                      0x80, 0x80, 0x80, 0x80, 0x00};
    static const uint8_t cut[] = {0x80};
    struct reader reader;

    (void)state;
    reader_init(&reader, too_large, sizeof(too_large));
    assert_int_equal(read_varint(&reader), 0);
    assert_true(reader.failed);
    reader_init(&reader, endless, sizeof(endless));
    assert_int_equal(read_varint(&reader), 0);
    assert_true(reader.failed);
    reader_init(&reader, cut, sizeof(cut));
    assert_int_equal(read_varint(&reader), 0);
    assert_true(reader.failed);
}

static void test_a_failed_writer_writes_no_more(void **state)
{
    uint8_t data[4] = {9, 9, 9, 9};
    struct writer writer;

    (void)state;
    writer_init(&writer, data, 3);
    write_u16(&writer, 0);
    write_u16(&writer, 0);
    write_u8(&writer, 0); /* would fit, but what comes after a hole is worth nothing */
    assert_true(writer.failed);
    assert_int_equal(data[2], 9);
    assert_int_equal(data[3], 9);
}

static void test_a_failed_reader_reads_zeros(void **state)
{
    static const uint8_t data[3] = {1, 2, 3};
    struct reader reader;

    (void)state;
    reader_init(&reader, data, sizeof(data));
    assert_int_equal(read_u32(&reader), 0);
    assert_int_equal(read_u8(&reader), 0);
    assert_null(read_bytes(&reader, 1));
    assert_false(reader_done(&reader));
    assert_true(reader.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_little_endian_and_round_trip),
        cmocka_unit_test(test_varints_round_trip),
        cmocka_unit_test(test_bad_varints_fail),
        cmocka_unit_test(test_a_failed_writer_writes_no_more),
        cmocka_unit_test(test_a_failed_reader_reads_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
