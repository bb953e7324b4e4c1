# SPDX-License-Identifier: MIT
"""test_leaderless.py -- who says that he wants a leader is told when there is none: a call at once, a stream after three
election timeouts, whatever it streams and whenever it began. Who does not say so goes on."""
import http.client
import json
import queue
import signal
import time

import grpc
import pytest

import rpc
from rpc import elections, locks, messages

SECONDS = 60
HASLEADER = [("hasleader", "true")]
NO_LEADER = (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader")
MIB = 1024 * 1024


def raw(message):
    return message.SerializeToString()


class Streams:
    """One stream of each kind, open and with more to come."""

    def __init__(self, port):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
        self.requests = []

    def both_ways(self, path, response, first, metadata):
        requests = queue.Queue()
        requests.put(first)
        self.requests.append(requests)
        method = self.channel.stream_stream(path, request_serializer=raw, response_deserializer=response.FromString)
        return method(iter(requests.get, None), metadata=metadata, timeout=SECONDS)

    def one_way(self, path, response, request, metadata):
        method = self.channel.unary_stream(path, request_serializer=raw, response_deserializer=response.FromString)
        return method(request, metadata=metadata, timeout=SECONDS)

    def open(self, metadata):
        watch = messages.WatchRequest(create_request=messages.WatchCreateRequest(key=b"k"))
        streams = {
            "watch": self.both_ways("/etcdserverpb.Watch/Watch", messages.WatchResponse, watch, metadata),
            "keep-alive": self.both_ways("/etcdserverpb.Lease/LeaseKeepAlive", messages.LeaseKeepAliveResponse,
                                         messages.LeaseKeepAliveRequest(ID=7), metadata),
            "observe": self.one_way("/v3electionpb.Election/Observe", elections.LeaderResponse,
                                    elections.LeaderRequest(name=b"e"), metadata),
            "health": self.channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", metadata=metadata, timeout=SECONDS),
            "snapshot": self.one_way("/etcdserverpb.Maintenance/Snapshot", messages.SnapshotResponse,
                                     messages.SnapshotRequest(), metadata)}
        for stream in streams.values():
            next(stream)
        return streams

    def close(self):
        for requests in self.requests:
            requests.put(None)
        self.channel.close()


def end_of(stream):
    """How it ends; what is still on its way comes before that."""
    with pytest.raises(grpc.RpcError) as error:
        for _ in stream:
            pass
    return error.value.code(), error.value.details()


@pytest.fixture
def busy(start):
    """A server with somebody to observe, and a snapshot too large to be sent before it is read."""
    server = start("election=200")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    for i in range(20):
        client.put(b"large/%d" % i, bytes([i]) * MIB)
    client.call("/etcdserverpb.Lease/LeaseGrant", messages.LeaseGrantRequest(ID=7, TTL=300), messages.LeaseGrantResponse, 10)
    client.call("/v3electionpb.Election/Campaign", elections.CampaignRequest(name=b"e", lease=7, value=b"v"),
                elections.CampaignResponse, 10)
    yield server
    client.close()


def test_streams_that_want_a_leader_end_without_one(busy):
    wanting, others = Streams(busy.port), Streams(busy.port)
    ending, staying = wanting.open(HASLEADER), others.open([("hasleader", "false")])
    began = time.monotonic()
    busy.process.send_signal(signal.SIGUSR1)
    for name, stream in ending.items():
        assert end_of(stream) == NO_LEADER, name
    assert time.monotonic() - began >= 0.5, "not before three election timeouts, counted from the last look"
    for name, stream in staying.items():
        assert stream.is_active(), name
    wanting.close()
    others.close()


def test_a_stream_of_the_gateway_ends_too(busy):
    connection = http.client.HTTPConnection("127.0.0.1", busy.port, timeout=SECONDS)
    connection.request("POST", "/v3/watch", json.dumps({"create_request": {"key": "aw=="}}), {"Grpc-Metadata-hasleader": "true"})
    response = connection.getresponse()
    assert json.loads(response.readline())["result"]["created"]
    busy.process.send_signal(signal.SIGUSR1)
    assert json.loads(response.readline())["error"]["message"] == "etcdserver: no leader"
    connection.close()


def test_a_call_that_wants_a_leader_is_refused_at_once(start):
    server = start("leaderless=1", "held=1", "timeout=60000")
    channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
    calls = [("/etcdserverpb.KV/Range", messages.RangeRequest(key=b"k")),
             ("/etcdserverpb.KV/Put", messages.PutRequest(key=b"k")),
             ("/etcdserverpb.Lease/LeaseGrant", messages.LeaseGrantRequest(TTL=5)),
             ("/etcdserverpb.Maintenance/Status", messages.StatusRequest()),
             ("/v3lockpb.Lock/Lock", locks.LockRequest(name=b"l")),
             ("/v3electionpb.Election/Campaign", elections.CampaignRequest(name=b"e"))]
    for path, request in calls:
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(path, request_serializer=raw)(request, metadata=HASLEADER, timeout=SECONDS)
        assert (error.value.code(), error.value.details()) == NO_LEADER, path
    channel.close()


def test_a_stream_that_comes_while_there_is_an_election_is_served(start):
    """When a leader dies its watchers come to the others at once. They are refused only when streams have been ended."""
    server = start("election=1000")
    server.process.send_signal(signal.SIGUSR1)
    streams = Streams(server.port)
    watch = messages.WatchRequest(create_request=messages.WatchCreateRequest(key=b"k"))
    watching = streams.both_ways("/etcdserverpb.Watch/Watch", messages.WatchResponse, watch, HASLEADER)
    assert next(watching).created
    assert end_of(watching) == NO_LEADER
    late = streams.both_ways("/etcdserverpb.Watch/Watch", messages.WatchResponse, watch, HASLEADER)
    with pytest.raises(grpc.RpcError) as error:
        next(late)
    assert (error.value.code(), error.value.details()) == NO_LEADER
    streams.close()


def test_who_waits_for_a_lock_waits_on(start):
    """In etcd that is no stream, and what is wanted is looked at when the call comes."""
    server = start("election=100")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    client.call("/v3lockpb.Lock/Lock", locks.LockRequest(name=b"l"), locks.LockResponse, 10)
    channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
    waiting = channel.unary_unary("/v3lockpb.Lock/Lock", request_serializer=raw).future(
        locks.LockRequest(name=b"l"), metadata=HASLEADER, timeout=SECONDS)
    watch = channel.stream_stream("/etcdserverpb.Watch/Watch", request_serializer=raw)(
        iter([messages.WatchRequest(create_request=messages.WatchCreateRequest(key=b"k"))]), metadata=HASLEADER,
        timeout=SECONDS)
    next(watch)
    server.process.send_signal(signal.SIGUSR1)
    assert end_of(watch) == NO_LEADER
    assert waiting.running()
    waiting.cancel()
    channel.close()
    client.close()
