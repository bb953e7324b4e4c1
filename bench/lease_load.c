/* SPDX-License-Identifier: MIT */
/* lease_load.c -- keeps leases alive, each again as soon as the answer is there.
 *
 *     lease_load HOST PORT STREAMS LEASES SECONDS
 *
 * STREAMS connections with one LeaseKeepAlive stream each, LEASES leases of its own on each. An
 * answer must be for a lease of its stream and grant time, or the program exits with 1. Prints lines
 * of a name and a value.
 */
#include "raw_http2.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TTL_SECONDS 600u
#define LEASES_MAX 10000u
#define WARM_UP_NS UINT64_C(500000000)

struct lease {
    uint64_t id, asked_ns;
};

struct keeping { /* one stream */
    struct raw_connection *connection;
    struct raw_stream *stream;
    struct lease *leases; /* by id */
    uint32_t granted;
};

static struct {
    struct raw_client client;
    struct keeping *keeping;
    uint32_t streams, leases;
    uint64_t granted, answers, waited_ns;
    bool stops;
    uint32_t under_way;
} load;

static void grant(struct keeping *keeping, uint64_t id)
{
    uint8_t message[32], *at = raw_put_number(message, 1, TTL_SECONDS);

    at = raw_put_number(at, 2, id);
    raw_stream_send(raw_stream_open(keeping->connection, "/etcdserverpb.Lease/LeaseGrant", NULL),
                    message, (size_t)(at - message), true);
}

static void keep_alive(struct keeping *keeping, struct lease *lease)
{
    uint8_t message[16], *at = raw_put_number(message, 1, lease->id);

    lease->asked_ns = raw_now_ns();
    load.under_way++;
    raw_stream_send(keeping->stream, message, (size_t)(at - message), false);
}

static void on_message(struct raw_stream *stream, const uint8_t *message, size_t size)
{
    const uint8_t *end = message + size;
    struct keeping *keeping = stream->owner;
    struct raw_field field;
    uint64_t id = 0, ttl = 0, first;

    if (keeping == NULL)
        return;
    while (raw_next_field(&message, end, &field)) {
        id = field.number == 2 ? field.value : id;
        ttl = field.number == 3 ? field.value : ttl;
    }
    first = keeping->leases[0].id;
    if (id < first || id - first >= load.leases || ttl == 0 || ttl > TTL_SECONDS)
        raw_die("an answer that does not keep a lease alive");
    load.answers++;
    load.under_way--;
    load.waited_ns += raw_now_ns() - keeping->leases[id - first].asked_ns;
    if (!load.stops)
        keep_alive(keeping, &keeping->leases[id - first]);
}

static void on_ended(struct raw_stream *stream)
{
    if (stream->owner != NULL)
        raw_die("a stream of keep-alives ended");
    if (stream->messages != 1)
        raw_die("a lease was not granted");
    load.granted++;
}

static void open_streams(const struct sockaddr_in *address)
{
    uint64_t id = raw_now_ns() & 0xffffffff;

    load.keeping = calloc(load.streams, sizeof(*load.keeping));
    for (uint32_t i = 0; load.keeping != NULL && i < load.streams; i++) {
        struct keeping *keeping = &load.keeping[i];

        keeping->connection = raw_connect(&load.client, address);
        keeping->leases = calloc(load.leases, sizeof(*keeping->leases));
        for (uint32_t j = 0; keeping->leases != NULL && j < load.leases; j++) {
            keeping->leases[j].id = ++id;
            grant(keeping, id);
        }
    }
    while (load.granted < (uint64_t)load.streams * load.leases)
        raw_client_turn(&load.client, -1);
    for (uint32_t i = 0; load.keeping != NULL && i < load.streams; i++) {
        struct keeping *keeping = &load.keeping[i];

        keeping->stream = raw_stream_open(keeping->connection, "/etcdserverpb.Lease/LeaseKeepAlive",
                                          keeping);
        for (uint32_t j = 0; keeping->leases != NULL && j < load.leases; j++)
            keep_alive(keeping, &keeping->leases[j]);
    }
}

static void run_until(uint64_t until_ns)
{
    while (raw_now_ns() < until_ns)
        raw_client_turn(&load.client, 100);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    uint64_t begun_ns, answers;
    double seconds, took;

    if (argc < 6)
        raw_die("usage: lease_load HOST PORT STREAMS LEASES SECONDS");
    address = raw_address(argv[1], argv[2]);
    load.streams = (uint32_t)strtoul(argv[3], NULL, 10);
    load.leases = (uint32_t)strtoul(argv[4], NULL, 10);
    seconds = strtod(argv[5], NULL);
    if (load.streams == 0 || load.streams > 1000 || load.leases == 0 || load.leases > LEASES_MAX)
        raw_die("a number is out of bounds");
    raw_client_init(&load.client);
    load.client.message = on_message;
    load.client.ended = on_ended;
    open_streams(&address);
    run_until(raw_now_ns() + WARM_UP_NS);
    begun_ns = raw_now_ns();
    answers = load.answers;
    load.waited_ns = 0;
    run_until(begun_ns + (uint64_t)(seconds * 1e9));
    took = (double)(raw_now_ns() - begun_ns) / 1e9;
    answers = load.answers - answers;
    printf("per_second %.1f\nmean_us %.1f\n", (double)answers / took,
           (double)load.waited_ns / 1e3 / (double)answers);
    load.stops = true;
    while (load.under_way > 0)
        raw_client_turn(&load.client, -1);
    printf("count %" PRIu64 "\n", load.answers);
    for (uint32_t i = 0; i < load.streams; i++)
        free(load.keeping[i].leases);
    free(load.keeping);
    raw_client_release(&load.client);
    return 0;
}
