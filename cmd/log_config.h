/* SPDX-License-Identifier: MIT */
/* log_config.h -- the configuration of `decree log`: spaxos' JSON.
 *
 *     {"selfid": 1,
 *      "groups": [{"id": 1, "ip": "127.0.0.1", "port": 10001}, ...],
 *      "path": "./data",
 *      "stimeout": {"heartbeat": 100, "instimeoutbase": 200, "instimeoutrange": 30}}
 *
 * The members are called n<id>, in the order of their ids, so that the order in the file does not
 * matter. Times are milliseconds. spaxos waited instimeoutbase and up to instimeoutrange more for an
 * instance before another member took it over; here it is the leader whose silence is waited for,
 * so long and at least five heartbeats, that a lost one is not taken for a death.
 */
#ifndef DECREE_CMD_LOG_CONFIG_H
#define DECREE_CMD_LOG_CONFIG_H

#include "cluster_spec.h"
#include "sentence.h"

#define LOG_CONFIG_PATH_BYTES 4096u

struct log_config {
    struct cluster_spec cluster;
    decree_node_id self;
    char path[LOG_CONFIG_PATH_BYTES];
    uint32_t heartbeat_ms, election_ms;
};

/* Reads the file. INVALID or IO: sentence, of SENTENCE_BYTES, says what is wrong and
 * where. */
int log_config_read(struct log_config *ret_config, const char *file, char *sentence);

#endif
