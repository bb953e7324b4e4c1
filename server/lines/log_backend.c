/* SPDX-License-Identifier: MIT */
/* log_backend.c -- proposals go straight to the engine: server and node share the loop's thread. */
#include "log_backend.h"

#include <assert.h>
#include <stdlib.h>

#define ITEM_BYTES_MAX (UINT32_C(1) << 20)

struct owned_value { /* a command and its bytes, one allocation */
    struct decree_value value;
    uint8_t bytes[];
};

static void *apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    struct log_backend *backend = context;

    assert(slot > 0);
    backend->result = ordered_log_apply(backend->items, data, size);
    return &backend->result;
}

int log_backend_init(struct log_backend *backend, const struct cluster_spec *cluster,
                     decree_node_id self, struct machines *machines)
{
    struct decree_machine machine = {.context = backend, .apply = apply};

    assert(self >= 1);
    assert(self <= cluster->count);
    *backend = (struct log_backend){.items = ordered_log_new(),
                                    .machines = machines,
                                    .cluster = cluster,
                                    .self = self,
                                    .item_bytes_max = ITEM_BYTES_MAX};
    machines_add(machines, LOG_MACHINE, &machine);
    return backend->items == NULL ? DECREE_NOMEM : 0;
}

void log_backend_release(struct log_backend *backend)
{
    ordered_log_free(backend->items);
    backend->items = NULL;
}

int log_backend_restart(struct log_backend *backend)
{
    assert(backend->host == NULL);
    ordered_log_free(backend->items);
    backend->items = ordered_log_new();
    return backend->items == NULL ? DECREE_NOMEM : 0;
}

static void release_value(struct decree_value *value)
{
    free((char *)value - offsetof(struct owned_value, value));
}

int log_backend_make(const struct log_backend *backend, uint64_t request_id,
                     const struct decree_log_value *values, uint32_t value_count,
                     struct decree_value **ret_command)
{
    struct log_command command = {
        .origin = backend->self, .request_id = request_id, .value_count = value_count};
    size_t size = log_command_size(&command, values);
    struct owned_value *owned;

    if (size > backend->item_bytes_max)
        return DECREE_TOO_LARGE;
    owned = malloc(sizeof(*owned) + size);
    if (owned == NULL)
        return DECREE_NOMEM;
    owned->value = (struct decree_value){
        .refs = 1, .size = (uint32_t)size, .data = owned->bytes, .release = release_value};
    log_command_encode(&command, values, owned->bytes, size);
    *ret_command = &owned->value;
    return 0;
}

static struct engine *engine_of(struct log_backend *backend)
{
    return backend->host == NULL ? NULL : host_engine(backend->host);
}

int log_backend_propose(struct log_backend *backend, struct decree_value *command,
                        decree_done *done, void *argument)
{
    struct engine *engine = engine_of(backend);

    return engine == NULL ? DECREE_FULL : engine_propose(engine, command, done, argument);
}

int log_backend_read(struct log_backend *backend, decree_done *done, void *argument)
{
    struct engine *engine = engine_of(backend);

    return engine == NULL ? DECREE_FULL : engine_read(engine, done, argument);
}
