/* SPDX-License-Identifier: MIT */
/* kv_help.h -- short words for the tests of kv/: commands from C strings, ranges as text. */
#ifndef DECREE_TESTS_KV_HELP_H
#define DECREE_TESTS_KV_HELP_H

#include "kv.h"

#define HELP_TEXT_MAX 4096u
#define HELP_COMMAND_BYTES_MAX 16384u

/* The bytes of a string, without its end. */
struct kv_bytes text(const char *string);

/* Encodes and applies. */
struct kv_result apply(struct kv *kv, const struct command *command);
struct kv_result put(struct kv *kv, const char *key, const char *value);
struct kv_result delete_range(struct kv *kv, const char *key, const char *range_end);

/* Of everything that is there. */
uint64_t hash_of(const struct kv *kv);

/* A range as "key=value create mod version; count=N more", or the error. In a static buffer. */
const char *shown(const struct kv *kv, const struct kv_range_request *request);
const char *shown_range(const struct kv *kv, const char *key, const char *range_end,
                        int64_t revision);

/* A result as "error revision deleted prev_kvs". In a static buffer. */
const char *shown_result(const struct kv_result *result);

#endif
