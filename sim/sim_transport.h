/* SPDX-License-Identifier: MIT */
/* sim_transport.h -- the transport port of a node in the simulator, through the shipped codec. */
#ifndef DECREE_SIM_TRANSPORT_H
#define DECREE_SIM_TRANSPORT_H

#include "sim_cluster.h"

/* For the transport of a struct sim_node. */
extern const struct transport_ops sim_transport_ops;

/* Hands the message in a packet to the node's engine; false, with a verdict, when it does not
 * decode. */
bool sim_transport_receive(struct sim_node *node, unsigned from, const uint8_t *bytes, size_t size);

#endif
