/* SPDX-License-Identifier: MIT */
/* peer_network.c -- see peer_network.h. */
#include "peer_network.h"

#include <assert.h>
#include <string.h>

#include "grpc_transport.h"
#include "http_transport.h"
#include "tcp.h"

enum peer_network peer_network_find(const char *text)
{
    static const char *const names[] = {
        [PEER_NETWORK_TCP] = "tcp", [PEER_NETWORK_HTTP] = "http", [PEER_NETWORK_GRPC] = "grpc"};

    for (int network = PEER_NETWORK_TCP; network <= PEER_NETWORK_GRPC; network++) {
        if (strcmp(text, names[network]) == 0)
            return (enum peer_network)network;
    }
    return 0;
}

static int open_tcp(struct transport **ret_transport, uv_loop_t *loop,
                    const struct peer_network_config *config, const struct transport_sink *sink,
                    char *sentence)
{
    struct tcp_config tcp = {.self = config->self,
                             .cluster_id = config->cluster_id,
                             .listen_host = config->listen_host,
                             .listen_port = config->listen_port,
                             .seed = uv_hrtime() ^ config->self,
                             .logger = config->logger,
                             .value = config->value};

    return tcp_open(ret_transport, loop, &tcp, sink, sentence);
}

int peer_network_open(struct transport **ret_transport, uv_loop_t *loop,
                      const struct peer_network_config *config, const struct transport_sink *sink,
                      char *sentence)
{
    struct call_config call = {.self = config->self,
                               .cluster_id = config->cluster_id,
                               .listen_host = config->listen_host,
                               .listen_port = config->listen_port,
                               .seed = uv_hrtime() ^ config->self,
                               .logger = config->logger,
                               .value = config->value};

    _Static_assert(PEER_NETWORK_SENTENCE_BYTES >= TCP_SENTENCE_BYTES, "room for any sentence");
    _Static_assert(PEER_NETWORK_SENTENCE_BYTES >= CALL_SENTENCE_BYTES, "room for any sentence");
    switch (config->network) {
    case PEER_NETWORK_TCP:
        return open_tcp(ret_transport, loop, config, sink, sentence);
    case PEER_NETWORK_HTTP:
        return http_transport_open(ret_transport, loop, &call, sink, sentence);
    case PEER_NETWORK_GRPC:
        return grpc_transport_open(ret_transport, loop, &call, sink, sentence);
    }
    assert(0 && "no network");
    return DECREE_INVALID;
}

int peer_network_connect(struct transport *transport, enum peer_network network,
                         decree_node_id peer, const char *host, uint16_t port)
{
    if (network == PEER_NETWORK_TCP)
        return tcp_connect(transport, peer, host, port);
    return call_transport_connect(transport, peer, host, port);
}

void peer_network_traffic(const struct transport *transport, enum peer_network network,
                          decree_node_id peer, struct peer_traffic *ret_traffic)
{
    if (network == PEER_NETWORK_TCP)
        tcp_traffic(transport, peer, ret_traffic);
    else
        call_transport_traffic(transport, peer, ret_traffic);
}
