/* SPDX-License-Identifier: MIT */
/* register_bed.c -- see register_bed.h. */
#include "register_bed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AWAIT_NS (10000 * BED_MS)

struct decree_register_key bed_key(const char *text)
{
    return (struct decree_register_key){.data = (const uint8_t *)text,
                                        .size = (uint32_t)strlen(text)};
}

void bed_init(struct bed *bed, uint32_t count, const struct decree_registers_config *config)
{
    assert(count <= BED_NODES_MAX);
    memset(bed, 0, sizeof(*bed));
    bed->config = *config;
    bed->count = count;
    for (uint32_t i = 0; i < count; i++)
        bed->members[i] = i + 1;
}

static struct bed_node *node_of(struct bed *bed, decree_node_id id)
{
    assert(id >= 1 && id <= bed->count);
    return &bed->nodes[id];
}

/* --- links --- */

static void link_put(struct bed_link *link, const struct decree_register_message *message)
{
    struct decree_register_message *copy;
    uint8_t *key = malloc(message->key.size);

    if (link->count == link->room) {
        link->room = link->room == 0 ? 16 : 2 * link->room;
        link->messages = realloc(link->messages, link->room * sizeof(*link->messages));
    }
    assert(key != NULL && link->messages != NULL);
    memcpy(key, message->key.data, message->key.size);
    copy = &link->messages[link->count++];
    *copy = *message;
    copy->key.data = key;
    decree_value_ref(message->value);
}

static void message_free(struct decree_register_message *message)
{
    free((void *)(uintptr_t)message->key.data);
    decree_value_unref(message->value);
}

static struct decree_register_message link_take(struct bed_link *link, uint32_t place)
{
    struct decree_register_message message;

    assert(place < link->count);
    message = link->messages[place];
    link->count--;
    memmove(link->messages + place, link->messages + place + 1,
            (link->count - place) * sizeof(message));
    return message;
}

void bed_send(struct bed *bed, const struct decree_register_message *message)
{
    struct bed_link *link = &bed->links[message->from][message->to];

    if (!link->cut)
        link_put(link, message);
}

/* --- effects --- */

static void journal_put(struct bed_node *node, const struct decree_register_record *record)
{
    if (node->journal_count == node->journal_room) {
        node->journal_room = node->journal_room == 0 ? 16 : 2 * node->journal_room;
        node->journal = realloc(node->journal, node->journal_room * sizeof(*node->journal));
        assert(node->journal != NULL);
    }
    assert(record->number == node->journal_count + 1);
    decree_value_ref(record->value);
    node->journal[node->journal_count++] = *record;
}

static void keep_answer(struct bed_node *node, const struct decree_register_answer *answer)
{
    struct bed_answer *kept = &node->answers[node->answer_count++ % BED_ANSWERS_MAX];

    assert(answer->version_count <= BED_VERSIONS_MAX);
    *kept = (struct bed_answer){.name = answer->name,
                                .error = answer->error,
                                .latest = answer->latest,
                                .rounds = answer->rounds,
                                .version_count = answer->version_count};
    for (uint32_t i = 0; i < answer->version_count; i++) {
        const struct decree_value *value = answer->versions[i].value;

        kept->versions[i] = answer->versions[i].version;
        snprintf(kept->values[i], BED_TEXT_MAX, "%.*s", (int)value->size,
                 (const char *)value->data);
    }
}

static void take(struct bed *bed, decree_node_id id)
{
    struct bed_node *node = node_of(bed, id);
    struct decree_register_effects effects;

    decree_registers_take(node->registers, &effects);
    if (bed->on_effects != NULL)
        bed->on_effects(bed->context, id, &effects);
    for (uint32_t i = 0; i < effects.record_count; i++)
        journal_put(node, &effects.records[i]);
    for (uint32_t i = 0; i < effects.message_count; i++)
        bed_send(bed, &effects.messages[i]);
    for (uint32_t i = 0; i < effects.answer_count; i++)
        keep_answer(node, &effects.answers[i]);
    node->sync_number = effects.sync_number;
    node->wake_at_ns = effects.wake_at_ns;
}

int bed_step(struct bed *bed, decree_node_id id, struct decree_register_event *event)
{
    int error;

    event->now_ns = bed->now_ns;
    error = decree_registers_step(node_of(bed, id)->registers, event);
    take(bed, id);
    return error;
}

/* --- life --- */

static int restore(struct bed *bed, decree_node_id id)
{
    struct bed_node *node = node_of(bed, id);
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_RESTORE};
    int error = 0;

    for (uint64_t i = 0; i < node->journal_count && error == 0; i++) {
        event.u.restore = node->journal[i];
        error = bed_step(bed, id, &event);
    }
    event.type = DECREE_REGISTER_EVENT_START;
    return error != 0 ? error : bed_step(bed, id, &event);
}

int bed_start(struct bed *bed, decree_node_id id)
{
    struct bed_node *node = node_of(bed, id);
    struct decree_registers_config config = bed->config;
    int error;

    assert(node->registers == NULL);
    config.self = id;
    config.members = bed->members;
    config.member_count = bed->count;
    config.seed += id;
    error = decree_registers_open(&node->registers, &config);
    return error != 0 ? error : restore(bed, id);
}

void bed_start_all(struct bed *bed)
{
    for (decree_node_id id = 1; id <= bed->count; id++) {
        int error = bed_start(bed, id);

        assert(error == 0);
        error = bed_persist(bed, id, 0);
        assert(error == 0);
    }
}

void bed_crash(struct bed *bed, decree_node_id id)
{
    struct bed_node *node = node_of(bed, id);

    decree_registers_close(node->registers);
    node->registers = NULL;
    while (node->journal_count > node->synced)
        decree_value_unref(node->journal[--node->journal_count].value);
}

void bed_release(struct bed *bed)
{
    for (decree_node_id id = 1; id <= bed->count; id++) {
        struct bed_node *node = &bed->nodes[id];

        node->synced = 0;
        bed_crash(bed, id);
        free(node->journal);
    }
    for (uint32_t from = 0; from <= bed->count; from++) {
        for (uint32_t to = 0; to <= bed->count; to++) {
            struct bed_link *link = &bed->links[from][to];

            while (link->count > 0)
                bed_drop(bed, from, to, 0);
            free(link->messages);
        }
    }
}

/* --- requests --- */

int bed_request(struct bed *bed, decree_node_id id, struct decree_register_request *request)
{
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_REQUEST};

    request->name = ++bed->requests;
    event.u.request = *request;
    return bed_step(bed, id, &event);
}

static uint64_t ask(struct bed *bed, decree_node_id id, struct decree_register_request *request,
                    const char *value)
{
    int error;

    if (value != NULL)
        request->value = decree_value_copy(value, (uint32_t)strlen(value));
    error = bed_request(bed, id, request);
    decree_value_unref(request->value);
    return error == 0 ? request->name : 0;
}

uint64_t bed_set(struct bed *bed, decree_node_id id, const char *key, const char *value,
                 uint64_t version)
{
    struct decree_register_request request = {
        .operation = DECREE_REGISTER_SET, .key = bed_key(key), .version = version};

    return ask(bed, id, &request, value);
}

uint64_t bed_get(struct bed *bed, decree_node_id id, const char *key, uint64_t version)
{
    struct decree_register_request request = {
        .operation = DECREE_REGISTER_GET, .key = bed_key(key), .version = version};

    return ask(bed, id, &request, NULL);
}

uint64_t bed_cas(struct bed *bed, decree_node_id id, const char *key, uint64_t expected,
                 const char *value)
{
    struct decree_register_request request = {
        .operation = DECREE_REGISTER_CAS, .key = bed_key(key), .expected = expected};

    return ask(bed, id, &request, value);
}

uint64_t bed_history(struct bed *bed, decree_node_id id, const char *key, uint64_t version,
                     uint32_t limit)
{
    struct decree_register_request request = {.operation = DECREE_REGISTER_HISTORY,
                                              .key = bed_key(key),
                                              .version = version,
                                              .limit = limit};

    return ask(bed, id, &request, NULL);
}

uint64_t bed_forget(struct bed *bed, decree_node_id id, const char *key, uint64_t version)
{
    struct decree_register_request request = {
        .operation = DECREE_REGISTER_FORGET, .key = bed_key(key), .version = version};

    return ask(bed, id, &request, NULL);
}

const struct bed_answer *bed_answer(const struct bed *bed, decree_node_id id, uint64_t name)
{
    const struct bed_node *node = &bed->nodes[id];

    for (uint32_t i = 0; i < node->answer_count && i < BED_ANSWERS_MAX; i++)
        if (node->answers[i].name == name)
            return &node->answers[i];
    return NULL;
}

/* --- moves --- */

int bed_persist(struct bed *bed, decree_node_id id, uint64_t number)
{
    struct bed_node *node = node_of(bed, id);
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_PERSISTED};

    node->synced = number == 0 ? node->journal_count : number;
    event.u.persisted = node->synced;
    return bed_step(bed, id, &event);
}

int bed_deliver(struct bed *bed, decree_node_id from, decree_node_id to, uint32_t place)
{
    struct decree_register_message message = link_take(&bed->links[from][to], place);
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_MESSAGE,
                                          .u.message = message};
    int error = 0;

    if (to != 0 && node_of(bed, to)->registers != NULL)
        error = bed_step(bed, to, &event);
    message_free(&message);
    return error;
}

void bed_drop(struct bed *bed, decree_node_id from, decree_node_id to, uint32_t place)
{
    struct decree_register_message message = link_take(&bed->links[from][to], place);

    message_free(&message);
}

void bed_copy(struct bed *bed, decree_node_id from, decree_node_id to, uint32_t place)
{
    struct bed_link *link = &bed->links[from][to];
    struct decree_register_message message = link->messages[place];

    link_put(link, &message);
}

int bed_wake(struct bed *bed, decree_node_id id)
{
    struct decree_register_event event = {.type = DECREE_REGISTER_EVENT_WAKE};

    return bed_step(bed, id, &event);
}

static bool drain_one(struct bed *bed)
{
    for (uint32_t from = 0; from <= bed->count; from++) {
        for (uint32_t to = 1; to <= bed->count; to++) {
            if (bed->links[from][to].count == 0)
                continue;
            bed_deliver(bed, from, to, 0);
            return true;
        }
    }
    for (decree_node_id id = 1; id <= bed->count; id++) {
        struct bed_node *node = &bed->nodes[id];

        if (node->registers == NULL || node->hangs || node->synced == node->journal_count)
            continue;
        bed_persist(bed, id, 0);
        return true;
    }
    return false;
}

void bed_drain(struct bed *bed)
{
    while (drain_one(bed))
        continue;
}

static uint64_t first_wake(const struct bed *bed)
{
    uint64_t first = UINT64_MAX;

    for (decree_node_id id = 1; id <= bed->count; id++)
        if (bed->nodes[id].registers != NULL && bed->nodes[id].wake_at_ns < first)
            first = bed->nodes[id].wake_at_ns;
    return first;
}

/* The clock goes to the next timer, or to until_ns. */
static void run_on(struct bed *bed, uint64_t until_ns)
{
    uint64_t next_ns = first_wake(bed);

    bed->now_ns = next_ns < until_ns ? next_ns : until_ns;
    for (decree_node_id id = 1; id <= bed->count; id++)
        if (bed->nodes[id].registers != NULL && bed->nodes[id].wake_at_ns <= bed->now_ns)
            bed_wake(bed, id);
    bed_drain(bed);
}

void bed_run(struct bed *bed, uint64_t duration_ns)
{
    uint64_t until_ns = bed->now_ns + duration_ns;

    bed_drain(bed);
    while (bed->now_ns < until_ns)
        run_on(bed, until_ns);
}

const struct bed_answer *bed_await(struct bed *bed, decree_node_id id, uint64_t name)
{
    uint64_t until_ns = bed->now_ns + AWAIT_NS;

    bed_drain(bed);
    while (bed_answer(bed, id, name) == NULL && bed->now_ns < until_ns)
        run_on(bed, until_ns);
    return bed_answer(bed, id, name);
}
