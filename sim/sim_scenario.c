/* SPDX-License-Identifier: MIT */
/* sim_scenario.c -- faults that broke others, as scripts.
 *
 * The partial partitions are those of OmniPaxos (Ng et al., EuroSys 2023), of Howard and Abraham's
 * "Raft does not guarantee liveness in the face of network faults" (2020), of etcd's issue 8129 and
 * of Cloudflare's six hours of 2020-11-02. Roles are dealt out once a leader is there: whoever it
 * is plays the leader of the story.
 */
#include "sim_run.h"

#include <assert.h>
#include <string.h>

#define RECOVERY_ELECTIONS 4u /* in which OmniPaxos claims to recover from each of its cases */
#define LARGE_PACKET_BYTES 200u
#define CALM_ELECTIONS 20u /* without a change of leader after that */

/* --- what scripts are made of --- */

static void begin(struct sim_run *run)
{
    unsigned everyone = sim_cluster_everyone(&run->cluster);

    workload_start(&run->workload, everyone);
    liveness_settle(&run->workload, everyone, 2 * run->options.election,
                    20 * run->options.election);
}

/* Node ids, the leader's first, the others in order. */
static void deal(struct sim_run *run, unsigned *ret_ids)
{
    unsigned leader = sim_cluster_leader(&run->cluster, sim_cluster_everyone(&run->cluster)),
             next = 1;

    if (leader == 0)
        leader = 1; /* begin() has failed the run */
    ret_ids[0] = leader;
    for (unsigned id = 1; id <= run->cluster.node_count; id++)
        if (id != leader)
            ret_ids[next++] = id;
    sim_trace_put(run->trace, run->world.now_ns, 0, "leader: n%u", leader);
}

static void cut(struct sim_run *run, unsigned a, unsigned b)
{
    sim_trace_put(run->trace, run->world.now_ns, 0, "cut %u-%u", a, b);
    network_cut_both(&run->cluster.network, a, b, NETWORK_CUT_SCRIPT);
}

static void mend(struct sim_run *run, unsigned a, unsigned b)
{
    sim_trace_put(run->trace, run->world.now_ns, 0, "mend %u-%u", a, b);
    network_mend_both(&run->cluster.network, a, b, NETWORK_CUT_SCRIPT);
}

static void cut_all_except(struct sim_run *run, unsigned hub)
{
    for (unsigned a = 1; a <= run->cluster.node_count; a++)
        for (unsigned b = a + 1; b <= run->cluster.node_count; b++)
            if (a != hub && b != hub)
                cut(run, a, b);
}

static void isolate(struct sim_run *run, unsigned node)
{
    for (unsigned other = 1; other <= run->cluster.node_count; other++)
        if (other != node)
            cut(run, node, other);
}

static void rejoin(struct sim_run *run, unsigned node)
{
    for (unsigned other = 1; other <= run->cluster.node_count; other++)
        if (other != node)
            mend(run, node, other);
}

/* Client i talks to the i-th node of the set, and to no other. */
static void pin_clients(struct sim_run *run, unsigned set)
{
    unsigned client = 1;

    for (unsigned node = 1; node <= run->cluster.node_count; node++)
        if ((set >> node & 1) != 0 && client <= run->workload.client_count)
            workload_pin(&run->workload, client++, node);
    for (; client <= run->workload.client_count; client++)
        workload_pin(&run->workload, client, (unsigned)__builtin_ctz(set));
}

/* Within the limit of the papers every client has two operations done, from now on. */
static void expect_service(struct sim_run *run)
{
    uint64_t from_ns = run->world.now_ns, completed[SIM_CLIENTS_MAX + 1];

    for (unsigned id = 1; id <= run->workload.client_count; id++)
        completed[id] = run->workload.clients[id].completed;
    sim_run_for(run, RECOVERY_ELECTIONS * run->options.election);
    for (unsigned id = 1; id <= run->workload.client_count; id++)
        sim_run_expect(run, run->workload.clients[id].completed >= completed[id] + 2,
                       "service for client %u at n%u within %u election timeouts of %.1f ms; it "
                       "got %u operations done",
                       id, run->workload.clients[id].pinned, RECOVERY_ELECTIONS,
                       (double)from_ns / 1e6,
                       (unsigned)(run->workload.clients[id].completed - completed[id]));
}

/* From now on nobody else comes to lead, and every client goes on. */
static void expect_calm(struct sim_run *run)
{
    uint64_t adopted = run->cluster.ballots.adopted;

    sim_run_for(run, CALM_ELECTIONS * run->options.election);
    sim_run_expect(run, run->cluster.ballots.adopted == adopted,
                   "no change of leader for %u election timeouts; there were %u", CALM_ELECTIONS,
                   (unsigned)(run->cluster.ballots.adopted - adopted));
    expect_service(run);
}

static unsigned bit(unsigned node)
{
    return 1u << node;
}

/* --- partial partitions --- */

static void prepare_five(struct sim_options *options)
{
    options->nodes = 5;
}

static void prepare_three(struct sim_options *options)
{
    options->nodes = 3;
}

/* Everyone keeps only the link to A. The leader loses its quorum, and only A has one, though A
 * hears the leader. */
static void script_quorum_loss(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX], hub;

    begin(run);
    deal(run, ids);
    hub = ids[1];
    cut_all_except(run, hub);
    pin_clients(run, sim_cluster_everyone(&run->cluster));
    sim_run_for(run, RECOVERY_ELECTIONS * run->options.election);
    sim_run_expect(run, sim_node_status(sim_cluster_node(&run->cluster, hub)).leading,
                   "that n%u, which alone reaches a quorum, leads within %u election timeouts", hub,
                   RECOVERY_ELECTIONS);
    expect_calm(run);
}

/* The leader is cut off, the others see only A, and A lags behind them. */
static void script_constrained_election(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX], hub;

    begin(run);
    deal(run, ids);
    hub = ids[1];
    isolate(run, hub);
    sim_run_for(run, RECOVERY_ELECTIONS * run->options.election);
    for (unsigned i = 2; i < run->cluster.node_count; i++)
        mend(run, hub, ids[i]);
    cut_all_except(run, hub);
    pin_clients(run, sim_cluster_everyone(&run->cluster) & ~bit(ids[0]));
    sim_run_for(run, RECOVERY_ELECTIONS * run->options.election);
    sim_run_expect(run, sim_node_status(sim_cluster_node(&run->cluster, hub)).leading,
                   "that n%u leads within %u election timeouts though its log is behind", hub,
                   RECOVERY_ELECTIONS);
    expect_calm(run);
}

/* One link of the leader is cut; the third node sees both ends. */
static void script_chained(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];
    uint64_t adopted;

    begin(run);
    deal(run, ids);
    adopted = run->cluster.ballots.adopted;
    cut(run, ids[0], ids[2]);
    pin_clients(run, sim_cluster_everyone(&run->cluster));
    expect_service(run);
    sim_run_expect(run, run->cluster.ballots.adopted <= adopted + 1,
                   "one change of leader at most; there were %u",
                   (unsigned)(run->cluster.ballots.adopted - adopted));
    expect_calm(run);
}

/* 1, 2, 3 see each other; 4 sees only 2, 5 only 3; 3 leads. */
static void script_howard_abraham(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX], three, one, two, four, five;

    begin(run);
    deal(run, ids);
    three = ids[0], one = ids[1], two = ids[2], four = ids[3], five = ids[4];
    cut(run, four, one);
    cut(run, four, three);
    cut(run, four, five);
    cut(run, five, one);
    cut(run, five, two);
    pin_clients(run, sim_cluster_everyone(&run->cluster));
    expect_service(run);
    expect_calm(run);
}

static void prepare_one_client(struct sim_options *options)
{
    options->nodes = 3;
    options->clients = 1;
}

/* All that is asked is asked at the follower that the leader does not reach. */
static void script_etcd_8129(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];

    begin(run);
    deal(run, ids);
    cut(run, ids[0], ids[1]);
    workload_pin(&run->workload, 1, ids[1]);
    expect_service(run);
    expect_calm(run);
}

static void prepare_cloudflare(struct sim_options *options)
{
    options->nodes = 3;
    options->heartbeat = 100 * SIM_MILLISECOND;
    options->election = SIM_SECOND;
    options->clients = 3;
    options->think = 500 * SIM_MILLISECOND;
    options->timeout = 5 * SIM_SECOND;
}

static void prepare_large_packets(struct sim_options *options)
{
    prepare_cloudflare(options);
    options->value_bytes = 4 * LARGE_PACKET_BYTES;
}

/* Half an hour of the chain, and 99 operations of 100 are done. */
static void expect_available(struct sim_run *run, uint64_t ns)
{
    uint64_t adopted = run->cluster.ballots.adopted, begun = run->workload.count;
    uint64_t acknowledged = run->workload.acknowledged;

    pin_clients(run, sim_cluster_everyone(&run->cluster));
    sim_run_for(run, ns);
    begun = run->workload.count - begun;
    acknowledged = run->workload.acknowledged - acknowledged;
    sim_run_expect(run, run->cluster.ballots.adopted <= adopted + 2,
                   "two changes of leader at most; there were %u",
                   (unsigned)(run->cluster.ballots.adopted - adopted));
    sim_run_expect(run, acknowledged * 100 >= begun * 99,
                   "99 %% of %u operations done; there were %u", (unsigned)begun,
                   (unsigned)acknowledged);
    sim_run_expect(run, begun >= ns / SIM_SECOND, "more than %u operations in that time",
                   (unsigned)begun);
}

static void script_cloudflare(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];

    begin(run);
    deal(run, ids);
    cut(run, ids[0], ids[2]);
    expect_available(run, 1800 * SIM_SECOND);
    expect_service(run);
}

/* A path on which only small packets pass: heartbeats do, commands do not. */
static void script_large_packets(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];

    begin(run);
    deal(run, ids);
    run->cluster.network.links[ids[0]][ids[2]].weather.size_max = LARGE_PACKET_BYTES;
    run->cluster.network.links[ids[2]][ids[0]].weather.size_max = LARGE_PACKET_BYTES;
    expect_available(run, 600 * SIM_SECOND);
    expect_service(run);
}

/* A tenth of 10 Mbit/s, and values of up to a tenth of 1 MiB: on an idle link the largest takes
 * nearly as long as an election timeout, and clients write as much as the links bear. */
static void prepare_slow_links(struct sim_options *options)
{
    prepare_cloudflare(options);
    options->bandwidth = 125000;
    options->value_bytes = 100 * 1024;
    options->message_bytes_max = 100 * 1024;
    options->segment_bytes = 1024 * 1024;
    options->log_bytes_max = 16 * 1024 * 1024;
    options->proposal_bytes_max = 16 * 1024 * 1024;
    options->think = 100 * SIM_MILLISECOND;
    options->timeout = 60 * SIM_SECOND;
}

/* What is large takes its time, and nobody is deposed for it. */
static void script_slow_links(struct sim_run *run)
{
    begin(run);
    expect_available(run, 100 * SIM_SECOND);
}

/* A follower that was away comes back and deposes nobody. */
static void script_returning_node(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];
    uint64_t adopted;

    begin(run);
    deal(run, ids);
    adopted = run->cluster.ballots.adopted;
    isolate(run, ids[1]);
    sim_run_for(run, CALM_ELECTIONS * run->options.election);
    rejoin(run, ids[1]);
    expect_calm(run);
    sim_run_expect(run, run->cluster.ballots.adopted == adopted,
                   "no change of leader; there were %u",
                   (unsigned)(run->cluster.ballots.adopted - adopted));
}

/* --- slow and frozen nodes --- */

static void expect_another_leader(struct sim_run *run, unsigned old)
{
    unsigned rest = sim_cluster_everyone(&run->cluster) & ~bit(old), leader;

    pin_clients(run, rest);
    sim_run_for(run, RECOVERY_ELECTIONS * run->options.election);
    leader = sim_cluster_top_leader(&run->cluster);
    sim_run_expect(run, leader != 0 && leader != old,
                   "another leader than n%u within %u election timeouts", old, RECOVERY_ELECTIONS);
    expect_service(run);
}

static void script_frozen_leader(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];

    begin(run);
    for (unsigned round = 0; round < 5; round++) {
        deal(run, ids);
        sim_node_freeze(sim_cluster_node(&run->cluster, ids[0]));
        expect_another_leader(run, ids[0]);
        sim_node_thaw(sim_cluster_node(&run->cluster, ids[0]));
        pin_clients(run, sim_cluster_everyone(&run->cluster));
        expect_service(run);
        expect_calm(run);
    }
}

/* etcd's issues 15247 and 12528: the leader steps down without its disk. */
static void script_slow_disk_leader(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];
    struct sim_node *old;

    begin(run);
    deal(run, ids);
    old = sim_cluster_node(&run->cluster, ids[0]);
    sim_trace_put(run->trace, run->world.now_ns, ids[0], "DISK STALLS");
    sim_journal_stall(&old->journal, run->world.now_ns + 10 * run->options.election);
    expect_another_leader(run, ids[0]);
    sim_run_expect(run, !sim_node_status(old).leading, "that n%u has stepped down", ids[0]);
    sim_run_for(run, 4 * run->options.election);
    pin_clients(run, sim_cluster_everyone(&run->cluster));
    expect_calm(run);
}

static void set_full(struct sim_run *run, unsigned node, bool full)
{
    disk_faults(sim_cluster_node(&run->cluster, node)->disk)->full = full;
}

static void prepare_full_disk(struct sim_options *options)
{
    options->segment_bytes = 32 * 1024; /* soon full */
    options->value_bytes = 2000;
}

/* First the leader's disk is full, then everyone's; with space back all goes on, and nothing is
 * lost. */
static void script_full_disk(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];

    begin(run);
    deal(run, ids);
    set_full(run, ids[0], true);
    sim_run_for(run, 10 * run->options.election);
    expect_another_leader(run, ids[0]);
    for (unsigned id = 1; id <= run->cluster.node_count; id++)
        set_full(run, id, true);
    sim_run_for(run, 10 * run->options.election);
    for (unsigned id = 1; id <= run->cluster.node_count; id++)
        set_full(run, id, false);
    pin_clients(run, sim_cluster_everyone(&run->cluster));
    sim_run_for(run, run->options.timeout); /* old operations are given up */
    expect_service(run);
    expect_calm(run);
}

/* --- reads and power --- */

static void prepare_reads(struct sim_options *options)
{
    options->reads = 600000;
    options->keys = 1;
    options->think = 10 * SIM_MILLISECOND;
    options->timeout = options->election;
}

/* etcd's issue 20418: a reader is frozen in the middle of its read while the leader changes. And
 * the old leader, alone and not knowing it, is asked as well. The register's history tells. */
static void script_stale_read(struct sim_run *run)
{
    unsigned ids[SIM_NODES_MAX];

    begin(run);
    for (unsigned round = 0; round < 10 && !run->world.stopped; round++) {
        deal(run, ids);
        pin_clients(run, sim_cluster_everyone(&run->cluster));
        sim_run_for(run, 10 * SIM_MILLISECOND + round * SIM_MILLISECOND / 3);
        sim_node_freeze(sim_cluster_node(&run->cluster, ids[1]));
        isolate(run, ids[0]);
        sim_run_for(run, run->options.election / 2);
        sim_node_thaw(sim_cluster_node(&run->cluster, ids[1]));
        sim_run_for(run, RECOVERY_ELECTIONS * run->options.election);
        rejoin(run, ids[0]);
        expect_service(run);
        liveness_settle(&run->workload, sim_cluster_everyone(&run->cluster), run->options.election,
                        20 * run->options.election);
    }
}

static void prepare_power_loss(struct sim_options *options)
{
    options->nodes = 5;
    options->think = 2 * SIM_MILLISECOND;
    options->sync_time = 3 * SIM_MILLISECOND;
}

/* All nodes lose power at once, again and again, in the middle of writes. */
static void script_power_loss(struct sim_run *run)
{
    begin(run);
    for (unsigned round = 0; round < 10 && !run->world.stopped; round++) {
        sim_run_for(run, run->options.election + round * SIM_MILLISECOND / 4);
        for (unsigned id = 1; id <= run->cluster.node_count; id++)
            sim_node_crash(sim_cluster_node(&run->cluster, id), true);
        for (unsigned id = 1; id <= run->cluster.node_count; id++)
            sim_node_restart(sim_cluster_node(&run->cluster, id));
        liveness_settle(&run->workload, sim_cluster_everyone(&run->cluster), run->options.election,
                        20 * run->options.election);
    }
}

static const struct sim_scenario scenarios[] = {
    {"quorum_loss", "five nodes keep only their link to one, which is not the leader (OmniPaxos)",
     prepare_five, script_quorum_loss},
    {"constrained_election", "only a node that lags behind reaches a quorum (OmniPaxos)",
     prepare_five, script_constrained_election},
    {"chained", "one link of the leader is cut (OmniPaxos)", prepare_three, script_chained},
    {"howard_abraham", "two of five nodes hang on one link each (Howard, Abraham)", prepare_five,
     script_howard_abraham},
    {"chained_five", "one link of the leader of five is cut", prepare_five, script_chained},
    {"etcd_8129", "requests at the follower that the leader does not reach (etcd#8129)",
     prepare_one_client, script_etcd_8129},
    {"cloudflare", "half an hour of one cut link (Cloudflare, 2020-11-02)", prepare_cloudflare,
     script_cloudflare},
    {"large_packets", "ten minutes of a link of the leader that loses all but small packets",
     prepare_large_packets, script_large_packets},
    {"slow_links", "links on which a large request takes as long as an election",
     prepare_slow_links, script_slow_links},
    {"returning_node", "a node that was cut off comes back and deposes nobody", prepare_five,
     script_returning_node},
    {"frozen_leader", "the leader is stopped and goes on later, five times", prepare_three,
     script_frozen_leader},
    {"slow_disk_leader", "the leader's disk stands still (etcd#15247)", prepare_three,
     script_slow_disk_leader},
    {"full_disk", "the leader's disk is full, then all disks", prepare_full_disk, script_full_disk},
    {"stale_read", "readers are frozen and leaders cut off while others write (etcd#20418)",
     prepare_reads, script_stale_read},
    {"power_loss", "all nodes lose power together, ten times", prepare_power_loss,
     script_power_loss},
    {NULL, NULL, NULL, NULL},
};

const struct sim_scenario *sim_scenarios(void)
{
    return scenarios;
}

const struct sim_scenario *sim_scenario_find(const char *name)
{
    assert(name != NULL);
    for (const struct sim_scenario *scenario = scenarios; scenario->name != NULL; scenario++)
        if (strcmp(scenario->name, name) == 0)
            return scenario;
    return NULL;
}
