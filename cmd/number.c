/* SPDX-License-Identifier: MIT */
/* number.c -- see number.h. The tests' simulator has it too, and nothing else of the commands. */
#include "number.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

bool number_parse(const char *text, uint64_t least, uint64_t most, uint64_t *ret_number)
{
    char *end;
    unsigned long long number;

    assert(text != NULL);
    assert(least <= most);
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0 || number < least || number > most)
        return false;
    *ret_number = number;
    return true;
}
