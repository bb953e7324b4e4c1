/* SPDX-License-Identifier: MIT */
/* sim_options.c -- ranges from which a seed draws, and the words of the command line.
 *
 * Counts are drawn small on purpose: a log of 16 slots in memory is full at once and forces peers
 * to read the journal.
 */
#include "sim_options.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "draw.h"
#include "network.h"
#include "sim_wire.h"
#include "world.h"

#define KNOB_NAME_MAX 32u
#define MS SIM_MILLISECOND

static const struct sim_knob knobs[] = {
#define SIM_KNOB_ROW(name, unit, text) \
    {#name, SIM_UNIT_##unit, text, offsetof(struct sim_options, name)},
    SIM_KNOB_TABLE(SIM_KNOB_ROW)
#undef SIM_KNOB_ROW
};

#define KNOB_COUNT (sizeof(knobs) / sizeof(knobs[0]))

const struct sim_knob *sim_knobs(size_t *ret_count)
{
    assert(ret_count != NULL);
    *ret_count = KNOB_COUNT;
    return knobs;
}

static uint64_t *knob_value(struct sim_options *options, size_t knob)
{
    assert(knob < KNOB_COUNT);
    return (uint64_t *)(void *)((char *)options + knobs[knob].offset);
}

/* Underscores of the table are dashes on the command line. */
static bool name_same(const char *knob, const char *name)
{
    for (; *knob != '\0' && *name != '\0'; knob++, name++)
        if (*knob != *name && (*knob != '_' || *name != '-'))
            return false;
    return *knob == *name;
}

int sim_knob_index(const char *name)
{
    assert(name != NULL);
    for (size_t i = 0; i < KNOB_COUNT; i++)
        if (name_same(knobs[i].name, name))
            return (int)i;
    return -1;
}

struct suffix {
    const char *text;
    enum sim_unit unit;
    double factor;
};

static const struct suffix suffixes[] = {
    {"", SIM_UNIT_COUNT, 1},
    {"%", SIM_UNIT_CHANCE, 1e4},
    {"", SIM_UNIT_CHANCE, 1e6}, /* 0.1 is 10 % */
    {"ns", SIM_UNIT_DURATION, 1},
    {"us", SIM_UNIT_DURATION, 1e3},
    {"ms", SIM_UNIT_DURATION, 1e6},
    {"s", SIM_UNIT_DURATION, 1e9},
    {"m", SIM_UNIT_DURATION, 60e9},
    {"", SIM_UNIT_DURATION, 1e9},
    {"", SIM_UNIT_BYTES, 1},
    {"k", SIM_UNIT_BYTES, 1024},
    {"M", SIM_UNIT_BYTES, 1024 * 1024},
};

bool sim_override(struct sim_overrides *overrides, int knob, const char *text)
{
    char *end;
    double number = strtod(text, &end);

    assert(knob >= 0 && (size_t)knob < KNOB_COUNT);
    if (end == text || !(number >= 0) || number > 1e12)
        return false;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (suffixes[i].unit != knobs[knob].unit || strcmp(suffixes[i].text, end) != 0)
            continue;
        if (suffixes[i].unit == SIM_UNIT_CHANCE && number * suffixes[i].factor > DRAW_MILLION)
            return false;
        *knob_value(&overrides->values,
                    (size_t)knob) = (uint64_t)(number * suffixes[i].factor + 0.5);
        overrides->set[knob] = true;
        return true;
    }
    return false;
}

void sim_knob_print(const struct sim_options *options, int knob, char *text, size_t size)
{
    struct sim_options copy = *options;
    uint64_t value = *knob_value(&copy, (size_t)knob);

    switch (knobs[knob].unit) {
    case SIM_UNIT_COUNT:
    case SIM_UNIT_BYTES:
        snprintf(text, size, "%" PRIu64, value);
        return;
    case SIM_UNIT_CHANCE:
        snprintf(text, size, "%.4g%%", (double)value / 1e4);
        return;
    case SIM_UNIT_DURATION:
        snprintf(text, size, "%.6gms", (double)value / 1e6);
        return;
    }
}

void sim_options_calm(struct sim_options *ret_options, uint64_t seed)
{
    *ret_options = (struct sim_options){
        .seed = seed,
        .nodes = 3,
        .seconds = 10 * SIM_SECOND,
        .heartbeat = 50 * MS,
        .election = 500 * MS,
        .clients = 5,
        .think = 20 * MS,
        .timeout = 2 * SIM_SECOND,
        .keys = 4,
        .reads = 400000,
        .value_bytes = 100,
        .delay = 200 * SIM_MICROSECOND,
        .delay_spread = 300 * SIM_MICROSECOND,
        .sync_time = MS,
        .proposals_max = 64,
        .log_slots_max = 1024,
        .reads_max = 64,
        .message_bytes_max = 64 * 1024,
        .log_bytes_max = 1024 * 1024,
        .proposal_bytes_max = 1024 * 1024,
        .segment_bytes = 64 * 1024,
        .partition_time = SIM_SECOND,
        .clog_time = SIM_SECOND,
        .crash_time = 500 * MS,
        .pause_time = SIM_SECOND,
        .spike_time = 100 * MS,
        .stall_time = SIM_SECOND,
        .disk_full_time = SIM_SECOND,
    };
}

/* One fault of a seed: with even chances not at all, else in the range. */
static uint64_t draw_fault(struct prng *prng, uint64_t low, uint64_t high)
{
    bool on = prng_below(prng, 2) == 0;
    uint64_t value = draw_magnitude(prng, low, high);

    return on ? value : 0;
}

static void draw_cluster(struct sim_options *options, struct prng *prng)
{
    static const uint64_t sizes[] = {1, 3, 3, 3, 3, 4, 5, 5, 5, 7};
    uint64_t unit = draw_magnitude(prng, 10 * MS, 60 * MS);

    options->nodes = sizes[prng_below(prng, sizeof(sizes) / sizeof(sizes[0]))];
    if (options->nodes > 1 && prng_below(prng, 4) == 0) {
        options->vote_quorum = draw_between(prng, 1, options->nodes);
        options->prepare_quorum = options->nodes + 1 - options->vote_quorum;
    }
    options->heartbeat = unit;
    options->election = unit * draw_between(prng, 5, 10);
    options->seconds = options->election * draw_between(prng, 12, 30);
    options->clients = draw_magnitude(prng, 1, 16);
    options->think = draw_magnitude(prng, 2 * MS, 60 * MS);
    options->timeout = options->election * draw_between(prng, 1, 8);
    options->keys = draw_between(prng, 1, 6);
    options->reads = (uint32_t)draw_between(prng, 100000, 800000);
    options->value_bytes = draw_magnitude(prng, 1, 3000);
}

static void draw_limits(struct sim_options *options, struct prng *prng)
{
    bool small = prng_below(prng, 2) == 0;

    options->proposals_max = small ? 64 : 256;
    options->log_slots_max = small ? UINT64_C(1) << draw_between(prng, 4, 8) : 2048;
    options->reads_max = small ? UINT64_C(1) << draw_between(prng, 0, 4) : 256;
    options->message_bytes_max = small ? draw_magnitude(prng, 256, 16384) : 256 * 1024;
    options->log_bytes_max = small ? draw_magnitude(prng, 1024, 65536) : 1024 * 1024;
    options->proposal_bytes_max = small ? draw_magnitude(prng, 8192, 65536) : 1024 * 1024;
    options->segment_bytes = draw_magnitude(prng, 16 * 1024, 128 * 1024);
}

static void draw_network(struct sim_options *options, struct prng *prng)
{
    options->delay = draw_magnitude(prng, 50 * SIM_MICROSECOND, options->heartbeat / 8);
    options->delay_spread = draw_magnitude(prng, 10 * SIM_MICROSECOND, options->heartbeat / 4);
    options->loss = draw_fault(prng, 1000, 300000);
    options->duplicate = draw_fault(prng, 10000, 500000);
    options->reorder = draw_fault(prng, 1000, 500000);
    options->spike = draw_fault(prng, 1000, 50000);
    options->spike_time = draw_magnitude(prng, options->heartbeat, 4 * options->election);
    options->partition = draw_fault(prng, options->election, 10 * options->election);
    options->partition_time = draw_magnitude(prng, options->election / 4, 5 * options->election);
    options->one_way = draw_fault(prng, 50000, DRAW_MILLION);
    options->clog = draw_fault(prng, options->election / 4, 5 * options->election);
    options->clog_time = draw_magnitude(prng, options->election / 4, 5 * options->election);
}

static void draw_nodes(struct sim_options *options, struct prng *prng)
{
    options->crash = draw_fault(prng, options->election / 2, 10 * options->election);
    options->crash_time = draw_magnitude(prng, options->heartbeat, 3 * options->election);
    options->power = draw_fault(prng, 2 * options->election, 10 * options->election);
    options->leader_loss = draw_fault(prng, 50000, 900000);
    options->promise_crash = draw_fault(prng, 10000, 500000);
    options->pause = draw_fault(prng, options->election, 10 * options->election);
    options->pause_time = draw_magnitude(prng, options->heartbeat, 4 * options->election);
    options->clock_skew = draw_fault(prng, 1000, 200000);
}

static void draw_disk(struct sim_options *options, struct prng *prng)
{
    options->sync_time = draw_magnitude(prng, 50 * SIM_MICROSECOND, options->heartbeat / 2);
    options->stall = draw_fault(prng, options->election, 10 * options->election);
    options->stall_time = draw_magnitude(prng, options->election / 2, 4 * options->election);
    options->disk_full = draw_fault(prng, 2 * options->election, 20 * options->election);
    options->disk_full_time = draw_magnitude(prng, options->election / 2, 4 * options->election);
    options->write_fails = draw_fault(prng, 1000, 100000);
    options->write_short = draw_fault(prng, 1000, 300000);
    options->sync_fails = prng_below(prng, 4) == 0 ? draw_magnitude(prng, 100, 2000) : 0;
}

void sim_options_draw(struct sim_options *ret_options, uint64_t seed)
{
    struct prng prng;

    sim_options_calm(ret_options, seed);
    prng_init(&prng, checksum("options", 7, seed));
    draw_cluster(ret_options, &prng);
    draw_limits(ret_options, &prng);
    draw_network(ret_options, &prng);
    draw_nodes(ret_options, &prng);
    draw_disk(ret_options, &prng);
    ret_options->broadcast = draw_fault(&prng, ret_options->heartbeat, 10 * ret_options->heartbeat);
    ret_options->hand_over = draw_fault(&prng, ret_options->heartbeat, 5 * ret_options->election);
}

static bool is_power_of_two(uint64_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

static bool quorums_fit(const struct sim_options *options)
{
    uint64_t prepare = options->prepare_quorum, vote = options->vote_quorum;

    if (prepare == 0)
        prepare = options->nodes / 2 + 1;
    if (vote == 0)
        vote = options->nodes / 2 + 1;
    return prepare <= options->nodes && vote <= options->nodes && prepare + vote > options->nodes;
}

const char *sim_options_check(const struct sim_options *options)
{
    if (options->nodes < 1 || options->nodes > SIM_NODES_MAX)
        return "nodes must be 1 to 9";
    if (!quorums_fit(options))
        return "prepare-quorum and vote-quorum must be at most nodes, and together more than nodes";
    if (options->heartbeat < MS || options->election <= options->heartbeat)
        return "heartbeat must be at least 1ms, and election longer than heartbeat";
    if (options->election > 60 * SIM_SECOND || options->seconds > 24 * 3600 * SIM_SECOND)
        return "election must be at most 1m, and seconds at most 1440m";
    if (options->timeout < MS || options->think < SIM_MICROSECOND)
        return "timeout must be at least 1ms, and think at least 1us";
    if (options->wire >= SIM_WIRES)
        return "wire must be 0, 1 or 2";
    if (options->clients < 1 || options->clients > SIM_CLIENTS_MAX || options->keys < 1 ||
        options->keys > 100)
        return "clients must be 1 to 16, and keys 1 to 100";
    if (!is_power_of_two(options->proposals_max) || options->proposals_max < 64)
        return "proposals-max must be a power of two, at least 64";
    if (!is_power_of_two(options->log_slots_max) || options->log_slots_max < 16 ||
        !is_power_of_two(options->reads_max))
        return "log-slots-max and reads-max must be powers of two, and log-slots-max at least 16";
    if (options->value_bytes > 1 << 20 || options->segment_bytes < 16384 ||
        options->segment_bytes > 1 << 28 || options->segment_bytes < 2 * options->value_bytes)
        return "value-bytes must be at most 1M, segment-bytes 16k to 256M and twice value-bytes";
    return NULL;
}

static bool overridden(const struct sim_overrides *overrides, const char *name)
{
    return overrides->set[sim_knob_index(name)];
}

void sim_options_override(struct sim_options *options, const struct sim_overrides *overrides)
{
    struct sim_overrides copy = *overrides;

    assert(KNOB_COUNT <= sizeof(copy.set) / sizeof(copy.set[0]));
    for (size_t knob = 0; knob < KNOB_COUNT; knob++)
        if (copy.set[knob])
            *knob_value(options, knob) = *knob_value(&copy.values, knob);
    /* Quorums drawn for another number of nodes would not fit. */
    if (overridden(&copy, "nodes") && !overridden(&copy, "prepare_quorum") &&
        !overridden(&copy, "vote_quorum"))
        options->prepare_quorum = options->vote_quorum = 0;
}
