/* SPDX-License-Identifier: MIT */
/* index_inner.c -- separators are at hand, so that prefix and hints are simply made anew when
 * they change. */
#include "index_inner.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "index_leaf.h"

#define HINT_BYTES 8u

struct separator {
    size_t size;
    uint8_t bytes[];
};

struct separator *separator_new(struct allocator *allocator, struct kv_bytes bytes)
{
    struct separator *separator = allocator_new(allocator, sizeof(*separator) + bytes.size);

    assert(bytes.size > 0);
    separator->size = bytes.size;
    memcpy(separator->bytes, bytes.data, bytes.size);
    return separator;
}

static struct kv_bytes separator_key(const struct separator *separator)
{
    assert(separator != NULL);
    return (struct kv_bytes){separator->bytes, separator->size};
}

struct inner *inner_new(struct allocator *allocator, void *child, uint64_t alive)
{
    struct inner *inner = allocator_new(allocator, sizeof(*inner));

    assert(child != NULL);
    inner->count = 1;
    inner->prefix = 0;
    inner->hints[0] = 0;
    inner->alive[0] = alive;
    inner->separators[0] = NULL;
    inner->children[0] = child;
    return inner;
}

void inner_free(struct inner *inner, struct allocator *allocator)
{
    for (unsigned i = 1; i < inner->count; i++)
        allocator_free(allocator, inner->separators[i],
                       sizeof(struct separator) + inner->separators[i]->size);
    allocator_free(allocator, inner, sizeof(*inner));
}

static uint64_t hint_of(struct kv_bytes key, uint32_t prefix)
{
    uint64_t hint = 0;

    for (uint32_t i = 0; i < HINT_BYTES; i++)
        hint = hint << 8 | ((size_t)prefix + i < key.size ? key.data[prefix + i] : 0u);
    return hint;
}

/* -1 or 1 if the key is before or after all that begin with the separators' prefix, else 0. */
static int prefix_compare(const struct inner *inner, struct kv_bytes key)
{
    struct kv_bytes prefix;

    if (inner->prefix == 0)
        return 0;
    prefix = separator_key(inner->separators[1]);
    prefix.size = inner->prefix;
    if (key.size > prefix.size)
        key.size = prefix.size;
    return key_compare(key, prefix);
}

static bool separator_follows(const struct inner *inner, unsigned at, struct kv_bytes key,
                              uint64_t hint)
{
    if (inner->hints[at] != hint)
        return inner->hints[at] > hint;
    return key_compare(separator_key(inner->separators[at]), key) > 0;
}

unsigned inner_search(const struct inner *inner, struct kv_bytes key)
{
    uint64_t hint = hint_of(key, inner->prefix);
    unsigned low = 1, high = inner->count;
    int order = prefix_compare(inner, key);

    assert(inner->count > 0);
    if (order != 0)
        return order < 0 ? 0 : inner->count - 1;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (separator_follows(inner, middle, key, hint))
            high = middle;
        else
            low = middle + 1;
    }
    return low - 1;
}

static void measure_prefix(struct inner *inner)
{
    uint32_t prefix = 0;

    if (inner->count > 1)
        prefix = key_shared(separator_key(inner->separators[1]),
                            separator_key(inner->separators[inner->count - 1]));
    if (prefix == inner->prefix)
        return;
    inner->prefix = prefix;
    for (unsigned i = 1; i < inner->count; i++)
        inner->hints[i] = hint_of(separator_key(inner->separators[i]), prefix);
}

static void move_children(struct inner *to, unsigned to_at, const struct inner *from,
                          unsigned from_at, unsigned count)
{
    memmove(to->hints + to_at, from->hints + from_at, count * sizeof(to->hints[0]));
    memmove(to->alive + to_at, from->alive + from_at, count * sizeof(to->alive[0]));
    memmove(to->separators + to_at, from->separators + from_at, count * sizeof(to->separators[0]));
    memmove(to->children + to_at, from->children + from_at, count * sizeof(to->children[0]));
}

void inner_insert(struct inner *inner, unsigned at, struct separator *separator, void *child,
                  uint64_t alive)
{
    assert(at > 0);
    assert(at <= inner->count);
    assert(inner->count < INNER_CHILDREN_MAX);
    move_children(inner, at + 1, inner, at, inner->count - at);
    inner->hints[at] = hint_of(separator_key(separator), inner->prefix);
    inner->alive[at] = alive;
    inner->separators[at] = separator;
    inner->children[at] = child;
    inner->count++;
    measure_prefix(inner);
}

void inner_remove(struct inner *inner, struct allocator *allocator, unsigned at)
{
    struct separator *separator = inner->separators[at > 0 ? at : 1];

    assert(inner->count > 1);
    assert(at < inner->count);
    allocator_free(allocator, separator, sizeof(*separator) + separator->size);
    move_children(inner, at, inner, at + 1, inner->count - at - 1);
    inner->count--;
    inner->separators[0] = NULL;
    inner->hints[0] = 0;
    measure_prefix(inner);
}

unsigned inner_middle(const struct inner *inner)
{
    unsigned best = inner->count / 2;

    assert(inner->count >= 8);
    for (unsigned at = inner->count * 3 / 8; at <= inner->count * 5 / 8; at++)
        if (inner->separators[at]->size < inner->separators[best]->size)
            best = at;
    return best;
}

struct inner *inner_split(struct inner *inner, struct allocator *allocator, unsigned at,
                          struct separator **ret_separator)
{
    struct inner *right = inner_new(allocator, inner->children[at], inner->alive[at]);

    assert(at > 0);
    assert(at < inner->count);
    *ret_separator = inner->separators[at];
    move_children(right, 1, inner, at + 1, inner->count - at - 1);
    right->prefix = inner->prefix;
    right->count = inner->count - at;
    inner->count = at;
    measure_prefix(inner);
    measure_prefix(right);
    return right;
}

uint64_t inner_alive(const struct inner *inner, unsigned end)
{
    uint64_t alive = 0;

    assert(end <= inner->count);
    for (unsigned i = 0; i < end; i++)
        alive += inner->alive[i];
    return alive;
}
