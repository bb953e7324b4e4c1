/* SPDX-License-Identifier: MIT */
/* base64.c -- see base64.h. */
#include "base64.h"

#include <assert.h>

#define NO_DIGIT 0xffu

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *text, const uint8_t *data, size_t size)
{
    size_t i = 0;

    for (; i + 3 <= size; i += 3) {
        uint32_t group = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];

        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63];
        *text++ = digits[group >> 6 & 63];
        *text++ = digits[group & 63];
    }
    if (i < size) {
        bool two = size - i == 2;
        uint32_t group = (uint32_t)data[i] << 16 | (two ? (uint32_t)data[i + 1] << 8 : 0);

        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63];
        *text++ = two ? digits[group >> 6 & 63] : '=';
        *text++ = '=';
    }
}

static unsigned digit_of(char character)
{
    if (character >= 'A' && character <= 'Z')
        return (unsigned)(character - 'A');
    if (character >= 'a' && character <= 'z')
        return (unsigned)(character - 'a') + 26;
    if (character >= '0' && character <= '9')
        return (unsigned)(character - '0') + 52;
    if (character == '+' || character == '-')
        return 62;
    return character == '/' || character == '_' ? 63 : NO_DIGIT;
}

/* Padding may be missing, but if it is there it is right. */
static bool strip_padding(const char *text, size_t *size)
{
    size_t padding = 0;

    while (padding < 2 && padding < *size && text[*size - padding - 1] == '=')
        padding++;
    if (padding > 0 && *size % 4 != 0)
        return false;
    *size -= padding;
    return *size % 4 != 1;
}

bool base64_decode(uint8_t *data, size_t *ret_size, const char *text, size_t size)
{
    uint32_t group = 0;
    unsigned bits = 0;
    size_t count = 0;

    if (!strip_padding(text, &size))
        return false;
    for (size_t i = 0; i < size; i++) {
        unsigned digit = digit_of(text[i]);

        if (digit == NO_DIGIT)
            return false;
        group = (group << 6 | digit) & 0xffffu;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            data[count++] = (uint8_t)(group >> bits);
        }
    }
    assert(count <= base64_decoded_size_max(size));
    *ret_size = count;
    return (group & ((1u << bits) - 1)) == 0;
}
