/* SPDX-License-Identifier: MIT */
/* each_endpoint.h -- which servers the commands ask that ask each for itself: those of --endpoints, or
 * with --cluster all members.
 *
 * Such a command names each_endpoint_argp as child, in place of client_options_argp, whose options it
 * has, too.
 */
#ifndef DECREE_CMD_EACH_ENDPOINT_H
#define DECREE_CMD_EACH_ENDPOINT_H

#include "client_options.h"

struct each_endpoint_settings {
    struct client_settings client;
    bool cluster;
};

extern const struct argp each_endpoint_argp;

/* 0, or an exit status after a sentence. */
int each_endpoint_list(const struct each_endpoint_settings *settings,
                       struct endpoints *ret_endpoints);

#endif
