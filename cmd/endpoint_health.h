/* SPDX-License-Identifier: MIT */
/* endpoint_health.h -- the part of decree endpoint that is no command of its own. */
#ifndef DECREE_CMD_ENDPOINT_HEALTH_H
#define DECREE_CMD_ENDPOINT_HEALTH_H

/* As a command: argv[0] is its word. Returns the exit status. */
int endpoint_health(int argc, char **argv);

#endif
