/* SPDX-License-Identifier: MIT */
/* sim_options.h -- every knob of a run, in one table: what a seed draws and what the command line
 * overrides.
 *
 * A seed turns on a random part of the faults, each as hard as it likes: with everything on at
 * once, some bugs would hide behind others ("swarm testing", Groce et al. 2012). Faults that happen
 * now and then are given as the mean time between two of them; 0 is never.
 */
#ifndef DECREE_SIM_OPTIONS_H
#define DECREE_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_CLIENTS_MAX 16u

/* X(name, unit, text). Chances are kept per million, durations in nanoseconds, sizes in bytes. */
#define SIM_KNOB_TABLE(X)                                                                       \
    X(nodes, COUNT, "members of the cluster")                                                   \
    X(prepare_quorum, COUNT, "promises that make a leader; 0: a majority")                      \
    X(vote_quorum, COUNT, "votes that decide a slot; 0: a majority")                            \
    X(seconds, DURATION, "length of the safety phase")                                          \
    X(heartbeat, DURATION, "between heartbeats")                                                \
    X(election, DURATION, "election timeout")                                                   \
    X(clients, COUNT, "clients, each with one operation at a time")                             \
    X(think, DURATION, "mean pause of a client between operations")                             \
    X(timeout, DURATION, "after which a client gives up waiting")                               \
    X(keys, COUNT, "registers in use at a time")                                                \
    X(reads, CHANCE, "operations that read")                                                    \
    X(value_bytes, BYTES, "largest padding of a command")                                       \
    X(broadcast, DURATION, "mean time between bursts of broadcasts of a node")                  \
    X(loss, CHANCE, "packets lost")                                                             \
    X(duplicate, CHANCE, "packets that arrive twice")                                           \
    X(reorder, CHANCE, "packets that overtake or fall behind")                                  \
    X(spike, CHANCE, "packets that take much longer")                                           \
    X(spike_time, DURATION, "how much longer, at most")                                         \
    X(delay, DURATION, "of a packet, at least")                                                 \
    X(delay_spread, DURATION, "of a packet, on top, at most")                                   \
    X(wire, COUNT, "how messages are written: 0 as over tcp, 1 as over grpc, 2 as over http")   \
    X(packet_max, BYTES, "larger packets are lost; 0: none")                                    \
    X(bandwidth, BYTES, "that a link carries in a second; 0: no limit")                         \
    X(partition, DURATION, "mean time between partitions")                                      \
    X(partition_time, DURATION, "mean length of a partition")                                   \
    X(one_way, CHANCE, "partitions that cut one direction only")                                \
    X(clog, DURATION, "mean time between single links falling silent")                          \
    X(clog_time, DURATION, "mean length of such a silence")                                     \
    X(crash, DURATION, "mean time between crashes of a node")                                   \
    X(crash_time, DURATION, "mean time that a crashed node stays down")                         \
    X(power, DURATION, "mean time between crashes of all nodes at once")                        \
    X(promise_crash, CHANCE, "promises after which the node loses power at once, for a moment") \
    X(leader_loss, CHANCE, "new leaders that crash or are cut off soon")                        \
    X(hand_over, DURATION, "mean time between askings of a node to hand the lead over")         \
    X(pause, DURATION, "mean time between freezes of a node")                                   \
    X(pause_time, DURATION, "mean length of a freeze")                                          \
    X(clock_skew, CHANCE, "how much faster or slower a node's clock runs, at most")             \
    X(sync_time, DURATION, "of a sync, mean")                                                   \
    X(stall, DURATION, "mean time between stalls of a disk")                                    \
    X(stall_time, DURATION, "mean length of a stall")                                           \
    X(disk_full, DURATION, "mean time between full disks")                                      \
    X(disk_full_time, DURATION, "mean time until there is space again")                         \
    X(write_fails, CHANCE, "writes that fail")                                                  \
    X(write_short, CHANCE, "writes and reads that do only a part")                              \
    X(sync_fails, CHANCE, "syncs that fail, which ends the node")                               \
    X(proposals_max, COUNT, "undecided commands of a node")                                     \
    X(log_slots_max, COUNT, "slots kept in memory")                                             \
    X(reads_max, COUNT, "unanswered reads of a node")                                           \
    X(message_bytes_max, BYTES, "of values in one message")                                     \
    X(log_bytes_max, BYTES, "of decided values kept in memory")                                 \
    X(proposal_bytes_max, BYTES, "of a node's undecided values")                                \
    X(segment_bytes, BYTES, "of a segment of the journal")

enum sim_unit { SIM_UNIT_COUNT = 1, SIM_UNIT_CHANCE, SIM_UNIT_DURATION, SIM_UNIT_BYTES };

struct sim_options {
    uint64_t seed;
#define SIM_KNOB_FIELD(name, unit, text) uint64_t name;
    SIM_KNOB_TABLE(SIM_KNOB_FIELD)
#undef SIM_KNOB_FIELD
};

struct sim_knob {
    const char *name; /* with dashes, as on the command line */
    enum sim_unit unit;
    const char *text;
    size_t offset; /* in struct sim_options */
};

/* What is set by hand, over whatever the seed draws. */
struct sim_overrides {
    struct sim_options values;
    bool set[64]; /* by index of the knob */
};

const struct sim_knob *sim_knobs(size_t *ret_count);

/* The index of the knob called name, or -1. */
int sim_knob_index(const char *name);

/* Takes in "10%", "250ms", "64k", "5": what the knob's unit allows. False: not understood. */
bool sim_override(struct sim_overrides *overrides, int knob, const char *text);

/* A healthy cluster under load: the start of every scenario. */
void sim_options_calm(struct sim_options *ret_options, uint64_t seed);

/* What this seed is about. */
void sim_options_draw(struct sim_options *ret_options, uint64_t seed);

/* Puts the overrides in, and then makes what follows from the knobs consistent with them. */
void sim_options_override(struct sim_options *options, const struct sim_overrides *overrides);

/* NULL, or a sentence that says why such a run cannot be. */
const char *sim_options_check(const struct sim_options *options);

/* A knob's value as the command line takes it. */
void sim_knob_print(const struct sim_options *options, int knob, char *text, size_t size);

#endif
