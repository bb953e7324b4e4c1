/* SPDX-License-Identifier: MIT */
/* pool_memory.h -- an allocator for many small pieces of few sizes that come and go by the hundred:
 * nghttp2's.
 *
 * nghttp2 asks for some ten pieces a request and frees them when it is answered. With hundreds of
 * requests under way that is more than malloc keeps at hand for a thread. Freed pieces are kept
 * here by size class, up to a bound, and handed out again, the warmest first. Large pieces are
 * malloc's. One thread.
 *
 * Of small pieces some are set aside for when malloc has none: where nghttp2 finds no memory in the midst
 * of sending, it frees what it is about to send, and once more with the session. Who uses what is
 * set aside gives it back when the answers under way are sent.
 *
 *     piece:  head, 16 bytes: the class | what was asked for
 */
#ifndef DECREE_RPC_POOL_MEMORY_H
#define DECREE_RPC_POOL_MEMORY_H

#include <stdint.h>

#include <nghttp2/nghttp2.h>

#define POOL_CLASS_BYTES 64u
#define POOL_CLASSES \
    10u /* class n holds pieces of up to n + 1 times POOL_CLASS_BYTES, head included */

#define POOL_RESERVE 64u /* pieces of the largest class */

struct pool_piece;

struct pool_memory {
    nghttp2_mem hooks; /* to be given to nghttp2 */
    struct pool_piece *free_pieces[POOL_CLASSES];
    size_t kept_bytes, kept_bytes_max;
    struct pool_piece *reserve;
    uint32_t reserve_count;
};

/* Errors: NOMEM; then there is nothing to be released. */
int pool_memory_init(struct pool_memory *pool, size_t kept_bytes_max);

/* After everything was freed. */
void pool_memory_release(struct pool_memory *pool);

#endif
