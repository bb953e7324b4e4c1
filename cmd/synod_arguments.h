/* SPDX-License-Identifier: MIT */
/* synod_arguments.h -- the flags of `decree synod`: -kind=http or --kind http, as you like. */
#ifndef DECREE_CMD_SYNOD_ARGUMENTS_H
#define DECREE_CMD_SYNOD_ARGUMENTS_H

#include "synod_host.h"

#define SYNOD_PATH_BYTES 32u

struct synod_arguments {
    struct synod_spec spec;
    enum peer_network kind;
    const char *path;  /* of argv, or default_path */
    const char *first; /* of argv; NULL: none */
    uint64_t timeout_ns;
    bool quiet, json;
    bool leave; /* --exit */
    char default_path[SYNOD_PATH_BYTES];
};

/* Reads argv, whose first word is the command. Ends the process for --help and for flags that do
 * not exist, as argp does, unless argp_flags has ARGP_NO_EXIT. Returns 0, INVALID or QUORUM, with a
 * sentence of SENTENCE_BYTES; it is empty when argp has said it. */
int synod_arguments_parse(struct synod_arguments *ret_arguments, int argc, char **argv,
                          unsigned argp_flags, char *sentence);

/* "http", "grpc" or "tcp". */
const char *synod_kind_name(enum peer_network kind);

#endif
