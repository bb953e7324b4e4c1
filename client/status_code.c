/* SPDX-License-Identifier: MIT */
/* status_code.c -- names and readings of gRPC's codes. */
#include "status_code.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

const char *status_code_name(enum status_code code)
{
    switch (code) {
#define STATUS_CODE_CASE(name, number, text) \
    case STATUS_##name:                      \
        return text;
        STATUS_CODE_TABLE(STATUS_CODE_CASE)
#undef STATUS_CODE_CASE
    }
    return "Unknown";
}

enum status_code status_code_parse(const char *text)
{
    char *end;
    unsigned long number;

    assert(text != NULL);
    if (text[0] < '0' || text[0] > '9')
        return STATUS_UNKNOWN;
    number = strtoul(text, &end, 10);
    if (*end != '\0' || number > STATUS_UNAUTHENTICATED)
        return STATUS_UNKNOWN;
    return (enum status_code)number;
}

enum status_code status_code_of_http(unsigned http_status)
{
    switch (http_status) {
    case 400:
        return STATUS_INTERNAL;
    case 401:
        return STATUS_UNAUTHENTICATED;
    case 403:
        return STATUS_PERMISSION_DENIED;
    case 404:
        return STATUS_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return STATUS_UNAVAILABLE;
    default: /* any number may come over the wire */
        return STATUS_UNKNOWN;
    }
}
