/* SPDX-License-Identifier: MIT */
/* free_port.h -- ports for servers of a test, in tests that run beside each other; see ports.py.
 *
 * They are drawn from below the range that the system gives away by itself, so nobody else gets one
 * meanwhile. Tests that run beside each other have neighbouring pids, and so begin far from each other.
 */
#ifndef DECREE_TESTS_FREE_PORT_H
#define DECREE_TESTS_FREE_PORT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static inline uint16_t free_port(void)
{
    static uint32_t drawn;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int probe, error;

    do {
        probe = socket(AF_INET, SOCK_STREAM, 0);
        address.sin_port = htons((uint16_t)(12000 + ((uint32_t)getpid() * 509 + drawn++) % 20000));
        error = bind(probe, (struct sockaddr *)&address, sizeof(address));
        close(probe);
    } while (error != 0);
    return ntohs(address.sin_port);
}

#endif
