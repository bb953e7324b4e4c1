# SPDX-License-Identifier: MIT
"""test_snapshot.py -- Maintenance/Snapshot, as a gRPC client that is not ours, etcdctl and the gateway see it."""
import base64
import hashlib
import http.client
import json
import os
import struct
import subprocess

import grpc
import pytest

import rpc
from rpc import messages
from test_metrics import read
from wait import pass_time, wait_until

BLOB = 32768
SNAPSHOT = "/etcdserverpb.Maintenance/Snapshot"
VALUE = bytes(range(256)) * 64  # 16 KiB


class Snapshot:
    """A stream of blobs, each taken when it is asked for."""

    def __init__(self, server, seconds=120):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.port}", options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)])  # the window stays small
        self.call = self.channel.unary_stream(
            SNAPSHOT, request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.SnapshotResponse.FromString)(messages.SnapshotRequest(), timeout=seconds)

    def first(self):
        response = next(self.call)
        assert len(response.blob) == BLOB or response.remaining_bytes == 0
        return response

    def rest(self, first=None):
        """All blobs but the sum, put together; the sum is right, and so is what remains each time."""
        data = bytearray() if first is None else bytearray(first.blob)
        left = None if first is None else first.remaining_bytes
        for response in self.call:
            if left == 0:
                assert response.blob == hashlib.sha256(data).digest() and response.remaining_bytes == 0
                assert next(self.call, None) is None
                return bytes(data)
            assert len(response.blob) == (BLOB if response.remaining_bytes > 0 else len(response.blob))
            assert response.version == "3.6.0"
            assert left is None or response.remaining_bytes == left - len(response.blob)
            left = response.remaining_bytes
            data += response.blob
        raise AssertionError("there was no sum")

    def close(self):
        self.call.cancel()
        self.channel.close()


def varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return number, at


def records(entries):
    """The records of a chunk: (main less that of the one before, key, value; None if it was deleted)."""
    at = 0
    while at < len(entries):
        flags = entries[at]
        delta, at = varint(entries, at + 1)
        if flags & 2:
            _, at = varint(entries, at)
        size, at = varint(entries, at)
        key, at = entries[at:at + size], at + size
        if flags & 4:
            _, at = varint(entries, at)
            _, at = varint(entries, at)
        if flags & 8:
            at += 8
        value = None
        if not flags & 1:
            size, at = varint(entries, at)
            value, at = entries[at:at + size], at + size
        yield delta, key, value


def parse(data):
    """What kv/snapshot.h says, read by another: (revision, [(revision, key, value)])."""
    magic, version, _, size, revision = struct.unpack_from("<8sIIQq", data)
    assert magic == b"decreeK\n" and version == 1 and size == len(data) and size % 512 == 0
    at, found, main = 128, [], 0
    while at < len(data):
        size, count, kind = struct.unpack_from("<IIB", data, at)
        entries = data[at + 24:at + 24 + size]
        at += 24 + size
        if kind == 4:
            before = len(found)
            for delta, key, value in records(entries):
                main += delta
                found.append((main, key, value))
            assert len(found) - before == count
    assert kind == 5 and not any(entries)
    return revision, found


@pytest.fixture
def client(server):
    client = rpc.Client(f"127.0.0.1:{server.port}")
    yield client
    client.close()


def take(server):
    snapshot = Snapshot(server)
    try:
        return snapshot.rest()
    finally:
        snapshot.close()


def fill(client, count, value=VALUE):
    return [(client.put(b"key/%05d" % i, value).header.revision, b"key/%05d" % i, value) for i in range(count)]


def compact(client, revision):
    client.call("/etcdserverpb.KV/Compact", messages.CompactionRequest(revision=revision), messages.CompactionResponse, 10)


def test_an_empty_store(server):
    assert parse(take(server)) == (1, [])


def test_all_that_is_kept_is_in_it_by_revision(server, client):
    kept = fill(client, 40)
    revision = client.delete(b"key/00003").header.revision
    assert parse(take(server)) == (revision, kept + [(revision, b"key/00003", None)])
    compact(client, revision)
    kept = [one for one in kept if one[1] != b"key/00003"] + [(revision, b"key/00003", None)]
    assert parse(take(server)) == (revision, kept)


def test_etcdctl_saves_it(server, client, tmp_path):
    kept = fill(client, 20)
    file = tmp_path / "snapshot"
    done = subprocess.run(["etcdctl", f"--endpoints=127.0.0.1:{server.port}", "snapshot", "save", str(file)], timeout=60,
                          env=dict(os.environ, ETCDCTL_API="3"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    data = file.read_bytes()
    assert len(data) % 512 == 32 and hashlib.sha256(data[:-32]).digest() == data[-32:]
    assert parse(data[:-32]) == (kept[-1][0], kept)


def test_a_slow_reader_sees_one_moment_and_holds_up_nobody(server, client):
    kept = fill(client, 1000)
    snapshot = Snapshot(server)
    try:
        first = snapshot.first()
        before = server.resident_bytes()
        for turn in range(20):
            for i in range(0, 1000, 7):
                client.put(b"key/%05d" % i, b"x")
            compact(client, client.put(b"turn", b"%d" % turn).header.revision)
            client.delete(b"key/001", b"key/002")
        assert client.range(b"key/", b"key0", count_only=True).count > 0
        assert server.resident_bytes() - before < 8 << 20, "it grows for somebody who does not read"
        assert parse(snapshot.rest(first)) == (kept[-1][0], kept)
    finally:
        snapshot.close()


def test_what_is_left_by_those_who_go_is_free(server, client):
    fill(client, 400)
    for _ in range(30):  # more than there may be at a time
        snapshot = Snapshot(server)
        snapshot.first()
        snapshot.close()
    taken = take(server)
    revision = client.delete(b"key/", b"key0").header.revision
    compact(client, revision)
    compact(client, client.put(b"a", b"b").header.revision)
    assert len(taken) > 400 * len(VALUE) and len(take(server)) == 512


def test_there_may_be_eight_at_a_time(server, client):
    kept = fill(client, 400)
    taken = [Snapshot(server) for _ in range(8)]
    firsts = [snapshot.first() for snapshot in taken]
    one_more = Snapshot(server)
    with pytest.raises(grpc.RpcError) as failure:
        next(one_more.call)
    assert failure.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    one_more.close()
    # The bytes may differ: the leader's own commands to leases go on.
    for snapshot, first in zip(taken, firsts):
        assert parse(snapshot.rest(first)) == (kept[-1][0], kept)
        snapshot.close()


def take_when_there_is_room(server):
    while True:  # until others were given up
        try:
            return take(server)
        except grpc.RpcError as error:  # or was too slow itself, on a busy machine
            assert error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)


def given_up(server):
    """How many were, for their clients did not read."""
    handled = read(server)["grpc_server_handled_total"].samples
    return sum(number for (_, labels), number in handled.items()
               if dict(labels)["grpc_method"] == "Snapshot" and dict(labels)["grpc_code"] == "DeadlineExceeded")


def test_who_never_reads_is_given_up(start):
    server = start("patience=1000")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    fill(client, 1000)
    snapshots = [Snapshot(server) for _ in range(8)]
    firsts = [snapshot.first() for snapshot in snapshots]
    wait_until(lambda: given_up(server) == 8, 60, "all are given up")
    take_when_there_is_room(server)
    for snapshot, first in zip(snapshots, firsts):
        with pytest.raises(grpc.RpcError) as failure:
            snapshot.rest(first)
        assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        snapshot.close()
    client.close()


def test_who_reads_too_slowly_is_given_up(start):
    """16 MiB may take three times the patience; who reads a bit again and again within it is no exception."""
    server = start("patience=800")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    fill(client, 1024)
    snapshot = Snapshot(server)
    with pytest.raises(grpc.RpcError) as failure:
        for number, _ in enumerate(snapshot.call):
            if number % 16 == 0:
                pass_time(0.12)
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert failure.value.details() == "decree: the snapshot was read too slowly"
    snapshot.close()
    client.close()


def alarms(client):
    return client.call("/etcdserverpb.Maintenance/Alarm", messages.AlarmRequest(), messages.AlarmResponse, 10).alarms


def test_who_reads_slowly_does_not_fill_the_store(start):
    """Changes of what is there, and compactions: of the room that the quota left, slow readers may cost a half."""
    server = start(f"quota={96 << 20}")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    fill(client, 2048)
    snapshot = Snapshot(server)
    first = snapshot.first()
    refused = 0
    for turn in range(20):
        for i in range(4):
            client.put(b"hot/%d" % i, bytes([turn]) * (512 << 10))
        compact(client, client.put(b"turn", b"%d" % turn).header.revision)
        later = Snapshot(server)
        try:
            later.first()
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert error.details() == "decree: compaction waits for other snapshots; try again later"
            refused += 1
        later.close()
    assert refused > 0 and not alarms(client)
    taken = take_when_there_is_room(server)
    assert len(taken) < 40 << 20, "what waited was given back"
    with pytest.raises(grpc.RpcError) as failure:
        snapshot.rest(first)
    assert failure.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failure.value.details().startswith("decree: the snapshot was given up: the store has grown too much")
    snapshot.close()
    client.close()


@pytest.fixture
def left_open():
    snapshots = []
    yield snapshots
    for snapshot in snapshots:
        snapshot.close()


def test_a_server_stops_in_the_midst_of_it(left_open, server, client):  # it is stopped before what is left open is closed
    fill(client, 1000)
    left_open.extend(Snapshot(server) for _ in range(3))
    assert [len(snapshot.first().blob) for snapshot in left_open] == [BLOB] * 3


def test_the_gateway_has_it_line_by_line(server, client):
    fill(client, 10)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/v3/maintenance/snapshot", "{}")
    lines = [json.loads(line)["result"] for line in connection.getresponse().read().splitlines()]
    connection.close()
    blobs = [base64.b64decode(line["blob"]) for line in lines]
    data = b"".join(blobs[:-1])
    assert parse(data) == parse(take(server)) and blobs[-1] == hashlib.sha256(data).digest()
    left = sum(map(len, blobs[1:-1]))
    assert int(lines[0]["remaining_bytes"]) == left and "remaining_bytes" not in lines[-1]


def test_each_allocation_fails_once(start):
    """From the connection's first to the last of the snapshot's own. Those behind it are nghttp2's, which does not survive
    all of them."""
    number, outcomes = 0, []
    while outcomes[-1:] != ["other"] or "RESOURCE_EXHAUSTED" not in outcomes:
        number += 1
        server = start(f"fail={number}")
        try:
            take(server)
            outcomes.append("other")
        except grpc.RpcError as error:
            name = error.code().name
            outcomes.append(name if name == "RESOURCE_EXHAUSTED" else "other")
        if outcomes[-1] == "RESOURCE_EXHAUSTED":
            assert parse(take(server)) == (1, [])
        assert number < 1000
    assert outcomes.count("RESOURCE_EXHAUSTED") > 4
