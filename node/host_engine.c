/* SPDX-License-Identifier: MIT */
/* host_engine.c -- the engine of a host: the settings of its two cores, made from the options. */
#include <stdio.h>

#include "host_inside.h"
#include "user_transport.h"

#define MS_NS UINT64_C(1000000)
#define VOLATILE_LOG_BYTES_MAX \
    (64u << 20) /* without a disk, only the log in memory can help a peer */
#define REGISTER_VALUE_BYTES_MAX (1u << 20)
#define PEER_VALUE_BYTES_MAX \
    (40u << 20) /* above the most that any member's clients may be allowed */
/* What a record or a message of a register has beside the value: its key, and some numbers. */
#define REGISTER_OVERHEAD_BYTES (DECREE_REGISTER_KEY_BYTES_MAX + 1024u)

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* What a transport of the user's own sends at once; 0: it sets no limit that matters. */
static uint32_t frame_bytes_max(const struct host_options *options)
{
    return options->transport == NULL ? 0 : user_transport_frame_bytes_max(options->transport);
}

/* Members may allow their own clients different sizes, while an operator changes them one after another
 * and for ever. What one of them proposes the others must take, or nothing would be decided any more. */
static uint32_t peer_value_bytes_max(const struct host_options *options)
{
    return frame_bytes_max(options) == 0 && options->value_bytes_max < PEER_VALUE_BYTES_MAX
               ? PEER_VALUE_BYTES_MAX
               : options->value_bytes_max;
}

static uint32_t register_value_bytes_max(const struct host_options *options)
{
    uint32_t bytes = smaller(options->value_bytes_max, REGISTER_VALUE_BYTES_MAX);
    uint32_t frame_bytes = frame_bytes_max(options);

    if (options->without_registers)
        return 0;
    if (frame_bytes != 0 && frame_bytes < 2 * REGISTER_OVERHEAD_BYTES)
        return smaller(bytes, frame_bytes / 2);
    return frame_bytes == 0 ? bytes : smaller(bytes, frame_bytes - REGISTER_OVERHEAD_BYTES);
}

uint32_t host_record_bytes_max(const struct host *host, const struct host_options *options)
{
    uint32_t of_register = host->register_value_bytes_max + REGISTER_OVERHEAD_BYTES;

    return options->value_bytes_max > of_register ? options->value_bytes_max : of_register;
}

static int open_engine(struct host *host, const struct host_options *options,
                       const decree_node_id *members)
{
    struct decree_registers_config registers = {
        .self = options->self,
        .members = members,
        .member_count = options->cluster.count,
        .prepare_quorum = options->prepare_quorum,
        .vote_quorum = options->vote_quorum,
        .value_bytes_max = host->register_value_bytes_max,
        .keep_versions = options->register_versions,
    };
    struct engine_config config = {
        .core = {.self = options->self,
                 .members = members,
                 .member_count = options->cluster.count,
                 .prepare_quorum = options->prepare_quorum,
                 .vote_quorum = options->vote_quorum,
                 .value_bytes_max = peer_value_bytes_max(options),
                 .message_bytes_max = frame_bytes_max(options),
                 .log_bytes_max = options->data_dir == NULL ? VOLATILE_LOG_BYTES_MAX : 0,
                 .heartbeat_every_ns = options->heartbeat_ms * MS_NS,
                 .suspect_after_ns = options->election_ms * MS_NS,
                 .scout_on_demand = options->scout_on_demand,
                 .trace = host_on_trace,
                 .context = host},
        .registers = options->without_registers ? NULL : &registers,
        .machine = options->machine,
        .hooks = {.context = host,
                  .on_decision = options->failpoints != NULL ? host_on_decision : NULL,
                  .on_trouble = host_on_trouble},
    };

    if (uv_random(NULL, NULL, &config.core.seed, sizeof(config.core.seed), 0, NULL) != 0)
        config.core.seed = uv_hrtime() + options->self;
    registers.seed = ~config.core.seed;
    return engine_open(&host->engine, &config);
}

int host_open_engine(struct host *host, const struct host_options *options, char *sentence)
{
    decree_node_id members[DECREE_MEMBERS_MAX];
    int error;

    for (uint32_t i = 0; i < options->cluster.count; i++)
        members[i] = i + 1;
    host->register_value_bytes_max = register_value_bytes_max(options);
    error = open_engine(host, options, members);
    if (error == DECREE_QUORUM)
        return sentence_fail(
            sentence, error,
            "prepare quorum %u and vote quorum %u are unsafe with %u members: their sum must "
            "exceed the number of members, and neither may do so alone",
            options->prepare_quorum, options->vote_quorum, options->cluster.count);
    if (error != 0)
        return sentence_fail(sentence, error, "cannot set up the core: %s",
                             decree_error_text(error));
    return 0;
}
