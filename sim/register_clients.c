/* SPDX-License-Identifier: MIT */
/* register_clients.c -- call, wait, note what came. */
#include "register_clients.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

#define RETRY_NS (4 * SIM_MILLISECOND)
#define NUMBERED_VERSIONS 6u

static uint64_t now_of(const struct register_clients *clients)
{
    return clients->cluster->world->now_ns;
}

void register_clients_init(struct register_clients *clients, struct register_cluster *cluster)
{
    const struct sim_options *options = cluster->options;

    memset(clients, 0, sizeof(*clients));
    clients->cluster = cluster;
    clients->stopped = true;
    prng_init(&clients->prng, world_seed(cluster->world, "clients", 0));
    clients->client_count = (unsigned)options->clients;
    for (unsigned id = 1; id <= clients->client_count; id++)
        clients->client[id] = (struct register_client){.clients = clients, .id = id};
    clients->key_count = options->keys < REGISTER_KEYS_MAX ? options->keys : REGISTER_KEYS_MAX;
    for (uint64_t key = 0; key < clients->key_count; key++) {
        register_history_init(&clients->histories[key], cluster->verdict, key, key % 3 == 2);
        if (cluster->keep_versions > 0)
            clients->histories[key].may_forget = UINT64_MAX;
    }
}

void register_clients_release(struct register_clients *clients)
{
    for (uint64_t key = 0; key < clients->key_count; key++)
        register_history_release(&clients->histories[key]);
    free(clients->calls);
}

/* --- what came back --- */

static uint64_t token_of(const struct decree_value *value)
{
    uint64_t token = 0;

    if (value->size >= sizeof(token))
        memcpy(&token, value->data, sizeof(token));
    return token;
}

/* The version that was the latest at some moment of the call, or 0 if the answer does not say. */
static uint64_t latest_shown(const struct register_call *call,
                             const struct decree_register_answer *answer)
{
    const struct decree_register_request *request = &call->request;
    bool tells = (request->operation == DECREE_REGISTER_GET && request->version == 0) ||
                 (request->operation == DECREE_REGISTER_CAS && answer->error == DECREE_CONFLICT) ||
                 (request->operation == DECREE_REGISTER_HISTORY && request->limit == 0);

    return tells && answer->version_count > 0 ? answer->versions[answer->version_count - 1].version
                                              : 0;
}

static void note_versions(struct register_clients *clients, const struct register_call *call,
                          const struct decree_register_answer *answer)
{
    for (uint32_t i = 0; i < answer->version_count; i++) {
        uint64_t version = answer->versions[i].version;

        register_history_saw(&clients->histories[call->key], now_of(clients), call->called,
                             call->returned, version, token_of(answer->versions[i].value),
                             version == latest_shown(call, answer));
    }
}

static void expect(struct register_clients *clients, const struct register_call *call, bool holds,
                   const char *what)
{
    if (!holds)
        verdict_fail(clients->cluster->verdict, "register-answer", now_of(clients),
                     "node %u, key %" PRIu64 ", operation %u: expected %s", call->node, call->key,
                     (unsigned)call->request.operation, what);
}

/* What an answer must look like, whatever else happens. */
static void judge_answer(struct register_clients *clients, const struct register_call *call,
                         const struct decree_register_answer *answer)
{
    const struct decree_register_request *request = &call->request;
    bool writes = request->operation == DECREE_REGISTER_SET ||
                  request->operation == DECREE_REGISTER_CAS;
    bool one = answer->version_count == 1;

    if (writes && answer->error == 0)
        expect(clients, call, one && token_of(answer->versions[0].value) == call->token,
               "a set to answer with what it has set");
    if (writes && request->version != 0 && one)
        expect(clients, call, answer->versions[0].version == request->version,
               "a set of a version to answer for that version");
    if (request->operation == DECREE_REGISTER_CAS && answer->error == 0)
        expect(clients, call, one && answer->versions[0].version == request->expected + 1,
               "a compare-and-set to land behind what it expected");
    if (request->operation == DECREE_REGISTER_CAS && answer->error == DECREE_CONFLICT)
        expect(clients, call, (one ? answer->versions[0].version : 0) != request->expected,
               "a conflict to show another version than the expected one");
    if (request->operation == DECREE_REGISTER_GET && answer->error == 0)
        expect(clients, call,
               one && (request->version == 0 || answer->versions[0].version == request->version),
               "a get to answer with the version that was asked for");
    for (uint32_t i = 1; i < answer->version_count; i++)
        expect(clients, call, answer->versions[i].version > answer->versions[i - 1].version,
               "a history in order");
}

static void note_answer(struct register_clients *clients, struct register_call *call,
                        const struct decree_register_answer *answer)
{
    struct register_history *history = &clients->histories[call->key];
    enum decree_register_operation operation = call->request.operation;

    judge_answer(clients, call, answer);
    note_versions(clients, call, answer);
    call->refused = call->token != 0 && answer->error == DECREE_CONFLICT;
    call->done = answer->error == 0;
    if (operation == DECREE_REGISTER_CAS && call->refused && answer->version_count == 0)
        register_history_missed(history, call->called, 0);
    if (answer->error == DECREE_NOT_FOUND)
        register_history_missed(history, call->called,
                                operation == DECREE_REGISTER_GET ? call->request.version : 0);
    if (answer->error == DECREE_COMPACTED)
        register_history_compacted(history, now_of(clients), call->request.version);
    if (call->done && operation == DECREE_REGISTER_FORGET)
        register_history_forgot(history, call->returned, call->gone);
}

/* --- clients --- */

static void client_next(void *context, uint64_t turn, void *memory);

static void client_think(struct register_client *client)
{
    struct register_clients *clients = client->clients;
    uint64_t think_ns = clients->cluster->options->think;

    client->call = 0;
    client->turn++;
    world_at(clients->cluster->world,
             now_of(clients) + draw_between(&clients->prng, 0, 2 * think_ns), client_next, client,
             client->turn, NULL);
}

/* Who waited for a node that died has gone away: on_crash(). */
static void measure(struct register_clients *clients, const struct register_call *call)
{
    uint64_t wait_ns = now_of(clients) - call->called_ns;
    uint64_t gap_ns = now_of(clients) - clients->last_return_ns;

    if (wait_ns > clients->longest_wait_ns && call->request.operation != DECREE_REGISTER_HISTORY)
        clients->longest_wait_ns = wait_ns;
    if (gap_ns > clients->longest_gap_ns)
        clients->longest_gap_ns = gap_ns;
    clients->last_return_ns = now_of(clients);
}

static void on_answer(void *context, unsigned node, const struct decree_register_answer *answer)
{
    struct register_clients *clients = context;
    struct register_call *call = &clients->calls[answer->name];

    assert(answer->name >= 1 && answer->name <= clients->count);
    expect(clients, call, call->node == node && call->returned == 0,
           "one answer, where it was asked");
    if (answer->error != DECREE_LOST) {
        call->returned = ++clients->moments;
        clients->acknowledged++;
        note_answer(clients, call, answer);
    }
    for (unsigned id = 1; id <= clients->client_count; id++) {
        struct register_client *client = &clients->client[id];

        if (client->call != answer->name)
            continue;
        if (answer->error != DECREE_LOST) {
            client->completed++;
            measure(clients, call);
        }
        client_think(client);
    }
}

/* Nobody waits for the dead. */
static void on_crash(void *context, unsigned node)
{
    struct register_clients *clients = context;

    for (unsigned id = 1; id <= clients->client_count; id++) {
        struct register_client *client = &clients->client[id];

        if (client->call == 0 || clients->calls[client->call].node != node)
            continue;
        client->node = 0;
        client_think(client);
    }
}

static void on_timeout(void *context, uint64_t turn, void *memory)
{
    struct register_client *client = context;

    (void)memory;
    if (turn != client->turn || client->call == 0)
        return;
    client->node = 0;
    client_think(client);
}

static struct register_call *add_call(struct register_clients *clients)
{
    if (clients->count + 1 >= clients->room) {
        clients->room = clients->room == 0 ? 256 : 2 * clients->room;
        clients->calls = realloc(clients->calls, clients->room * sizeof(*clients->calls));
        assert(clients->calls != NULL);
    }
    clients->count++;
    clients->calls[clients->count] = (struct register_call){.request.name = clients->count};
    return &clients->calls[clients->count];
}

static void draw_numbered(struct register_clients *clients, struct register_call *call)
{
    struct decree_register_request *request = &call->request;

    request->operation = prng_below(&clients->prng, 2) == 0 ? DECREE_REGISTER_SET
                                                            : DECREE_REGISTER_GET;
    request->version = draw_between(&clients->prng, 1, NUMBERED_VERSIONS);
}

static void draw_version(struct register_clients *clients, struct register_call *call)
{
    uint64_t highest = clients->histories[call->key].highest;

    call->request.version = draw_between(&clients->prng, 1, highest + 2);
}

static void draw_appending(struct register_clients *clients, struct register_call *call)
{
    struct decree_register_request *request = &call->request;
    uint64_t highest = clients->histories[call->key].highest;

    switch (prng_below(&clients->prng, 12)) {
    case 0:
    case 1:
        request->operation = DECREE_REGISTER_CAS;
        request->expected = draw_between(&clients->prng, highest > 0 ? highest - 1 : 0,
                                         highest + 1);
        return;
    case 2:
        request->operation = DECREE_REGISTER_HISTORY;
        request->limit = (uint32_t)prng_below(&clients->prng, 4);
        return;
    case 3:
        request->operation = DECREE_REGISTER_GET;
        draw_version(clients, call);
        return;
    case 4:
        if (prng_below(&clients->prng, 4) == 0) {
            request->operation = DECREE_REGISTER_FORGET;
            draw_version(clients, call);
            return;
        }
        request->operation = DECREE_REGISTER_GET;
        return;
    case 5:
    case 6:
    case 7:
        request->operation = DECREE_REGISTER_GET;
        return;
    default:
        request->operation = DECREE_REGISTER_SET;
        return;
    }
}

static struct decree_value *value_of(struct register_clients *clients, uint64_t token)
{
    uint64_t padding = draw_between(&clients->prng, 0, clients->cluster->options->value_bytes);
    uint8_t *bytes = calloc(1, sizeof(token) + padding);
    struct decree_value *value;

    assert(bytes != NULL);
    memcpy(bytes, &token, sizeof(token));
    value = decree_value_copy(bytes, (uint32_t)(sizeof(token) + padding));
    free(bytes);
    assert(value != NULL);
    return value;
}

static int offer(struct register_clients *clients, struct register_call *call)
{
    struct decree_register_request request = call->request;
    char name[16];
    int error;

    snprintf(name, sizeof(name), "k%" PRIu64, call->key);
    request.key = (struct decree_register_key){.data = (const uint8_t *)name,
                                               .size = (uint32_t)strlen(name)};
    if (call->token != 0)
        request.value = value_of(clients, call->token);
    error = register_node_request(register_cluster_node(clients->cluster, call->node), &request);
    decree_value_unref(request.value);
    return error;
}

static unsigned pick_node(struct register_client *client)
{
    struct register_clients *clients = client->clients;
    unsigned node;

    if (client->node != 0 && (clients->nodes >> client->node & 1) != 0 &&
        prng_below(&clients->prng, 8) != 0)
        return client->node;
    do
        node = (unsigned)draw_between(&clients->prng, 1, clients->cluster->node_count);
    while ((clients->nodes >> node & 1) == 0);
    return node;
}

static void call_out(struct register_client *client)
{
    struct register_clients *clients = client->clients;
    struct register_call *call = add_call(clients);
    uint64_t timeout_ns = clients->cluster->options->timeout;

    call->key = prng_below(&clients->prng, clients->key_count);
    if (clients->histories[call->key].numbered)
        draw_numbered(clients, call);
    else
        draw_appending(clients, call);
    if (call->request.operation == DECREE_REGISTER_SET ||
        call->request.operation == DECREE_REGISTER_CAS)
        call->token = call->request.name;
    if (call->request.operation == DECREE_REGISTER_FORGET)
        call->gone = register_history_forgets(&clients->histories[call->key],
                                              call->request.version);
    if (prng_below(&clients->prng, 2) == 0)
        call->request.deadline_ns = now_of(clients) + timeout_ns / 2;
    call->called = ++clients->moments;
    call->called_ns = now_of(clients);
    call->node = client->node = pick_node(client);
    client->call = call->request.name;
    if (offer(clients, call) == 0) {
        world_at(clients->cluster->world, now_of(clients) + timeout_ns, on_timeout, client,
                 client->turn, NULL);
        return;
    }
    call->refused = call->token != 0;
    client->call = 0;
    client->node = 0;
    client->turn++;
    world_at(clients->cluster->world, now_of(clients) + RETRY_NS, client_next, client, client->turn,
             NULL);
}

static void client_next(void *context, uint64_t turn, void *memory)
{
    struct register_client *client = context;
    struct register_clients *clients = client->clients;

    (void)memory;
    if (turn != client->turn || clients->stopped || clients->count >= clients->calls_limit)
        return;
    call_out(client);
}

void register_clients_start(struct register_clients *clients, unsigned nodes)
{
    assert(nodes != 0);
    clients->cluster->context = clients;
    clients->cluster->on_answer = on_answer;
    clients->cluster->on_crash = on_crash;
    clients->nodes = nodes;
    clients->stopped = false;
    clients->longest_wait_ns = clients->longest_gap_ns = 0;
    clients->last_return_ns = now_of(clients);
    for (unsigned id = 1; id <= clients->client_count; id++)
        if (clients->client[id].call == 0)
            client_think(&clients->client[id]);
}

void register_clients_stop(struct register_clients *clients)
{
    clients->stopped = true;
}

unsigned register_clients_waiting(const struct register_clients *clients)
{
    unsigned waiting = 0;

    for (unsigned id = 1; id <= clients->client_count; id++)
        waiting += clients->client[id].call != 0;
    return waiting;
}

/* --- the end --- */

static bool sweep_one(struct register_clients *clients, unsigned node, uint64_t key,
                      uint64_t version)
{
    struct register_call *call = add_call(clients);

    call->key = key;
    call->request.operation = DECREE_REGISTER_GET;
    call->request.version = version;
    call->node = node;
    call->called = ++clients->moments;
    call->called_ns = now_of(clients);
    return offer(clients, call) == 0;
}

bool register_clients_sweep(struct register_clients *clients, unsigned node)
{
    clients->sweep_first = clients->count + 1;
    for (uint64_t key = 0; key < clients->key_count; key++) {
        uint64_t highest = clients->histories[key].highest;

        for (uint64_t version = 0; version <= highest + 1; version++)
            if (!sweep_one(clients, node, key, version))
                return false;
    }
    return true;
}

bool register_clients_swept(const struct register_clients *clients)
{
    for (uint64_t name = clients->sweep_first; name <= clients->count; name++)
        if (clients->calls[name].returned == 0)
            return false;
    return true;
}

void register_clients_check(struct register_clients *clients)
{
    for (uint64_t name = 1; name <= clients->count; name++) {
        const struct register_call *call = &clients->calls[name];

        if (call->token != 0)
            register_history_set(&clients->histories[call->key], now_of(clients), call->called,
                                 call->done ? call->returned : 0, call->token, call->refused);
    }
    for (uint64_t key = 0; key < clients->key_count; key++)
        register_history_check(&clients->histories[key], now_of(clients));
}
