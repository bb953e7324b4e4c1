/* SPDX-License-Identifier: MIT */
/* error.c -- names and sentences of the errors, from the one table. */
#include <decree/error.h>

const char *decree_error_text(int error)
{
    switch (error) {
    case DECREE_OK:
        return "ok";
#define ERROR_CASE(name, code, text) \
    case DECREE_##name:              \
        return text;
        DECREE_ERROR_TABLE(ERROR_CASE)
#undef ERROR_CASE
    }
    return "unknown error";
}

const char *decree_error_name(int error)
{
    switch (error) {
    case DECREE_OK:
        return "OK";
#define ERROR_CASE(name, code, text) \
    case DECREE_##name:              \
        return #name;
        DECREE_ERROR_TABLE(ERROR_CASE)
#undef ERROR_CASE
    }
    return "UNKNOWN";
}
