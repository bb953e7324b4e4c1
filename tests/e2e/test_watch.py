# SPDX-License-Identifier: MIT
"""test_watch.py -- etcdctl watches on every node of a cluster: all see the same changes in the same order."""
import os
import subprocess

import grpc
import pytest

import rpc
from rpc import messages

CHANGES = 200


@pytest.fixture
def watch():
    processes = []

    def start(node, *arguments):
        processes.append(subprocess.Popen(
            ["etcdctl", "--endpoints", node.endpoint, "watch", *arguments], env=dict(os.environ, ETCDCTL_API="3"),
            stdout=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def lines_up_to(process, last):
    lines = []
    while last not in lines[-1:]:
        line = process.stdout.readline()
        assert line, lines
        lines.append(line.strip())
    return lines


def change_all(clients, first, last):
    for i in range(first, last):
        client, key = clients[i % len(clients)], b"k/%d" % (i % 5)
        if i % 7 == 6:
            client.delete(key)
        else:
            client.put(key, b"%d" % i)


def test_all_nodes_tell_the_same(cluster, watch):
    clients = [rpc.Client(node.endpoint) for node in cluster.nodes]
    begun = [watch(node, "--prefix", "--prev-kv", "--rev", "1", "k/") for node in cluster.nodes]
    change_all(clients, 0, CHANGES // 2)
    late = [watch(node, "--prefix", "--prev-kv", "--rev", "1", "k/") for node in cluster.nodes]
    change_all(clients, CHANGES // 2, CHANGES)
    revision = clients[0].put(b"k/end", b"the end").header.revision
    stories = [lines_up_to(process, "the end") for process in begun + late]
    assert stories[0].count("PUT") + stories[0].count("DELETE") == revision - 1
    assert all(story == stories[0] for story in stories)
    for client in clients:
        client.close()


def test_a_watch_goes_on_at_another_node(cluster, watch):
    """etcdctl knows all nodes; the one that it watches at dies, and it goes on at another, with nothing lost or twice."""
    leader = cluster.wait_for_leader()
    victim = next(node for node in cluster.nodes if node is not leader)
    others = [node for node in cluster.nodes if node is not victim]

    class Endpoints:
        endpoint = ",".join(node.endpoint for node in [victim, *others])

    process = watch(Endpoints, "--prefix", "--rev", "1", "k/")
    clients = [rpc.Client(node.endpoint) for node in others]
    change_all(clients, 0, 50)
    clients[0].put(b"k/half", b"half")
    story = lines_up_to(process, "half")
    victim.kill()
    change_all(clients, 50, 100)
    clients[0].put(b"k/end", b"the end")
    story += lines_up_to(process, "the end")
    expected = watch(others[0], "--prefix", "--rev", "1", "k/")
    assert story == lines_up_to(expected, "the end")
    for client in clients:
        client.close()


def test_a_stream_that_requires_a_leader_ends_without_one(cluster):
    node, *others = cluster.nodes
    requests = {}
    with grpc.insecure_channel(node.endpoint) as channel:
        for name, metadata in (("requires", [("hasleader", "true")]), ("does not", [])):
            requests[name] = channel.stream_stream(
                "/etcdserverpb.Watch/Watch", request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=messages.WatchResponse.FromString)(
                    iter([messages.WatchRequest(create_request=messages.WatchCreateRequest(key=b"k"))]),
                    metadata=metadata, timeout=100)
            assert next(requests[name]).created
        for other in others:
            other.kill()
        with pytest.raises(grpc.RpcError) as error:
            next(requests["requires"])
        assert (error.value.code(), error.value.details()) == (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader")
        assert requests["does not"].is_active()
        requests["does not"].cancel()
