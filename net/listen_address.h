/* SPDX-License-Identifier: MIT */
/* listen_address.h -- from the host in a member's address to the address to listen on. */
#ifndef DECREE_NET_LISTEN_ADDRESS_H
#define DECREE_NET_LISTEN_ADDRESS_H

#include <uv.h>

/* The first address that host stands for and that this machine has, or the last one. host is a
 * name, or an address without brackets; NULL: all addresses. Looks names up, and waits for that. 0
 * or libuv's error. */
int listen_address_find(uv_loop_t *loop, const char *host, uint16_t port,
                        struct sockaddr_storage *ret_address);

#endif
