/* SPDX-License-Identifier: MIT */
/* proto_files.c -- see proto_files.h. The descriptors are walked for each question: they are few, and
 * questions are rare. */
#include "proto_files.h"

#include <assert.h>
#include <string.h>

#include "descriptor_set.h"

enum {
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_IMPORT = 3,
    FILE_SERVICE = 6,
    NAME = 1,
    ENUM_VALUE = 2
};
enum { SERVICE_METHOD = 2, METHOD_CLIENT_STREAMS = 5, METHOD_SERVER_STREAMS = 6 };

enum declared { NOTHING = 1, FILE_ITSELF, MESSAGE, ENUM, SERVICE, LEAF };

#define FIELDS_MAX 9

/* What the fields of a descriptor declare. */
static const enum declared DECLARED[][FIELDS_MAX] = {
    [FILE_ITSELF] = {[4] = MESSAGE, [5] = ENUM, [6] = SERVICE, [7] = LEAF},
    [MESSAGE] = {[2] = LEAF, [3] = MESSAGE, [4] = ENUM, [6] = LEAF, [8] = LEAF},
    [SERVICE] = {[2] = LEAF},
    [ENUM] = {0},
    [LEAF] = {0},
};

bool proto_file(unsigned index, struct kv_bytes *ret_file)
{
    struct reader reader;
    struct wire_item item;

    reader_init(&reader, descriptor_set, descriptor_set_size);
    while (wire_next(&reader, &item)) {
        if (index-- > 0)
            continue;
        *ret_file = item.bytes;
        return true;
    }
    assert(reader_done(&reader));
    return false;
}

/* The first field of this number; empty without one. */
static struct kv_bytes field_of(struct kv_bytes descriptor, uint32_t field)
{
    struct reader reader;
    struct wire_item item;

    reader_init(&reader, descriptor.data, descriptor.size);
    while (wire_next(&reader, &item))
        if (item.field == field)
            return item.bytes;
    return (struct kv_bytes){NULL, 0};
}

static bool is_text(struct kv_bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* What is behind "scope." in the symbol; NULL: it is not in there. */
static const char *within(const char *symbol, struct kv_bytes scope)
{
    if (scope.size == 0)
        return symbol;
    if (strncmp(symbol, (const char *)scope.data, scope.size) != 0 || symbol[scope.size] != '.')
        return NULL;
    return symbol + scope.size + 1;
}

static bool has_value(struct kv_bytes descriptor, const char *symbol)
{
    struct reader reader;
    struct wire_item item;

    reader_init(&reader, descriptor.data, descriptor.size);
    while (wire_next(&reader, &item))
        if (item.field == ENUM_VALUE && is_text(field_of(item.bytes, NAME), symbol))
            return true;
    return false;
}

/* What the symbol is in a descriptor of this kind; as deep as our messages are nested. */
static enum declared find_in(struct kv_bytes descriptor, enum declared kind, const char *symbol)
{
    struct reader reader;
    struct wire_item item;
    enum declared found = NOTHING;

    reader_init(&reader, descriptor.data, descriptor.size);
    while (found == NOTHING && wire_next(&reader, &item)) {
        enum declared child = item.field < FIELDS_MAX ? DECLARED[kind][item.field] : 0;
        struct kv_bytes name;
        const char *rest;

        if (child == 0)
            continue;
        name = field_of(item.bytes, NAME);
        rest = within(symbol, name);
        if (is_text(name, symbol))
            found = child;
        else if (child == ENUM && has_value(item.bytes, symbol))
            found = LEAF;
        else if (rest != NULL)
            found = find_in(item.bytes, child, rest);
    }
    return found;
}

static enum declared find(const char *symbol, unsigned *ret_index)
{
    struct kv_bytes file;

    for (unsigned i = 0; proto_file(i, &file); i++) {
        const char *rest = within(symbol, field_of(file, FILE_PACKAGE));
        enum declared found = rest == NULL ? NOTHING : find_in(file, FILE_ITSELF, rest);

        *ret_index = i;
        if (found != NOTHING)
            return found;
    }
    return NOTHING;
}

int proto_file_declaring(const char *symbol)
{
    unsigned index;

    return find(symbol, &index) == NOTHING ? -1 : (int)index;
}

bool proto_is_message(const char *symbol)
{
    unsigned index;

    return find(symbol, &index) == MESSAGE;
}

static int file_named(struct kv_bytes name)
{
    struct kv_bytes file;

    for (unsigned i = 0; proto_file(i, &file); i++) {
        struct kv_bytes own = field_of(file, FILE_NAME);

        if (own.size == name.size && memcmp(own.data, name.data, name.size) == 0)
            return (int)i;
    }
    return -1;
}

int proto_file_named(const char *name)
{
    return file_named((struct kv_bytes){(const uint8_t *)name, strlen(name)});
}

static uint64_t direct_imports(struct kv_bytes file)
{
    struct reader reader;
    struct wire_item item;
    uint64_t imports = 0;

    reader_init(&reader, file.data, file.size);
    while (wire_next(&reader, &item)) {
        int index = item.field == FILE_IMPORT ? file_named(item.bytes) : -1;

        if (index >= 0)
            imports |= UINT64_C(1) << index;
    }
    return imports;
}

uint64_t proto_file_imports(unsigned index)
{
    uint64_t all = UINT64_C(1) << index, looked_at = 0;
    struct kv_bytes file;

    assert(index < PROTO_FILES_MAX);
    while (looked_at != all) {
        unsigned next = (unsigned)__builtin_ctzll(all & ~looked_at);

        looked_at |= UINT64_C(1) << next;
        if (proto_file(next, &file))
            all |= direct_imports(file);
    }
    return all;
}

/* The descriptor of this name among the fields of this number; empty: there is none. */
static struct kv_bytes child_named(struct kv_bytes descriptor, uint32_t field, struct kv_bytes name)
{
    struct reader reader;
    struct wire_item item;

    reader_init(&reader, descriptor.data, descriptor.size);
    while (wire_next(&reader, &item)) {
        struct kv_bytes own = item.field == field ? field_of(item.bytes, NAME)
                                                  : (struct kv_bytes){NULL, 0};

        if (own.size > 0 && own.size == name.size && memcmp(own.data, name.data, own.size) == 0)
            return item.bytes;
    }
    return (struct kv_bytes){NULL, 0};
}

/* name is "Service/Method". */
static struct kv_bytes method_in(struct kv_bytes file, const char *name)
{
    size_t size = strcspn(name, "/");
    const char *method = name + size + (name[size] == '/' ? 1 : 0);
    struct kv_bytes service = child_named(file, FILE_SERVICE,
                                          (struct kv_bytes){(const uint8_t *)name, size});

    return child_named(service, SERVICE_METHOD,
                       (struct kv_bytes){(const uint8_t *)method, strlen(method)});
}

static enum proto_method kind_of(struct kv_bytes method)
{
    bool client = false, server = false;
    struct reader reader;
    struct wire_item item;

    reader_init(&reader, method.data, method.size);
    while (wire_next(&reader, &item)) {
        client = client || (item.field == METHOD_CLIENT_STREAMS && item.number != 0);
        server = server || (item.field == METHOD_SERVER_STREAMS && item.number != 0);
    }
    if (client)
        return server ? PROTO_BIDI_STREAM : PROTO_CLIENT_STREAM;
    return server ? PROTO_SERVER_STREAM : PROTO_UNARY;
}

enum proto_method proto_method_of(const char *path)
{
    struct kv_bytes file, method = {NULL, 0};

    assert(path[0] == '/');
    for (unsigned i = 0; method.size == 0 && proto_file(i, &file); i++) {
        const char *rest = within(path + 1, field_of(file, FILE_PACKAGE));

        if (rest != NULL)
            method = method_in(file, rest);
    }
    return kind_of(method);
}
