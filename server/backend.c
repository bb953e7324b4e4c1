/* SPDX-License-Identifier: MIT */
/* backend.c -- ids of 64 bits made from names, so that no member has to tell the others its id; and
 * which commands concern leases. */
#include "backend.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"
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

static void tell_many(const struct backend *backend, const struct command *command)
{
    const struct command_ids *ids = &command->u.lease_ids;
    struct reader reader;

    reader_init(&reader, ids->items.data, ids->items.size);
    for (size_t i = 0; i < ids->id_count; i++)
        backend->lease_applied(backend->lease_context, command_read_id(&reader),
                               command->op == COMMAND_LEASE_RENEWALS ? LEASE_RENEWED : LEASE_ASKED);
}

static void tell_checkpoint(const struct backend *backend,
                            const struct command_checkpoint *checkpoint)
{
    struct reader reader;

    reader_init(&reader, checkpoint->items.data, checkpoint->items.size);
    for (size_t i = 0; i < checkpoint->lease_count; i++)
        backend->lease_applied(backend->lease_context, command_read_lease(&reader).id,
                               LEASE_WRITTEN_DOWN);
}

static void count_lease(struct backend *backend, enum command_op op)
{
    backend->leases_granted += op == COMMAND_LEASE_GRANT;
    backend->leases_revoked += op == COMMAND_LEASE_REVOKE || op == COMMAND_LEASE_EXPIRE;
    backend->leases_expired += op == COMMAND_LEASE_EXPIRE;
}

/* Looks before it decodes: most commands are no business of leases. */
void backend_tell_leases(struct backend *backend, const uint8_t *data, size_t size,
                         const struct kv_result *result)
{
    struct command command;

    if (result->error != KV_OK || size < 2 || data[1] < COMMAND_LEASE_GRANT ||
        !command_decode(data, size, &command))
        return;
    count_lease(backend, command.op);
    if (backend->lease_applied == NULL)
        return;
    if (command.op == COMMAND_LEASE_GRANT)
        backend->lease_applied(backend->lease_context, command.u.lease_grant.id, LEASE_RENEWED);
    else if (command.op == COMMAND_LEASE_RENEW && command.u.lease_renew != 0)
        backend->lease_applied(backend->lease_context, command.u.lease_renew, LEASE_RENEWED);
    else if (command.op == COMMAND_LEASE_REVOKE)
        backend->lease_applied(backend->lease_context, command.u.lease_revoke, LEASE_ENDED);
    else if (command.op == COMMAND_LEASE_EXPIRE)
        backend->lease_applied(backend->lease_context, command.u.lease_expire.id, LEASE_ENDED);
    else if (command.op == COMMAND_LEASE_RENEWALS || command.op == COMMAND_LEASE_QUESTION)
        tell_many(backend, &command);
    else if (command.op == COMMAND_LEASE_CHECKPOINT)
        tell_checkpoint(backend, &command.u.checkpoint);
}
