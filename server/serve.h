/* SPDX-License-Identifier: MIT */
/* serve.h -- a whole member in this process: node, store and the port for clients, on one loop. */
#ifndef DECREE_SERVER_SERVE_H
#define DECREE_SERVER_SERVE_H

#include "auto_compaction.h"
#include "host.h"
#include "sentence.h"

#define SERVE_ADDRESSES_MAX 8u

struct serve_address {
    char host[CLUSTER_HOST_BYTES]; /* a name or an address; one of IPv6 without brackets */
    uint16_t port;                 /* 0: any, see the line 'ready' */
};

struct serve_addresses {
    size_t count;
    struct serve_address list[SERVE_ADDRESSES_MAX];
};

struct serve_options { /* borrowed until serve_run() returns; 0 takes the default */
    struct cluster_spec cluster;
    decree_node_id self;
    const char *cluster_token;
    const char *data_dir;
    struct serve_addresses clients; /* one at least */
    /* What clients are told of these, "http://host:port,..."; NULL: follows from them. */
    const char *client_urls;
    struct serve_addresses metrics; /* where only metrics and health are served, if anywhere */
    /* Where the other members come; count 0: at the address that the cluster has of this one. */
    struct serve_addresses peers; /* one at most */
    enum peer_network network;    /* between the members; default tcp */
    uint32_t prepare_quorum, vote_quorum;
    uint32_t heartbeat_ms, election_ms;
    uint64_t register_versions; /* kept of each register; default: all */
    /* Where failpoints are armed, a loopback address; NULL: there are none. */
    const char *failpoints_host;
    uint16_t failpoints_port; /* 0: any, see the line 'ready' */
    const char *log_host;     /* where the ordered log is served; NULL: nowhere */
    uint16_t log_port;        /* 0: any, see the line 'ready' */
    int64_t quota_bytes;      /* of the store; negative: none */
    size_t request_bytes_max; /* see etcd_front.h, also for the next five */
    size_t txn_ops_max;
    uint32_t watch_progress_ms;
    const char *cors, *host_whitelist;
    uint32_t connection_streams_max; /* see http2.h */
    struct auto_compaction_options compaction;
    const struct logger *logger;
};

/* Opens everything, prints one line that begins with 'ready' on standard output, and serves until
 * SIGTERM or SIGINT: then it stops to accept, lets open requests end, syncs the journal and returns
 * 0. A second signal ends the process at once. A decree_error if it could not start; sentence, of
 * SENTENCE_BYTES, says why. */
int serve_run(const struct serve_options *options, char *sentence);

#endif
