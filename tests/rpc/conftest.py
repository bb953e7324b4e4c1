# SPDX-License-Identifier: MIT
"""conftest.py -- an rpc_server for each test that asks for one; it must live to the end of the test and end well."""
import os
import signal
import subprocess

import pytest


# A sanitizer keeps what was freed; with little of that the tests can look at how much memory there is in use.
os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1:" + os.environ.get("ASAN_OPTIONS", "")


class Server:
    def __init__(self, *options):
        self.process = subprocess.Popen([os.environ["RPC_SERVER"], *options], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line
        self.port = int(line.split()[-1])
        self.stopped = False

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def stop(self):
        if self.stopped:
            return
        assert self.process.poll() is None, "the server died"
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@pytest.fixture
def start():
    servers = []

    def start_one(*options):
        servers.append(Server(*options))
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
