/* SPDX-License-Identifier: MIT */
/* pool_memory.h -- an allocator for many small pieces of few sizes that come and go by the hundred:
 * nghttp2's.
 *
 * nghttp2 asks for some ten pieces a request and frees them when it is answered. With hundreds of
 * requests under way that is more than malloc keeps at hand for a thread. Freed pieces are kept
 * here by size class, up to a bound, and handed out again, the warmest first. Large pieces are
 * malloc's. One thread.
 *
 *     piece:  head, 16 bytes: the class | what was asked for
 */
#ifndef DECREE_RPC_POOL_MEMORY_H
#define DECREE_RPC_POOL_MEMORY_H

#include <nghttp2/nghttp2.h>

#define POOL_CLASS_BYTES 64u
#define POOL_CLASSES \
    10u /* class n holds pieces of up to n + 1 times POOL_CLASS_BYTES, head included */

struct pool_piece;

struct pool_memory {
    nghttp2_mem hooks; /* to be given to nghttp2 */
    struct pool_piece *free_pieces[POOL_CLASSES];
    size_t kept_bytes, kept_bytes_max;
};

void pool_memory_init(struct pool_memory *pool, size_t kept_bytes_max);

/* After everything was freed. */
void pool_memory_release(struct pool_memory *pool);

#endif
