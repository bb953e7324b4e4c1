/* SPDX-License-Identifier: MIT */
/* sentence.c -- see sentence.h. */
#include "sentence.h"

#include <stdarg.h>
#include <stdio.h>

#include <decree/error.h>

int sentence_fail(char *sentence, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(sentence, SENTENCE_BYTES, format, arguments);
    va_end(arguments);
    return error;
}

int sentence_explain(char *sentence, int error)
{
    return error == 0 ? 0 : sentence_fail(sentence, error, "%s", decree_error_text(error));
}
