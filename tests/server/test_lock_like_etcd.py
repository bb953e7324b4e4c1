# SPDX-License-Identifier: MIT
"""test_lock_like_etcd.py -- the same calls of locks and elections to our server and to etcd: the same answers, errors too.

Not compared: who answers, what the server chooses, and revisions but as distances from the first.
"""
import rpc
from concurrency import Concurrency
from rpc import elections
from test_like_etcd import etcd  # noqa: F401, a fixture
from wait import wait_until

SECONDS = 60


def script(side):
    """Yields what each call answers."""
    base = side.client.put(b"begin", b"", timeout=SECONDS).header.revision

    def tell(call):
        try:
            response = call()
        except rpc.Failure as error:
            return error.code.name, error.text
        told = {}
        for field, value in response.ListFields():
            if field.name == "header":
                told["revision"] = value.revision - base
            elif field.name == "leader":
                told["leader"] = (value.name, value.key, value.rev - base, value.lease)
            elif field.name == "kv":
                told["kv"] = (value.key, value.value, value.create_revision - base, value.mod_revision - base, value.version,
                              value.lease)
            else:
                told[field.name] = value
        return told

    for lease in (0xabc, 0xdef, -5):
        side.grant(lease)
    for name, lease in ((b"x", 99), (b"x", -1), (b"x", -5), (b"y", 0xabc), (b"y", 0xabc), (b"", 0xabc), (b"\0/\xff", 0xabc),
                        (b"k" * 1_700_000, 0xabc)):
        yield tell(lambda: side.lock(name, lease))
    future = side.lock_later(b"y", 0xdef)
    wait_until(lambda: len(side.keys(b"y/")) == 2, SECONDS, "he waits")
    for key in (b"", b"nothing", b"k" * 1_700_000, b"y/abc"):
        yield tell(lambda: side.unlock(key))
    yield tell(future.result)
    yield tell(lambda: side.leader(b"e"))
    for value in (b"v1", b"v1"):
        yield tell(lambda: side.campaign(b"e", 0xabc, value))
    leader = side.campaign(b"e", 0xabc, b"v1").leader
    yield tell(lambda: side.campaign(b"e", 99, b"v"))
    observed = side.observe(b"e")
    yield tell(lambda: next(observed))
    for value in (b"p1", b"p2", b""):
        yield tell(lambda: side.proclaim(leader, value))
        yield tell(lambda: next(observed))
    for change in ({}, {"rev": leader.rev + 1}, {"key": b""}, {"key": b"e/1"}, {"lease": 99}):
        other = elections.LeaderKey(name=leader.name, key=leader.key, rev=leader.rev, lease=leader.lease)
        for name, value in change.items():
            setattr(other, name, value)
        yield tell(lambda: side.proclaim(other, b"q"))
    for other in (None, elections.LeaderKey()):
        yield tell(lambda: side.proclaim(other, b"q"))
        yield tell(lambda: side.resign(other))
    yield tell(lambda: side.leader(b"e"))
    future = side.campaign_later(b"e", 0xdef, b"next")
    wait_until(lambda: len(side.keys(b"e/")) == 2, SECONDS, "he waits")
    for _ in range(2):
        yield tell(lambda: side.resign(leader))
    yield tell(future.result)
    yield tell(lambda: side.proclaim(leader, b"late"))
    yield tell(lambda: side.leader(b"e"))
    observed.cancel()
    yield sorted(side.keys(b"\0", b"\0"))


def test_the_same_calls(server, etcd):  # noqa: F811
    sides = [Concurrency(f"127.0.0.1:{server.port}"), Concurrency(etcd.endpoint)]
    count = 0
    for ours, theirs in zip(script(sides[0]), script(sides[1]), strict=True):
        assert ours == theirs, f"answer {count}"
        count += 1
    assert count > 30
    for side in sides:
        side.close()
