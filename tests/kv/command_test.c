/* SPDX-License-Identifier: MIT */
/* command_test.c -- the bytes of commands are what journals hold: they must never change their
 * meaning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "kv_help.h"
#include "prng.h"

static void assert_bytes(const struct command *command, const void *expected, size_t size)
{
    uint8_t data[64];

    assert_int_equal(command_size(command), size);
    command_encode(command, data, size);
    assert_memory_equal(data, expected, size);
}

static void assert_same_bytes(struct kv_bytes a, struct kv_bytes b)
{
    assert_int_equal(a.size, b.size);
    if (a.size > 0)
        assert_memory_equal(a.data, b.data, a.size);
}

static void puts_have_these_bytes(void **state)
{
    struct command command = {.op = COMMAND_PUT};

    (void)state;
    command.u.put = (struct command_put){.key = text("k"), .value = text("val")};
    assert_bytes(&command, "\x4b\x01\x00\x01k\x03val", 9);
    command.u.put.prev_kv = true;
    command.u.put.lease = 0x0102030405060708;
    assert_bytes(&command, "\x4b\x01\x09\x01k\x03val\x08\x07\x06\x05\x04\x03\x02\x01", 17);
    command.u.put = (struct command_put){
        .key = text("k"), .ignore_value = true, .ignore_lease = true};
    assert_bytes(&command, "\x4b\x01\x06\x01k\x00", 6);
}

static void delete_ranges_have_these_bytes(void **state)
{
    struct command command = {.op = COMMAND_DELETE_RANGE};

    (void)state;
    command.u.delete_range = (struct command_delete_range){.key = text("k")};
    assert_bytes(&command, "\x4b\x02\x00\x01k\x00", 6);
    command.u.delete_range.range_end = (struct kv_bytes){(const uint8_t *)"\0", 1};
    command.u.delete_range.prev_kv = true;
    assert_bytes(&command, "\x4b\x02\x01\x01k\x01\x00", 7);
}

static void long_keys_come_back(void **state)
{
    static uint8_t key[300], value[70000];
    struct command command = {.op = COMMAND_PUT}, decoded;
    size_t size;
    uint8_t *data;

    (void)state;
    memset(key, 'k', sizeof(key));
    memset(value, 'v', sizeof(value));
    command.u.put = (struct command_put){
        .key = {key, sizeof(key)}, .value = {value, sizeof(value)}, .lease = -1};
    size = command_size(&command);
    assert_int_equal(size, 3 + 2 + sizeof(key) + 3 + sizeof(value) + 8);
    data = malloc(size);
    assert_non_null(data);
    command_encode(&command, data, size);
    assert_true(command_decode(data, size, &decoded));
    assert_int_equal(decoded.op, COMMAND_PUT);
    assert_same_bytes(decoded.u.put.key, command.u.put.key);
    assert_same_bytes(decoded.u.put.value, command.u.put.value);
    assert_true(decoded.u.put.lease == -1);
    assert_false(decoded.u.put.prev_kv);
    free(data);
}

static void assert_malformed(const char *bytes, size_t size)
{
    struct command command;
    uint8_t *exact = malloc(size + 1); /* of its very size, so that sanitizers see reads past it */

    assert_non_null(exact);
    exact = realloc(exact, size > 0 ? size : 1);
    memcpy(exact, bytes, size);
    assert_false(command_decode(exact, size, &command));
    free(exact);
}

static void what_is_no_command_is_refused(void **state)
{
    (void)state;
    assert_malformed("", 0);
    assert_malformed("\x4b", 1);
    assert_malformed("\x4b\x01", 2);
    assert_malformed("\x4c\x01\x00\x01k\x03val", 9);                /* another machine */
    assert_malformed("\x4b\x03\x00\x01k\x03val", 9);                /* another op */
    assert_malformed("\x4b\x00\x00\x01k\x03val", 9);                /* no op */
    assert_malformed("\x4b\x01\x10\x01k\x03val", 9);                /* another flag */
    assert_malformed("\x4b\x02\x02\x01k\x00", 6);                   /* a put's flag */
    assert_malformed("\x4b\x01\x00\x00\x03val", 8);                 /* no key */
    assert_malformed("\x4b\x02\x00\x00\x00", 5);                    /* no key */
    assert_malformed("\x4b\x01\x00\x01k\x03val!", 10);              /* more follows */
    assert_malformed("\x4b\x01\x00\x01k\x04val", 9);                /* less follows */
    assert_malformed("\x4b\x01\x02\x01k\x03val", 9);                /* a value to ignore */
    assert_malformed("\x4b\x01\x08\x01k\x01v\0\0\0\0\0\0\0\0", 15); /* lease 0 */
    assert_malformed("\x4b\x01\x0c\x01k\x01v\1\0\0\0\0\0\0\0", 15); /* a lease to ignore */
    assert_malformed("\x4b\x01\x08\x01k\x01v\1\0\0\0\0\0\0", 14);   /* half a lease */
    assert_malformed("\x4b\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k", 14); /* a huge key */
    assert_malformed("\x4b\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7fk",
                     14); /* above 64 bits */
}

static void commands_of_leases_have_their_bytes(void **state)
{
    static const char renew[] = "\x4b\x0a\x00\x05\0\0\0\0\0\0\x80";
    static const char expire[] = "\x4b\x0b\x00\x05\0\0\0\0\0\0\x80\x80\x01";
    const struct command commands[] = {
        {.op = COMMAND_LEASE_RENEW, .u.lease_renew = INT64_MIN + 5},
        {.op = COMMAND_LEASE_EXPIRE, .u.lease_expire = {INT64_MIN + 5, 128}}};
    struct command decoded;
    uint8_t data[32];

    (void)state;
    assert_int_equal(command_size(&commands[0]), sizeof(renew) - 1);
    command_encode(&commands[0], data, sizeof(renew) - 1);
    assert_memory_equal(data, renew, sizeof(renew) - 1);
    assert_true(command_decode(data, sizeof(renew) - 1, &decoded));
    assert_true(decoded.u.lease_renew == INT64_MIN + 5);
    assert_int_equal(command_size(&commands[1]), sizeof(expire) - 1);
    command_encode(&commands[1], data, sizeof(expire) - 1);
    assert_memory_equal(data, expire, sizeof(expire) - 1);
    assert_true(command_decode(data, sizeof(expire) - 1, &decoded));
    assert_true(decoded.u.lease_expire.id == INT64_MIN + 5);
    assert_int_equal(decoded.u.lease_expire.stamp, 128);
    for (size_t size = 0; size < sizeof(renew) - 1; size++)
        assert_malformed(renew, size);
    for (size_t size = 0; size < sizeof(expire) - 1; size++)
        assert_malformed(expire, size);
    assert_malformed("\x4b\x0a\x01\x05\0\0\0\0\0\0\0", 11); /* a flag */
}

static void commands_of_many_leases_have_their_bytes(void **state)
{
    static const char renewals[] =
        "\x4b\x0d\x00\x02\x01\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff";
    static const char question[] = "\x4b\x0e\x00\x00";
    static const char checkpoint[] = "\x4b\x08\x00\x80\x01\x01\x07\0\0\0\0\0\0\0\x03";
    const int64_t ids[] = {1, -1};
    const struct command_lease_grant left = {7, 3};
    struct command command = {.op = COMMAND_LEASE_RENEWALS,
                              .u.lease_ids = {.ids = ids, .id_count = 2}};
    struct command decoded;
    struct reader reader;

    (void)state;
    assert_bytes(&command, renewals, sizeof(renewals) - 1);
    assert_true(command_decode((const uint8_t *)renewals, sizeof(renewals) - 1, &decoded));
    assert_int_equal(decoded.u.lease_ids.id_count, 2);
    reader_init(&reader, decoded.u.lease_ids.items.data, decoded.u.lease_ids.items.size);
    assert_true(command_read_id(&reader) == 1);
    assert_true(command_read_id(&reader) == -1);
    for (size_t size = 0; size < sizeof(renewals) - 1; size++)
        assert_malformed(renewals, size);
    command = (struct command){.op = COMMAND_LEASE_QUESTION};
    assert_bytes(&command, question, sizeof(question) - 1);
    command = (struct command){.op = COMMAND_LEASE_CHECKPOINT,
                               .u.checkpoint = {.stamp = 128, .leases = &left, .lease_count = 1}};
    assert_bytes(&command, checkpoint, sizeof(checkpoint) - 1);
    assert_true(command_decode((const uint8_t *)checkpoint, sizeof(checkpoint) - 1, &decoded));
    assert_int_equal(decoded.u.checkpoint.stamp, 128);
    for (size_t size = 0; size < sizeof(checkpoint) - 1; size++)
        assert_malformed(checkpoint, size);
}

static void what_members_tell_has_these_bytes(void **state)
{
    static const char whole[] = "\x4b\x0c\x00\x08\x07\x06\x05\x04\x03\x02\x01\x02n1\x02\x03u:1\x00";
    const struct kv_bytes urls[] = {text("u:1"), text("")};
    const struct command command = {
        .op = COMMAND_MEMBER,
        .u.member = {.id = 0x0102030405060708, .name = text("n1"), .urls = urls, .url_count = 2}};
    struct command decoded;
    struct reader reader;

    (void)state;
    assert_bytes(&command, whole, sizeof(whole) - 1);
    assert_true(command_decode((const uint8_t *)whole, sizeof(whole) - 1, &decoded));
    assert_true(decoded.u.member.id == 0x0102030405060708);
    assert_same_bytes(decoded.u.member.name, text("n1"));
    assert_int_equal(decoded.u.member.url_count, 2);
    reader_init(&reader, decoded.u.member.items.data, decoded.u.member.items.size);
    assert_same_bytes(command_read_url(&reader), urls[0]);
    assert_same_bytes(command_read_url(&reader), urls[1]);
    for (size_t size = 0; size < sizeof(whole) - 1; size++)
        assert_malformed(whole, size);
    assert_malformed("\x4b\x0c\x00\0\0\0\0\0\0\0\0\x00\xff\x7f\x00", 14); /* many urls */
}

static void every_part_of_a_command_is_refused(void **state)
{
    static const char whole[] = "\x4b\x01\x09\x01k\x03val\x08\x07\x06\x05\x04\x03\x02\x01";
    struct command command;

    (void)state;
    assert_true(command_decode((const uint8_t *)whole, sizeof(whole) - 1, &command));
    for (size_t size = 0; size < sizeof(whole) - 1; size++)
        assert_malformed(whole, size);
}

/* What decodes is a command that encodes to something that decodes to the same. */
static void assert_stable(const uint8_t *data, size_t size)
{
    struct command first, second;
    uint8_t again[64];

    if (!command_decode(data, size, &first))
        return;
    assert_true(command_size(&first) <= size);
    command_encode(&first, again, command_size(&first));
    assert_true(command_decode(again, command_size(&first), &second));
    assert_int_equal(first.op, second.op);
    if (first.op == COMMAND_PUT) {
        assert_same_bytes(first.u.put.key, second.u.put.key);
        assert_same_bytes(first.u.put.value, second.u.put.value);
        assert_true(first.u.put.lease == second.u.put.lease);
        assert_int_equal(first.u.put.ignore_value, second.u.put.ignore_value);
        assert_int_equal(first.u.put.ignore_lease, second.u.put.ignore_lease);
        assert_int_equal(first.u.put.prev_kv, second.u.put.prev_kv);
    } else {
        assert_same_bytes(first.u.delete_range.key, second.u.delete_range.key);
        assert_same_bytes(first.u.delete_range.range_end, second.u.delete_range.range_end);
        assert_int_equal(first.u.delete_range.prev_kv, second.u.delete_range.prev_kv);
    }
}

static void any_bytes_are_read_without_harm(void **state)
{
    static const uint8_t seeds[][18] = {"\x4b\x01\x09\x01k\x03val\x08\x07\x06\x05\x04\x03\x02\x01",
                                        "\x4b\x02\x01\x01k\x03zzz"};
    struct prng prng;

    (void)state;
    prng_init(&prng, 1);
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t data[18];
        size_t size = prng_below(&prng, sizeof(data) + 1);

        memcpy(data, seeds[i % 2], sizeof(data));
        for (uint64_t changes = prng_below(&prng, 4); changes > 0; changes--)
            data[prng_below(&prng, sizeof(data))] = (uint8_t)prng_below(&prng,
                                                                        i % 3 == 0 ? 256 : 8);
        assert_stable(data, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_have_these_bytes),
        cmocka_unit_test(delete_ranges_have_these_bytes),
        cmocka_unit_test(long_keys_come_back),
        cmocka_unit_test(what_is_no_command_is_refused),
        cmocka_unit_test(commands_of_leases_have_their_bytes),
        cmocka_unit_test(commands_of_many_leases_have_their_bytes),
        cmocka_unit_test(what_members_tell_has_these_bytes),
        cmocka_unit_test(every_part_of_a_command_is_refused),
        cmocka_unit_test(any_bytes_are_read_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
