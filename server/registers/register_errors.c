/* SPDX-License-Identifier: MIT */
/* register_errors.c -- see register_errors.h. */
#include "register_errors.h"

#include <assert.h>

#include <decree/error.h>

#define LOST_TEXT "no quorum of members answered in time"
/* Rarely it is known at once: a version where it was tried was compacted meanwhile. */
#define LOST_CHANGE_TEXT \
    LOST_TEXT ", or the version that would tell is compacted; it may be done or not"

static const struct register_error {
    int error;
    enum grpc_status status;
    const char *text;
} ERRORS[] = {
    {DECREE_NOT_FOUND, GRPC_NOT_FOUND, "there is no such version"},
    {DECREE_COMPACTED, GRPC_OUT_OF_RANGE, "this version is compacted: it is not kept any more"},
    {DECREE_CONFLICT, GRPC_ALREADY_EXISTS, "this version has another value already"},
    {DECREE_INVALID, GRPC_INVALID_ARGUMENT,
     "a register's key has 1 to 4096 bytes, and its version is below 2 to the power of 62"},
    {DECREE_TOO_LARGE, GRPC_INVALID_ARGUMENT, "the value is too large"},
    {DECREE_NOMEM, GRPC_RESOURCE_EXHAUSTED, "out of memory"},
    {DECREE_FULL, GRPC_RESOURCE_EXHAUSTED, "too many requests"},
    {DECREE_MISUSE, GRPC_UNIMPLEMENTED, "this member has no registers"},
    {DECREE_CLOSED, GRPC_UNAVAILABLE, "the member is stopping"},
    {DECREE_LOST, GRPC_DEADLINE_EXCEEDED, LOST_TEXT},
    {0, GRPC_UNKNOWN, "something unforeseen is in the way"},
};

void register_fail(struct grpc_call *call, int error, bool may_be_done)
{
    const struct register_error *row = ERRORS;

    assert(error < 0);
    while (row->error != 0 && row->error != error)
        row++;
    grpc_fail(call, row->status,
              error == DECREE_LOST && may_be_done ? LOST_CHANGE_TEXT : row->text);
}

int register_after_ask(struct grpc_call *call, int error)
{
    if (services_refused(call, error))
        register_fail(call, error, false);
    return error == DECREE_FULL ? DECREE_FULL : 0;
}

bool register_resume(struct grpc_call *call, int error, bool may_be_done)
{
    if (!grpc_resume(call))
        return false;
    if (error == 0)
        return true;
    register_fail(call, error, may_be_done);
    return false;
}
