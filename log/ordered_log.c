/* SPDX-License-Identifier: MIT */
/* ordered_log.c -- items in blocks and chunks, and chains of those whose ids have the same hash.
 *
 *     blocks:  [*][*][*]            pointers, a growing array
 *               |
 *               v
 *     block:   {data, size, hash, previous} x 4096      by index
 *                 |
 *                 v
 *     chunk:   ... the bytes of the command ...
 *
 *     buckets: hash of <origin, request id>  ->  newest item  -> previous -> ... -> too old: the end
 *
 * An item is found by its id through its bucket: each item names the one before it in the same
 * bucket. Whatever is older than the window ends the walk, so nothing ever has to be taken out.
 */
#include "ordered_log.h"

#include <stdlib.h>

#define BLOCK_ITEMS 4096u
#define CHUNK_BYTES (UINT32_C(1) << 20)
#define BUCKETS_FIRST 1024u
#define RUN_IDS 512u
#define BUCKETS_MAX (2 * DECREE_LOG_WINDOW) /* half of them are empty: to find nothing is quick */

struct item {
    const uint8_t *data;
    uint64_t previous; /* in the same bucket; 0: none */
    uint32_t size;
    uint32_t hash; /* of the id; 0: it has none */
};

struct block {
    struct item items[BLOCK_ITEMS];
};

struct chunk {
    struct chunk *next;
    size_t size, used;
    uint8_t bytes[];
};

struct ordered_log {
    struct block **blocks;
    size_t block_count, block_capacity;
    struct chunk *chunks;  /* the first is being filled */
    uint64_t *buckets;     /* newest items by hash; 0: none */
    uint64_t bucket_count; /* a power of two */
    struct ordered_log_stats stats;
};

static void *must(void *memory)
{
    assert(memory != NULL && "out of memory: a replica cannot go on");
    return memory;
}

/* ---- items by index ---- */

static struct item *item_at(const struct ordered_log *log, uint64_t index)
{
    assert(index >= 1);
    assert(index <= log->stats.last);
    return &log->blocks[(index - 1) / BLOCK_ITEMS]->items[(index - 1) % BLOCK_ITEMS];
}

static void add_block(struct ordered_log *log)
{
    if (log->block_count == log->block_capacity) {
        log->block_capacity = log->block_capacity == 0 ? 64 : 2 * log->block_capacity;
        log->blocks = must(realloc(log->blocks, log->block_capacity * sizeof(*log->blocks)));
    }
    log->blocks[log->block_count++] = must(calloc(1, sizeof(struct block)));
    log->stats.memory_bytes += sizeof(struct block);
}

static void add_chunk(struct ordered_log *log, size_t size)
{
    bool alone = size > CHUNK_BYTES / 4;
    size_t bytes = alone ? size : CHUNK_BYTES;
    struct chunk *chunk = must(malloc(sizeof(*chunk) + bytes));

    *chunk = (struct chunk){.size = bytes};
    log->stats.memory_bytes += sizeof(*chunk) + bytes;
    if (alone && log->chunks != NULL) { /* the others go on to fill theirs */
        chunk->next = log->chunks->next;
        log->chunks->next = chunk;
    } else {
        chunk->next = log->chunks;
        log->chunks = chunk;
    }
}

/* Room for size bytes, for ever. */
static uint8_t *keep_bytes(struct ordered_log *log, const uint8_t *data, size_t size)
{
    struct chunk *chunk = log->chunks;
    uint8_t *bytes;

    if (chunk == NULL || chunk->size - chunk->used < size) {
        add_chunk(log, size);
        chunk = log->chunks->size - log->chunks->used >= size ? log->chunks : log->chunks->next;
    }
    assert(chunk->size - chunk->used >= size);
    bytes = chunk->bytes + chunk->used;
    chunk->used += size;
    memcpy(bytes, data, size);
    return bytes;
}

/* ---- items by id ---- */

/* Ids that follow each other lie side by side, a run of them to a page of memory; where a run begins
 * is as good as random. Never 0. */
static uint32_t hash_of(decree_node_id origin, uint64_t request_id)
{
    uint64_t run = request_id / RUN_IDS ^ (uint64_t)origin << 56;
    uint64_t mixed = run * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t hash = (uint32_t)(mixed >> 32 ^ mixed >> 16) + (uint32_t)(request_id % RUN_IDS);

    return hash != 0 ? hash : 1;
}

static bool forgotten(const struct ordered_log *log, uint64_t index)
{
    return log->stats.last - index >= DECREE_LOG_WINDOW;
}

static void chain(struct ordered_log *log, uint64_t index)
{
    struct item *item = item_at(log, index);
    uint64_t *bucket = &log->buckets[item->hash & (log->bucket_count - 1)];

    item->previous = *bucket;
    *bucket = index;
}

/* Twice the buckets; every id that is remembered finds its place again. */
static void add_buckets(struct ordered_log *log)
{
    uint64_t count = log->bucket_count == 0 ? BUCKETS_FIRST : 2 * log->bucket_count;
    uint64_t index = log->stats.last >= DECREE_LOG_WINDOW ? log->stats.last - DECREE_LOG_WINDOW + 1
                                                          : 1;

    free(log->buckets);
    log->buckets = must(calloc(count, sizeof(*log->buckets)));
    log->stats.memory_bytes += (count - log->bucket_count) * sizeof(*log->buckets);
    log->bucket_count = count;
    for (; index <= log->stats.last; index++)
        if (item_at(log, index)->hash != 0)
            chain(log, index);
}

static bool has_id(const struct item *item, decree_node_id origin, uint64_t request_id)
{
    struct log_command command;

    return log_command_decode(item->data, item->size, &command) && command.origin == origin &&
           command.request_id == request_id;
}

uint64_t ordered_log_find(const struct ordered_log *log, decree_node_id origin, uint64_t request_id)
{
    uint32_t hash = hash_of(origin, request_id);
    uint64_t index;

    if (request_id == 0 || log->bucket_count == 0)
        return 0;
    index = log->buckets[hash & (log->bucket_count - 1)];
    while (index != 0 && !forgotten(log, index)) {
        const struct item *item = item_at(log, index);

        if (item->hash == hash && has_id(item, origin, request_id))
            return index;
        index = item->previous;
    }
    return 0;
}

/* ---- the machine ---- */

/* Two commands with one id are the same if their bytes are. */
static bool is_repeated(const struct ordered_log *log, uint64_t index, const uint8_t *command,
                        size_t size)
{
    const struct item *item = item_at(log, index);

    return item->size == size && memcmp(item->data, command, size) == 0;
}

static uint64_t enter(struct ordered_log *log, const uint8_t *data, size_t size,
                      const struct log_command *command)
{
    uint64_t index = log->stats.last + 1;
    bool named = command->request_id != 0;

    if (index > (uint64_t)log->block_count * BLOCK_ITEMS)
        add_block(log);
    log->stats.last = index;
    log->stats.item_bytes += size;
    *item_at(log, index) = (struct item){
        .data = keep_bytes(log, data, size),
        .size = (uint32_t)size,
        .hash = named ? hash_of(command->origin, command->request_id) : 0};
    if (log->bucket_count < BUCKETS_MAX && 2 * log->stats.last > log->bucket_count)
        add_buckets(log); /* which finds this one, too */
    else if (named)
        chain(log, index);
    return index;
}

struct ordered_log_result ordered_log_apply(struct ordered_log *log, const uint8_t *data,
                                            size_t size)
{
    struct ordered_log_result result = {0};
    struct log_command command;

    if (!log_command_decode(data, size, &command)) {
        log->stats.malformed++;
        result.error = DECREE_INVALID;
        return result;
    }
    result.index = ordered_log_find(log, command.origin, command.request_id);
    if (result.index == 0) {
        result.index = enter(log, data, size, &command);
        result.entered = true;
    } else if (is_repeated(log, result.index, data, size)) {
        log->stats.repeated++;
    } else {
        log->stats.conflicts++;
        result.error = DECREE_CONFLICT;
    }
    return result;
}

/* ---- reading ---- */

uint64_t ordered_log_last(const struct ordered_log *log)
{
    return log->stats.last;
}

struct log_command ordered_log_item(const struct ordered_log *log, uint64_t index,
                                    size_t *ret_bytes)
{
    const struct item *item = item_at(log, index);
    struct log_command command;
    bool readable = log_command_decode(item->data, item->size, &command);

    assert(readable);
    (void)readable;
    if (ret_bytes != NULL)
        *ret_bytes = item->size;
    return command;
}

void ordered_log_stats(const struct ordered_log *log, struct ordered_log_stats *ret_stats)
{
    *ret_stats = log->stats;
}

/* ---- lifetime ---- */

struct ordered_log *ordered_log_new(void)
{
    struct ordered_log *log = calloc(1, sizeof(*log));

    if (log != NULL)
        log->stats.memory_bytes = sizeof(*log);
    return log;
}

void ordered_log_free(struct ordered_log *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < log->block_count; i++)
        free(log->blocks[i]);
    while (log->chunks != NULL) {
        struct chunk *chunk = log->chunks;

        log->chunks = chunk->next;
        free(chunk);
    }
    free(log->blocks);
    free(log->buckets);
    free(log);
}
