/* SPDX-License-Identifier: MIT */
/* listen_address.c -- see listen_address.h. */
#include "listen_address.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp_parts.h"

static int look_up(uv_loop_t *loop, const char *host, uint16_t port,
                   struct tcp_addresses *ret_addresses)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    uv_getaddrinfo_t request;
    char service[8];
    int error;

    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    error = uv_getaddrinfo(loop, &request, NULL, host, service, &hints);
    if (error != 0)
        return error;
    tcp_addresses_collect(ret_addresses, request.addrinfo);
    uv_freeaddrinfo(request.addrinfo);
    return ret_addresses->count > 0 ? 0 : UV_EAI_NONAME;
}

/* The addresses to listen on, to be tried in turn. */
static int find_all(uv_loop_t *loop, const char *host, uint16_t port,
                    struct tcp_addresses *ret_addresses)
{
    struct tcp_addresses second;

    if (host == NULL) {
        (void)tcp_addresses_parse(ret_addresses, "::", port);
        (void)tcp_addresses_parse(&second, "0.0.0.0", port);
        ret_addresses->list[ret_addresses->count++] = second.list[0];
        return 0;
    }
    if (tcp_addresses_parse(ret_addresses, host, port))
        return 0;
    return look_up(loop, host, port, ret_addresses);
}

/* Whether this machine has the address. Asked with a socket of its own, since the first address
 * that libuv is given decides about IPv4 or IPv6 for good. */
static bool is_ours(const struct sockaddr_storage *address)
{
    socklen_t size = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                    : sizeof(struct sockaddr_in);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ours;

    if (fd < 0)
        return false;
    ours = bind(fd, (const struct sockaddr *)address, size) == 0 || errno == EADDRINUSE;
    (void)close(fd);
    return ours;
}

int listen_address_find(uv_loop_t *loop, const char *host, uint16_t port,
                        struct sockaddr_storage *ret_address)
{
    struct tcp_addresses addresses;
    int error = find_all(loop, host, port, &addresses);
    uint32_t i = 0;

    if (error != 0)
        return error;
    assert(addresses.count > 0);
    while (i + 1 < addresses.count && !is_ours(&addresses.list[i]))
        i++;
    *ret_address = addresses.list[i];
    return 0;
}
