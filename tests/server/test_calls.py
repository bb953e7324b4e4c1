# SPDX-License-Identifier: MIT
"""test_calls.py -- what a gRPC client that is not ours sees of the services, and every error with code and text."""
import re

import grpc
import pytest

import h2
import rpc
from rpc import messages

DESCRIPTION = messages.DESCRIPTOR


@pytest.fixture
def client(server):
    client = rpc.Client(f"127.0.0.1:{server.port}")
    yield client
    client.close()


def assert_fails(call, code, text):
    with pytest.raises(rpc.Failure) as failure:
        call()
    assert (failure.value.code.name, failure.value.text) == (code, text)


def keys(response):
    return [kv.key for kv in response.kvs]


def test_put_range_delete(client):
    assert client.put(b"a", b"1").header.revision == 2
    assert not client.put(b"b", b"2").HasField("prev_kv")
    response = client.put(b"a", b"3", prev_kv=True)
    assert response.prev_kv == messages.RangeResponse(kvs=[dict(
        key=b"a", value=b"1", create_revision=2, mod_revision=2, version=1)]).kvs[0]
    assert (response.header.revision, response.header.raft_term) == (4, 7)
    assert response.header.cluster_id and response.header.member_id
    response = client.range(b"a")
    assert response.count == 1 and not response.more and response.header.revision == 4
    assert (response.kvs[0].value, response.kvs[0].version, response.kvs[0].create_revision) == (b"3", 2, 2)
    response = client.delete(b"a", b"\0", prev_kv=True)
    assert response.deleted == 2 and [kv.value for kv in response.prev_kvs] == [b"3", b"2"]
    assert response.header.revision == 5
    assert client.delete(b"a").header.revision == 5
    assert client.range(b"a").count == 0
    assert client.range(b"a", revision=2).kvs[0].value == b"1"


def test_ranges(client):
    for name in (b"a", b"ab", b"b", b"c"):
        client.put(name, name * 2)
    client.put(b"a", b"zz")
    assert keys(client.range(b"a", b"b")) == [b"a", b"ab"]
    assert keys(client.range(b"ab", b"\0")) == [b"ab", b"b", b"c"]
    assert keys(client.range(b"\0", b"\0")) == [b"a", b"ab", b"b", b"c"]
    response = client.range(b"\0", b"\0", limit=2, serializable=True)
    assert keys(response) == [b"a", b"ab"] and response.more and response.count == 4
    assert not client.range(b"\0", b"\0", limit=4).more
    response = client.range(b"\0", b"\0", keys_only=True)
    assert keys(response) == [b"a", b"ab", b"b", b"c"] and all(not kv.value for kv in response.kvs)
    response = client.range(b"\0", b"\0", count_only=True)
    assert response.count == 4 and not response.kvs
    descend, modified = messages.RangeRequest.DESCEND, messages.RangeRequest.MOD
    response = client.range(b"\0", b"\0", sort_order=descend, sort_target=modified, limit=2)
    assert keys(response) == [b"a", b"c"] and response.more and response.count == 4
    assert keys(client.range(b"\0", b"\0", min_mod_revision=4, max_mod_revision=5)) == [b"b", b"c"]


def test_errors_of_services(client):
    put, range_, delete = client.put, client.range, client.delete
    put(b"k", b"v")
    for call, code, text in [
        (lambda: put(b"", b"v"), "INVALID_ARGUMENT", "etcdserver: key is not provided"),
        (lambda: range_(b""), "INVALID_ARGUMENT", "etcdserver: key is not provided"),
        (lambda: delete(b"", b"x"), "INVALID_ARGUMENT", "etcdserver: key is not provided"),
        (lambda: put(b"k", b"v", ignore_value=True), "INVALID_ARGUMENT", "etcdserver: value is provided"),
        (lambda: put(b"k", b"v", ignore_lease=True, lease=1), "INVALID_ARGUMENT", "etcdserver: lease is provided"),
        (lambda: put(b"nokey", b"", ignore_value=True), "INVALID_ARGUMENT", "etcdserver: key not found"),
        (lambda: put(b"nokey", b"", ignore_lease=True), "INVALID_ARGUMENT", "etcdserver: key not found"),
        (lambda: put(b"k", b"v", lease=5), "NOT_FOUND", "etcdserver: requested lease not found"),
        (lambda: range_(b"k", revision=3), "OUT_OF_RANGE", "etcdserver: mvcc: required revision is a future revision"),
        (lambda: range_(b"k", b"z", sort_order=1, revision=3), "OUT_OF_RANGE",
         "etcdserver: mvcc: required revision is a future revision"),
        (lambda: range_(b"k", sort_order=7), "INVALID_ARGUMENT", "etcdserver: invalid sort option"),
        (lambda: range_(b"k", sort_target=-1), "INVALID_ARGUMENT", "etcdserver: invalid sort option"),
        (lambda: put(b"k", bytes(1536 * 1024)), "INVALID_ARGUMENT", "etcdserver: request is too large"),
    ]:
        assert_fails(call, code, text)
    assert client.range(b"k").header.revision == 2
    put(b"k", b"", ignore_value=True)
    assert client.range(b"k").kvs[0].value == b"v"


def test_size_limits(client):
    limit = 2 * 1024 * 1024
    with pytest.raises(rpc.Failure) as failure:
        client.put(b"k", bytes(limit))
    assert failure.value.code.name == "RESOURCE_EXHAUSTED"
    assert re.fullmatch(rf"grpc: received message larger than max \({limit + 8} vs. {limit}\)", failure.value.text)
    client.put(b"k", bytes(1500 * 1024))
    assert len(client.range(b"k").kvs[0].value) == 1500 * 1024


def test_large_response(client):
    for i in range(24):
        client.put(b"k%02d" % i, bytes([i]) * 1024 * 1024)
    response = client.range(b"k", b"l", timeout=30)
    assert [kv.value[0] for kv in response.kvs] == list(range(24))
    assert all(len(kv.value) == 1024 * 1024 for kv in response.kvs)


def test_every_method_has_an_answer(client):
    done = {"KV/Range", "KV/Put", "KV/DeleteRange", "KV/Txn", "KV/Compact", "Watch/Watch", "Cluster/MemberList",
            "Maintenance/Status", "Maintenance/Alarm", "Maintenance/Hash", "Maintenance/HashKV", "Maintenance/Defragment",
            "Maintenance/MoveLeader", "Maintenance/Downgrade", "Maintenance/Snapshot",
            "Cluster/MemberAdd", "Cluster/MemberRemove", "Cluster/MemberUpdate", "Cluster/MemberPromote",
            "Lease/LeaseGrant", "Lease/LeaseRevoke", "Lease/LeaseKeepAlive", "Lease/LeaseTimeToLive", "Lease/LeaseLeases"}
    count = 0
    for service in DESCRIPTION.services_by_name.values():
        for method in service.methods:
            name = f"{service.name}/{method.name}"
            count += 1
            if name in done:
                continue
            request = getattr(messages, method.input_type.name)()
            response = getattr(messages, method.output_type.name)
            assert_fails(lambda: client.call("/etcdserverpb." + name, request, response, 5), "UNIMPLEMENTED",
                         f"decree: etcdserverpb.{name} is not implemented yet")
    assert count == 42


def test_a_stream_without_an_end_has_answers(client):
    client.put(b"k", b"v")
    never = iter(lambda: messages.LeaseKeepAliveRequest(ID=5), None)
    call = client.channel.stream_stream(
        "/etcdserverpb.Lease/LeaseKeepAlive", request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=messages.LeaseKeepAliveResponse.FromString)(never, timeout=30)
    assert all(next(call).ID == 5 for _ in range(3000))
    call.cancel()


def test_status_and_members(client):
    client.put(b"k", b"v")
    status = client.status()
    assert re.fullmatch(r"3\.6\.\d+", status.version)
    assert status.leader == status.header.member_id and status.header.revision == 2
    assert (status.raftTerm, status.raftIndex, status.raftAppliedIndex, status.dbSize) == (7, 1, 1, 65536)
    response = client.member_list()
    assert [(member.name, list(member.clientURLs)) for member in response.members] == [
        ("n1", ["http://127.0.0.1:2379"]), ("n2", []), ("n3", [])]
    assert response.members[0].ID == status.leader and response.header.revision == 0
    linear = client.call("/etcdserverpb.Cluster/MemberList", messages.MemberListRequest(linearizable=True),
                         messages.MemberListResponse, 5)
    assert linear == response


def test_deadlines(start):
    server = start("held=1", "timeout=300")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    assert_fails(lambda: client.put(b"k", b"v", timeout=60), "UNAVAILABLE", "etcdserver: request timed out")
    assert_fails(lambda: client.range(b"k", timeout=60), "UNAVAILABLE", "etcdserver: request timed out")
    assert client.range(b"k", timeout=60, serializable=True).count == 0
    with pytest.raises(rpc.Failure) as failure:
        client.put(b"k", b"v", timeout=0.05)
    assert failure.value.code.name == "DEADLINE_EXCEEDED"
    client.close()


def test_full_backend_is_waited_for(start):
    server = start("room=1")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    client.put(b"k", b"0")
    put = client.channel.unary_unary("/etcdserverpb.KV/Put",
                                     request_serializer=lambda message: message.SerializeToString(),
                                     response_deserializer=messages.PutResponse.FromString)
    calls = [put.future(messages.PutRequest(key=b"k", value=b"%d" % i), timeout=20) for i in range(500)]
    revisions = {call.result().header.revision for call in calls}
    assert revisions == set(range(3, 503))
    client.close()


def test_all_connections_wait_for_a_full_backend(start):
    server = start("room=1")
    connections = [h2.Connection(server.port) for _ in range(20)]
    for connection in connections:
        connection.send(b"".join(h2.request(stream) for stream in range(1, 21, 2)))
    for connection in connections:
        ends = 0
        while ends < 10:
            kind, flags, _, fields = connection.next_frame()
            if kind == h2.HEADERS and flags & h2.END_STREAM:
                assert fields == {"grpc-status": "0"}
                ends += 1
        connection.socket.close()


def test_full_backend_is_not_asked_all_the_time(start):
    """What it has no room for waits until something is done, and is not offered at each turn of the loop."""
    server = start("room=1", "held=1", "timeout=700")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    client.range(b"k", serializable=True)
    put = client.channel.unary_unary("/etcdserverpb.KV/Put",
                                     request_serializer=lambda message: message.SerializeToString(),
                                     response_deserializer=messages.PutResponse.FromString)
    calls = [put.future(messages.PutRequest(key=b"k", value=b"v"), timeout=20) for _ in range(10)]
    assert {call.exception().details() for call in calls} == {"etcdserver: request timed out"}
    client.close()
    server.process.terminate()
    assert server.process.wait(20) == 0
    server.stop = lambda: None
    refused = int(server.process.stdout.read().split()[-1])
    assert 1 <= refused < 2000, refused


def test_full_backend_times_out(start):
    server = start("room=1", "held=1", "timeout=300")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    client.range(b"k", serializable=True)
    put = client.channel.unary_unary("/etcdserverpb.KV/Put",
                                     request_serializer=lambda message: message.SerializeToString(),
                                     response_deserializer=messages.PutResponse.FromString)
    calls = [put.future(messages.PutRequest(key=b"k", value=b"v"), timeout=20) for _ in range(10)]
    assert {call.exception().details() for call in calls} == {"etcdserver: request timed out"}
    client.close()


def test_who_requires_a_leader(start):
    server = start("leaderless=1")
    channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
    range_ = channel.unary_unary("/etcdserverpb.KV/Range",
                                 request_serializer=lambda message: message.SerializeToString(),
                                 response_deserializer=messages.RangeResponse.FromString)
    request = messages.RangeRequest(key=b"k", serializable=True)
    assert range_(request, timeout=5).count == 0
    with pytest.raises(grpc.RpcError) as error:
        range_(request, timeout=5, metadata=[("hasleader", "true")])
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader")
    channel.close()
