# SPDX-License-Identifier: MIT
"""test_lock.py -- the lock service as Google's client sees it: who waits, who is next, and what is left when one gives up."""
import http.client
import json
import random
import socket
import struct

import grpc
import pytest

import h2
import rpc
from concurrency import Concurrency, failure
from h2 import Connection
from rpc import locks, messages
from test_metrics import read as metrics
from wait import holds_for, wait_until

SECONDS = 60
LOCK = "/v3lockpb.Lock/Lock"


@pytest.fixture
def side(server):
    side = Concurrency(f"127.0.0.1:{server.port}")
    yield side
    side.close()


def wait_for_keys(side, prefix, count):
    wait_until(lambda: len(side.keys(prefix)) == count, SECONDS, f"{count} keys")


def test_lock_and_unlock(side):
    side.grant(0xabc)
    first = side.lock(b"name", 0xabc)
    assert (first.key, first.header.revision) == (b"name/abc", 2)
    assert side.lock(b"name", 0xabc).key == b"name/abc", "one lease stands in line once"
    kv = side.client.range(b"name/abc").kvs[0]
    assert (kv.lease, kv.value, kv.create_revision) == (0xabc, b"", 2)
    assert side.unlock(first.key).header.revision == 3
    assert side.unlock(first.key).header.revision == 3, "to unlock what is free changes nothing"


def test_one_after_the_other(side):
    """In the order in which they came, each when the one before has gone, and not earlier."""
    leases = [side.grant() for _ in range(10)]
    held = side.lock(b"l", leases[0])
    waiting = []
    for count, lease in enumerate(leases[1:], 2):
        waiting.append(side.lock_later(b"l", lease))
        wait_for_keys(side, b"l/", count)
    for future in waiting:
        assert not future.done()
        revision = side.unlock(held.key).header.revision
        held = future.result()
        assert held.header.revision >= revision
        assert side.keys(b"l/")[0] == held.key
    assert len(side.keys(b"l/")) == 1


def test_who_leaves_the_middle_lets_nobody_pass(side):
    leases = [side.grant() for _ in range(3)]
    held = side.lock(b"l", leases[0])
    middle = side.lock_later(b"l", leases[1])
    wait_for_keys(side, b"l/", 2)
    last = side.lock_later(b"l", leases[2])
    wait_for_keys(side, b"l/", 3)
    middle.cancel()
    wait_for_keys(side, b"l/", 2)
    holds_for(lambda: not last.done(), 0.3, "the lock is held")
    side.unlock(held.key)
    assert last.result().key == b"l/%x" % leases[2]


def test_names_are_apart(side):
    """A name is no prefix of another, and may be any bytes."""
    lease = side.grant()
    for name in (b"", b"/", b"a", b"a/", b"a/b", b"a0", b"\0", b"\xff\xff", b"x" * 5000):
        assert side.lock(name, lease).key == name + b"/%x" % lease


def test_without_a_lease(side):
    response = side.lock(b"l")
    lease = int(response.key[2:], 16)
    assert side.leases() == {lease} and lease > 0
    assert side.client.range(response.key).kvs[0].lease == lease
    waiting = side.lock_later(b"l")
    wait_until(lambda: len(side.leases()) == 2, SECONDS, "another lease")
    waiting.cancel()
    wait_until(lambda: side.leases() == {lease}, SECONDS, "what was granted for one who gave up is revoked")
    assert side.keys(b"l/") == [response.key]


@pytest.mark.parametrize("way", ["cancel", "deadline", "vanish"])
def test_who_gives_up_leaves_nothing(server, side, way):
    leases = [side.grant() for _ in range(2)]
    held = side.lock(b"l", leases[0])
    other = Concurrency(side.client.endpoint)
    future = other.lock_later(b"l", leases[1], timeout=1 if way == "deadline" else SECONDS)
    wait_for_keys(side, b"l/", 2)
    if way == "cancel":
        future.cancel()
    elif way == "vanish":
        other.close()
    else:
        assert failure(future.result)[0] == "DEADLINE_EXCEEDED"
    wait_for_keys(side, b"l/", 1)
    assert side.keys(b"l/") == [held.key]
    other.close()


def test_who_is_late_and_does_not_read_gets_nothing(server, side):
    """His answer, that he is late, is stuck behind others that he does not read; so his call is there when he wins."""
    side.client.put(b"large", b"x" * 1_000_000)
    leases = [side.grant() for _ in range(3)]
    held = side.lock(b"l", leases[0])
    late = Connection(server.port, greet=False, receive_bytes=4096)
    late.send(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31 - 1)) +
              h2.frame(h2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**30)))
    read = h2.message(messages.RangeRequest(key=b"large", serializable=True).SerializeToString())
    for stream in range(1, 31, 2):
        late.send(h2.request(stream, path="/etcdserverpb.KV/Range", body=read))
    wish = h2.message(locks.LockRequest(name=b"l", lease=leases[1]).SerializeToString())
    late.send(h2.request(31, path=LOCK, body=wish, more=[("grpc-timeout", "3S")]))  # time enough to get in line
    wait_for_keys(side, b"l/", 2)
    wait_until(lambda: metrics(server)["grpc_server_handled_total"].value(grpc_method="Lock", grpc_code="DeadlineExceeded"),
               SECONDS, "the call is late")
    last = side.lock_later(b"l", leases[2])
    wait_for_keys(side, b"l/", 3)
    side.unlock(held.key)
    assert last.result().key == b"l/%x" % leases[2]
    assert side.keys(b"l/") == [b"l/%x" % leases[2]]
    late.__exit__()


def test_one_of_two_calls_with_one_lease_gives_up(side):
    """The key is that of both: the other goes on waiting."""
    leases = [side.grant() for _ in range(2)]
    held = side.lock(b"l", leases[0])
    first = side.lock_later(b"l", leases[1])
    wait_for_keys(side, b"l/", 2)
    second = side.lock_later(b"l", leases[1])
    holds_for(lambda: not second.done(), 0.3, "it waits")
    first.cancel()
    holds_for(lambda: len(side.keys(b"l/")) == 2, 0.3, "the key is still needed")
    side.unlock(held.key)
    assert second.result().key == b"l/%x" % leases[1]


def test_the_servers_own_time_limit_is_not_for_waiting(start):
    server = start("timeout=500")
    side = Concurrency(f"127.0.0.1:{server.port}")
    leases = [side.grant() for _ in range(2)]
    held = side.lock(b"l", leases[0])
    future = side.lock_later(b"l", leases[1])
    holds_for(lambda: not future.done(), 1.5, "it waits")
    side.unlock(held.key)
    assert future.result().key == b"l/%x" % leases[1]
    side.close()


def test_a_lease_that_ended_while_waiting(side):
    leases = [side.grant() for _ in range(2)]
    held = side.lock(b"l", leases[0])
    future = side.lock_later(b"l", leases[1])
    wait_for_keys(side, b"l/", 2)
    side.revoke(leases[1])
    side.unlock(held.key)
    assert failure(future.result) == ("UNKNOWN", "mutex: session is expired")
    assert side.keys(b"l/") == []


def test_a_holder_whose_lease_ends(side):
    leases = [side.grant() for _ in range(2)]
    side.lock(b"l", leases[0])
    future = side.lock_later(b"l", leases[1])
    wait_for_keys(side, b"l/", 2)
    side.revoke(leases[0])
    assert future.result().key == b"l/%x" % leases[1]


def test_keys_that_others_put_or_take(side):
    """The line is what lies under the name, whoever put it there."""
    side.client.put(b"l/zzz", b"")
    leases = [side.grant() for _ in range(2)]
    first, second = (side.lock_later(b"l", lease) for lease in leases)
    wait_for_keys(side, b"l/", 3)
    side.client.put(b"l/zzz", b"again")
    holds_for(lambda: not first.done() and not second.done(), 0.3, "the key is still there")
    side.client.delete(b"l/", b"l0")
    for future in (first, second):
        assert failure(future.result) == ("UNKNOWN", "mutex: session is expired")


def test_compaction_while_waiting(side):
    leases = [side.grant() for _ in range(2)]
    held = side.lock(b"l", leases[0])
    future = side.lock_later(b"l", leases[1])
    wait_for_keys(side, b"l/", 2)
    revision = side.client.put(b"x", b"").header.revision
    side.client.call("/etcdserverpb.KV/Compact", rpc.messages.CompactionRequest(revision=revision),
                     rpc.messages.CompactionResponse, SECONDS)
    side.unlock(held.key)
    assert future.result().key == b"l/%x" % leases[1]


def test_errors(side):
    assert failure(lambda: side.lock(b"l", 99)) == ("UNKNOWN", "etcdserver: requested lease not found")
    assert failure(lambda: side.lock(b"l", -1)) == ("UNKNOWN", "etcdserver: requested lease not found")
    assert failure(lambda: side.lock(b"l" * 1_700_000)) == ("UNKNOWN", "etcdserver: request is too large")
    assert failure(lambda: side.unlock(b"")) == ("UNKNOWN", "etcdserver: key is not provided")
    assert failure(lambda: side.unlock(b"l" * 1_700_000)) == ("UNKNOWN", "etcdserver: request is too large")
    assert side.keys(b"\0", b"\0") == [] and side.leases() == set()
    assert side.grant(-5) == -5
    assert side.lock(b"l", -5).key == b"l/-5"
    assert side.grant(-2**63) == -2**63
    assert side.lock(b"m", -2**63).key == b"m/-8000000000000000"


def test_no_leader(start):
    side = Concurrency(f"127.0.0.1:{start('leaderless=1').port}")
    method = side.channel.unary_unary(LOCK)
    assert failure(lambda: method(b"", timeout=SECONDS, metadata=[("hasleader", "true")])) == (
        "UNAVAILABLE", "etcdserver: no leader")
    side.close()


def test_more_messages_or_fewer_than_one(server, side):
    def call(*requests):
        method = side.channel.stream_stream(LOCK, request_serializer=lambda message: message.SerializeToString(),
                                            response_deserializer=locks.LockResponse.FromString)
        return [response.key for response in method(iter(requests), timeout=SECONDS)]

    lease = side.grant(0xabc)
    assert failure(call) == ("INTERNAL", "unexpected EOF")
    assert call(*[locks.LockRequest(name=b"l", lease=lease)] * 3) == [b"l/abc"]


def test_noise(server, side):
    choice = random.Random(5)
    method = side.channel.unary_unary(LOCK)
    for _ in range(300):
        try:
            method(choice.randbytes(choice.randrange(30)), timeout=0.05)  # some of it is a request, and waits
        except grpc.RpcError as error:
            assert error.code().name in ("INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED"), error
    with Connection(server.port) as connection:
        for stream in range(1, 101, 2):
            connection.send(h2.request(stream, path=LOCK, body=h2.message(b"\x0a\x01q")))
    assert side.lock(b"after", side.grant()).header.revision > 0


def test_thousands_wait_and_vanish(server, side):
    """Nothing of them stays: neither keys nor leases nor memory that grows from one crowd to the next."""
    held = side.lock(b"l", side.grant(1))
    sizes = []
    for _ in range(3):
        crowd = [Concurrency(side.client.endpoint) for _ in range(10)]
        calls = [one.lock_later(b"l") for one in crowd for _ in range(300)]
        wait_until(lambda: len(side.keys(b"l/")) == 3001, SECONDS, "all are there")
        assert len(side.leases()) == 3001 and not any(call.done() for call in calls)
        for one in crowd:
            one.close()
        wait_until(lambda: side.leases() == {1} and side.keys(b"l/") == [held.key], SECONDS, "all is as before")
        sizes.append(server.resident_bytes())
    assert sizes[2] < sizes[0] * 1.5 + 20e6, sizes


def test_a_busy_backend(start):
    """A backend that has room for two at a time: all get their turn."""
    server = start("room=2")
    side = Concurrency(f"127.0.0.1:{server.port}")
    futures = [side.lock_later(b"l") for _ in range(50)]
    for _ in range(50):
        key = wait_until(lambda: [future.result().key for future in futures if future.done()], SECONDS, "a winner")[0]
        futures = [future for future in futures if not (future.done() and future.result().key == key)]
        side.unlock(key)
    assert not futures
    side.close()


def test_the_server_stops_while_they_wait(start):
    """The fixture's server must end well; whoever waits hears of it."""
    server = start()
    side = Concurrency(f"127.0.0.1:{server.port}")
    side.lock(b"l")
    futures = [side.lock_later(b"l") for _ in range(100)]
    wait_for_keys(side, b"l/", 101)
    server.process.terminate()
    for future in futures:
        assert failure(future.result)[0] == "UNAVAILABLE"
    assert server.process.wait(20) == 0
    server.stop = lambda: None
    side.close()


def test_no_room_is_made_while_the_backend_hangs(start):
    """The backend never answers: the calls end by their deadlines, and the server ends well."""
    side = Concurrency(f"127.0.0.1:{start('held=1').port}")
    futures = [side.lock_later(b"l", timeout=0.5) for _ in range(20)]
    for future in futures:
        assert failure(future.result)[0] == "DEADLINE_EXCEEDED"
    side.close()


def use_all(side, name):
    """One who wants a lock, one who leads, one who looks on; how many of them came to nothing."""
    lost = 0
    for call in (lambda: side.lock(name, timeout=2), lambda: side.campaign(name + b"e", value=b"v", timeout=2),
                 lambda: next(side.observe(name + b"e", timeout=2))):
        try:
            call()
        except (rpc.Failure, grpc.RpcError):
            lost += 1
    return lost


def test_each_allocation_fails_once(start):
    """The server outlives every lack of memory, and the calls that did not meet it are answered."""
    met = 0
    for number in range(1, 140, 2):
        server = start(f"fail={number}")
        lost = []
        for name in (b"first", b"second", b"third"):
            side = Concurrency(f"127.0.0.1:{server.port}")  # a connection that was refused is tried again only after a second
            lost.append(use_all(side, name))
            side.close()
        assert sum(count > 0 for count in lost) <= 1, f"one allocation was lost, and calls more than once: {lost}"
        met += sum(lost) > 0
        server.stop()
        server.stop = lambda: None
    assert 0 < met < 70


# ---- as JSON ----

def post(server, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    connection.request("POST", path, json.dumps(body))
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_gateway(server, side):
    status, answer = post(server, "/v3/lock/lock", {"name": "bA==", "lease": str(side.grant(0xabc))})
    assert (status, answer["key"], answer["header"]["revision"]) == (200, "bC9hYmM=", "2")
    side.grant(0xdef)
    waiting = side.lock_later(b"l", 0xdef)
    wait_for_keys(side, b"l/", 2)
    status, answer = post(server, "/v3beta/lock/unlock", {"key": "bC9hYmM="})
    assert (status, list(answer)) == (200, ["header"])
    assert waiting.result().key == b"l/def"
    text = "etcdserver: requested lease not found"
    assert post(server, "/v3/lock/lock", {"name": "bA==", "lease": 77}) == (
        500, {"error": text, "code": 2, "message": text, "details": []})


@pytest.mark.parametrize("way", ["close", "half_close"])
def test_a_client_of_the_gateway_that_leaves(server, side, way):
    held = side.lock(b"l", side.grant())
    body = b'{"name":"bA=="}'
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)
    connection.sendall(b"POST /v3/lock/lock HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    wait_for_keys(side, b"l/", 2)
    if way == "close":
        connection.close()
    else:
        connection.shutdown(socket.SHUT_WR)
    wait_for_keys(side, b"l/", 1)
    wait_until(lambda: len(side.leases()) == 1, SECONDS, "nor does the lease stay")
    assert side.keys(b"l/") == [held.key]
    connection.close()


def test_the_gateway_stops_while_one_waits(start):
    server = start()
    side = Concurrency(f"127.0.0.1:{server.port}")
    side.lock(b"l")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    connection.request("POST", "/v3/lock/lock", '{"name":"bA=="}')
    wait_for_keys(side, b"l/", 2)
    server.process.terminate()
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["message"]) == (503, "etcdserver: server stopped")
    connection.close()
    assert server.process.wait(20) == 0
    server.stop = lambda: None
    side.close()
