/* SPDX-License-Identifier: MIT */
/* watch_load.c -- many watches of one key, or of a key each, and what it takes until all know.
 *
 *     watch_load HOST PORT CONNECTIONS WATCHES latency PUTS         one put after the other
 *     watch_load HOST PORT CONNECTIONS WATCHES rate SECONDS AHEAD   AHEAD puts that not all know of
 *     watch_load HOST PORT CONNECTIONS WATCHES hold                 a key each, until stdin ends
 *
 * Each connection has one stream with its share of the watches; puts go over a connection of their
 * own. Each watch must get one event per put, neither less nor more, or the program exits with 1.
 * Prints lines of a name and a value; "hold" prints "ready 1" when all watches stand.
 */
#include "raw_http2.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCHES_MAX 1000000u
#define PUTS_MAX 100000u
#define CREATES_AHEAD 64u /* of a stream */
#define VALUE_BYTES 256u
#define KEY "bench-k1"

struct load {
    struct raw_client client;
    struct raw_connection *putting;
    struct watching *watching; /* one per connection */
    uint32_t connections, watches;
    uint64_t events, created, put, answered;
    bool holds;
};

struct watching { /* a stream, and how many events each of its watches got */
    struct raw_stream *stream;
    uint32_t watches, asked, created;
    uint64_t *got;
};

static struct load load;

/* ---- what comes ---- */

static void on_watch_message(struct watching *watching, const uint8_t *message, size_t size)
{
    const uint8_t *end = message + size;
    struct raw_field field;
    uint64_t id = 0, events = 0;

    while (raw_next_field(&message, end, &field)) {
        if (field.number == 2)
            id = field.value;
        else if (field.number == 3)
            watching->created++, load.created++;
        else if (field.number == 4)
            raw_die("a watch was cancelled");
        else if (field.number == 11)
            events++;
    }
    if (id >= watching->watches)
        raw_die("an event of a watch that is none");
    watching->got[id] += events;
    load.events += events;
}

static void on_message(struct raw_stream *stream, const uint8_t *message, size_t size)
{
    if (stream->owner != NULL)
        on_watch_message(stream->owner, message, size);
}

static void on_ended(struct raw_stream *stream)
{
    if (stream->owner != NULL)
        raw_die("a stream of watches ended");
    if (stream->messages != 1)
        raw_die("a put failed");
    load.answered++;
}

/* ---- what is sent ---- */

static void create(struct watching *watching, uint32_t number)
{
    uint8_t inner[64], outer[80], *at;
    char key[32] = KEY;

    if (load.holds)
        (void)snprintf(key, sizeof(key), "held-%010u", number);
    at = raw_put_bytes(inner, 1, key, strlen(key));
    at = raw_put_bytes(outer, 1, inner, (size_t)(at - inner));
    raw_stream_send(watching->stream, outer, (size_t)(at - outer), false);
}

static void put(void)
{
    uint8_t value[VALUE_BYTES], message[VALUE_BYTES + 32], *at;

    for (uint32_t i = 0; i < VALUE_BYTES; i++)
        value[i] = (uint8_t)(i * 131);
    at = raw_put_bytes(message, 1, KEY, strlen(KEY));
    at = raw_put_bytes(at, 2, value, VALUE_BYTES);
    raw_stream_send(raw_stream_open(load.putting, "/etcdserverpb.KV/Put", NULL), message,
                    (size_t)(at - message), true);
    load.put++;
}

static void open_watches(const struct sockaddr_in *address)
{
    load.watching = calloc(load.connections, sizeof(*load.watching));
    for (uint32_t i = 0; load.watching != NULL && i < load.connections; i++) {
        struct watching *watching = &load.watching[i];

        watching->watches = load.watches / load.connections;
        watching->got = calloc(watching->watches, sizeof(*watching->got));
        if (watching->got == NULL)
            raw_die("out of memory");
        watching->stream = raw_stream_open(raw_connect(&load.client, address),
                                           "/etcdserverpb.Watch/Watch", watching);
    }
    while (load.created < load.watches) {
        for (uint32_t i = 0; i < load.connections; i++) {
            struct watching *watching = &load.watching[i];

            while (watching->asked < watching->watches &&
                   watching->asked < watching->created + CREATES_AHEAD)
                create(watching, i * watching->watches + watching->asked++);
        }
        raw_client_turn(&load.client, -1);
    }
}

/* ---- the modes ---- */

static int compare_ns(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static void run_latency(uint32_t puts)
{
    uint64_t *took_ns = calloc(puts, sizeof(*took_ns)), sum_ns = 0;

    if (took_ns == NULL)
        raw_die("out of memory");
    for (uint32_t i = 0; i < puts; i++) {
        uint64_t begun_ns = raw_now_ns();

        put();
        while (load.events < load.put * load.watches)
            raw_client_turn(&load.client, -1);
        took_ns[i] = raw_now_ns() - begun_ns;
        sum_ns += took_ns[i];
        while (load.answered < load.put)
            raw_client_turn(&load.client, -1);
    }
    qsort(took_ns, puts, sizeof(*took_ns), compare_ns);
    printf("p50_us %.1f\np99_us %.1f\nmean_us %.1f\nputs %" PRIu64 "\n",
           (double)took_ns[puts / 2] / 1e3, (double)took_ns[puts * 99 / 100] / 1e3,
           (double)sum_ns / 1e3 / puts, load.put);
    free(took_ns);
}

static void run_rate(double seconds, uint64_t ahead)
{
    uint64_t begun_ns = raw_now_ns(), now_ns = begun_ns;
    double took;

    while ((double)(now_ns - begun_ns) < seconds * 1e9) {
        while (load.put < load.events / load.watches + ahead)
            put();
        raw_client_turn(&load.client, -1);
        now_ns = raw_now_ns();
    }
    while (load.events < load.put * load.watches || load.answered < load.put)
        raw_client_turn(&load.client, -1);
    took = (double)(raw_now_ns() - begun_ns) / 1e9;
    printf("events_per_second %.0f\nputs_per_second %.1f\nputs %" PRIu64 "\n",
           (double)load.events / took, (double)load.put / took, load.put);
}

static void run_hold(void)
{
    char byte;

    printf("ready 1\n");
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
}

static void check_and_free(void)
{
    for (uint32_t i = 0; i < load.connections; i++) {
        for (uint32_t j = 0; j < load.watching[i].watches; j++)
            if (load.watching[i].got[j] != load.put)
                raw_die("a watch did not get each event once");
        free(load.watching[i].got);
    }
    free(load.watching);
}

int main(int argc, char **argv)
{
    static const char USAGE[] = "usage: watch_load HOST PORT CONNECTIONS WATCHES latency PUTS | "
                                "rate SECONDS AHEAD | hold";
    struct sockaddr_in address;
    uint32_t number = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 0;

    if (argc < 6)
        raw_die(USAGE);
    load.connections = (uint32_t)strtoul(argv[3], NULL, 10);
    load.watches = (uint32_t)strtoul(argv[4], NULL, 10);
    load.holds = strcmp(argv[5], "hold") == 0;
    if (load.connections == 0 || load.watches == 0 || load.watches > WATCHES_MAX ||
        load.watches % load.connections != 0 || number > PUTS_MAX)
        raw_die(USAGE);
    address = raw_address(argv[1], argv[2]);
    raw_client_init(&load.client);
    load.client.message = on_message;
    load.client.ended = on_ended;
    open_watches(&address);
    load.putting = raw_connect(&load.client, &address);
    if (load.holds)
        run_hold();
    else if (strcmp(argv[5], "latency") == 0 && number > 0)
        run_latency(number);
    else if (strcmp(argv[5], "rate") == 0 && argc > 7)
        run_rate(number, strtoull(argv[7], NULL, 10));
    else
        raw_die(USAGE);
    check_and_free();
    raw_client_release(&load.client);
    return 0;
}
