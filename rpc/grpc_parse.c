/* SPDX-License-Identifier: MIT */
/* grpc_parse.c -- see grpc_parse.h. What comes in may be anything. */
#include "grpc_parse.h"

#include <assert.h>
#include <string.h>

#define TIMEOUT_DIGITS_MAX 8u

/* Nanoseconds in a unit; 0: there is no such unit. */
static uint64_t unit_ns(uint8_t unit)
{
    switch (unit) {
    case 'H':
        return UINT64_C(3600000000000);
    case 'M':
        return UINT64_C(60000000000);
    case 'S':
        return UINT64_C(1000000000);
    case 'm':
        return UINT64_C(1000000);
    case 'u':
        return UINT64_C(1000);
    case 'n':
        return UINT64_C(1);
    }
    return 0;
}

bool grpc_parse_timeout(const uint8_t *text, size_t size, uint64_t *ret_ms)
{
    uint64_t number = 0, unit;

    if (size < 2 || size > TIMEOUT_DIGITS_MAX + 1)
        return false;
    unit = unit_ns(text[size - 1]);
    if (unit == 0)
        return false;
    for (size_t i = 0; i < size - 1; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    /* Hours with eight digits are more nanoseconds than fit; in milliseconds they do. */
    if (unit >= 1000000)
        *ret_ms = number * (unit / 1000000);
    else
        *ret_ms = (number * unit + 999999) / 1000000;
    return true;
}

bool grpc_is_content_type(const uint8_t *text, size_t size)
{
    static const char WANTED[] = "application/grpc";
    size_t wanted = sizeof(WANTED) - 1;

    if (size < wanted || memcmp(text, WANTED, wanted) != 0)
        return false;
    return size == wanted || text[wanted] == '+' || text[wanted] == ';';
}

size_t grpc_escape(const char *text, char *data, size_t capacity)
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t size = 0;

    assert(text != NULL);
    for (const char *at = text; *at != '\0'; at++) {
        uint8_t byte = (uint8_t)*at;
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '%';

        if (capacity - size < (plain ? 1u : 3u))
            break;
        if (plain) {
            data[size++] = *at;
            continue;
        }
        data[size++] = '%';
        data[size++] = HEX[byte >> 4];
        data[size++] = HEX[byte & 15];
    }
    assert(size <= capacity);
    return size;
}

uint32_t grpc_prefix_length(const uint8_t *prefix)
{
    return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 |
           prefix[4];
}

void grpc_prefix_write(uint8_t *prefix, uint32_t length)
{
    prefix[0] = 0;
    prefix[1] = (uint8_t)(length >> 24);
    prefix[2] = (uint8_t)(length >> 16);
    prefix[3] = (uint8_t)(length >> 8);
    prefix[4] = (uint8_t)length;
}
