/* SPDX-License-Identifier: MIT */
/* free_port.h -- ports for servers of a test, in tests that run beside each other; see ports.py.
 *
 * They are drawn from below the range that the system gives away by itself, and claimed by the name
 * of a Unix socket that is open until the process ends: so nobody else gets them meanwhile. Tests
 * that run beside each other have neighbouring pids, and so begin far from each other.
 */
#ifndef DECREE_TESTS_FREE_PORT_H
#define DECREE_TESTS_FREE_PORT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline bool free_port_bind(int probe, const void *address, size_t size)
{
    return bind(probe, (const struct sockaddr *)address, (socklen_t)size) == 0;
}

/* False if another test has it. */
static inline bool free_port_claim(unsigned port)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int claim = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "decree-test-port-%u",
                          port);

    if (free_port_bind(claim, &name, offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length))
        return true;
    close(claim);
    return false;
}

static inline uint16_t free_port(void)
{
    static uint32_t drawn;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_free;

    do {
        uint16_t port = (uint16_t)(12000 + ((uint32_t)getpid() * 509 + drawn++) % 20000);
        int probe = socket(AF_INET, SOCK_STREAM, 0);

        address.sin_port = htons(port);
        is_free = free_port_bind(probe, &address, sizeof(address)) && free_port_claim(port);
        close(probe);
    } while (!is_free);
    return ntohs(address.sin_port);
}

#endif
