/* SPDX-License-Identifier: MIT */
/* fields_table.c -- cells are gathered from the fields, then printed together. */
#include "fields_table.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "message_fields.h"
#include "table.h"

#define HEAD_BYTES 128u

/* "CreateRevision" as "CREATE REVISION" */
static void add_head(void *context, const char *name, const char *value)
{
    char head[HEAD_BYTES];
    size_t used = 0;

    (void)value;
    assert(strlen(name) * 2 < sizeof(head));
    for (const char *at = name; *at != '\0'; at++) {
        if (at > name && isupper((unsigned char)*at) && islower((unsigned char)at[-1]))
            head[used++] = ' ';
        head[used++] = (char)toupper((unsigned char)*at);
    }
    head[used] = '\0';
    table_add(context, "%s", head);
}

/* Without the quotes: the lines of the table do their part. */
static void add_value(void *context, const char *name, const char *value)
{
    size_t size = strlen(value);

    (void)name;
    if (size >= 2 && value[0] == '"')
        table_add(context, "%.*s", (int)size - 2, value + 1);
    else
        table_add(context, "%s", value);
}

static void add_pair(void *context, const char *name, const char *value)
{
    table_add(context, "%s", name);
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

static void gather(struct table *table, const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *list = list_of(message);
    const uint8_t *at = (const uint8_t *)message;
    ProtobufCMessage *const *elements;
    size_t count;

    if (list == NULL) {
        add_pair(table, "FIELD", "VALUE");
        message_fields_each(message, add_pair, table);
        table->columns = 2;
        return;
    }
    elements = *(ProtobufCMessage *const *const *)(const void *)(at + list->offset);
    count = *(const size_t *)(const void *)(at + list->quantifier_offset);
    message_fields_each(elements[0], add_head, table);
    table->columns = table->count;
    for (size_t i = 0; i < count; i++)
        message_fields_each(elements[i], add_value, table);
}

void fields_table_print(const ProtobufCMessage *message)
{
    struct table table = {0};

    assert(message != NULL);
    gather(&table, message);
    (void)table_print(&table);
}
