/* SPDX-License-Identifier: MIT */
/* synod_ask.h -- one question to one node of a synod: what was chosen? Blocks until it is answered. */
#ifndef DECREE_CMD_SYNOD_ASK_H
#define DECREE_CMD_SYNOD_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "endpoints.h"

enum synod_outcome {
    SYNOD_OUTCOME_VALUE = 1,
    SYNOD_OUTCOME_NOT_YET,     /* the node does not know of a value */
    SYNOD_OUTCOME_STRANGE,     /* something answers there, but not in this way */
    SYNOD_OUTCOME_UNREACHABLE, /* nothing did, or not in time */
};

struct synod_answer {
    enum synod_outcome outcome;
    uint8_t *value; /* of VALUE, to be freed by synod_answer_release() */
    size_t size;
    char reason[512]; /* of the last two */
};

/* By GET /value, which nodes of all kinds answer. */
void synod_ask_http(struct synod_answer *ret_answer, const struct endpoint *endpoint,
                    uint64_t timeout_ms);

/* By decree.v1.Synod/GetValue, which nodes of kind http and grpc answer. */
void synod_ask_grpc(struct synod_answer *ret_answer, const struct endpoint *endpoint,
                    uint64_t timeout_ms);

void synod_answer_release(struct synod_answer *answer);

#endif
