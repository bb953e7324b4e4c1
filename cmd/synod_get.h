/* SPDX-License-Identifier: MIT */
/* synod_get.h -- decree synod get: asks a node of a synod, of whatever kind, for the value. */
#ifndef DECREE_CMD_SYNOD_GET_H
#define DECREE_CMD_SYNOD_GET_H

/* argv[0] is the word before the arguments; returns the exit status. */
int synod_get(int argc, char **argv);

#endif
