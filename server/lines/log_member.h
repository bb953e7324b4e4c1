/* SPDX-License-Identifier: MIT */
/* log_member.h -- a member that serves the ordered log and nothing else, on one loop. */
#ifndef DECREE_SERVER_LOG_MEMBER_H
#define DECREE_SERVER_LOG_MEMBER_H

#include "cluster_spec.h"
#include "logger.h"
#include "sentence.h"

struct fs;

struct log_member_options { /* borrowed until log_member_run() returns; 0 takes the default */
    struct cluster_spec cluster;
    decree_node_id self;
    const char *cluster_token;
    const char *data_dir;
    const char *listen_host; /* a name or an address */
    uint16_t listen_port;    /* 0: any, see the line 'ready' */
    uint32_t heartbeat_ms, election_ms;
    struct fs *fs; /* of the journal; NULL: the system's */
    const struct logger *logger;
};

/* Opens everything, prints one line that begins with 'ready' on standard output, and serves until
 * SIGTERM or SIGINT: then it answers what is under way, syncs the journal and returns 0. A second
 * signal ends the process at once.
 *
 * When the journal cannot be written, requests wait until it can. When a sync fails, nothing that
 * was written since the last one can be trusted: the node is closed, what was under way is answered
 * with 'ERROR lost', and the node is opened again from what is surely on disk, as often as it takes;
 * connections stay. A decree_error if it could not start; sentence says why. */
int log_member_run(const struct log_member_options *options, char *sentence);

#endif
