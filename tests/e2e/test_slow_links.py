# SPDX-License-Identifier: MIT
"""test_slow_links.py -- values that take longer on the way than an election timeout, and nothing set for it.

Once leaders deposed one another for ever then: their heartbeats stood behind large frames, and behind copies of these, since what
was not acknowledged was sent again ten times a second.
"""
import os
import threading

import pytest

import rpc
from nodes import Cluster, Node
from ports import free_ports
from slow_lines import Lines
from wait import wait_until

SLOW, VALUE_BYTES = 10_000_000 // 8, 1_400_000  # bytes a second; 1.1 s for one value
SLOWEST, LONG_VALUE_BYTES = 900_000 // 8, 800_000  # 7.1 s
LATEST_S = 100


class SlowCluster(Cluster):
    """Each member listens behind a line of its own, at whose front the others know it."""

    def __init__(self, folder, kind, bytes_per_second):
        ports = free_ports(9)
        self.behind = ports[6:]
        nodes = [Node(f"n{i + 1}", str(folder), ports[2 * i], ports[2 * i + 1]) for i in range(3)]
        super().__init__(folder, nodes=nodes, arguments=["--transport", kind])
        self.lines = Lines([(node.peer_port, port) for node, port in zip(nodes, self.behind)], bytes_per_second)

    def start(self, *nodes):
        for node in nodes or self.nodes:
            port = self.behind[self.nodes.index(node)]
            node.start(self.spec, [*self.arguments, "--listen-peer-urls", f"http://127.0.0.1:{port}"])

    def close(self):
        super().close()
        self.lines.close()


@pytest.fixture
def make_slow(tmp_path, request):
    clusters = []

    def make(kind, bytes_per_second):
        clusters.append(SlowCluster(tmp_path, kind, bytes_per_second))
        return clusters[0].started()

    yield make
    for cluster in clusters:
        if getattr(request.node, "failed", True):
            cluster.print_logs()
        cluster.close()


def put(node, key, value):
    """Once: a server gives up after some seconds, and the log does not."""
    try:
        node.client.put(key, value, timeout=LATEST_S)
    except rpc.Failure as failure:
        print(failure)


def wait_until_all_have(slow, values):
    def has(node, key):
        return [kv.value for kv in node.client.range(key, timeout=LATEST_S, serializable=True).kvs] == [values[key]]

    wait_until(lambda: all(has(node, key) for node in slow.nodes for key in values), LATEST_S, "the values are everywhere")


def test_large_values_arrive_though_each_takes_longer_than_an_election(make_slow):
    slow = make_slow("tcp", SLOW)
    values = {node.name.encode(): os.urandom(VALUE_BYTES) for node in slow.nodes}
    writers = [threading.Thread(target=put, args=(node, key, values[key])) for node, key in zip(slow.nodes, values)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    wait_until_all_have(slow, values)


@pytest.mark.parametrize("kind", ["tcp", "http", "grpc"])
def test_what_moves_is_not_given_up_however_long_it_takes(make_slow, kind):
    """Longer than a connection may be silent, and than a client is let wait."""
    slow = make_slow(kind, SLOWEST)
    value = os.urandom(LONG_VALUE_BYTES)
    put(slow.wait_for_leader(), b"large", value)
    wait_until_all_have(slow, {b"large": value})
