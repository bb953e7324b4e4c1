/* SPDX-License-Identifier: MIT */
/* value.c -- reference counts of values, and the plain value that owns a copy of its bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <decree/paxos.h>

struct decree_value *decree_value_ref(struct decree_value *value)
{
    if (value == NULL)
        return NULL;
    assert(value->refs > 0);
    assert(value->refs < UINT32_MAX);
    value->refs++;
    return value;
}

void decree_value_unref(struct decree_value *value)
{
    if (value == NULL)
        return;
    assert(value->refs > 0);
    if (--value->refs == 0)
        value->release(value);
}

static void value_free(struct decree_value *value)
{
    assert(value->refs == 0);
    free(value);
}

struct decree_value *decree_value_copy(const void *data, uint32_t size)
{
    struct decree_value *value = malloc(sizeof(*value) + size);

    assert(data != NULL || size == 0);
    if (value == NULL)
        return NULL;
    *value = (struct decree_value){
        .refs = 1, .size = size, .data = (uint8_t *)(value + 1), .release = value_free};
    if (size > 0)
        memcpy(value + 1, data, size);
    return value;
}
