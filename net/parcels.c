/* SPDX-License-Identifier: MIT */
/* parcels.c -- a list with two ends, and the bytes in it. */
#include "parcels.h"

#include <assert.h>
#include <stdlib.h>

struct parcel *parcel_new(size_t size)
{
    struct parcel *parcel = calloc(1, sizeof(*parcel));
    struct chunk *chunk = chunk_new(size);

    if (parcel == NULL || chunk == NULL) {
        free(parcel);
        chunk_unref(chunk);
        return NULL;
    }
    parcel->chunk = chunk;
    parcel->size = size;
    return parcel;
}

void parcel_free(struct parcel *parcel)
{
    if (parcel == NULL)
        return;
    chunk_unref(parcel->chunk);
    free(parcel);
}

void parcels_push(struct parcels *parcels, struct parcel *parcel)
{
    assert(parcel->next == NULL);
    if (parcels->last == NULL)
        parcels->first = parcel;
    else
        parcels->last->next = parcel;
    parcels->last = parcel;
    parcels->bytes += parcel->size;
}

struct parcel *parcels_pop(struct parcels *parcels)
{
    struct parcel *parcel = parcels->first;

    if (parcel == NULL)
        return NULL;
    parcels->first = parcel->next;
    if (parcels->first == NULL)
        parcels->last = NULL;
    parcel->next = NULL;
    assert(parcels->bytes >= parcel->size);
    parcels->bytes -= parcel->size;
    return parcel;
}

uint32_t parcels_trim(struct parcels *parcels, uint64_t bytes_max)
{
    uint32_t dropped = 0;

    while (parcels->bytes > bytes_max && parcels->first != parcels->last) {
        parcel_free(parcels_pop(parcels));
        dropped++;
    }
    return dropped;
}

void parcels_release(struct parcels *parcels)
{
    struct parcel *parcel;

    while ((parcel = parcels_pop(parcels)) != NULL)
        parcel_free(parcel);
    assert(parcels->bytes == 0);
}
