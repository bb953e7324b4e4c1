/* SPDX-License-Identifier: MIT */
/* socket_progress.h -- whether what was written to a connection arrives, however little at a time. How long
 * a message takes does not tell a slow link from one that is cut.
 *
 * On the loop's thread. Of a connection that is being closed, both are 0. */
#ifndef DECREE_RPC_SOCKET_PROGRESS_H
#define DECREE_RPC_SOCKET_PROGRESS_H

#include <stdint.h>

#include <uv.h>

/* Bytes that the other machine has acknowledged, since the connection began; 0 also when the system does not
 * tell. */
uint64_t socket_acked(const uv_tcp_t *socket);

/* Bytes that the kernel has taken and the other machine has not acknowledged. */
uint64_t socket_waiting(const uv_tcp_t *socket);

#endif
