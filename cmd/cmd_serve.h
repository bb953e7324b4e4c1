/* SPDX-License-Identifier: MIT */
/* cmd_serve.h -- decree in etcd's place: started by its name, or by its flags alone. */
#ifndef DECREE_CMD_CMD_SERVE_H
#define DECREE_CMD_CMD_SERVE_H

#include <stdbool.h>

/* The program's name is etcd, or the first word is a flag of etcd: whoever wrote this line meant to start
 * an etcd. */
bool serve_is_etcd(int argc, char **argv);

/* As `decree serve`, but with etcd's defaults. Returns the exit status. */
int serve_as_etcd(int argc, char **argv);

#endif
