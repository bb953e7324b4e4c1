# SPDX-License-Identifier: MIT
"""ports.py -- ports for servers of a test, in tests that run beside each other.

A port that the system gave for 0 and that was closed again may be given to somebody else, or be the near end of a connection,
before the server listens on it. So these are drawn from below the range that the system takes them from.
"""
import random
import socket

LOWEST, ABOVE = 12000, 32000


def free_ports(count):
    sockets = []
    try:
        while len(sockets) < count:
            one = socket.socket()
            try:
                one.bind(("127.0.0.1", random.randrange(LOWEST, ABOVE)))
                sockets.append(one)
            except OSError:
                one.close()
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
