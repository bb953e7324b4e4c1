/* SPDX-License-Identifier: MIT */
/* backend.c -- ids of 64 bits made from names, so that no member has to tell the others its id. */
#include "backend.h"

#include <assert.h>
#include <string.h>

#include "checksum.h"

static uint64_t not_zero(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

uint64_t backend_cluster_id(const char *cluster_token)
{
    assert(cluster_token != NULL);
    return not_zero(checksum(cluster_token, strlen(cluster_token), 0));
}

uint64_t backend_member_id(const char *cluster_token, const char *member_name)
{
    assert(member_name != NULL);
    return not_zero(checksum(member_name, strlen(member_name), backend_cluster_id(cluster_token)));
}
