/* SPDX-License-Identifier: MIT */
/* sha256.h -- SHA-256, by OpenSSL's libcrypto; nobody else includes that for it. */
#ifndef DECREE_SERVER_SHA256_H
#define DECREE_SERVER_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32u

struct sha256;

/* NULL: no memory. */
struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *sha256); /* NULL is fine */

void sha256_add(struct sha256 *sha256, const void *data, size_t size);

/* The sum of all that was added; once. */
void sha256_end(struct sha256 *sha256, uint8_t sum[SHA256_BYTES]);

#endif
