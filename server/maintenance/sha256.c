/* SPDX-License-Identifier: MIT */
/* sha256.c -- see sha256.h. */
#include "sha256.h"

#include <assert.h>

#include <openssl/evp.h>

static EVP_MD_CTX *context_of(struct sha256 *sha256)
{
    return (EVP_MD_CTX *)(void *)sha256;
}

struct sha256 *sha256_new(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    return (struct sha256 *)(void *)context;
}

void sha256_free(struct sha256 *sha256)
{
    EVP_MD_CTX_free(context_of(sha256));
}

void sha256_add(struct sha256 *sha256, const void *data, size_t size)
{
    int added = EVP_DigestUpdate(context_of(sha256), data, size);

    assert(added == 1);
    (void)added;
}

void sha256_end(struct sha256 *sha256, uint8_t sum[SHA256_BYTES])
{
    unsigned size = 0;
    int ended = EVP_DigestFinal_ex(context_of(sha256), sum, &size);

    assert(ended == 1);
    assert(size == SHA256_BYTES);
    (void)ended;
}
