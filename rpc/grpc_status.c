/* SPDX-License-Identifier: MIT */
/* grpc_status.c -- names and readings of gRPC's codes. */
#include "grpc_status.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

const char *grpc_status_name(enum grpc_status code)
{
    switch (code) {
#define GRPC_STATUS_CASE(name, number, text) \
    case GRPC_##name:                        \
        return text;
        GRPC_STATUS_TABLE(GRPC_STATUS_CASE)
#undef GRPC_STATUS_CASE
    }
    return "Unknown";
}

enum grpc_status grpc_status_parse(const char *text)
{
    char *end;
    unsigned long number;

    assert(text != NULL);
    if (text[0] < '0' || text[0] > '9')
        return GRPC_UNKNOWN;
    number = strtoul(text, &end, 10);
    if (*end != '\0' || number > GRPC_UNAUTHENTICATED)
        return GRPC_UNKNOWN;
    return (enum grpc_status)number;
}

enum grpc_status grpc_status_of_http(unsigned http_status)
{
    switch (http_status) {
    case 400:
        return GRPC_INTERNAL;
    case 401:
        return GRPC_UNAUTHENTICATED;
    case 403:
        return GRPC_PERMISSION_DENIED;
    case 404:
        return GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return GRPC_UNAVAILABLE;
    default: /* any number may come over the wire */
        return GRPC_UNKNOWN;
    }
}
