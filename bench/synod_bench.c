/* SPDX-License-Identifier: MIT */
/* synod_bench.c -- how long a synod takes to choose, and how many choose per second.
 *
 *     synod_bench tcp|http|grpc SYNODS GAP_MS FOLDER
 *
 * Three processes on loopback, each with one node of every synod: its own port, journal and
 * connections, all of them up before the first proposal. The first process proposes in one synod
 * after the other, GAP_MS apart; with 0, in all at once. Every promise and vote is synced. The
 * program prints, one a line, "median_us" and "p99_us" from the proposal until the proposer knows
 * that its value is chosen, and "per_second": synods by the time from the first proposal to the
 * last choice.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "synod_host.h"

#define NODES 3u
#define SYNODS_MAX 300u
#define MS_NS UINT64_C(1000000)
#define OPENING_NS (3000 * MS_NS)
#define OPENING_EACH_NS (60 * MS_NS)

struct bench {
    enum peer_network kind;
    uint32_t synods;
    uint64_t gap_ns, begin_ns;
    const char *folder;
    int ports[NODES * SYNODS_MAX];
    uint64_t proposed_ns[SYNODS_MAX], took_ns[SYNODS_MAX], last_ns;
    uint32_t chosen;
};

struct place { /* what an observer knows of its synod */
    struct bench *bench;
    uint32_t index;
};

static int fail(const char *what)
{
    fprintf(stderr, "synod_bench: %s\n", what);
    return 1;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static void report(struct bench *bench)
{
    uint32_t count = bench->synods;

    qsort(bench->took_ns, count, sizeof(bench->took_ns[0]), compare);
    printf("median_us %.1f\np99_us %.1f\nper_second %.1f\n",
           (double)bench->took_ns[count / 2] / 1e3,
           (double)bench->took_ns[(uint64_t)count * 99 / 100] / 1e3,
           (double)count * 1e9 / (double)(bench->last_ns - bench->proposed_ns[0]));
    fflush(stdout);
}

static void on_happening(void *context, const struct synod_happening *happening)
{
    const struct place *place = context;
    struct bench *bench = place->bench;
    uint64_t now_ns = uv_hrtime();

    if (happening->type == SYNOD_PROPOSING)
        bench->proposed_ns[place->index] = now_ns;
    if (happening->type != SYNOD_CHOSEN || bench->proposed_ns[place->index] == 0)
        return;
    bench->took_ns[place->index] = now_ns - bench->proposed_ns[place->index];
    bench->last_ns = now_ns;
    if (++bench->chosen < bench->synods)
        return;
    report(bench);
    _exit(0);
}

static void open_one(struct bench *bench, uv_loop_t *loop, uint32_t node, uint32_t index)
{
    struct synod_host_options options = {.kind = bench->kind, .observe = on_happening};
    struct place *place = malloc(sizeof(*place));
    uint64_t at_ns = bench->begin_ns + index * bench->gap_ns, now_ns = uv_hrtime();
    char self[16], others[32], path[512], sentence[SENTENCE_BYTES];
    const int *ports = &bench->ports[index * NODES];
    struct synod_host *host;

    (void)snprintf(self, sizeof(self), ":%d", ports[node]);
    (void)snprintf(others, sizeof(others), ":%d,:%d", ports[(node + 1) % NODES],
                   ports[(node + 2) % NODES]);
    (void)snprintf(path, sizeof(path), "%s/%u/%u", bench->folder, index, node);
    *place = (struct place){bench, index};
    options.data_dir = path;
    options.observe_context = place;
    options.propose_after_ns = at_ns > now_ns ? at_ns - now_ns : 0;
    if (node == 0)
        options.first = decree_value_copy("1", 1);
    if (synod_spec_parse(&options.spec, self, others, 2, 2, sentence) != 0 ||
        synod_host_open(&host, loop, &options, sentence) != 0) {
        fail(sentence);
        _exit(1);
    }
    decree_value_unref(options.first);
}

static void child(struct bench *bench, uint32_t node)
{
    static uv_loop_t loop;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    for (uint32_t i = 0; i < bench->synods; i++)
        open_one(bench, &loop, node, i);
    if (node == 0 && uv_hrtime() > bench->begin_ns)
        _exit(fail("the nodes were not up in time"));
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(1);
}

/* Free ports, all of them at once, so that no two are the same. */
static void find_ports(struct bench *bench)
{
    int sockets[NODES * SYNODS_MAX];

    for (uint32_t i = 0; i < NODES * bench->synods; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);

        sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(sockets[i], (struct sockaddr *)&address, size) != 0 ||
            getsockname(sockets[i], (struct sockaddr *)&address, &size) != 0)
            exit(fail("there are no free ports"));
        bench->ports[i] = ntohs(address.sin_port);
    }
    for (uint32_t i = 0; i < NODES * bench->synods; i++)
        close(sockets[i]);
}

static int run(struct bench *bench)
{
    pid_t children[NODES];
    int status = 1;

    bench->begin_ns = uv_hrtime() + OPENING_NS + bench->synods * OPENING_EACH_NS;
    for (uint32_t i = 0; i < NODES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            child(bench, i);
    }
    (void)waitpid(children[0], &status, 0);
    for (uint32_t i = 1; i < NODES; i++) {
        (void)kill(children[i], SIGKILL);
        (void)waitpid(children[i], NULL, 0);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    static struct bench bench;

    if (argc != 5)
        return fail("usage: synod_bench tcp|http|grpc SYNODS GAP_MS FOLDER");
    bench.kind = peer_network_find(argv[1]);
    bench.synods = (uint32_t)strtoul(argv[2], NULL, 10);
    bench.gap_ns = strtoull(argv[3], NULL, 10) * MS_NS;
    bench.folder = argv[4];
    if (bench.kind == 0 || bench.synods == 0 || bench.synods > SYNODS_MAX)
        return fail("the network is tcp, http or grpc, and SYNODS is 1 to 300");
    find_ports(&bench);
    return run(&bench);
}
