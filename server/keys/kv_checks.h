/* SPDX-License-Identifier: MIT */
/* kv_checks.h -- what a request of etcdserverpb.KV must satisfy before anything is done about it;
 * the checks, their order and their words are etcd's. */
#ifndef DECREE_SERVER_KV_CHECKS_H
#define DECREE_SERVER_KV_CHECKS_H

#include "etcd_errors.h"
#include "kv_messages.h"

enum etcd_error check_range(const struct range_request *request);
enum etcd_error check_put(const struct put_request *request);
enum etcd_error check_delete_range(const struct delete_range_request *request);

/* What the store says, in etcd's words. */
enum etcd_error etcd_error_of_kv(enum kv_error error);

#endif
