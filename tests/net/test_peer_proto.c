/* SPDX-License-Identifier: MIT */
/* test_peer_proto.c -- messages as protobuf and as JSON: what goes in comes back, the two sides name
 * things alike, and nonsense is refused. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec.h"
#include "message_tools.h"
#include "peer_proto.h"
#include "protobuf_json.h"

#define CLUSTER UINT64_C(0xfedcba9876543210)
#define DESCRIPTOR (&decree__v1__message__descriptor)

struct trips {
    struct arena arena;
    struct prng prng;
    struct byte_buffer buffer;
    char sentence[PROTOBUF_JSON_SENTENCE_BYTES];
};

static int set_up(void **state)
{
    struct trips *trips = calloc(1, sizeof(*trips));

    assert_non_null(trips);
    arena_init(&trips->arena, 64u << 20);
    prng_init(&trips->prng, 23);
    *state = trips;
    return 0;
}

static int tear_down(void **state)
{
    struct trips *trips = *state;

    arena_release(&trips->arena);
    byte_buffer_release(&trips->buffer);
    free(trips);
    return 0;
}

/* Unwraps what came back and compares it with what was sent. */
static void assert_came_back(struct trips *trips, const ProtobufCMessage *message,
                             const struct peer_letter *sent)
{
    const Decree__V1__Message *back = (const Decree__V1__Message *)message;
    struct peer_letter letter;

    assert_int_equal(back->cluster_id, CLUSTER);
    assert_int_equal(back->sender, 1);
    assert_int_equal(back->receiver, 2);
    assert_null(peer_proto_unwrap(&trips->arena, back, &letter));
    letter_assert_equal(sent, &letter);
    peer_proto_drop(&letter);
}

static void make_trips(void *context, enum peer_protocol protocol, int type)
{
    struct trips *trips = context;
    struct peer_letter letter = letter_random(&trips->prng, protocol, type);
    struct peer_message message = peer_letter_message(&letter);
    const Decree__V1__Message *wrapped = peer_proto_wrap(&trips->arena, CLUSTER, &message);
    ProtobufCMessage *back;
    size_t size;

    assert_non_null(wrapped);
    byte_buffer_reset(&trips->buffer, 1u << 20);
    size = protobuf_c_message_get_packed_size(&wrapped->base);
    assert_non_null(byte_buffer_reserve(&trips->buffer, size));
    assert_int_equal(protobuf_c_message_pack(&wrapped->base, trips->buffer.data), size);
    back = protobuf_c_message_unpack(DESCRIPTOR, &trips->arena.allocator, size, trips->buffer.data);
    assert_non_null(back);
    assert_came_back(trips, back, &letter);

    protobuf_json_write(&trips->buffer, &wrapped->base);
    assert_int_equal(protobuf_json_read(&back, (char *)trips->buffer.data, trips->buffer.size, NULL,
                                        DESCRIPTOR, &trips->arena, trips->sentence),
                     0);
    assert_came_back(trips, back, &letter);
    letter_release(&letter);
    arena_reset(&trips->arena);
}

static void every_message_comes_back_from_both_forms(void **state)
{
    for (int round = 0; round < 200; round++)
        letter_each(make_trips, *state);
}

/* p1a is P1A there, with the same number. */
static void assert_named_alike(const ProtobufCEnumDescriptor *descriptor, int number,
                               const char *name)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(descriptor, number);

    assert_non_null(value);
    for (size_t i = 0; i <= strlen(name); i++)
        assert_int_equal(value->name[i], toupper((unsigned char)name[i]));
}

static void types_have_the_same_names_and_numbers(void **state)
{
    (void)state;
#define ALIKE(name, text, fields) \
    assert_named_alike(&decree__v1__paxos_message__type__descriptor, DECREE_##name, text);
    DECREE_MESSAGE_TABLE(ALIKE)
#undef ALIKE
#define ALIKE(name, text, fields) \
    assert_named_alike(&decree__v1__synod_message__type__descriptor, DECREE_SYNOD_##name, text);
    DECREE_SYNOD_MESSAGE_TABLE(ALIKE)
#undef ALIKE
#define ALIKE(name, text, fields)                                                               \
    assert_named_alike(&decree__v1__register_message__type__descriptor, DECREE_REGISTER_##name, \
                       text);
    DECREE_REGISTER_MESSAGE_TABLE(ALIKE)
#undef ALIKE
    assert_int_equal(decree__v1__paxos_message__type__descriptor.n_values, DECREE_MESSAGE_TYPES);
    assert_int_equal(decree__v1__synod_message__type__descriptor.n_values, (int)PEER_SYNOD_TYPES);
    assert_int_equal(decree__v1__register_message__type__descriptor.n_values,
                     DECREE_REGISTER_MESSAGE_TYPES);
}

static void assert_wrong(struct trips *trips, const char *text, const char *expected)
{
    struct peer_letter letter;
    ProtobufCMessage *message;

    if (protobuf_json_read(&message, text, strlen(text), NULL, DESCRIPTOR, &trips->arena,
                           trips->sentence) != 0)
        fail_msg("%s", trips->sentence);
    assert_string_equal(
        peer_proto_unwrap(&trips->arena, (const Decree__V1__Message *)message, &letter), expected);
    arena_reset(&trips->arena);
}

static void nonsense_is_refused(void **state)
{
    assert_wrong(*state, "{}", "neither paxos nor synod nor register is there");
    assert_wrong(*state, "{\"paxos\":{}}", "paxos.type: none that there is");
    assert_wrong(*state, "{\"paxos\":{\"type\":13}}", "paxos.type: none that there is");
    assert_wrong(*state, "{\"paxos\":{\"type\":-1}}", "paxos.type: none that there is");
    assert_wrong(*state, "{\"synod\":{\"type\":9}}", "synod.type: none that there is");
    assert_wrong(*state, "{\"register\":{\"type\":10}}", "register.type: none that there is");
    assert_wrong(*state, "{\"register\":{\"type\":\"QUERY\"}}",
                 "register.key: not of 1 to 4096 bytes");
}

static void too_many_pvalues_are_refused_both_ways(void **state)
{
    struct trips *trips = *state;
    struct decree_message paxos = {.type = DECREE_P2A, .pvalue_count = FRAME_PVALUES_MAX + 1};
    struct peer_message message = message_of(&paxos);
    Decree__V1__Message wrapped = DECREE__V1__MESSAGE__INIT;
    Decree__V1__PaxosMessage inner = DECREE__V1__PAXOS_MESSAGE__INIT;
    struct peer_letter letter;

    assert_null(peer_proto_wrap(&trips->arena, CLUSTER, &message));
    wrapped.protocol_case = DECREE__V1__MESSAGE__PROTOCOL_PAXOS;
    wrapped.paxos = &inner;
    inner.type = DECREE__V1__PAXOS_MESSAGE__TYPE__P2A;
    inner.n_pvalues = FRAME_PVALUES_MAX + 1;
    assert_string_equal(peer_proto_unwrap(&trips->arena, &wrapped, &letter),
                        "paxos.pvalues: too many");
    arena_reset(&trips->arena);
}

/* An arena that is too small for a message: none is made, and nothing is lost. */
static void without_memory_nothing_is_made(void **state)
{
    struct trips *trips = *state;
    struct decree_message run = message_run(1, 2000, 10);
    struct peer_message message = message_of(&run);
    struct arena small;

    (void)trips;
    arena_init(&small, 64u << 10);
    assert_null(peer_proto_wrap(&small, CLUSTER, &message));
    assert_true(small.exhausted);
    arena_release(&small);
    message_release(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_from_both_forms),
        cmocka_unit_test(types_have_the_same_names_and_numbers),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(too_many_pvalues_are_refused_both_ways),
        cmocka_unit_test(without_memory_nothing_is_made),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
