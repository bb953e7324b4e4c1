/* SPDX-License-Identifier: MIT */
/* sim_arguments.h -- what was asked of `decree sim`. */
#ifndef DECREE_CMD_SIM_ARGUMENTS_H
#define DECREE_CMD_SIM_ARGUMENTS_H

#include "register_run.h"

struct sim_arguments {
    uint64_t first, last;
    const char *scenario; /* NULL: seeds; "all": each */
    struct sim_overrides overrides;
    enum sim_trace_detail detail;
    const char *svg; /* a file's name; NULL: no drawing */
    struct sim_svg_window window;
    bool calm, registers, list, json;
};

/* Reads argv, whose first word it sets to the command's name. Ends the process for --help and for
 * what makes no sense, as argp does. */
void sim_arguments_parse(struct sim_arguments *ret_arguments, int argc, char **argv);

/* The scenario of that name, of the log or of the registers as was asked; NULL: there is none. */
const struct sim_scenario *sim_arguments_scenario(const struct sim_arguments *arguments,
                                                  const char *name);

#endif
