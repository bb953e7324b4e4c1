# SPDX-License-Identifier: MIT
"""conftest.py -- a memory_server for each test that asks for one; it must live to the end of the test and end well."""
import os
import resource
import signal
import subprocess
import sys

import pytest

sys.path[:0] = [os.environ["E2E_FOLDER"], os.environ["RPC_TESTS"]]


DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


class Server:
    def __init__(self, *options, descriptors=None):
        command = [os.environ["MEMORY_SERVER"], *options]
        if descriptors:
            command = ["/bin/sh", "-c", f'ulimit -n {descriptors} && exec "$0" "$@"', *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line
        self.port = int(line.split()[-1])

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        assert self.process.poll() is None, "the server died"
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@pytest.fixture
def start():
    servers = []

    def start_one(*options, **limits):
        servers.append(Server(*options, **limits))
        return servers[-1]

    yield start_one
    try:
        for server in servers:
            server.stop()
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()


@pytest.fixture
def server(start):
    return start()
