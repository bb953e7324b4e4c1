/* SPDX-License-Identifier: MIT */
/* go_values.c -- see go_values.h. */
#include "go_values.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FRACTION_DIGITS_MAX 18

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

bool go_bool_parse(const char *text, bool *ret_value)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", NULL};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", NULL};

    if (!is_one_of(text, yes) && !is_one_of(text, no))
        return false;
    *ret_value = is_one_of(text, yes);
    return true;
}

bool go_number_parse(const char *text, int64_t *ret_value)
{
    char *end;
    long long value;

    if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']))
        return false;
    errno = 0;
    value = strtoll(text, &end, 0);
    if (*end != '\0' || errno != 0)
        return false;
    *ret_value = value;
    return true;
}

/* The nanoseconds of the unit at *at, which is passed over; 0: there is none. */
static uint64_t take_unit(const char **at)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1},
                 {"us", 1000},
                 {"\302\265s", 1000}, /* the micro sign */
                 {"\316\274s", 1000}, /* the Greek letter */
                 {"ms", 1000000},
                 {"s", 1000000000},
                 {"m", UINT64_C(60000000000)},
                 {"h", UINT64_C(3600000000000)}};
    size_t size = strcspn(*at, "0123456789.");

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) != size || strncmp(*at, units[i].name, size) != 0)
            continue;
        *at += size;
        return units[i].ns;
    }
    return 0;
}

/* The digits at *at, which are passed over; those behind what fits are dropped if they are of a
 * fraction. */
static bool take_digits(const char **at, bool fraction, uint64_t *ret_number, uint64_t *ret_scale)
{
    uint64_t number = 0, scale = 1;

    for (size_t i = 0; isdigit((unsigned char)**at); i++, (*at)++) {
        if (fraction && i >= FRACTION_DIGITS_MAX)
            continue;
        if (number > (INT64_MAX - 9) / 10)
            return false;
        number = 10 * number + (uint64_t)(**at - '0');
        scale = fraction ? 10 * scale : 1;
    }
    *ret_number = number;
    *ret_scale = scale;
    return true;
}

/* One number and its unit, such as the 1.5h of 1.5h30m. */
static bool take_part(const char **at, uint64_t *ret_ns)
{
    const char *begin = *at;
    uint64_t whole, part = 0, scale = 1, unit, ignored;
    size_t digits;

    if (!take_digits(at, false, &whole, &ignored))
        return false;
    digits = (size_t)(*at - begin);
    if (**at == '.') {
        begin = ++*at;
        if (!take_digits(at, true, &part, &scale))
            return false;
        digits += (size_t)(*at - begin);
    }
    unit = take_unit(at);
    if (digits == 0 || unit == 0 || whole > (uint64_t)INT64_MAX / unit - 1)
        return false;
    *ret_ns = whole * unit + (uint64_t)((double)part * ((double)unit / (double)scale));
    return true;
}

bool go_duration_parse(const char *text, int64_t *ret_ns)
{
    const char *at = text + (text[0] == '-' || text[0] == '+');
    uint64_t sum = 0, part;

    if (strcmp(at, "0") == 0) {
        *ret_ns = 0;
        return true;
    }
    if (*at == '\0')
        return false;
    while (*at != '\0') {
        if (!take_part(&at, &part) || part > (uint64_t)INT64_MAX - sum)
            return false;
        sum += part;
    }
    *ret_ns = text[0] == '-' ? -(int64_t)sum : (int64_t)sum;
    return true;
}
