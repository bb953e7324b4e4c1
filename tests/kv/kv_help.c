/* SPDX-License-Identifier: MIT */
/* kv_help.c -- see kv_help.h. */
#include "kv_help.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char shown_text[HELP_TEXT_MAX];
static size_t shown_size;

struct kv_bytes text(const char *string)
{
    return (struct kv_bytes){(const uint8_t *)string, strlen(string)};
}

struct kv_result apply(struct kv *kv, const struct command *command)
{
    static uint8_t data[HELP_COMMAND_BYTES_MAX];
    size_t size = command_size(command);
    struct kv_result result;

    assert(size <= sizeof(data));
    command_encode(command, data, size);
    kv_apply(kv, data, size, &result);
    return result;
}

struct kv_result put(struct kv *kv, const char *key, const char *value)
{
    struct command command = {.op = COMMAND_PUT,
                              .u.put = {.key = text(key), .value = text(value), .prev_kv = true}};

    return apply(kv, &command);
}

struct kv_result delete_range(struct kv *kv, const char *key, const char *range_end)
{
    struct command command = {.op = COMMAND_DELETE_RANGE};

    command.u.delete_range = (struct command_delete_range){
        .key = text(key), .range_end = text(range_end), .prev_kv = true};
    return apply(kv, &command);
}

uint64_t hash_of(const struct kv *kv)
{
    uint64_t hash;
    enum kv_error error = kv_hash(kv, 0, &hash);

    assert(error == KV_OK);
    return error == KV_OK ? hash : 0;
}

__attribute__((format(printf, 1, 2))) static void show(const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(shown_text + shown_size, sizeof(shown_text) - shown_size, format, arguments);
    va_end(arguments);
    assert(size >= 0 && (size_t)size < sizeof(shown_text) - shown_size);
    shown_size += (size_t)size;
}

static void show_pair(void *context, const struct kv_pair *pair)
{
    (void)context;
    show("%.*s=%.*s %" PRId64 " %" PRId64 " %" PRId64 "; ", (int)pair->key.size, pair->key.data,
         (int)pair->value.size, pair->value.size > 0 ? (const char *)pair->value.data : "",
         pair->create_revision, pair->mod_revision, pair->version);
}

const char *shown(const struct kv *kv, const struct kv_range_request *request)
{
    struct kv_range_result result;
    enum kv_error error;

    shown_size = 0;
    error = kv_range(kv, request, show_pair, NULL, &result);
    if (error != KV_OK)
        show("%s", kv_error_text(error));
    else
        show("count=%" PRIu64 "%s", result.count, result.more ? " more" : "");
    return shown_text;
}

const char *shown_range(const struct kv *kv, const char *key, const char *range_end,
                        int64_t revision)
{
    struct kv_range_request request = {
        .key = text(key), .range_end = text(range_end), .revision = revision};

    return shown(kv, &request);
}

const char *shown_result(const struct kv_result *result)
{
    shown_size = 0;
    show("%s %" PRId64 " deleted=%" PRIu64 " ", kv_error_text(result->error), result->revision,
         result->deleted);
    for (size_t i = 0; i < result->pair_count; i++)
        show_pair(NULL, &result->pairs[i]);
    return shown_text;
}
