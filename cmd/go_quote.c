/* SPDX-License-Identifier: MIT */
/* go_quote.c -- text stays; quotes, backslashes, controls and bytes that are no UTF-8 are escaped. */
#include "go_quote.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static void print_ascii(FILE *stream, uint8_t character)
{
    static const char controls[] = "\a\b\t\n\v\f\r", letters[] = "abtnvfr";
    const char *at = character != 0 ? strchr(controls, character) : NULL;

    if (at != NULL)
        fprintf(stream, "\\%c", letters[at - controls]);
    else if (character == '"' || character == '\\')
        fprintf(stream, "\\%c", character);
    else if (character < 0x20 || character == 0x7f)
        fprintf(stream, "\\x%02x", character);
    else
        fputc(character, stream);
}

static void print_quoted(FILE *stream, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    assert(size == 0 || data != NULL);
    fputc('"', stream);
    for (size_t i = 0; i < size;) {
        size_t length = utf8_character(bytes + i, size - i);

        if (length == 0)
            fprintf(stream, "\\x%02x", bytes[i++]);
        else if (length == 1)
            print_ascii(stream, bytes[i++]);
        else {
            fwrite(bytes + i, 1, length, stream);
            i += length;
        }
    }
    fputc('"', stream);
}

char *go_quote(const void *data, size_t size)
{
    char *text = NULL;
    size_t text_size;
    FILE *stream = open_memstream(&text, &text_size);

    if (stream == NULL)
        return NULL;
    print_quoted(stream, data, size);
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}
