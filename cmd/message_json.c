/* SPDX-License-Identifier: MIT */
/* message_json.c -- a walk over a message's descriptor. */
#include "message_json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "protobuf_json.h"
#include "rpc.pb-c.h"

void string_json_print(FILE *stream, const char *text)
{
    assert(text != NULL);
    fputc('"', stream);
    for (; *text != '\0'; text++) {
        unsigned char character = (unsigned char)*text;

        if (character == '"' || character == '\\')
            fprintf(stream, "\\%c", character);
        else if (character < 0x20)
            fprintf(stream, "\\u%04x", character);
        else
            fputc(character, stream);
    }
    fputc('"', stream);
}

void bytes_json_print(FILE *stream, const ProtobufCBinaryData *bytes)
{
    char *text = malloc(base64_encoded_size(bytes->len) + 1);

    if (text != NULL) {
        base64_encode(text, bytes->data, bytes->len);
        fprintf(stream, "\"%.*s\"", (int)base64_encoded_size(bytes->len), text);
    }
    free(text);
}

static void print_element(FILE *stream, ProtobufCType type, const void *element)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_ENUM:
        fprintf(stream, "%" PRId32, *(const int32_t *)element);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        fprintf(stream, "%" PRIu32, *(const uint32_t *)element);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        fprintf(stream, "%" PRId64, *(const int64_t *)element);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        fprintf(stream, "%" PRIu64, *(const uint64_t *)element);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        fputs(*(const protobuf_c_boolean *)element ? "true" : "false", stream);
        break;
    case PROTOBUF_C_TYPE_STRING:
        string_json_print(stream, *(const char *const *)element);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        bytes_json_print(stream, element);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        message_json_print(stream, *(const ProtobufCMessage *const *)element);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        fputs("null", stream);
        break;
    }
}

/* As Go has a field of a oneof: "Response":{"ResponsePut":...}. */
static bool print_response_op(FILE *stream, const ProtobufCFieldDescriptor *field, const void *at)
{
    static const char *const words[] = {"", "Range", "Put", "DeleteRange", "Txn"};

    if (field->id >= sizeof(words) / sizeof(words[0]))
        return false;
    fprintf(stream, "\"Response\":{\"Response%s\":", words[field->id]);
    message_json_print(stream, *(const ProtobufCMessage *const *)at);
    fputc('}', stream);
    return true;
}

static void print_array(FILE *stream, const ProtobufCFieldDescriptor *field,
                        const uint8_t *elements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputc(i == 0 ? '[' : ',', stream);
        print_element(stream, field->type, elements + i * protobuf_json_value_size(field));
    }
    fputc(']', stream);
}

void message_json_print(FILE *stream, const ProtobufCMessage *message)
{
    const char *before = "";

    assert(message != NULL);
    assert(message->descriptor != NULL);
    fputc('{', stream);
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const uint8_t *at = (const uint8_t *)message + field->offset;
        const void *quantifier = (const uint8_t *)message + field->quantifier_offset;

        if (!protobuf_json_is_set(field, message))
            continue;
        if (message->descriptor == &etcdserverpb__response_op__descriptor &&
            print_response_op(stream, field, at))
            continue;
        fprintf(stream, "%s\"%s\":", before, field->name);
        before = ",";
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            print_array(stream, field, *(const uint8_t *const *)(const void *)at,
                        *(const size_t *)quantifier);
        else
            print_element(stream, field->type, at);
    }
    fputc('}', stream);
}
