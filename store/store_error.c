/* SPDX-License-Identifier: MIT */
/* store_error.c -- filling in a store_error. */
#include "store_error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

int store_error_set(struct store_error *error, int code, int system_errno, const char *format, ...)
{
    va_list arguments;

    assert(error != NULL);
    assert(code < 0);
    error->code = code;
    error->system_errno = system_errno;
    error->fatal = false;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return code;
}
