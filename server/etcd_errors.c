/* SPDX-License-Identifier: MIT */
/* etcd_errors.c -- see etcd_errors.h. */
#include "etcd_errors.h"

static const struct {
    enum grpc_status status;
    const char *text;
} ERRORS[] = {[ETCD_OK] = {GRPC_OK, ""},
#define ETCD_ERROR_ROW(name, status, text) [ETCD_##name] = {status, text},
              ETCD_ERROR_TABLE(ETCD_ERROR_ROW)
#undef ETCD_ERROR_ROW
};

void etcd_fail(struct grpc_call *call, enum etcd_error error)
{
    assert(error != ETCD_OK);
    assert(error < sizeof(ERRORS) / sizeof(ERRORS[0]));
    grpc_fail(call, ERRORS[error].status, ERRORS[error].text);
}

void etcd_fail_bare(struct grpc_call *call, enum etcd_error error)
{
    enum grpc_status status = ERRORS[error].status;

    assert(error != ETCD_OK);
    grpc_fail(call, status == GRPC_UNAVAILABLE || error == ETCD_NO_MEMORY ? status : GRPC_UNKNOWN,
              ERRORS[error].text);
}
