/* SPDX-License-Identifier: MIT */
/* verdict.c -- keeps the first failure. */
#include "verdict.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void verdict_fail(struct verdict *verdict, const char *checker, uint64_t at_ns, const char *format,
                  ...)
{
    va_list arguments;

    assert(checker != NULL);
    assert(format != NULL);
    if (verdict->failed)
        return;
    verdict->failed = true;
    verdict->checker = checker;
    verdict->at_ns = at_ns;
    va_start(arguments, format);
    vsnprintf(verdict->text, sizeof(verdict->text), format, arguments);
    va_end(arguments);
}
