/* SPDX-License-Identifier: MIT */
/* message_fields.c -- a walk over a message's descriptor. */
#include "message_fields.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "go_quote.h"
#include "protobuf_json.h"
#include "rpc.pb-c.h"

#define NAME_BYTES 64u

struct walk {
    message_field *tell;
    void *context;
    const char *prefix;
};

/* Names that are not the field's own with the first letters made large. */
static const struct {
    const char *field, *name;
} NAMES[] = {{"id", "ID"},
             {"cluster_id", "ClusterID"},
             {"member_id", "MemberID"},
             {"memberID", "MemberID"},
             {"alarm", "AlarmType"},
             {"keys", "Key"},
             {"errors", "Error"},
             {"peerURLs", "PeerURL"},
             {"clientURLs", "ClientURL"},
             {"dbSize", "DBSize"},
             {"dbSizeInUse", "DBSizeInUse"}};

static void name_of(const struct walk *walk, const char *field, char name[NAME_BYTES])
{
    size_t used = (size_t)snprintf(name, NAME_BYTES, "%s", walk->prefix);
    bool begins = true;

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (strcmp(NAMES[i].field, field) == 0) {
            snprintf(name + used, NAME_BYTES - used, "%s", NAMES[i].name);
            return;
        }
    for (; *field != '\0' && used + 1 < NAME_BYTES; field++) {
        if (*field != '_')
            name[used++] = begins ? (char)toupper((unsigned char)*field) : *field;
        begins = *field == '_';
    }
    name[used] = '\0';
}

static void tell_bytes(const struct walk *walk, const char *name, const void *data, size_t size)
{
    char *text = go_quote(data, size);

    walk->tell(walk->context, name, text != NULL ? text : "(out of memory)");
    free(text);
}

static void tell_enum(const struct walk *walk, const char *name,
                      const ProtobufCFieldDescriptor *field, int32_t number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(field->descriptor,
                                                                           number);
    char text[16];

    snprintf(text, sizeof(text), "%" PRId32, number);
    walk->tell(walk->context, name, value != NULL ? value->name : text);
}

static void tell_number(const struct walk *walk, const char *name, const char *format,
                        uint64_t number)
{
    char text[24];

    if (format[0] == 'd')
        snprintf(text, sizeof(text), "%" PRId64, (int64_t)number);
    else
        snprintf(text, sizeof(text), "%" PRIu64, number);
    walk->tell(walk->context, name, text);
}

static void tell_message(const struct walk *walk, const ProtobufCMessage *message);

static void tell_element(const struct walk *walk, const ProtobufCFieldDescriptor *field,
                         const void *element)
{
    const ProtobufCBinaryData *bytes = element;
    const char *string;
    char name[NAME_BYTES];

    name_of(walk, field->name, name);
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        tell_number(walk, name, "d", (uint64_t) * (const int32_t *)element);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        tell_number(walk, name, "u", *(const uint32_t *)element);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        tell_number(walk, name, "d", (uint64_t) * (const int64_t *)element);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        tell_number(walk, name, "u", *(const uint64_t *)element);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        tell_enum(walk, name, field, *(const int32_t *)element);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        walk->tell(walk->context, name, *(const protobuf_c_boolean *)element ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_STRING:
        string = *(const char *const *)element;
        tell_bytes(walk, name, string, strlen(string));
        break;
    case PROTOBUF_C_TYPE_BYTES:
        tell_bytes(walk, name, bytes->data, bytes->len);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        tell_message(walk, *(const ProtobufCMessage *const *)element);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE: /* etcd's API has none */
        break;
    }
}

static void tell_field(const struct walk *outer, const ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field)
{
    const uint8_t *at = (const uint8_t *)message + field->offset;
    const void *quantifier = (const uint8_t *)message + field->quantifier_offset;
    struct walk walk = *outer;

    if (strncmp(field->name, "prev_kv", strlen("prev_kv")) == 0)
        walk.prefix = "Prev";
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        const uint8_t *elements = *(const uint8_t *const *)(const void *)at;

        for (size_t i = 0; i < *(const size_t *)quantifier; i++)
            tell_element(&walk, field, elements + i * protobuf_json_value_size(field));
        return;
    }
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
        *(const uint32_t *)quantifier != field->id)
        return;
    if (strcmp(field->name, "error") == 0 && (**(const char *const *)(const void *)at == '\0'))
        return;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE && *(const void *const *)(const void *)at == NULL)
        return;
    tell_element(&walk, field, at);
}

/* As etcdctl: what was before comes before what is. */
static void tell_event(const struct walk *walk, const ProtobufCMessage *message)
{
    static const char *const order[] = {"type", "prev_kv", "kv"};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        tell_field(walk, message,
                   protobuf_c_message_descriptor_get_field_by_name(message->descriptor, order[i]));
}

static void tell_message(const struct walk *walk, const ProtobufCMessage *message)
{
    assert(message != NULL);
    if (message->descriptor == &mvccpb__event__descriptor) {
        tell_event(walk, message);
        return;
    }
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        tell_field(walk, message, &message->descriptor->fields[i]);
}

void message_fields_each(const ProtobufCMessage *message, message_field *tell, void *context)
{
    const struct walk walk = {tell, context, ""};

    assert(tell != NULL);
    tell_message(&walk, message);
}

static void print(void *context, const char *name, const char *value)
{
    fprintf(context, "\"%s\" : %s\n", name, value);
}

void message_fields_print(FILE *stream, const ProtobufCMessage *message)
{
    message_fields_each(message, print, stream);
}
