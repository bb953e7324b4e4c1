/* SPDX-License-Identifier: MIT */
/* protobuf_json_read.c -- from JSON to messages.
 *
 * jansson makes a tree of the text, and the tree is walked along with the descriptor. A tree costs
 * many times its text, so the text is looked through first: every bracket, comma and colon outside
 * of strings stands for something in the tree, and its cost is known well enough.
 */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>

#include <decree/error.h>

#include "base64.h"
#include "json_number.h"
#include "protobuf_json.h"

#define DEPTH_DEFAULT 64u
#define MEMORY_DEFAULT (64u << 20)
#define CONTAINER_BYTES 256u /* of an object or array with nothing in it */
#define ENTRY_BYTES 128u     /* of a name or a value, without its text */
#define NAME_BYTES_MAX 128u  /* of a field */

struct protobuf_json_document {
    json_t *root;
};

struct place { /* where in the tree; the path is printed from the top */
    const struct place *up;
    const char *name; /* NULL: index is of an array */
    size_t index;
};

struct reading {
    struct arena *arena;
    char *sentence;
};

static const struct protobuf_json_limits defaults = {DEPTH_DEFAULT, MEMORY_DEFAULT};

/* ---- the look before ---- */

/* 0, or TOO_LARGE. A text that is not JSON may pass: jansson is to say so. */
static int look_through(const char *text, size_t size, const struct protobuf_json_limits *limits,
                        char *sentence)
{
    size_t cost = size;
    uint32_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < size && depth <= limits->depth_max; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if (text[i] == '{' || text[i] == '[') {
            depth++;
            cost += CONTAINER_BYTES;
        } else if (text[i] == '}' || text[i] == ']')
            depth -= depth > 0;
        else if (text[i] == ',' || text[i] == ':')
            cost += ENTRY_BYTES;
    }
    if (depth > limits->depth_max) {
        (void)snprintf(sentence, PROTOBUF_JSON_SENTENCE_BYTES, "nested deeper than %u levels",
                       limits->depth_max);
        return DECREE_TOO_LARGE;
    }
    if (cost > limits->memory_max) {
        (void)snprintf(sentence, PROTOBUF_JSON_SENTENCE_BYTES,
                       "would take more than %zu bytes of memory", limits->memory_max);
        return DECREE_TOO_LARGE;
    }
    return 0;
}

/* ---- what is wrong, and where ---- */

static size_t print_path(const struct place *place, char *text, size_t size)
{
    size_t used = 0;
    int count;

    if (place->up != NULL)
        used = print_path(place->up, text, size);
    if (place->name == NULL && place->up == NULL)
        return 0; /* the one object */
    if (place->name != NULL)
        count = snprintf(text + used, size - used, "%s%s", used > 0 ? "." : "", place->name);
    else
        count = snprintf(text + used, size - used, "[%zu]", place->index);
    used += (size_t)count;
    return used < size ? used : size - 1;
}

static int refuse(struct reading *reading, const struct place *place, const char *what)
{
    size_t used = print_path(place, reading->sentence, PROTOBUF_JSON_SENTENCE_BYTES);

    (void)snprintf(reading->sentence + used, PROTOBUF_JSON_SENTENCE_BYTES - used, "%s%s",
                   used > 0 ? ": " : "", what);
    return DECREE_INVALID;
}

static void *take(struct reading *reading, size_t size)
{
    void *memory = arena_alloc(reading->arena, size > 0 ? size : 1);

    if (memory == NULL)
        (void)snprintf(reading->sentence, PROTOBUF_JSON_SENTENCE_BYTES,
                       "takes more memory than allowed");
    return memory;
}

/* ---- values ---- */

static int read_enum(struct reading *reading, const struct place *place, const json_t *json,
                     const ProtobufCEnumDescriptor *descriptor, int *ret_number)
{
    const char *name = json_string_value(json);
    const ProtobufCEnumValue *value;

    value = name == NULL ? NULL : protobuf_c_enum_descriptor_get_value_by_name(descriptor, name);
    if (value != NULL)
        *ret_number = value->value;
    else if (json_number_read(json, PROTOBUF_C_TYPE_INT32, ret_number) != NULL)
        return refuse(reading, place, "none of the names that it may have");
    return 0;
}

static int read_string(struct reading *reading, const struct place *place, const json_t *json,
                       char **ret_string)
{
    const char *text = json_string_value(json);
    size_t size = json_string_length(json);
    char *string;

    if (text == NULL)
        return refuse(reading, place, "not a string");
    if (strlen(text) != size)
        return refuse(reading, place, "has a zero in it");
    string = take(reading, size + 1);
    if (string == NULL)
        return DECREE_NOMEM;
    memcpy(string, text, size + 1);
    *ret_string = string;
    return 0;
}

static int read_bytes(struct reading *reading, const struct place *place, const json_t *json,
                      ProtobufCBinaryData *ret_bytes)
{
    const char *text = json_string_value(json);
    size_t size = json_string_length(json);
    uint8_t *data;

    if (text == NULL)
        return refuse(reading, place, "not a string with base64");
    data = take(reading, base64_decoded_size_max(size));
    if (data == NULL)
        return DECREE_NOMEM;
    if (!base64_decode(data, &ret_bytes->len, text, size))
        return refuse(reading, place, "not base64");
    ret_bytes->data = data;
    return 0;
}

static int read_message(struct reading *reading, const struct place *place, const json_t *json,
                        const ProtobufCMessageDescriptor *descriptor,
                        ProtobufCMessage **ret_message);

static int read_value(struct reading *reading, const struct place *place, const json_t *json,
                      const ProtobufCFieldDescriptor *field, void *ret_value)
{
    const char *wrong;

    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(json))
            return refuse(reading, place, "neither true nor false");
        *(protobuf_c_boolean *)ret_value = json_is_true(json);
        return 0;
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(reading, place, json, field->descriptor, ret_value);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(reading, place, json, ret_value);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(reading, place, json, ret_value);
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_message(reading, place, json, field->descriptor, ret_value);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        wrong = json_number_read(json, field->type, ret_value);
        return wrong == NULL ? 0 : refuse(reading, place, wrong);
    }
    return refuse(reading, place, "of a type that nobody knows");
}

/* ---- fields ---- */

static int read_repeated(struct reading *reading, const struct place *place, const json_t *json,
                         const ProtobufCFieldDescriptor *field, uint8_t *message)
{
    size_t count = json_array_size(json), size = protobuf_json_value_size(field);
    uint8_t *values;

    if (!json_is_array(json))
        return refuse(reading, place, "not a list");
    values = take(reading, count * size);
    if (values == NULL)
        return DECREE_NOMEM;
    memset(values, 0, count * size);
    for (size_t i = 0; i < count; i++) {
        struct place at = {.up = place, .index = i};
        int error = read_value(reading, &at, json_array_get(json, i), field, values + i * size);

        if (error != 0)
            return error;
    }
    *(void **)(void *)(message + field->offset) = values;
    *(size_t *)(void *)(message + field->quantifier_offset) = count;
    return 0;
}

/* Notes that a field is there, where the message has room for that. */
static int mark_set(struct reading *reading, const struct place *place,
                    const ProtobufCFieldDescriptor *field, uint8_t *message)
{
    void *quantifier = message + field->quantifier_offset;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*(uint32_t *)quantifier != 0)
            return refuse(reading, place, "excludes another field that is there too");
        *(uint32_t *)quantifier = field->id;
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
               field->type != PROTOBUF_C_TYPE_MESSAGE) {
        *(protobuf_c_boolean *)quantifier = 1;
    }
    return 0;
}

static int read_field(struct reading *reading, const struct place *place, const json_t *json,
                      const ProtobufCFieldDescriptor *field, uint8_t *message)
{
    int error;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return read_repeated(reading, place, json, field, message);
    error = mark_set(reading, place, field, message);
    return error != 0 ? error : read_value(reading, place, json, field, message + field->offset);
}

/* create_revision becomes createRevision. */
static void camel_case(const char *name, char *ret_camel)
{
    size_t used = 0;
    bool raise = false;

    for (; *name != '\0' && used < NAME_BYTES_MAX - 1; name++) {
        if (*name != '_')
            ret_camel[used++] = (char)(raise ? toupper((unsigned char)*name) : *name);
        raise = *name == '_';
    }
    ret_camel[used] = '\0';
}

/* What the object has under the field's name, in either form; NULL: nothing. */
static int find_value(struct reading *reading, const struct place *place, const json_t *json,
                      const ProtobufCFieldDescriptor *field, const json_t **ret_value)
{
    const json_t *value = json_object_get(json, field->name), *other = NULL;
    char camel[NAME_BYTES_MAX];

    if (strchr(field->name, '_') != NULL) {
        camel_case(field->name, camel);
        other = json_object_get(json, camel);
    }
    if (value != NULL && other != NULL)
        return refuse(reading, place, "is there twice, in both spellings");
    value = value != NULL ? value : other;
    *ret_value = value == NULL || json_is_null(value) ? NULL : value;
    return 0;
}

static int read_message(struct reading *reading, const struct place *place, const json_t *json,
                        const ProtobufCMessageDescriptor *descriptor,
                        ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message;

    if (!json_is_object(json))
        return refuse(reading, place, "not an object");
    message = take(reading, descriptor->sizeof_message);
    if (message == NULL)
        return DECREE_NOMEM;
    protobuf_c_message_init(descriptor, message);
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        struct place at = {.up = place, .name = field->name};
        const json_t *value;
        int error = find_value(reading, &at, json, field, &value);

        if (error == 0 && value != NULL)
            error = read_field(reading, &at, value, field, (uint8_t *)message);
        if (error != 0)
            return error;
    }
    *ret_message = message;
    return 0;
}

/* ---- documents ---- */

/* jansson's sentence, without the piece of the text that it ends with. */
static int refuse_text(const json_error_t *error, char *sentence)
{
    const char *near = strstr(error->text, " near ");
    int size = near == NULL ? (int)strlen(error->text) : (int)(near - error->text);

    (void)snprintf(sentence, PROTOBUF_JSON_SENTENCE_BYTES, "not JSON: line %d, column %d: %.*s",
                   error->line, error->column, size, error->text);
    return DECREE_INVALID;
}

int protobuf_json_open(struct protobuf_json_document **ret_document, const char *text, size_t size,
                       const struct protobuf_json_limits *limits, char *sentence)
{
    struct protobuf_json_limits allowed = limits == NULL ? defaults : *limits;
    struct protobuf_json_document *document;
    json_error_t json_error;
    int error;

    if (allowed.depth_max == 0)
        allowed.depth_max = DEPTH_DEFAULT;
    if (allowed.memory_max == 0)
        allowed.memory_max = MEMORY_DEFAULT;
    error = look_through(text, size, &allowed, sentence);
    if (error != 0)
        return error;
    document = calloc(1, sizeof(*document));
    if (document == NULL) {
        (void)snprintf(sentence, PROTOBUF_JSON_SENTENCE_BYTES, "out of memory");
        return DECREE_NOMEM;
    }
    document->root = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &json_error);
    if (document->root == NULL) {
        free(document);
        return refuse_text(&json_error, sentence);
    }
    *ret_document = document;
    return 0;
}

void protobuf_json_close(struct protobuf_json_document *document)
{
    if (document == NULL)
        return;
    json_decref(document->root);
    free(document);
}

size_t protobuf_json_count(const struct protobuf_json_document *document)
{
    return json_is_array(document->root) ? json_array_size(document->root) : 1;
}

int protobuf_json_message(ProtobufCMessage **ret_message,
                          const struct protobuf_json_document *document, size_t index,
                          const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
                          char *sentence)
{
    struct reading reading = {.arena = arena, .sentence = sentence};
    struct place list = {.name = ""}, element = {.up = &list, .index = index}, alone = {0};
    bool is_list = json_is_array(document->root);

    assert(index < protobuf_json_count(document));
    assert(descriptor->magic == PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC);
    return read_message(&reading, is_list ? &element : &alone,
                        is_list ? json_array_get(document->root, index) : document->root,
                        descriptor, ret_message);
}

int protobuf_json_read(ProtobufCMessage **ret_message, const char *text, size_t size,
                       const struct protobuf_json_limits *limits,
                       const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
                       char *sentence)
{
    struct protobuf_json_document *document;
    int error = protobuf_json_open(&document, text, size, limits, sentence);

    if (error != 0)
        return error;
    if (json_is_object(document->root)) {
        error = protobuf_json_message(ret_message, document, 0, descriptor, arena, sentence);
    } else {
        (void)snprintf(sentence, PROTOBUF_JSON_SENTENCE_BYTES, "not an object");
        error = DECREE_INVALID;
    }
    protobuf_json_close(document);
    return error;
}
