/* SPDX-License-Identifier: MIT */
/* grpc_parse.h -- the small grammars of gRPC's headers and frames, as pure functions. */
#ifndef DECREE_RPC_GRPC_PARSE_H
#define DECREE_RPC_GRPC_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRPC_PREFIX_BYTES 5u /* compressed or not, then the length */

/* "100m", "5S": at most eight digits and a unit of H M S m u n, to milliseconds, rounded up. */
bool grpc_parse_timeout(const uint8_t *text, size_t size, uint64_t *ret_ms);

/* "application/grpc", or that with a "+proto" or ";..." behind it. */
bool grpc_is_content_type(const uint8_t *text, size_t size);

/* Escapes what a header may not carry, and percent signs, as %XX. Writes at most capacity bytes and
 * returns how many; a text that does not fit is cut between two characters. */
size_t grpc_escape(const char *text, char *data, size_t capacity);

/* The length in a message's prefix. */
uint32_t grpc_prefix_length(const uint8_t *prefix);
void grpc_prefix_write(uint8_t *prefix, uint32_t length);

#endif
