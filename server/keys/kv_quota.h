/* SPDX-License-Identifier: MIT */
/* kv_quota.h -- how much the store may hold, and the alarm when it holds more.
 *
 * A write that would not fit is refused before it is ordered, and the member raises the NOSPACE
 * alarm through the log; so it does when a write of another member, which may have more room,
 * passes the quota here. While an alarm rings, every member refuses what takes room. What counts
 * are the bytes of the changes that can still be read, so room is made by a compaction, of keys
 * that were deleted or overwritten, and nothing more; the alarm then rings until it is disarmed.
 */
#ifndef DECREE_SERVER_KV_QUOTA_H
#define DECREE_SERVER_KV_QUOTA_H

#include "backend.h"

#define KV_QUOTA_BYTES_DEFAULT (INT64_C(2) << 30) /* as etcd's */

struct kv_quota {
    struct backend *backend;
    int64_t bytes; /* negative: no quota */
    bool raising;  /* the alarm is on its way through the log */
};

/* bytes: 0 takes the default. backend is borrowed. */
void kv_quota_init(struct kv_quota *quota, struct backend *backend, int64_t bytes);

/* Do so many bytes more fit? If not, the alarm is raised. Not to be called from a completion. */
bool kv_quota_room(struct kv_quota *quota, size_t size);

/* Raises the alarm if the store holds too much; to be called between turns, when what compaction
 * left was given back. */
void kv_quota_check(struct kv_quota *quota);

#endif
