/* SPDX-License-Identifier: MIT */
/* peer_network.h -- one way to open any of the transports between machines: tcp, http, grpc. */
#ifndef DECREE_NET_PEER_NETWORK_H
#define DECREE_NET_PEER_NETWORK_H

#include <uv.h>

#include "logger.h"
#include "transport.h"
#include "value_source.h"

enum peer_network { PEER_NETWORK_TCP = 1, PEER_NETWORK_HTTP, PEER_NETWORK_GRPC };

#define PEER_NETWORK_NAMES "tcp, http or grpc"

/* The one that text names; 0: none of them. */
enum peer_network peer_network_find(const char *text);

struct peer_network_config { /* as those of tcp.h and call_transport.h; the rest is default */
    enum peer_network network;
    decree_node_id self;
    uint64_t cluster_id;
    const char *listen_host;
    uint16_t listen_port;
    const struct logger *logger;
    const struct value_source *value;
};

#define PEER_NETWORK_SENTENCE_BYTES 512u

/* As tcp_open(). */
int peer_network_open(struct transport **ret_transport, uv_loop_t *loop,
                      const struct peer_network_config *config, const struct transport_sink *sink,
                      char *sentence);

/* As tcp_connect(), for a transport of that network. */
int peer_network_connect(struct transport *transport, enum peer_network network,
                         decree_node_id peer, const char *host, uint16_t port);

/* As tcp_traffic(), for a transport of that network. */
void peer_network_traffic(const struct transport *transport, enum peer_network network,
                          decree_node_id peer, struct peer_traffic *ret_traffic);

#endif
