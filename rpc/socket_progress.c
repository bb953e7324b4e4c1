/* SPDX-License-Identifier: MIT */
/* socket_progress.c -- see socket_progress.h. */
#include "socket_progress.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The beginning of what the kernel tells. libc's struct tcp_info does not reach so far, and the kernel's
 * own header does not go with libc's. */
struct told {
    uint8_t others[120];
    uint64_t bytes_acked;
};

static int socket_of(const uv_tcp_t *socket)
{
    uv_os_fd_t fd = -1;

    return uv_fileno((const uv_handle_t *)socket, &fd) == 0 ? fd : -1;
}

uint64_t socket_acked(const uv_tcp_t *socket)
{
    struct told told = {0};
    socklen_t size = sizeof(told);

    return getsockopt(socket_of(socket), IPPROTO_TCP, TCP_INFO, &told, &size) == 0
               ? told.bytes_acked
               : 0;
}

uint64_t socket_waiting(const uv_tcp_t *socket)
{
    int waiting = 0;

    return ioctl(socket_of(socket), SIOCOUTQ, &waiting) == 0 && waiting > 0 ? (uint64_t)waiting : 0;
}
