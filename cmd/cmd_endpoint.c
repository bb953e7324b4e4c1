/* SPDX-License-Identifier: MIT */
/* cmd_endpoint.c -- decree endpoint: what etcdctl's users look for under this word. */
#include <stdio.h>
#include <string.h>

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
    static const struct {
        const char *word;
        int (*run)(int argc, char **argv);
    } parts[] = {{"health", endpoint_health}, {"status", cmd_status}, {"hashkv", cmd_hash}};
    const char *word = argc > 1 ? argv[1] : "";

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strcmp(word, parts[i].word) == 0)
            return parts[i].run(argc - 1, argv + 1);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0 || strcmp(word, "help") == 0) {
        fputs(help, stdout);
        return EXIT_OK;
    }
    fprintf(stderr,
            "decree endpoint: say health, status or hashkv%s%s%s; see decree endpoint --help\n",
            word[0] != '\0' ? ", not '" : "", word, word[0] != '\0' ? "'" : "");
    return EXIT_USAGE;
}
