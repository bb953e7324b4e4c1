/* SPDX-License-Identifier: MIT */
/* demo_cluster.h -- three `decree serve` processes of this same program, in a temporary folder.
 *
 * The processes are our children, in sessions of their own so that a Ctrl-C in the terminal reaches
 * us alone, and they end with us whatever happens, unless they are to be kept. All calls are from
 * the main thread.
 */
#ifndef DECREE_CMD_DEMO_CLUSTER_H
#define DECREE_CMD_DEMO_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DEMO_NODES 3u
#define DEMO_PATH_BYTES 512u

struct demo_node {
    char name[8];
    char endpoint[32]; /* for clients */
    uint16_t client_port, peer_port;
    pid_t pid; /* 0: not running */
};

struct demo_cluster {
    char directory[DEMO_PATH_BYTES]; /* empty: not made */
    char endpoints[160];
    bool keep;
    struct demo_node nodes[DEMO_NODES];
};

/* Makes the folder and chooses free ports. 0 or a negative errno. */
int demo_cluster_init(struct demo_cluster *cluster, bool keep);

/* Starts one node that is not running. 0 or a negative errno. */
int demo_node_start(struct demo_cluster *cluster, size_t index);

/* SIGKILL, and waits until it is gone. */
void demo_node_kill(struct demo_node *node);

/* SIGTERM, and waits for its end. The exit status, or -1 when it had to be killed after
 * timeout_ms. */
int demo_node_stop(struct demo_node *node, uint64_t timeout_ms);

/* Whether a node that should run has ended by itself. */
bool demo_node_has_died(struct demo_node *node);

/* The last lines of a node's log, on stderr. */
void demo_node_print_log(const struct demo_cluster *cluster, size_t index);

/* Ends what still runs; removes the folder if told to. */
void demo_cluster_release(struct demo_cluster *cluster, bool remove_directory);

#endif
