# SPDX-License-Identifier: MIT
"""test_abuse.py -- what strangers send to both ports: errors for them, nothing for anybody else."""
import random
import socket

import pytest

import rpc
from wait import wait_until


def send(port, data):
    """Sends and reads what comes until the other side closes or is silent for a moment."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.settimeout(0.2)
        try:
            connection.sendall(data)
            while connection.recv(65536):
                pass
        except OSError:
            pass


@pytest.mark.parametrize("port", ["client_port", "peer_port"])
def test_random_bytes(cluster, port):
    choice = random.Random(1)
    client = cluster.nodes[0].client
    client.put(b"a", b"b")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for size in (1, 3, 16, 100, 5000, 200000):
        noise = choice.randbytes(size)
        for data in (noise, bytes(size), b"\xff" * size, preface + noise, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + noise):
            send(getattr(cluster.nodes[0], port), data)
    assert all(node.is_running() for node in cluster.nodes)
    cluster.wait_for_leader()
    assert client.range(b"a").kvs[0].value == b"b"
    for node in cluster.nodes:
        node.client.put(b"a", b"b")


def test_limits_and_unknown_methods_have_their_codes(single):
    client = single.nodes[0].client
    cases = [
        ("INVALID_ARGUMENT", lambda: client.put(b"", b"x")),
        ("INVALID_ARGUMENT", lambda: client.put(b"k", bytes(1700 * 1024))),
        ("RESOURCE_EXHAUSTED", lambda: client.put(b"k", bytes(4 * 1024 * 1024))),
        ("OUT_OF_RANGE", lambda: client.range(b"k", revision=999)),
        ("UNIMPLEMENTED", lambda: client.call("/etcdserverpb.KV/Nothing", rpc.messages.PutRequest(),
                                              rpc.messages.PutResponse, 5)),
        ("UNIMPLEMENTED", lambda: client.call("/nobody.Knows/This", rpc.messages.PutRequest(),
                                              rpc.messages.PutResponse, 5)),
    ]
    for code, call in cases:
        with pytest.raises(rpc.Failure) as failure:
            call()
        assert failure.value.code.name == code, failure.value
    client.put(b"k", bytes(1024 * 1024))
    assert len(client.range(b"k").kvs[0].value) == 1024 * 1024


def test_many_connections(single):
    node = single.nodes[0]
    connections = []
    try:
        for _ in range(2000):
            connections.append(socket.create_connection(("127.0.0.1", node.client_port), 60))
        node.client.put(b"a", b"b", timeout=10)
        assert node.client.range(b"a").kvs[0].value == b"b"
    finally:
        for connection in connections:
            connection.close()
    wait_until(lambda: node.client.put(b"a", b"c"), 60, "the node is well afterwards")
