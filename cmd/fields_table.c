/* SPDX-License-Identifier: MIT */
/* fields_table.c -- cells are gathered from the fields, then printed together. */
#include "fields_table.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message_fields.h"
#include "output.h"

struct cells {
    char **items;
    size_t count, room;
    bool failed;
};

static void add(struct cells *cells, char *text)
{
    if (cells->count == cells->room) {
        size_t room = cells->room > 0 ? cells->room * 2 : 64;
        char **items = realloc(cells->items, room * sizeof(*items));

        if (items == NULL) {
            cells->failed = true;
            free(text);
            return;
        }
        cells->items = items;
        cells->room = room;
    }
    if (text == NULL)
        cells->failed = true;
    else
        cells->items[cells->count++] = text;
}

/* "CreateRevision" as "CREATE REVISION" */
static char *head_of(const char *name)
{
    char *head = malloc(strlen(name) * 2 + 1);
    size_t used = 0;

    if (head == NULL)
        return NULL;
    for (const char *at = name; *at != '\0'; at++) {
        if (at > name && isupper((unsigned char)*at) && islower((unsigned char)at[-1]))
            head[used++] = ' ';
        head[used++] = (char)toupper((unsigned char)*at);
    }
    head[used] = '\0';
    return head;
}

static void add_head(void *context, const char *name, const char *value)
{
    (void)value;
    add(context, head_of(name));
}

/* Without the quotes: the lines of the table do their part. */
static void add_value(void *context, const char *name, const char *value)
{
    size_t size = strlen(value);

    (void)name;
    if (size >= 2 && value[0] == '"')
        add(context, strndup(value + 1, size - 2));
    else
        add(context, strdup(value));
}

static void add_pair(void *context, const char *name, const char *value)
{
    add(context, strdup(name));
    add_value(context, name, value);
}

static bool is_flat(const ProtobufCMessageDescriptor *descriptor)
{
    for (unsigned i = 0; i < descriptor->n_fields; i++)
        if (descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE ||
            descriptor->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
            return false;
    return true;
}

/* The message's list, if it has one whose elements are simple; else NULL. */
static const ProtobufCFieldDescriptor *list_of(const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

        if (field->label == PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_MESSAGE &&
            *(const size_t *)(const void *)((const uint8_t *)message + field->quantifier_offset) >
                0 &&
            is_flat(field->descriptor))
            return field;
    }
    return NULL;
}

/* How many columns there are. */
static size_t gather(struct cells *cells, const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *list = list_of(message);
    const uint8_t *at = (const uint8_t *)message;
    ProtobufCMessage *const *elements;
    size_t count, columns;

    if (list == NULL) {
        add_pair(cells, "FIELD", "VALUE");
        message_fields_each(message, add_pair, cells);
        return 2;
    }
    elements = *(ProtobufCMessage *const *const *)(const void *)(at + list->offset);
    count = *(const size_t *)(const void *)(at + list->quantifier_offset);
    message_fields_each(elements[0], add_head, cells);
    columns = cells->count;
    for (size_t i = 0; i < count; i++)
        message_fields_each(elements[i], add_value, cells);
    return columns;
}

bool fields_table_print(const ProtobufCMessage *message)
{
    struct cells cells = {0};
    size_t columns;

    assert(message != NULL);
    columns = gather(&cells, message);
    if (!cells.failed)
        output_table((const char *const *)cells.items, cells.count / columns, columns);
    for (size_t i = 0; i < cells.count; i++)
        free(cells.items[i]);
    free(cells.items);
    return !cells.failed;
}
