/* SPDX-License-Identifier: MIT */
/* test_golden_frames.c -- one frame of each type, byte by byte. With DECREE_REWRITE_GOLDEN in the
 * environment they are printed, for golden_frames.inc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec.h"
#include "message_tools.h"

#define GOLDEN_MAX (FRAME_REGISTER + DECREE_REGISTER_MESSAGE_TYPES)

/* One frame of each type, byte by byte: other versions of decree, on other machines, must read
 * these. */
static const char *const golden[GOLDEN_MAX] = {
#include "golden_frames.inc"
};

static const char *const names[GOLDEN_MAX] = {
#define NAME(name, text, fields) [DECREE_##name] = text,
    DECREE_MESSAGE_TABLE(NAME)
#undef NAME
#define NAME(name, text, fields) [FRAME_SYNOD + DECREE_SYNOD_##name] = "synod " text,
        DECREE_SYNOD_MESSAGE_TABLE(NAME)
#undef NAME
#define NAME(name, text, fields) [FRAME_REGISTER + DECREE_REGISTER_##name] = "register " text,
            DECREE_REGISTER_MESSAGE_TABLE(NAME)
#undef NAME
};

/* Compares the frame of a message with what it was, or prints it for golden_frames.inc. */
static void check_golden(struct encoder *encoder, const struct peer_message *message)
{
    struct frame *frame;
    uint8_t data[256];
    char text[2 * sizeof(data) + 1];

    assert_int_equal(encoder_encode(encoder, message, &frame), 0);
    assert_true(frame->size <= sizeof(data));
    frame_copy(frame, data);
    for (size_t i = 0; i < frame->size; i++)
        (void)snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", data[i]);
    if (getenv("DECREE_REWRITE_GOLDEN") != NULL)
        print_message("[%d] = \"%s\", /* %s */\n", data[3], text, names[data[3]]);
    else
        assert_string_equal(text, golden[data[3]]);
    frame_free(frame);
}

static void frames_of_paxos_are_golden(void **state)
{
    struct decree_message sample = message_run(300, 4, 3);
    struct decree_pvalue *pvalues = (struct decree_pvalue *)(uintptr_t)sample.pvalues;

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
        struct peer_message peer_message = message_of(&message);

        check_golden(*state, &peer_message);
    }
    message_release(&sample);
}

static void frames_of_a_synod_are_golden(void **state)
{
    struct decree_value *value = decree_value_copy("bread", 5);

    for (int type = DECREE_SYNOD_NONE + 1; type < (int)PEER_SYNOD_TYPES; type++) {
        bool with_value = type == DECREE_SYNOD_PROMISE || type == DECREE_SYNOD_ACCEPT ||
                          type == DECREE_SYNOD_DECIDED;
        struct decree_synod_message synod = {
            .type = (enum decree_synod_message_type)type,
            .ballot = {type >= DECREE_SYNOD_DECIDED ? 0 : 300,
                       type >= DECREE_SYNOD_DECIDED ? 0 : 2},
            .voted = {type == DECREE_SYNOD_PROMISE ? 299 : 0, type == DECREE_SYNOD_PROMISE ? 1 : 0},
            .value = with_value ? value : NULL};
        struct peer_message message = {PEER_SYNOD, {.synod = &synod}};

        check_golden(*state, &message);
    }
    decree_value_unref(value);
}

static void frames_of_registers_are_golden(void **state)
{
    struct decree_value *value = decree_value_copy("bread", 5);

    for (int type = DECREE_REGISTER_NONE + 1; type < DECREE_REGISTER_MESSAGE_TYPES; type++) {
        bool is_state = type == DECREE_REGISTER_STATE || type == DECREE_REGISTER_PROMISE;
        bool with_value = is_state || type == DECREE_REGISTER_ACCEPT ||
                          type == DECREE_REGISTER_DECIDED;
        struct decree_register_message reg = {
            .type = (enum decree_register_message_type)type,
            .key = {(const uint8_t *)"butter", 6},
            .version = 9,
            .number = 1000,
            .first = is_state ? 4 : 0,
            .next = is_state ? 11 : 0,
            .ballot = {type == DECREE_REGISTER_QUERY ? 0 : 1u << 25,
                       type == DECREE_REGISTER_QUERY ? 0 : 2},
            .voted = {is_state ? 77 : 0, is_state ? 3 : 0},
            .mark = {with_value ? 3 : 0, with_value ? 5 : 0, with_value ? 600 : 0},
            .value = with_value ? value : NULL,
            .decided = type == DECREE_REGISTER_STATE};
        struct peer_message message = {PEER_REGISTER, {.reg = &reg}};

        check_golden(*state, &message);
    }
    decree_value_unref(value);
}

static int set_up(void **state)
{
    struct encoder *encoder = calloc(1, sizeof(*encoder));

    assert_non_null(encoder);
    encoder_init(encoder, FRAME_BYTES_MAX_DEFAULT);
    *state = encoder;
    return 0;
}

static int tear_down(void **state)
{
    encoder_release(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_paxos_are_golden),
        cmocka_unit_test(frames_of_a_synod_are_golden),
        cmocka_unit_test(frames_of_registers_are_golden),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
