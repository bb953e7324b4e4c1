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

bool services_refused(struct grpc_call *call, int error)
{
    bool waiting = error == 0 || grpc_resume(call);

    assert(waiting);
    return waiting && error != 0 && error != DECREE_FULL;
}

int services_after_ask(struct grpc_call *call, int error)
{
    if (services_refused(call, error))
        etcd_fail(call, services_error(error));
    return error == DECREE_FULL ? DECREE_FULL : 0;
}

int services_read(struct grpc_call *call, decree_done *done)
{
    struct backend *backend = call_backend(call);

    grpc_keep(call);
    return services_after_ask(call, backend->ops->read(backend, done, call));
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
