/* SPDX-License-Identifier: MIT */
/* grpc_methods.h -- all methods of a port by their path: those with a handler and those still
 * without. */
#ifndef DECREE_RPC_GRPC_METHODS_H
#define DECREE_RPC_GRPC_METHODS_H

#include "grpc.h"

struct grpc_method {
    char path[GRPC_PATH_BYTES_MAX + 1];
    size_t path_size;
    const ProtobufCMethodDescriptor *descriptor;
    grpc_handle *handle; /* both NULL: not implemented yet */
    const struct grpc_stream_handler *stream;
};

struct grpc_methods {
    struct grpc_method *methods;
    size_t count;
    uint16_t *table; /* open addressing by hash of the path: index into methods plus 1, or 0 */
    size_t table_mask;
};

/* stream_routes may be NULL. Errors: NOMEM, INVALID (a route that no service has, or a path that is too long). */
int grpc_methods_init(struct grpc_methods *methods,
                      const ProtobufCServiceDescriptor *const *services,
                      const struct grpc_route *const *routes,
                      const struct grpc_stream_route *const *stream_routes);
void grpc_methods_release(struct grpc_methods *methods);

/* NULL: there is none. */
const struct grpc_method *grpc_methods_find(const struct grpc_methods *methods, const uint8_t *path,
                                            size_t size);

#endif
