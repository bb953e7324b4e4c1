/* SPDX-License-Identifier: MIT */
/* range_arguments.c -- from what the user names to a half-open range. */
#include "range_arguments.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_FROM_KEY = 0x200 };

static const struct argp_option options[] = {
    {0, 0, 0, 0, "Which keys:", 1},
    {"prefix", 'p', 0, 0, "All keys that begin with KEY; with an empty KEY, all keys", 1},
    {"from-key", OPTION_FROM_KEY, 0, 0, "All keys from KEY on", 1},
    {0},
};

static void parse_argument(struct range_arguments *range, const char *argument,
                           struct argp_state *state)
{
    if (range->key == NULL)
        range->key = argument;
    else if (range->end == NULL)
        range->end = argument;
    else
        argp_error(state, "too many arguments: '%s'", argument);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct range_arguments *range = state->input;

    switch (key) {
    case 'p':
        range->prefix = true;
        return 0;
    case OPTION_FROM_KEY:
        range->from_key = true;
        return 0;
    case ARGP_KEY_ARG:
        parse_argument(range, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (range->key == NULL && !range->may_lack_key)
            argp_error(state, "the key is missing");
        if (range->prefix + range->from_key + (range->end != NULL) > 1)
            argp_error(state, "--prefix, --from-key and RANGE_END exclude each other");
        if (range->key != NULL && range->key[0] == '\0' && !range->prefix && !range->from_key)
            argp_error(state, "the key is empty");
        return 0;
    default: /* argp has keys of its own */
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp range_argp = {.options = options, .parser = parse_option};

/* The first key after all that begin with prefix: its last byte that is not 0xff, plus one. When
 * there is none, every key from the prefix on is meant, which the API writes as one zero byte. */
static void end_of_prefix(uint8_t *prefix, size_t *size)
{
    while (*size > 0 && prefix[*size - 1] == 0xff)
        (*size)--;
    if (*size > 0) {
        prefix[*size - 1]++;
    } else {
        prefix[0] = 0;
        *size = 1;
    }
}

bool range_of(const struct range_arguments *arguments, ProtobufCBinaryData *ret_key,
              ProtobufCBinaryData *ret_end, void **ret_memory)
{
    static uint8_t zero = 0;
    size_t size = strlen(arguments->key);
    uint8_t *copy = malloc(size + 1);

    assert(arguments->key != NULL);
    if (copy == NULL)
        return false;
    memcpy(copy, arguments->key, size + 1);
    *ret_key = (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)arguments->key};
    *ret_end = (ProtobufCBinaryData){0};
    if (size == 0)
        *ret_key = (ProtobufCBinaryData){.len = 1, .data = &zero};
    if (arguments->end != NULL) {
        *ret_end = (ProtobufCBinaryData){.len = strlen(arguments->end),
                                         .data = (uint8_t *)(uintptr_t)arguments->end};
    } else if (arguments->from_key) {
        *ret_end = (ProtobufCBinaryData){.len = 1, .data = &zero};
    } else if (arguments->prefix) {
        end_of_prefix(copy, &size);
        *ret_end = (ProtobufCBinaryData){.len = size, .data = copy};
    }
    *ret_memory = copy;
    return true;
}
