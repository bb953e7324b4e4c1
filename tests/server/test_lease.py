# SPDX-License-Identifier: MIT
"""test_lease.py -- leases as Google's client sees them: granted, kept alive, asked about, revoked, and ended by time."""
import queue
import signal

import grpc
import pytest

import rpc
from rpc import messages
from wait import holds_for, wait_until

SECONDS = 60


@pytest.fixture
def client(server):
    client = rpc.Client(f"127.0.0.1:{server.port}")
    yield client
    client.close()


def call(client, method, request, response):
    return client.call("/etcdserverpb.Lease/" + method, request, response, 10)


def grant(client, seconds, lease_id=0):
    return call(client, "LeaseGrant", messages.LeaseGrantRequest(TTL=seconds, ID=lease_id), messages.LeaseGrantResponse)


def revoke(client, lease_id):
    return call(client, "LeaseRevoke", messages.LeaseRevokeRequest(ID=lease_id), messages.LeaseRevokeResponse)


def time_to_live(client, lease_id, keys=False):
    return call(client, "LeaseTimeToLive", messages.LeaseTimeToLiveRequest(ID=lease_id, keys=keys),
                messages.LeaseTimeToLiveResponse)


def leases(client):
    response = call(client, "LeaseLeases", messages.LeaseLeasesRequest(), messages.LeaseLeasesResponse)
    return {lease.ID for lease in response.leases}


def assert_fails(call_it, code, text):
    with pytest.raises(rpc.Failure) as failure:
        call_it()
    assert (failure.value.code.name, failure.value.text) == (code, text)


class KeepAlive:
    """A stream of renewals."""

    def __init__(self, port):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
        self.requests = queue.Queue()
        self.call = self.channel.stream_stream(
            "/etcdserverpb.Lease/LeaseKeepAlive", request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.LeaseKeepAliveResponse.FromString)(
                iter(self.requests.get, None), timeout=SECONDS)

    def ask(self, lease_id):
        self.requests.put(messages.LeaseKeepAliveRequest(ID=lease_id))

    def renew(self, lease_id):
        self.ask(lease_id)
        return next(self.call)

    def end(self):
        self.requests.put(None)

    def close(self):
        self.end()
        self.call.cancel()
        self.channel.close()


@pytest.fixture
def keep_alive(server):
    stream = KeepAlive(server.port)
    yield stream
    stream.close()


def test_grant(client):
    response = grant(client, 100, 7)
    assert (response.ID, response.TTL, response.header.revision) == (7, 100, 1)
    assert_fails(lambda: grant(client, 100, 7), "FAILED_PRECONDITION", "etcdserver: lease already exists")
    chosen = {grant(client, 100).ID for _ in range(20)}
    assert len(chosen) == 20 and min(chosen) > 0
    assert leases(client) == chosen | {7}


def test_times_that_may_be_granted(client):
    for seconds in (1, 0, -5):
        assert grant(client, seconds).TTL == 2
    assert grant(client, 9_000_000_000).TTL == 9_000_000_000
    assert_fails(lambda: grant(client, 9_000_000_001), "OUT_OF_RANGE", "etcdserver: too large lease TTL")


def test_revoke_deletes_the_keys_in_one_revision(client):
    grant(client, 100, 7)
    for key in (b"b", b"a", b"c"):
        client.put(key, b"v", lease=7)
    client.put(b"c", b"v")
    assert revoke(client, 7).header.revision == 6
    assert [kv.key for kv in client.range(b"\0", b"\0").kvs] == [b"c"]
    assert leases(client) == set()
    assert_fails(lambda: revoke(client, 7), "NOT_FOUND", "etcdserver: requested lease not found")
    assert_fails(lambda: client.put(b"a", b"v", lease=7), "NOT_FOUND", "etcdserver: requested lease not found")


def test_time_to_live(client):
    grant(client, 100, 7)
    client.put(b"b", b"v", lease=7)
    client.put(b"a", b"v", lease=7)
    response = time_to_live(client, 7, keys=True)
    assert (response.ID, response.grantedTTL, list(response.keys)) == (7, 100, [b"a", b"b"])
    assert 0 < response.TTL <= 100 and response.header.revision == 3
    assert not time_to_live(client, 7).keys
    wait_until(lambda: time_to_live(client, 7).TTL < 99, SECONDS, "less time left")
    response = time_to_live(client, 8, keys=True)
    assert (response.ID, response.TTL, response.grantedTTL) == (8, -1, 0)


def test_a_lease_ends_with_its_keys(client):
    grant(client, 1000, 8)
    grant(client, 4, 7)  # time enough to get its key
    client.put(b"a", b"v", lease=7)
    client.put(b"b", b"v", lease=8)
    wait_until(lambda: client.range(b"a").count == 0, SECONDS, "the key goes away")
    assert leases(client) == {8} and time_to_live(client, 7).TTL == -1
    assert client.range(b"b").count == 1 and client.range(b"b").header.revision == 4


def test_kept_alive(client, keep_alive):
    grant(client, 2, 7)
    grant(client, 2, 8)

    def renewed():
        response = keep_alive.renew(7)
        return (response.ID, response.TTL) == (7, 2)

    holds_for(renewed, 4, "the lease is renewed")
    assert leases(client) == {7}
    wait_until(lambda: not leases(client), SECONDS, "it ends when nobody renews it")
    response = keep_alive.renew(7)
    assert (response.ID, response.TTL) == (7, 0)


def test_keep_alive_of_what_is_not_there(client, keep_alive):
    for lease_id in (5, 0, -1):
        response = keep_alive.renew(lease_id)
        assert (response.ID, response.TTL, response.header.revision) == (lease_id, 0, 1)
    grant(client, 100, 7)
    assert keep_alive.renew(7).TTL == 100


def test_the_stream_ends_after_the_last_answer(client, keep_alive):
    grant(client, 100, 7)
    for _ in range(5000):
        keep_alive.ask(7)
    keep_alive.end()
    assert [response.TTL for response in keep_alive.call] == [100] * 5000
    assert keep_alive.call.code() == grpc.StatusCode.OK


def test_without_a_leader_nothing_ends_and_the_log_renews(start):
    server = start("leaderless=1")
    client, stream = rpc.Client(f"127.0.0.1:{server.port}"), KeepAlive(server.port)
    grant(client, 2, 7)
    holds_for(lambda: leases(client) == {7}, 3, "who does not lead lets no lease end")
    assert stream.renew(7).TTL == 2 and stream.renew(8).TTL == 0
    stream.close()
    client.close()


def test_a_keep_alive_that_takes_too_long(start):
    server = start("held=1", "timeout=300")
    stream = KeepAlive(server.port)
    with pytest.raises(grpc.RpcError) as error:
        stream.renew(7)
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.UNAVAILABLE, "etcdserver: request timed out")
    stream.close()


def test_very_many_end_together(client):
    """More than may be revoked in a second: they all go in the end."""
    for i in range(1, 1501):
        grant(client, 2, i)
    wait_until(lambda: not leases(client), SECONDS, "all are gone")


def test_a_frozen_leader_lets_live_what_it_did_not_see(server, client, keep_alive):
    from wait import pass_time
    grant(client, 4, 7)
    server.process.send_signal(signal.SIGSTOP)
    pass_time(5)
    server.process.send_signal(signal.SIGCONT)
    assert keep_alive.renew(7).TTL == 4
    assert leases(client) == {7}
    wait_until(lambda: not leases(client), SECONDS, "it ends when nobody renews it")


def test_leases_are_listed_by_their_end(client):
    for lease_id, seconds in ((9, 500), (3, 100), (7, 100), (1, 100), (5, 300)):
        grant(client, seconds, lease_id)
    response = call(client, "LeaseLeases", messages.LeaseLeasesRequest(), messages.LeaseLeasesResponse)
    assert [lease.ID for lease in response.leases] == [3, 7, 1, 5, 9]
