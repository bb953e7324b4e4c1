/* SPDX-License-Identifier: MIT */
/* kv_checks.c -- see kv_checks.h. */
#include "kv_checks.h"

enum etcd_error check_range(const struct range_request *request)
{
    if (request->key.size == 0)
        return ETCD_EMPTY_KEY;
    if (request->sort_order < SORT_NONE || request->sort_order > SORT_DESCEND ||
        request->sort_target < SORT_KEY || request->sort_target > SORT_VALUE)
        return ETCD_SORT_OPTION;
    return ETCD_OK;
}

enum etcd_error check_put(const struct put_request *request)
{
    if (request->key.size == 0)
        return ETCD_EMPTY_KEY;
    if (request->ignore_value && request->value.size > 0)
        return ETCD_VALUE_PROVIDED;
    if (request->ignore_lease && request->lease != 0)
        return ETCD_LEASE_PROVIDED;
    return ETCD_OK;
}

enum etcd_error check_delete_range(const struct delete_range_request *request)
{
    return request->key.size == 0 ? ETCD_EMPTY_KEY : ETCD_OK;
}

enum etcd_error etcd_error_of_kv(enum kv_error error)
{
    switch (error) {
    case KV_OK:
        return ETCD_OK;
    case KV_KEY_NOT_FOUND:
        return ETCD_KEY_NOT_FOUND;
    case KV_LEASE_NOT_FOUND:
        return ETCD_LEASE_NOT_FOUND;
    case KV_FUTURE_REVISION:
        return ETCD_FUTURE_REVISION;
    case KV_COMPACTED:
        return ETCD_COMPACTED;
    case KV_LEASE_EXISTS:
        return ETCD_LEASE_EXISTS;
    case KV_NO_SPACE:
        return ETCD_NO_SPACE;
    case KV_CORRUPT:
        return ETCD_CORRUPT;
    case KV_MALFORMED: /* the server has made the command, so this is a member that is not ours */
        return ETCD_STOPPED;
    }
    assert(false);
    return ETCD_STOPPED;
}
