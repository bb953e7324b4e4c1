/* SPDX-License-Identifier: MIT */
/* cmd_snapshot.c -- decree snapshot: which of its parts is meant. */
#include <stdio.h>

#include "commands.h"
#include "snapshot_commands.h"

static const char help[] =
    "Usage: decree snapshot save FILE [OPTION...]\n"
    "  or:  decree snapshot status FILE [OPTION...]\n"
    "  or:  decree snapshot restore FILE [OPTION...]\n"
    "The whole store as one file: every key, all of its past that is not compacted,\n"
    "and the leases.\n"
    "\n"
    "  save      take a snapshot of the store of one server\n"
    "  status    check a snapshot, and say what is in it\n"
    "  restore   make the data directory of a member of a new cluster from it\n"
    "\n"
    "A cluster that was lost comes back with:\n"
    "  decree snapshot save backup --endpoints 127.0.0.1:2379     (before)\n"
    "  decree snapshot status backup\n"
    "  decree snapshot restore backup --name n1 --cluster $C --data ./n1\n"
    "  decree snapshot restore backup --name n2 --cluster $C --data ./n2\n"
    "each member from the same file.\n"
    "\n"
    "`decree snapshot save --help` and so on tell more.\n";

void snapshot_sum_print(char *text, const uint8_t *sum)
{
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", sum[i]);
}

int cmd_snapshot(int argc, char **argv)
{
    static const struct command_part parts[] = {{"save", snapshot_save},
                                                {"status", snapshot_status},
                                                {"restore", snapshot_restore},
                                                {NULL, NULL}};

    return command_run_part("snapshot", parts, help, argc, argv);
}
