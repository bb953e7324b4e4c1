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
from wait import wait_until

SLOW, VALUE_BYTES = 10_000_000 // 8, 1_400_000  # bytes a second; 1.1 s for one value
SLOWEST, LONG_VALUE_BYTES = 900_000 // 8, 800_000  # 7.1 s
WRITERS = 3
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


def write(slow, number, key, value, end, acknowledged):
    """Until it is acknowledged: a server gives up after some seconds, though the log does not."""
    while time.monotonic() < end and key not in acknowledged:
        try:
            slow.nodes[number].client.put(key, value, timeout=LATEST_S)
            acknowledged.append(key)
        except rpc.Failure as failure:
            print(failure)


def test_large_values_arrive_though_each_takes_longer_than_an_election(make_slow):
    slow = make_slow("tcp", SLOW)
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


@pytest.mark.parametrize("kind", ["tcp", "http", "grpc"])
def test_what_moves_is_not_given_up_however_long_it_takes(make_slow, kind):
    """Longer than a connection may be silent, and than a client is let wait."""
    slow = make_slow(kind, SLOWEST)
    leader = slow.wait_for_leader()
    follower = next(node for node in slow.nodes if node is not leader)
    value = os.urandom(LONG_VALUE_BYTES)
    try:
        follower.client.put(b"large", value, timeout=LATEST_S)
    except rpc.Failure as failure:
        print(failure)

    def all_have_it():
        return all([kv.value for kv in node.client.range(b"large", timeout=LATEST_S, serializable=True).kvs] == [value] for node in slow.nodes)

    wait_until(all_have_it, LATEST_S, "the value is everywhere")
