/* SPDX-License-Identifier: MIT */
/* range_arguments.h -- KEY [RANGE_END], --prefix and --from-key: which keys get, del and
 * watch are about. */
#ifndef DECREE_CMD_RANGE_ARGUMENTS_H
#define DECREE_CMD_RANGE_ARGUMENTS_H

#include <argp.h>
#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

struct range_arguments {
    const char *key, *end; /* as given; NULL: not given */
    bool prefix, from_key;
    bool may_lack_key; /* set on ARGP_KEY_INIT: without a key, the command has a word to say */
};

extern const struct argp range_argp;

/* The range that is meant, in the API's terms. ret_end may point into memory that the caller frees
 * with free() through ret_memory. False when out of memory. */
bool range_of(const struct range_arguments *arguments, ProtobufCBinaryData *ret_key,
              ProtobufCBinaryData *ret_end, void **ret_memory);

#endif
