/* SPDX-License-Identifier: MIT */
/* maintenance_downgrade.c -- etcdserverpb.Maintenance/Downgrade.
 *
 * There is one version of what is stored, and none before it: whatever version is asked for, nobody
 * can go back to it, and no downgrade is ever under way. The checks come in etcd's order.
 */
#include <string.h>

#include "maintenance_inside.h"

/* A number and what follows it; NULL: there is none. */
static const char *skip_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits == 0 || (digits > 1 && text[0] == '0') ? NULL : text + digits;
}

/* "3.5" or "3.5.2", perhaps with what may follow: "-rc.1", "+build". */
static bool is_version(const char *text)
{
    const char *at = skip_number(text);

    if (at == NULL || *at != '.')
        return false;
    at = skip_number(at + 1);
    if (at == NULL || *at == '\0')
        return at != NULL;
    at = *at == '.' ? skip_number(at + 1) : NULL;
    return at != NULL && (*at == '\0' || *at == '-' || *at == '+');
}

int maintenance_downgrade(struct grpc_call *call, const uint8_t *message, size_t size)
{
    const Etcdserverpb__DowngradeRequest *request = grpc_decode(
        call, &etcdserverpb__downgrade_request__descriptor, message, size);
    int action;

    if (request == NULL)
        return 0;
    action = (int)request->action;
    if (action == ETCDSERVERPB__DOWNGRADE_REQUEST__DOWNGRADE_ACTION__CANCEL)
        etcd_fail(call, ETCD_NO_DOWNGRADE);
    else if (action != ETCDSERVERPB__DOWNGRADE_REQUEST__DOWNGRADE_ACTION__VALIDATE &&
             action != ETCDSERVERPB__DOWNGRADE_REQUEST__DOWNGRADE_ACTION__ENABLE)
        etcd_fail(call, ETCD_UNKNOWN_METHOD);
    else
        etcd_fail(call,
                  is_version(request->version) ? ETCD_DOWNGRADE_TARGET : ETCD_DOWNGRADE_FORMAT);
    return 0;
}
