/* SPDX-License-Identifier: MIT */
/* base64.h -- bytes as text, as protobuf's JSON form has them (RFC 4648).
 *
 * Written in the standard alphabet, with padding. Read in the standard or the URL alphabet, even
 * mixed, with padding or without; bits that are left over must be zero.
 */
#ifndef DECREE_RPC_BASE64_H
#define DECREE_RPC_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters for size bytes. */
static inline size_t base64_encoded_size(size_t size)
{
    return size / 3 * 4 + (size % 3 != 0 ? 4 : 0);
}

/* An upper bound of the bytes in size characters. */
static inline size_t base64_decoded_size_max(size_t size)
{
    return size / 4 * 3 + 3;
}

/* Writes base64_encoded_size(size) characters, and no zero. */
void base64_encode(char *text, const uint8_t *data, size_t size);

/* data has room for base64_decoded_size_max(size). False: it is not base64. */
bool base64_decode(uint8_t *data, size_t *ret_size, const char *text, size_t size);

#endif
