# SPDX-License-Identifier: MIT
"""ports.py -- ports for servers of a test, in tests that run beside each other.

A port that the system gave for 0 and that was closed again may be given to somebody else, or be the near end of a connection,
before the server listens on it. So these are drawn from below the range that the system takes them from. Another test may
draw there too, before a server listens or while it is down: so who draws a port binds the name "decree-test-port-N" in the
abstract namespace of Unix sockets, which is his until his process ends; free_port.h and the Go tests do the same.
"""
import random
import socket

LOWEST, ABOVE = 12000, 32000

claims = []  # sockets whose names say which ports are taken


def free_ports(count):
    ports = []
    while len(ports) < count:
        port = random.randrange(LOWEST, ABOVE)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0decree-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        claims.append(claim)
        ports.append(port)
    return ports
