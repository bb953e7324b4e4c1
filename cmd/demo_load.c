/* SPDX-License-Identifier: MIT */
/* demo_load.c -- the demonstration's writer and its book of acknowledged writes.
 *
 * Write number i puts the value "value i" under a key of its own, so a write whose outcome is
 * unknown may be sent again. The book keeps the revision that was answered. A write that was sent
 * once must be found at exactly this revision; one that was sent again may be found at a later one,
 * that of its repetition.
 */
#include "demo_load.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "client.h"

#define TEXT_BYTES 32u
#define PAGE_KEYS 1000
#define ATTEMPT_MS 1500u
#define PATIENCE_NS UINT64_C(15000000000) /* without any success for so long, the load gives up */
#define RETRY_PAUSE_MS 2u

struct entry {
    int64_t revision;
    bool was_repeated;
};

struct demo_load {
    char *endpoints;
    uv_thread_t thread;
    bool is_joined;
    uv_mutex_t mutex; /* over all below */
    bool must_stop;
    struct demo_progress progress;
    struct entry *book; /* book[i] is write number i; written by the thread alone */
    size_t count, room;
};

static void make_key(char *text, size_t number)
{
    snprintf(text, TEXT_BYTES, "demo/%08zu", number);
}

static void make_value(char *text, size_t number)
{
    snprintf(text, TEXT_BYTES, "value %zu", number);
}

static ProtobufCBinaryData bytes_of(char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

/* ---- the thread ---- */

static bool must_stop(struct demo_load *load)
{
    bool stop;

    uv_mutex_lock(&load->mutex);
    stop = load->must_stop || load->progress.has_failed;
    uv_mutex_unlock(&load->mutex);
    return stop;
}

static void fail(struct demo_load *load, const char *what, const char *reason)
{
    uv_mutex_lock(&load->mutex);
    load->progress.has_failed = true;
    snprintf(load->progress.reason, sizeof(load->progress.reason), "%s: %s", what, reason);
    uv_mutex_unlock(&load->mutex);
}

static bool grow(struct demo_load *load)
{
    size_t room = load->room == 0 ? 4096 : load->room * 2;
    struct entry *book;

    if (load->count < load->room)
        return true;
    book = realloc(load->book, room * sizeof(*book));
    if (book == NULL)
        return false;
    load->book = book;
    load->room = room;
    return true;
}

static void note_write(struct demo_load *load, int64_t revision, bool was_repeated)
{
    uint64_t now_ns = uv_hrtime();

    assert(load->count < load->room);
    load->book[load->count++] = (struct entry){.revision = revision, .was_repeated = was_repeated};
    uv_mutex_lock(&load->mutex);
    if (load->progress.last_ns != 0 && now_ns - load->progress.last_ns > load->progress.gap_ns)
        load->progress.gap_ns = now_ns - load->progress.last_ns;
    load->progress.last_ns = now_ns;
    load->progress.writes++;
    uv_mutex_unlock(&load->mutex);
}

/* Puts the next key, again and again until it is acknowledged. */
static bool write_next(struct demo_load *load, struct client *client)
{
    char key[TEXT_BYTES], value[TEXT_BYTES];
    Etcdserverpb__PutRequest request = ETCDSERVERPB__PUT_REQUEST__INIT;
    Etcdserverpb__PutResponse *response;
    uint64_t start_ns = uv_hrtime();

    make_key(key, load->count);
    make_value(value, load->count);
    request.key = bytes_of(key);
    request.value = bytes_of(value);
    for (bool is_repeated = false;; is_repeated = true) {
        if (client_put(client, &request, &response) == GRPC_OK) {
            note_write(load, response->header != NULL ? response->header->revision : 0,
                       is_repeated);
            etcdserverpb__put_response__free_unpacked(response, NULL);
            return true;
        }
        if (must_stop(load))
            return false;
        if (uv_hrtime() - start_ns > PATIENCE_NS) {
            fail(load, "no write was acknowledged for 15 s", client_error_text(client));
            return false;
        }
        uv_sleep(RETRY_PAUSE_MS);
    }
}

/* Reads the last written key, linearizably; a failed read is tried again, a wrong one ends the
 * demonstration. */
static bool read_back(struct demo_load *load, struct client *client)
{
    char key[TEXT_BYTES], value[TEXT_BYTES];
    Etcdserverpb__RangeRequest request = ETCDSERVERPB__RANGE_REQUEST__INIT;
    Etcdserverpb__RangeResponse *response;
    bool is_right;

    make_key(key, load->count - 1);
    make_value(value, load->count - 1);
    request.key = bytes_of(key);
    while (client_range(client, &request, &response) != GRPC_OK) {
        if (must_stop(load))
            return false;
        uv_sleep(RETRY_PAUSE_MS);
    }
    is_right = response->n_kvs == 1 && response->kvs[0]->value.len == strlen(value) &&
               memcmp(response->kvs[0]->value.data, value, strlen(value)) == 0;
    etcdserverpb__range_response__free_unpacked(response, NULL);
    if (!is_right) {
        fail(load, "a read does not show the write acknowledged just before", key);
        return false;
    }
    uv_mutex_lock(&load->mutex);
    load->progress.reads++;
    uv_mutex_unlock(&load->mutex);
    return true;
}

static void run(void *argument)
{
    struct demo_load *load = argument;
    struct client_options options = {.endpoints = load->endpoints, .timeout_ms = ATTEMPT_MS};
    struct client *client;
    const char *reason;

    if (client_new(&client, &options, &reason) != 0) {
        fail(load, "no client", reason);
        return;
    }
    while (!must_stop(load)) {
        if (!grow(load)) {
            fail(load, "the book of writes", "out of memory");
            break;
        }
        if (!write_next(load, client) || !read_back(load, client))
            break;
    }
    client_free(client);
}

/* ---- for the main thread ---- */

struct demo_load *demo_load_start(const char *endpoints)
{
    struct demo_load *load = calloc(1, sizeof(*load));

    assert(endpoints != NULL);
    if (load == NULL)
        return NULL;
    load->endpoints = strdup(endpoints);
    if (load->endpoints == NULL || uv_mutex_init(&load->mutex) != 0) {
        free(load->endpoints);
        free(load);
        return NULL;
    }
    if (uv_thread_create(&load->thread, run, load) != 0) {
        uv_mutex_destroy(&load->mutex);
        free(load->endpoints);
        free(load);
        return NULL;
    }
    return load;
}

void demo_load_progress(struct demo_load *load, struct demo_progress *ret_progress)
{
    uv_mutex_lock(&load->mutex);
    *ret_progress = load->progress;
    uv_mutex_unlock(&load->mutex);
}

void demo_load_begin_gap(struct demo_load *load)
{
    uv_mutex_lock(&load->mutex);
    load->progress.gap_ns = 0;
    uv_mutex_unlock(&load->mutex);
}

void demo_load_stop(struct demo_load *load)
{
    if (load == NULL || load->is_joined)
        return;
    uv_mutex_lock(&load->mutex);
    load->must_stop = true;
    uv_mutex_unlock(&load->mutex);
    uv_thread_join(&load->thread);
    load->is_joined = true;
}

void demo_load_free(struct demo_load *load)
{
    if (load == NULL)
        return;
    demo_load_stop(load);
    uv_mutex_destroy(&load->mutex);
    free(load->book);
    free(load->endpoints);
    free(load);
}

/* ---- the comparison ---- */

static bool is_as_written(const struct demo_load *load, size_t number, const Mvccpb__KeyValue *pair,
                          char *ret_reason)
{
    char key[TEXT_BYTES], value[TEXT_BYTES];
    const struct entry *entry = &load->book[number];

    make_key(key, number);
    make_value(value, number);
    if (pair->key.len != strlen(key) || memcmp(pair->key.data, key, pair->key.len) != 0) {
        snprintf(ret_reason, DEMO_REASON_BYTES, "%s was acknowledged and is missing", key);
        return false;
    }
    if (pair->value.len != strlen(value) || memcmp(pair->value.data, value, pair->value.len) != 0) {
        snprintf(ret_reason, DEMO_REASON_BYTES, "%s has another value", key);
        return false;
    }
    if (entry->was_repeated ? pair->mod_revision < entry->revision
                            : pair->mod_revision != entry->revision) {
        snprintf(ret_reason, DEMO_REASON_BYTES,
                 "%s was acknowledged at revision %" PRId64 " and is at %" PRId64, key,
                 entry->revision, pair->mod_revision);
        return false;
    }
    return true;
}

/* Compares one page, from write number first on; returns how many keys it had, or -1 with a
 * reason. */
static int64_t verify_page(const struct demo_load *load, struct client *client, size_t first,
                           char *ret_reason)
{
    char key[TEXT_BYTES], end[] = "demo0"; /* the first key after all "demo/" */
    Etcdserverpb__RangeRequest request = ETCDSERVERPB__RANGE_REQUEST__INIT;
    Etcdserverpb__RangeResponse *response;
    enum grpc_status code;
    int64_t count;

    make_key(key, first);
    request.key = bytes_of(key);
    request.range_end = bytes_of(end);
    request.limit = PAGE_KEYS;
    request.serializable = true;
    code = client_range(client, &request, &response);
    if (code != GRPC_OK) {
        snprintf(ret_reason, DEMO_REASON_BYTES, "cannot read: %s: %s", grpc_status_name(code),
                 client_error_text(client));
        return -1;
    }
    count = (int64_t)response->n_kvs;
    for (size_t i = 0; i < response->n_kvs && first + i < load->count; i++) {
        if (!is_as_written(load, first + i, response->kvs[i], ret_reason)) {
            count = -1;
            break;
        }
    }
    etcdserverpb__range_response__free_unpacked(response, NULL);
    return count;
}

bool demo_load_verify(const struct demo_load *load, const char *endpoint, char *ret_reason)
{
    struct client_options options = {.endpoints = endpoint};
    struct client *client;
    const char *reason;
    size_t number = 0;

    assert(load->is_joined);
    if (client_new(&client, &options, &reason) != 0) {
        snprintf(ret_reason, DEMO_REASON_BYTES, "%s", reason);
        return false;
    }
    while (number < load->count) {
        int64_t count = verify_page(load, client, number, ret_reason);

        if (count == 0)
            snprintf(ret_reason, DEMO_REASON_BYTES, "the last %zu acknowledged writes are missing",
                     load->count - number);
        if (count <= 0)
            break;
        number += (size_t)count;
    }
    client_free(client);
    return number >= load->count;
}
