/* SPDX-License-Identifier: MIT */
/* serve_arguments.h -- the command line of `decree serve`: its own options, and all flags and variables of
 * etcd. */
#ifndef DECREE_CMD_SERVE_ARGUMENTS_H
#define DECREE_CMD_SERVE_ARGUMENTS_H

#include "etcd_flags.h"
#include "peer_network.h"

struct serve_arguments { /* NULL and 0: not given */
    const char *cluster, *listen, *data, *token, *failpoints, *log;
    uint32_t prepare_quorum, vote_quorum, heartbeat_ms, election_ms, register_versions;
    enum peer_network network;
    struct etcd_flags etcd;  /* has also the options that have the same name and meaning in both */
    const char *config_file; /* that etcd's flags were read from */
    bool as_etcd;            /* started as etcd is, so that its defaults hold */
};

/* Ends the process after --help, and when the line makes no sense. `command` is what the user typed, such as
 * "decree serve". */
void serve_arguments_parse(struct serve_arguments *arguments, const char *command, int argc,
                           char **argv);

#endif
