/* SPDX-License-Identifier: MIT */
/* cmd_endpoint.c -- decree endpoint: what etcdctl's users look for under this word. */

#include <stddef.h>

#include "commands.h"
#include "endpoint_health.h"

static const char help[] =
    "Usage: decree endpoint health [OPTION...]\n"
    "  or:  decree endpoint status [OPTION...]\n"
    "  or:  decree endpoint hashkv [OPTION...]\n"
    "Asks each of the endpoints, or with --cluster each member, for itself.\n"
    "\n"
    "  health    does it serve a read that needs the cluster, and does no alarm ring\n"
    "  status    the same as decree status\n"
    "  hashkv    the same as decree hash\n"
    "\n"
    "Examples:\n"
    "  decree endpoint health --cluster\n"
    "  decree endpoint status --cluster -w json\n"
    "\n"
    "`decree endpoint health --help` and so on tell more.\n";

int cmd_endpoint(int argc, char **argv)
{
    static const struct command_part parts[] = {
        {"health", endpoint_health}, {"status", cmd_status}, {"hashkv", cmd_hash}, {NULL, NULL}};

    return command_run_part("endpoint", parts, help, argc, argv);
}
