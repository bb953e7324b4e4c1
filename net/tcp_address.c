/* SPDX-License-Identifier: MIT */
/* tcp_address.c -- addresses of IPv4 and IPv6: from text, from the resolver, and back to text for
 * log lines. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tcp_parts.h"

bool tcp_addresses_parse(struct tcp_addresses *ret_addresses, const char *host, uint16_t port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    assert(host != NULL);
    if (uv_ip4_addr(host, port, &v4) == 0) {
        ret_addresses->count = 1;
        memcpy(&ret_addresses->list[0], &v4, sizeof(v4));
        return true;
    }
    if (uv_ip6_addr(host, port, &v6) == 0) {
        ret_addresses->count = 1;
        memcpy(&ret_addresses->list[0], &v6, sizeof(v6));
        return true;
    }
    return false;
}

void tcp_addresses_collect(struct tcp_addresses *ret_addresses, const struct addrinfo *found)
{
    uint32_t count = 0;

    for (; found != NULL && count < TCP_ADDRESSES_MAX; found = found->ai_next) {
        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue;
        assert(found->ai_addrlen <= sizeof(ret_addresses->list[0]));
        memcpy(&ret_addresses->list[count++], found->ai_addr, found->ai_addrlen);
    }
    ret_addresses->count = count;
}

void tcp_remote_text(const uv_tcp_t *socket, char *ret_text)
{
    char host[INET6_ADDRSTRLEN] = "?";
    struct sockaddr_storage address = {0};
    int size = sizeof(address);
    unsigned port = 0;

    if (uv_tcp_getpeername(socket, (struct sockaddr *)&address, &size) == 0) {
        (void)uv_ip_name((struct sockaddr *)&address, host, sizeof(host));
        port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                   : ((struct sockaddr_in *)&address)->sin_port);
    }
    (void)snprintf(ret_text, TCP_ADDRESS_TEXT_BYTES,
                   address.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
}
