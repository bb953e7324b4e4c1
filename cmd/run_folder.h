/* SPDX-License-Identifier: MIT */
/* run_folder.h -- the folder in which the processes of one group find each other and keep their
 * data.
 *
 *     DIR/cluster     how many they are, and where they talk to each other; made by the first
 *     DIR/ID/pid      who runs as ID; see pid_file.h
 *     DIR/ID/data/    its journal
 *     DIR/ID/log      what it says, if `decree master` started it
 *
 * The cluster file is one line: "decree-processes 1 COUNT HOST PORT TOKEN"; process ID talks to its
 * peers on PORT + ID. HOST is an address of the loopback network chosen at random for this folder,
 * so the ports of two groups never meet, and a process that starts again is where it was before.
 * Where there is no such address, HOST is 127.0.0.1.
 */
#ifndef DECREE_CMD_RUN_FOLDER_H
#define DECREE_CMD_RUN_FOLDER_H

#include "cluster_spec.h"
#include "sentence.h"

#define RUN_FOLDER_DEFAULT "decree.run"
#define RUN_FOLDER_VARIABLE "DECREE_RUN_DIR"
#define RUN_PATH_BYTES 1024u

struct run_folder {
    char path[RUN_PATH_BYTES];
    uint32_t count;
    char host[16];
    uint16_t port;
    char token[33];
};

/* The folder that is meant: given, or what the environment says, or the default. */
const char *run_folder_name(const char *given);

/* Makes the folder, and the ones above it, and chooses the addresses, unless that was done. Errors,
 * with a sentence of SENTENCE_BYTES: INVALID, it was made for another count; IO; CORRUPT. */
int run_folder_open(struct run_folder *folder, const char *path, uint32_t count, char *sentence);

/* The members, named 0, 1, ...; process id is member id + 1. */
void run_folder_cluster(const struct run_folder *folder, struct cluster_spec *ret_cluster);

/* path/id/name, into ret_path[RUN_PATH_BYTES]; without name, path/id. */
void run_folder_path(const char *path, uint32_t id, const char *name, char *ret_path);

/* Makes a folder for one run of the master, which is the user's alone. Errors: IO, with a
 * sentence. */
int run_folder_make_fresh(char *ret_path, char *sentence);

/* The folder in which those are. */
void run_folder_fresh_root(char *ret_path);

/* Removes it and all in it. */
void run_folder_remove(const char *path);

#endif
