/* SPDX-License-Identifier: MIT */
/* snapshot_commands.h -- the three parts of `decree snapshot`; each gets its own word as argv[0] and
 * returns the exit status. */
#ifndef DECREE_CMD_SNAPSHOT_COMMANDS_H
#define DECREE_CMD_SNAPSHOT_COMMANDS_H

#include "snapshot_file.h"

int snapshot_save(int argc, char **argv);
int snapshot_status(int argc, char **argv);
int snapshot_restore(int argc, char **argv);

#define SNAPSHOT_SUM_TEXT_BYTES (2 * SHA256_BYTES + 1)

/* A sum as people read it; text has SNAPSHOT_SUM_TEXT_BYTES. */
void snapshot_sum_print(char *text, const uint8_t *sum);

#endif
