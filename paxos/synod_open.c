/* SPDX-License-Identifier: MIT */
/* synod_open.c -- opens and closes a synod; what it does in between is synod.c. */
#include <stdlib.h>
#include <string.h>

#include "synod_inside.h"

#define RETRY_AFTER_NS UINT64_C(100000000)

int decree_synod_open(struct decree_synod **ret_synod, const struct decree_synod_config *config)
{
    uint32_t majority = config->member_count / 2 + 1;
    struct quorum quorum = {.count = config->member_count,
                            .prepare = config->prepare_quorum == 0 ? majority
                                                                   : config->prepare_quorum,
                            .vote = config->vote_quorum == 0 ? majority : config->vote_quorum};
    struct decree_synod *synod;

    if (!quorum_members_are_sane(config->members, config->member_count, config->self))
        return DECREE_INVALID;
    if (quorum.prepare > quorum.count || quorum.vote > quorum.count ||
        quorum.prepare + quorum.vote <= quorum.count)
        return DECREE_QUORUM;
    synod = calloc(1, sizeof(*synod));
    if (synod == NULL)
        return DECREE_NOMEM;
    memcpy(synod->members, config->members, config->member_count * sizeof(*config->members));
    quorum.members = synod->members;
    quorum.self = quorum_index(&quorum, config->self);
    synod->quorum = quorum;
    synod->retry_after_ns = config->retry_after_ns == 0 ? RETRY_AFTER_NS : config->retry_after_ns;
    synod->retry_at_ns = UINT64_MAX;
    synod->patience = 1;
    prng_init(&synod->prng, config->seed);
    *ret_synod = synod;
    return 0;
}

void decree_synod_close(struct decree_synod *synod)
{
    if (synod == NULL)
        return;
    decree_value_unref(synod->state.value);
    decree_value_unref(synod->proposal);
    decree_value_unref(synod->best_value);
    free(synod);
}

const char *decree_synod_message_name(enum decree_synod_message_type type)
{
    static const char *const names[] = {"?",
#define SYNOD_NAME(name, text, fields) text,
                                        DECREE_SYNOD_MESSAGE_TABLE(SYNOD_NAME)
#undef SYNOD_NAME
    };
    size_t index = (size_t)type;

    return names[index < sizeof(names) / sizeof(names[0]) ? index : 0];
}
