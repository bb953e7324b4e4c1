/* SPDX-License-Identifier: MIT */
/* range_sort.h -- ranges in another order than that of keys, and ranges with bounds on revisions.
 *
 * All pairs of the range are gathered first; bounds, order and then the limit apply to them. count
 * stays that of all keys in the range. Equal pairs come by key.
 */
#ifndef DECREE_SERVER_RANGE_SORT_H
#define DECREE_SERVER_RANGE_SORT_H

#include "kv_messages.h"

/* True if the request needs this: kv_range() alone cannot answer it. */
bool range_is_sorted(const struct range_request *request);

/* How many pairs the store is to be asked for, by key; 0: all of the range. */
uint64_t range_fetch_limit(const struct range_request *request);

/* Of pairs so fetched, those that are within the bounds, in order, as many as the limit allows:
 * they are moved to the front, and their number is returned. */
size_t range_arrange(const struct range_request *request, struct kv_pair *pairs, size_t count,
                     bool *ret_more);

/* As kv_range(). scratch is empty and the caller's to release; if it has failed, nothing was
 * visited. */
enum kv_error range_sorted(const struct kv *kv, const struct range_request *request,
                           struct byte_buffer *scratch, kv_visit *visit, void *context,
                           struct kv_range_result *ret_result);

#endif
