/* SPDX-License-Identifier: MIT */
/* chat_log.c -- an array of texts in order, and a table that finds them; see chat_log.h.
 *
 * The table has room for twice the texts, is a power of two, and holds index + 1 of a text at the
 * first free place from where its checksum points.
 */
#include "chat_log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"

#define ROOM_FIRST 64u

struct chat_text {
    decree_slot slot;
    uint32_t size;
    char *bytes;
};

struct chat_log {
    struct chat_text *texts;
    size_t count, room; /* room: a power of two */
    size_t *table;      /* of 2 * room */
    size_t bytes;       /* of all texts */
    decree_slot answer; /* what apply returned last */
};

/* The place in the table that has the text, or where it would be put. */
static size_t *place_of(const struct chat_log *log, const void *text, size_t size)
{
    size_t mask = 2 * log->room - 1;
    size_t at = (size_t)checksum(text, size, 0) & mask;

    while (log->table[at] != 0) {
        const struct chat_text *found = &log->texts[log->table[at] - 1];

        if (found->size == size && memcmp(found->bytes, text, size) == 0)
            break;
        at = (at + 1) & mask;
    }
    return &log->table[at];
}

static bool make_room(struct chat_log *log, size_t room)
{
    struct chat_text *texts = realloc(log->texts, room * sizeof(*texts));
    size_t *table;

    if (texts == NULL)
        return false;
    log->texts = texts;
    table = calloc(2 * room, sizeof(*table));
    if (table == NULL)
        return false;
    free(log->table);
    log->table = table;
    log->room = room;
    for (size_t i = 0; i < log->count; i++)
        *place_of(log, texts[i].bytes, texts[i].size) = i + 1;
    return true;
}

static bool add(struct chat_log *log, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct chat_text *text;

    if (log->count == log->room && !make_room(log, 2 * log->room))
        return false;
    text = &log->texts[log->count];
    text->bytes = malloc(size + 1u);
    if (text->bytes == NULL)
        return false;
    memcpy(text->bytes, data, size);
    text->size = size;
    text->slot = slot;
    *place_of(log, text->bytes, size) = ++log->count;
    log->bytes += size;
    return true;
}

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct chat_log *log = context;

    log->answer = chat_log_find(log, data, size);
    if (log->answer != 0)
        return &log->answer;
    if (!add(log, slot, data, size)) {
        fprintf(stderr, "decree process: no memory for another text\n");
        exit(EXIT_FAILURE);
    }
    log->answer = slot;
    return &log->answer;
}

struct decree_machine chat_log_machine(struct chat_log *log)
{
    return (struct decree_machine){.context = log, .apply = apply};
}

decree_slot chat_log_find(const struct chat_log *log, const void *text, size_t size)
{
    size_t index = *place_of(log, text, size);

    return index == 0 ? 0 : log->texts[index - 1].slot;
}

char *chat_log_join(const struct chat_log *log, size_t *ret_size)
{
    char *joined = malloc(log->bytes + log->count + 1);
    size_t size = 0;

    if (joined == NULL)
        return NULL;
    for (size_t i = 0; i < log->count; i++) {
        if (i > 0)
            joined[size++] = ',';
        memcpy(joined + size, log->texts[i].bytes, log->texts[i].size);
        size += log->texts[i].size;
    }
    assert(size <= log->bytes + log->count);
    *ret_size = size;
    return joined;
}

int chat_log_new(struct chat_log **ret_log)
{
    struct chat_log *log = calloc(1, sizeof(*log));

    if (log == NULL || !make_room(log, ROOM_FIRST)) {
        chat_log_free(log);
        return DECREE_NOMEM;
    }
    *ret_log = log;
    return 0;
}

void chat_log_free(struct chat_log *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < log->count; i++)
        free(log->texts[i].bytes);
    free(log->texts);
    free(log->table);
    free(log);
}
