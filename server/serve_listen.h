/* SPDX-License-Identifier: MIT */
/* serve_listen.h -- where a member listens for clients, and what it tells them of that. */
#ifndef DECREE_SERVER_SERVE_LISTEN_H
#define DECREE_SERVER_SERVE_LISTEN_H

#include "etcd_front.h"
#include "serve.h"

#define SERVE_URLS_BYTES 4096u

/* Listens on all of options->clients, of which ret_ports has the ports, and on options->metrics. Errors:
 * IO, and sentence says why. */
int serve_listen(struct etcd_front *front, const struct serve_options *options,
                 uint16_t ret_ports[SERVE_ADDRESSES_MAX], char *sentence);

/* What clients are to be told, "http://host:port,...". urls holds SERVE_URLS_BYTES. */
void serve_client_urls(const struct serve_options *options, const uint16_t *ports, char *urls);

#endif
