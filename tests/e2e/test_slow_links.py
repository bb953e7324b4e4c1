# SPDX-License-Identifier: MIT
"""test_slow_links.py -- values that take longer on the way than an election timeout, and nothing set for it.

Once leaders deposed one another for ever then: their heartbeats stood behind large frames, and behind copies of these, since what
was not acknowledged was sent again ten times a second.
"""
import os
import threading
import time

import pytest

import rpc
from nodes import Cluster, Node
from ports import free_ports
from slow_lines import Lines

BYTES_PER_SECOND = 10_000_000 // 8
VALUE_BYTES = 1_400_000  # 1.1 s
WRITERS = 3
LATEST_S = 100


class SlowCluster(Cluster):
    """Each member listens behind a line of its own, at whose front the others know it."""

    def __init__(self, folder, kind):
        ports = free_ports(9)
        self.behind = ports[6:]
        nodes = [Node(f"n{i + 1}", str(folder), ports[2 * i], ports[2 * i + 1]) for i in range(3)]
        super().__init__(folder, nodes=nodes, arguments=["--transport", kind])
        self.lines = Lines([(node.peer_port, port) for node, port in zip(nodes, self.behind)], BYTES_PER_SECOND)

    def start(self, *nodes):
        for node in nodes or self.nodes:
            port = self.behind[self.nodes.index(node)]
            node.start(self.spec, [*self.arguments, "--listen-peer-urls", f"http://127.0.0.1:{port}"])

    def close(self):
        super().close()
        self.lines.close()


@pytest.fixture(params=["tcp", "grpc"])
def slow(tmp_path, request):
    cluster = SlowCluster(tmp_path, request.param)
    yield cluster.started()
    if getattr(request.node, "failed", True):
        cluster.print_logs()
    cluster.close()


def write(slow, number, key, value, end, acknowledged):
    """Until it is acknowledged: a server gives up after some seconds, though the log does not."""
    while time.monotonic() < end and key not in acknowledged:
        try:
            slow.nodes[number].client.put(key, value, timeout=LATEST_S)
            acknowledged.append(key)
        except rpc.Failure as failure:
            print(failure)


def test_large_values_arrive_though_each_takes_longer_than_an_election(slow):
    values = {f"large/{i}".encode(): os.urandom(VALUE_BYTES) for i in range(WRITERS)}
    acknowledged, end = [], time.monotonic() + LATEST_S
    writers = [threading.Thread(target=write, args=(slow, number, key, values[key], end, acknowledged))
               for number, key in enumerate(values)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(acknowledged) == sorted(values)
    for node in slow.nodes:
        for key, value in values.items():
            assert node.client.range(key, timeout=LATEST_S).kvs[0].value == value
