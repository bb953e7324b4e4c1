/* SPDX-License-Identifier: MIT */
/* protobuf_json_write.c -- from messages to JSON.
 *
 * Strings are written as UTF-8, with what JSON wants escaped; bytes that are no UTF-8 become U+FFFD,
 * so that what is written is always JSON.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base64.h"
#include "protobuf_json.h"
#include "utf8.h"

#define NUMBER_BYTES 40u

static void put_text(struct byte_buffer *out, const char *text)
{
    byte_buffer_append(out, text, strlen(text));
}

static void put_unsigned(struct byte_buffer *out, uint64_t number, const char *quote)
{
    char text[NUMBER_BYTES];
    int size = snprintf(text, sizeof(text), "%s%" PRIu64 "%s", quote, number, quote);

    byte_buffer_append(out, text, (size_t)size);
}

static void put_signed(struct byte_buffer *out, int64_t number, const char *quote)
{
    char text[NUMBER_BYTES];
    int size = snprintf(text, sizeof(text), "%s%" PRId64 "%s", quote, number, quote);

    byte_buffer_append(out, text, (size_t)size);
}

/* digits: so many tell every number of the type from all others. */
static void put_real(struct byte_buffer *out, double number, int digits)
{
    char text[NUMBER_BYTES];
    int size;

    if (isnan(number)) {
        put_text(out, "\"NaN\"");
    } else if (isinf(number)) {
        put_text(out, number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        size = snprintf(text, sizeof(text), "%.*g", digits, number);
        byte_buffer_append(out, text, (size_t)size);
    }
}

static void put_character(struct byte_buffer *out, const uint8_t *text, size_t size)
{
    char escape[8];

    if (size == 0) {
        put_text(out, "\\ufffd");
    } else if (text[0] == '"' || text[0] == '\\') {
        byte_buffer_append(out, "\\", 1);
        byte_buffer_append(out, text, 1);
    } else if (text[0] == '\n' || text[0] == '\r' || text[0] == '\t') {
        put_text(out, text[0] == '\n' ? "\\n" : text[0] == '\r' ? "\\r" : "\\t");
    } else if (text[0] < 0x20) {
        (void)snprintf(escape, sizeof(escape), "\\u%04x", text[0]);
        put_text(out, escape);
    } else {
        byte_buffer_append(out, text, size);
    }
}

void protobuf_json_write_string(struct byte_buffer *out, const char *string)
{
    const uint8_t *at = (const uint8_t *)(string == NULL ? "" : string);

    put_text(out, "\"");
    while (*at != '\0') {
        size_t size = utf8_character(at, SIZE_MAX);

        put_character(out, at, size);
        at += size > 0 ? size : 1;
    }
    put_text(out, "\"");
}

static void put_bytes(struct byte_buffer *out, const ProtobufCBinaryData *bytes)
{
    size_t size = base64_encoded_size(bytes->len);
    char *text;

    put_text(out, "\"");
    text = (char *)byte_buffer_reserve(out, size);
    if (text != NULL) {
        base64_encode(text, bytes->data, bytes->len);
        byte_buffer_grew(out, size);
    }
    put_text(out, "\"");
}

static void put_enum(struct byte_buffer *out, const ProtobufCEnumDescriptor *descriptor, int number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(descriptor, number);

    if (value != NULL)
        protobuf_json_write_string(out, value->name);
    else
        put_signed(out, number, "");
}

static void put_value(struct byte_buffer *out, const ProtobufCFieldDescriptor *field,
                      const void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        put_signed(out, *(const int32_t *)value, "");
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        put_signed(out, *(const int64_t *)value, "\"");
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        put_unsigned(out, *(const uint32_t *)value, "");
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        put_unsigned(out, *(const uint64_t *)value, "\"");
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        put_real(out, (double)*(const float *)value, 9);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        put_real(out, *(const double *)value, 17);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        put_text(out, *(const protobuf_c_boolean *)value ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(out, field->descriptor, *(const int *)value);
        break;
    case PROTOBUF_C_TYPE_STRING:
        protobuf_json_write_string(out, *(char *const *)value);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        put_bytes(out, value);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        protobuf_json_write(out, *(ProtobufCMessage *const *)value);
        break;
    }
}

size_t protobuf_json_value_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return sizeof(uint32_t);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_FLOAT:
        return sizeof(float);
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(double);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM:
        return sizeof(int);
    case PROTOBUF_C_TYPE_STRING:
        return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    }
    assert(0 && "a type that protobuf-c does not have");
    return 0;
}

/* proto3's notion of what need not be said. */
static bool is_zero(const ProtobufCFieldDescriptor *field, const void *value)
{
    const uint8_t *bytes = value;
    size_t size = protobuf_json_value_size(field);

    if (field->type == PROTOBUF_C_TYPE_STRING)
        return *(char *const *)value == NULL || **(char *const *)value == '\0';
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)value)->len == 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

bool protobuf_json_is_set(const ProtobufCFieldDescriptor *field, const void *message)
{
    const void *value = (const uint8_t *)message + field->offset;
    const void *quantifier = (const uint8_t *)message + field->quantifier_offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)quantifier > 0;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)quantifier == field->id;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(void *const *)value != NULL;
    if (field->label == PROTOBUF_C_LABEL_REQUIRED)
        return true;
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type == PROTOBUF_C_TYPE_STRING)
        return *(void *const *)value != NULL && *(void *const *)value != field->default_value;
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL)
        return *(const protobuf_c_boolean *)quantifier;
    return !is_zero(field, value);
}

static void put_field(struct byte_buffer *out, const ProtobufCFieldDescriptor *field,
                      const uint8_t *message)
{
    const uint8_t *values;

    protobuf_json_write_string(out, field->name);
    put_text(out, ":");
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        put_value(out, field, message + field->offset);
        return;
    }
    values = *(const uint8_t *const *)(const void *)(message + field->offset);
    put_text(out, "[");
    for (size_t i = 0; i < *(const size_t *)(const void *)(message + field->quantifier_offset);
         i++) {
        if (i > 0)
            put_text(out, ",");
        put_value(out, field, values + i * protobuf_json_value_size(field));
    }
    put_text(out, "]");
}

void protobuf_json_write(struct byte_buffer *out, const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor;
    bool first = true;

    put_text(out, "{");
    if (message != NULL) {
        descriptor = message->descriptor;
        assert(descriptor->magic == PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC);
        for (unsigned i = 0; i < descriptor->n_fields; i++) {
            if (!protobuf_json_is_set(&descriptor->fields[i], (const uint8_t *)message))
                continue;
            if (!first)
                put_text(out, ",");
            put_field(out, &descriptor->fields[i], (const uint8_t *)message);
            first = false;
        }
    }
    put_text(out, "}");
}
