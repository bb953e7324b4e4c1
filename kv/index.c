/* SPDX-License-Identifier: MIT */
/* index.c -- the tree over leaves and inner nodes: descend, step, split.
 *
 * A cursor carries its path from the root, so that nodes need no pointers up or sideways. A full
 * node is split in the middle, but at its end if the new key is the last of all: keys that come in
 * order leave full nodes.
 */
#include "index.h"

#include <assert.h>
#include <stddef.h>

#define PREFETCH_KEYS 8u

void index_init(struct index *index, struct allocator *allocator, const struct store *store)
{
    *index = (struct index){.allocator = allocator, .store = store};
}

static void free_node(void *node, unsigned height, struct allocator *allocator)
{
    struct inner *inner = node;

    if (height == 0) {
        leaf_free(node, allocator);
        return;
    }
    for (unsigned i = 0; i < inner->count; i++)
        free_node(inner->children[i], height - 1, allocator);
    inner_free(inner, allocator);
}

void index_release(struct index *index)
{
    if (index->root != NULL)
        free_node(index->root, index->height, index->allocator);
    index->root = NULL;
    index->height = 0;
    index->alive = 0;
}

/* The bytes that a key must share with the separators on both sides of where it belongs: none if
 * there is but one side. */
static uint32_t known_bytes(const struct inner *inner, unsigned at)
{
    return at > 0 && at + 1 < inner->count ? inner->prefix : 0;
}

bool index_seek(const struct index *index, struct kv_bytes key, struct index_cursor *ret_cursor)
{
    void *node = index->root;
    uint32_t known = 0;
    bool found;

    ret_cursor->leaf = NULL;
    ret_cursor->at = 0;
    if (node == NULL)
        return false;
    for (unsigned level = 0; level < index->height; level++) {
        struct inner *inner = node;
        unsigned at = inner_search(inner, key);

        ret_cursor->path[level].inner = inner;
        ret_cursor->path[level].at = at;
        node = inner->children[at];
        known = known_bytes(inner, at);
    }
    leaf_prefetch(node);
    ret_cursor->leaf = node;
    ret_cursor->at = leaf_search(node, index->store, key, known, &found);
    return found;
}

void index_end(const struct index *index, struct index_cursor *ret_cursor)
{
    void *node = index->root;

    ret_cursor->leaf = NULL;
    ret_cursor->at = 0;
    if (node == NULL)
        return;
    for (unsigned level = 0; level < index->height; level++) {
        struct inner *inner = node;

        ret_cursor->path[level].inner = inner;
        ret_cursor->path[level].at = inner->count - 1;
        node = inner->children[inner->count - 1];
    }
    ret_cursor->leaf = node;
    ret_cursor->at = ret_cursor->leaf->count;
}

/* Moves to the first key of the next leaf; false, with nothing moved, if this is the last. */
static bool next_leaf(const struct index *index, struct index_cursor *cursor)
{
    unsigned level = index->height;
    void *node;

    while (level > 0 && cursor->path[level - 1].at + 1 == cursor->path[level - 1].inner->count)
        level--;
    if (level == 0)
        return false;
    cursor->path[level - 1].at++;
    node = cursor->path[level - 1].inner->children[cursor->path[level - 1].at];
    for (; level < index->height; level++) {
        cursor->path[level].inner = node;
        cursor->path[level].at = 0;
        node = cursor->path[level].inner->children[0];
    }
    cursor->leaf = node;
    cursor->at = 0;
    return true;
}

struct key_index *index_at(const struct index *index, struct index_cursor *cursor)
{
    if (cursor->leaf == NULL)
        return NULL;
    assert(cursor->at <= cursor->leaf->count);
    if (cursor->at == cursor->leaf->count && !next_leaf(index, cursor))
        return NULL;
    return &leaf_key_indexes(cursor->leaf)[cursor->at];
}

void index_next(struct index_cursor *cursor)
{
    assert(cursor->leaf != NULL);
    assert(cursor->at < cursor->leaf->count);
    cursor->at++;
}

void index_prefetch(const struct index *index, const struct index_cursor *cursor)
{
    unsigned ahead = cursor->at + PREFETCH_KEYS;

    assert(cursor->leaf != NULL);
    if (ahead < cursor->leaf->count)
        store_prefetch(index->store, key_index_last(leaf_key_indexes(cursor->leaf)[ahead]));
}

bool index_same(const struct index_cursor *a, const struct index_cursor *b)
{
    return a->leaf == b->leaf && a->at == b->at;
}

static void change_alive(struct index *index, struct index_cursor *cursor, uint64_t difference)
{
    for (unsigned level = 0; level < index->height; level++)
        cursor->path[level].inner->alive[cursor->path[level].at] += difference;
    index->alive += difference;
}

void index_revived(struct index *index, struct index_cursor *cursor)
{
    assert(cursor->at < cursor->leaf->count);
    assert(key_index_alive(leaf_key_indexes(cursor->leaf)[cursor->at]));
    change_alive(index, cursor, 1);
}

void index_died(struct index *index, struct index_cursor *cursor)
{
    assert(index->alive > 0);
    assert(!key_index_alive(leaf_key_indexes(cursor->leaf)[cursor->at]));
    change_alive(index, cursor, (uint64_t)-1);
}

uint64_t index_alive_before(const struct index *index, const struct index_cursor *cursor)
{
    uint64_t alive;

    if (cursor->leaf == NULL)
        return 0;
    alive = leaf_alive(cursor->leaf, cursor->at);
    for (unsigned level = 0; level < index->height; level++)
        alive += inner_alive(cursor->path[level].inner, cursor->path[level].at);
    return alive;
}

/* The cursor's leaf or a node on its path has moved: tells the one above. */
static void set_leaf(struct index *index, struct index_cursor *cursor, struct leaf *leaf)
{
    unsigned height = index->height;

    cursor->leaf = leaf;
    if (height == 0)
        index->root = leaf;
    else
        cursor->path[height - 1].inner->children[cursor->path[height - 1].at] = leaf;
}

static bool at_very_end(const struct index *index, const struct index_cursor *cursor)
{
    if (cursor->at < cursor->leaf->count)
        return false;
    for (unsigned level = 0; level < index->height; level++)
        if (cursor->path[level].at + 1 < cursor->path[level].inner->count)
            return false;
    return true;
}

/* The node of a level was split in two. Puts right beside it in the node above, which may split
 * that one too. The path is not kept up below what has changed: nothing uses it any more. */
static void add_right(struct index *index, struct index_cursor *cursor, unsigned level,
                      struct separator *separator, uint64_t left_alive, void *right,
                      uint64_t right_alive, bool append)
{
    while (level > 0) {
        struct inner *inner = cursor->path[level - 1].inner;
        unsigned at = cursor->path[level - 1].at;
        struct inner *sibling;
        struct separator *between;
        unsigned half;

        inner->alive[at] = left_alive;
        if (inner->count < INNER_CHILDREN_MAX) {
            inner_insert(inner, at + 1, separator, right, right_alive);
            return;
        }
        half = append ? inner->count - 1 : inner_middle(inner);
        sibling = inner_split(inner, index->allocator, half, &between);
        if (at < half)
            inner_insert(inner, at + 1, separator, right, right_alive);
        else
            inner_insert(sibling, at + 1 - half, separator, right, right_alive);
        left_alive = inner_alive(inner, inner->count);
        right_alive = inner_alive(sibling, sibling->count);
        separator = between;
        right = sibling;
        level--;
    }
    assert(index->height < INDEX_HEIGHT_MAX);
    index->root = inner_new(index->allocator, index->root, left_alive);
    inner_insert(index->root, 1, separator, right, right_alive);
    index->height++;
}

/* The shortest key that is above the last of left, and not above the first of right. */
static struct separator *separate(struct index *index, struct leaf *left, struct leaf *right)
{
    struct kv_bytes last = leaf_key(left, index->store, left->count - 1u);
    struct kv_bytes first = leaf_key(right, index->store, 0);

    first.size = key_shared(last, first) + 1u;
    return separator_new(index->allocator, first);
}

static void insert_split(struct index *index, struct index_cursor *cursor, struct kv_bytes key,
                         struct key_index key_index)
{
    bool append = at_very_end(index, cursor);
    unsigned half = append ? LEAF_KEYS_MAX : LEAF_KEYS_MAX / 2;
    struct leaf *left = cursor->leaf;
    struct leaf *right = leaf_split(&left, index->allocator, index->store, half);

    if (append || cursor->at > half)
        leaf_insert(&right, index->allocator, index->store, cursor->at - half, key, key_index);
    else
        leaf_insert(&left, index->allocator, index->store, cursor->at, key, key_index);
    set_leaf(index, cursor, left);
    add_right(index, cursor, index->height, separate(index, left, right),
              leaf_alive(left, left->count), right, leaf_alive(right, right->count), append);
}

void index_insert(struct index *index, struct index_cursor *cursor, struct kv_bytes key,
                  struct key_index key_index)
{
    struct leaf *leaf = cursor->leaf;

    assert(key_index_alive(key_index));
    if (leaf == NULL) {
        assert(index->root == NULL);
        leaf = leaf_new(index->allocator);
        set_leaf(index, cursor, leaf);
    }
    change_alive(index, cursor, 1);
    if (leaf->count == LEAF_KEYS_MAX) {
        insert_split(index, cursor, key, key_index);
    } else {
        leaf_insert(&leaf, index->allocator, index->store, cursor->at, key, key_index);
        set_leaf(index, cursor, leaf);
    }
}

/* The cursor's leaf is empty: it goes, and with it every node above that had nothing else. */
static void drop_leaf(struct index *index, struct index_cursor *cursor)
{
    unsigned level = index->height;

    leaf_free(cursor->leaf, index->allocator);
    while (level > 0 && cursor->path[level - 1].inner->count == 1)
        inner_free(cursor->path[--level].inner, index->allocator);
    if (level > 0) {
        inner_remove(cursor->path[level - 1].inner, index->allocator, cursor->path[level - 1].at);
        return;
    }
    index->root = NULL;
    index->height = 0;
}

/* A root with one child is no use. */
static void lower_root(struct index *index)
{
    while (index->height > 0 && ((struct inner *)index->root)->count == 1) {
        struct inner *inner = index->root;

        index->root = inner->children[0];
        index->height--;
        inner_free(inner, index->allocator);
    }
}

void index_remove(struct index *index, struct index_cursor *cursor)
{
    struct leaf *leaf = cursor->leaf;

    assert(cursor->at < leaf->count);
    assert(!key_index_alive(leaf_key_indexes(leaf)[cursor->at]));
    leaf_remove(&leaf, index->allocator, cursor->at);
    set_leaf(index, cursor, leaf);
    if (leaf->count == 0) {
        drop_leaf(index, cursor);
        lower_root(index);
    }
}
