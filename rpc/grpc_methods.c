/* SPDX-License-Identifier: MIT */
/* grpc_methods.c -- see grpc_methods.h. The table is made once; to find is one hash and one
 * comparison. */
#include "grpc_methods.h"

#include <assert.h>
#include <stdio.h>

#include <decree/error.h>

#include "checksum.h"

static size_t count_methods(const ProtobufCServiceDescriptor *const *services)
{
    size_t count = 0;

    for (size_t i = 0; services[i] != NULL; i++)
        count += services[i]->n_methods;
    return count;
}

static size_t first_place(const struct grpc_methods *methods, const void *path, size_t size)
{
    return (size_t)checksum(path, size, 0) & methods->table_mask;
}

static void enter(struct grpc_methods *methods, size_t index)
{
    const struct grpc_method *method = &methods->methods[index];
    size_t place = first_place(methods, method->path, method->path_size);

    while (methods->table[place] != 0)
        place = (place + 1) & methods->table_mask;
    methods->table[place] = (uint16_t)(index + 1);
}

static int add_service(struct grpc_methods *methods, const ProtobufCServiceDescriptor *service)
{
    for (unsigned i = 0; i < service->n_methods; i++) {
        struct grpc_method *method = &methods->methods[methods->count];
        int size = snprintf(method->path, sizeof(method->path), "/%s/%s", service->name,
                            service->methods[i].name);

        if (size < 0 || (size_t)size >= sizeof(method->path))
            return DECREE_INVALID;
        method->path_size = (size_t)size;
        method->descriptor = &service->methods[i];
        enter(methods, methods->count++);
    }
    return 0;
}

/* NULL: no service has it. */
static struct grpc_method *find(struct grpc_methods *methods, const char *path)
{
    const struct grpc_method *method = grpc_methods_find(methods, (const uint8_t *)path,
                                                         strlen(path));

    return method == NULL ? NULL : &methods->methods[method - methods->methods];
}

static int add_routes(struct grpc_methods *methods, const struct grpc_route *routes)
{
    for (; routes->path != NULL; routes++) {
        struct grpc_method *method = find(methods, routes->path);

        if (method == NULL)
            return DECREE_INVALID;
        method->handle = routes->handle;
    }
    return 0;
}

static int add_stream_routes(struct grpc_methods *methods, const struct grpc_stream_route *routes)
{
    for (; routes->path != NULL; routes++) {
        struct grpc_method *method = find(methods, routes->path);

        if (method == NULL)
            return DECREE_INVALID;
        method->stream = routes->handler;
    }
    return 0;
}

static int alloc_tables(struct grpc_methods *methods, size_t count)
{
    size_t places = 2;

    while (places < count * 4)
        places *= 2;
    methods->methods = calloc(count > 0 ? count : 1, sizeof(*methods->methods));
    methods->table = calloc(places, sizeof(*methods->table));
    methods->table_mask = places - 1;
    return methods->methods != NULL && methods->table != NULL ? 0 : DECREE_NOMEM;
}

int grpc_methods_init(struct grpc_methods *methods,
                      const ProtobufCServiceDescriptor *const *services,
                      const struct grpc_route *const *routes,
                      const struct grpc_stream_route *const *stream_routes)
{
    size_t count = count_methods(services);
    int error;

    *methods = (struct grpc_methods){0};
    if (count >= UINT16_MAX)
        return DECREE_INVALID;
    error = alloc_tables(methods, count);
    for (size_t i = 0; error == 0 && services[i] != NULL; i++)
        error = add_service(methods, services[i]);
    for (size_t i = 0; error == 0 && routes[i] != NULL; i++)
        error = add_routes(methods, routes[i]);
    for (size_t i = 0; error == 0 && stream_routes != NULL && stream_routes[i] != NULL; i++)
        error = add_stream_routes(methods, stream_routes[i]);
    if (error != 0)
        grpc_methods_release(methods);
    return error;
}

void grpc_methods_release(struct grpc_methods *methods)
{
    free(methods->methods);
    free(methods->table);
    *methods = (struct grpc_methods){0};
}

const struct grpc_method *grpc_methods_find(const struct grpc_methods *methods, const uint8_t *path,
                                            size_t size)
{
    size_t place = first_place(methods, path, size);

    assert(methods->table != NULL);
    for (; methods->table[place] != 0; place = (place + 1) & methods->table_mask) {
        const struct grpc_method *method = &methods->methods[methods->table[place] - 1];

        if (method->path_size == size && memcmp(method->path, path, size) == 0)
            return method;
    }
    return NULL;
}
