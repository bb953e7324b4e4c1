/* SPDX-License-Identifier: MIT */
/* services.c -- see services.h. */
#include "services.h"

#include <assert.h>

enum etcd_error services_error(int error)
{
    if (error == DECREE_TOO_LARGE)
        return ETCD_TOO_LARGE;
    if (error == DECREE_NOMEM)
        return ETCD_NO_MEMORY;
    if (error == BACKEND_NO_SPACE)
        return ETCD_NO_SPACE;
    return ETCD_STOPPED;
}

int services_after_ask(struct grpc_call *call, int error)
{
    bool waiting;

    if (error == 0)
        return 0;
    waiting = grpc_resume(call);
    assert(waiting);
    if (error == DECREE_FULL)
        return DECREE_FULL;
    if (waiting)
        etcd_fail(call, services_error(error));
    return 0;
}

bool services_resume(struct grpc_call *call, int error)
{
    if (!grpc_resume(call))
        return false;
    if (error == 0)
        return true;
    etcd_fail(call, services_error(error));
    return false;
}
