/* SPDX-License-Identifier: MIT */
/* log_lines.c -- loads the line protocol of the ordered log.
 *
 *     log_lines HOST PORT OUTSTANDING SECONDS [SIZE]
 *
 * Keeps OUTSTANDING proposals under way on one connection, each with a number of its own, and prints
 * "mean_us", "per_second" and "count", one a line. What is answered is looked at: anything but
 * CHOSEN with the right number, in order, ends the program.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE_DEFAULT 256u
#define SIZE_MAX_BYTES 8192u
#define OUTSTANDING_MAX 65536u
#define HEAD_BYTES 32u

struct load {
    int client;
    uint32_t outstanding, size;
    uint64_t sent, answered;
    double begin, latency_sum;
    double started_at[OUTSTANDING_MAX]; /* by number */
    char *out;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "log_lines: %s\n", what);
    exit(1);
}

static uint32_t number_of(const char *text, uint32_t most)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number < 1 || number > most)
        fail("HOST PORT OUTSTANDING SECONDS [SIZE]: a number is out of range");
    return (uint32_t)number;
}

static int dial(const char *host, uint32_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int client = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        connect(client, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("cannot connect");
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return client;
}

/* As many proposals as there is room for, in one write. */
static void propose(struct load *load, uint64_t base)
{
    size_t size = 0, done = 0;

    while (load->sent - load->answered < load->outstanding) {
        size += (size_t)snprintf(load->out + size, HEAD_BYTES, "PROP %llu ",
                                 (unsigned long long)(base + ++load->sent));
        memset(load->out + size, 'v', load->size);
        size += load->size;
        load->out[size++] = '\n';
        load->started_at[load->sent % OUTSTANDING_MAX] = now();
    }
    while (done < size) {
        ssize_t wrote = write(load->client, load->out + done, size - done);

        if (wrote <= 0)
            fail("cannot write");
        done += (size_t)wrote;
    }
}

static void take_answer(struct load *load, const char *line, uint64_t base)
{
    char *end = NULL;

    if (strncmp(line, "CHOSEN ", 7) == 0)
        (void)strtoull(line + 7, &end, 10); /* the index */
    if (end == NULL || strtoull(end, &end, 10) != base + load->answered + 1 || *end != ' ') {
        fprintf(stderr, "%.100s\n", line);
        fail("an answer that was not expected");
    }
    load->answered++;
    load->latency_sum += now() - load->started_at[load->answered % OUTSTANDING_MAX];
}

/* Reads once and takes all whole lines. */
static void read_answers(struct load *load, char *in, size_t capacity, size_t *kept, uint64_t base)
{
    ssize_t got = read(load->client, in + *kept, capacity - *kept - 1);
    char *at = in, *newline;

    if (got <= 0)
        fail("the connection ended");
    *kept += (size_t)got;
    in[*kept] = '\0';
    while ((newline = memchr(at, '\n', *kept - (size_t)(at - in))) != NULL) {
        *newline = '\0';
        take_answer(load, at, base);
        at = newline + 1;
    }
    *kept -= (size_t)(at - in);
    memmove(in, at, *kept);
}

int main(int argc, char **argv)
{
    static struct load load;
    const size_t capacity = 1u << 20;
    char *in = malloc(capacity);
    uint64_t base = (uint64_t)time(NULL) << 32;
    size_t kept = 0;
    double end;

    if (argc < 5)
        fail("HOST PORT OUTSTANDING SECONDS [SIZE]");
    load.client = dial(argv[1], number_of(argv[2], UINT16_MAX));
    load.outstanding = number_of(argv[3], OUTSTANDING_MAX - 1);
    load.size = argc > 5 ? number_of(argv[5], SIZE_MAX_BYTES) : SIZE_DEFAULT;
    load.out = malloc((size_t)load.outstanding * (load.size + HEAD_BYTES));
    load.begin = now();
    end = load.begin + number_of(argv[4], 3600);
    while (now() < end) {
        propose(&load, base);
        read_answers(&load, in, capacity, &kept, base);
    }
    printf("mean_us %.1f\nper_second %.0f\ncount %llu\n",
           1e6 * load.latency_sum / (double)load.answered,
           (double)load.answered / (now() - load.begin), (unsigned long long)load.answered);
    return 0;
}
