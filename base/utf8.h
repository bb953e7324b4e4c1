/* SPDX-License-Identifier: MIT */
/* utf8.h -- what is text and what is not. */
#ifndef DECREE_BASE_UTF8_H
#define DECREE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character that begins here, of which there are at most size; 0: there is none. A
 * text that ends in a zero byte needs no count: no character goes on over that. */
static inline size_t utf8_character(const uint8_t *text, size_t size)
{
    size_t bytes;

    if (size == 0 || (text[0] >= 0x80 && text[0] < 0xc2) || text[0] > 0xf4)
        return 0;
    bytes = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    if (bytes > size)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return bytes;
}

static inline bool utf8_is_text(const uint8_t *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t bytes = utf8_character(text + at, size - at);

        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}

#endif
