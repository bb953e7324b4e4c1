/* SPDX-License-Identifier: MIT */
/* kv_restore.c -- a store that was loaded from a snapshot of one cluster begins another. */
#include <assert.h>

#include "kv_inside.h"

void kv_begin_cluster(struct kv *kv, int64_t bump)
{
    enum kv_error error;

    assert(kv->sub == 0);
    assert(bump >= 0 && bump <= KV_BUMP_MAX);
    members_release(&kv->members);
    if (bump == 0)
        return;
    kv->revision += bump;
    error = kv_compact(kv, kv->revision);
    assert(error == KV_OK);
    (void)error;
}
