/* SPDX-License-Identifier: MIT */
/* register_arguments.h -- the command line of `decree register`. */
#ifndef DECREE_CMD_REGISTER_ARGUMENTS_H
#define DECREE_CMD_REGISTER_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "client_options.h"

enum register_verb {
    REGISTER_SET = 1,
    REGISTER_GET,
    REGISTER_CAS,
    REGISTER_HISTORY,
    REGISTER_COMPACT
};

struct register_arguments {
    struct client_settings settings;
    enum register_verb verb;
    const char *command; /* such as "decree register set" */
    const char *key;
    const char *value; /* NULL or "-": on standard input */
    bool has_version;  /* --ver; of cas: the one expected */
    uint64_t version;
    uint64_t from;
    uint32_t limit; /* 0: none */
    bool no_newline;
};

/* On an error, and after --help, the process ends as argp ends it. */
void register_parse(int argc, char **argv, struct register_arguments *ret_arguments);

#endif
