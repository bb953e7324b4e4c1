# SPDX-License-Identifier: MIT
"""test_election.py -- the election service as Google's client sees it."""
import http.client
import json
import random
import threading

import grpc
import pytest

from concurrency import Concurrency, failure
from rpc import elections
from wait import holds_for, wait_until

SECONDS = 60


@pytest.fixture
def side(server):
    side = Concurrency(f"127.0.0.1:{server.port}")
    yield side
    side.close()


class Observed:
    """What an observer was told, as it comes."""

    def __init__(self, side, name):
        self.call = side.observe(name)
        self.told = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for response in self.call:
                self.told.append((response.kv.key, response.kv.value))
                assert response.header.revision >= response.kv.mod_revision > 0
        except grpc.RpcError:
            pass

    def wait_for(self, *told):
        wait_until(lambda: self.told == list(told), SECONDS, f"{told} is told; it is {self.told}")

    def close(self):
        self.call.cancel()
        self.thread.join(SECONDS)


def test_campaign_proclaim_leader_resign(side):
    assert failure(lambda: side.leader(b"e")) == ("UNKNOWN", "election: no leader")
    lease = side.grant(0xabc)
    response = side.campaign(b"e", lease, b"v1")
    key = response.leader
    assert (key.name, key.key, key.rev, key.lease, response.header.revision) == (b"e", b"e/abc", 2, lease, 2)
    assert side.campaign(b"e", lease, b"v1").leader == key, "who leads wins again"
    assert side.leader(b"e").kv.version == 1
    assert side.campaign(b"e", lease, b"v2").leader == key
    kv = side.leader(b"e").kv
    assert (kv.key, kv.value, kv.create_revision, kv.version, kv.lease) == (b"e/abc", b"v2", 2, 2, lease)
    assert side.proclaim(key, b"v3").header.revision == 4
    assert side.leader(b"e").kv.value == b"v3"
    assert side.resign(key).header.revision == 5
    assert side.resign(key).header.revision == 5, "who has resigned may say so again"
    assert failure(lambda: side.proclaim(key, b"v4")) == ("UNKNOWN", "election: not leader")
    assert failure(lambda: side.leader(b"e")) == ("UNKNOWN", "election: no leader")


def test_candidates_lead_in_turn(side):
    first = side.campaign(b"e", side.grant(), b"first")
    waiting = []
    for count in range(5):
        waiting.append(side.campaign_later(b"e", side.grant(), b"%d" % count))
        wait_until(lambda: len(side.keys(b"e/")) == count + 2, SECONDS, "he stands in line")
    leader = first.leader
    for count, future in enumerate(waiting):
        assert not future.done()
        side.resign(leader)
        leader = future.result().leader
        assert side.leader(b"e").kv.value == b"%d" % count


def test_a_candidate_who_gives_up_or_whose_lease_ends(side):
    leader = side.campaign(b"e", side.grant()).leader
    gone = side.campaign_later(b"e")
    wait_until(lambda: len(side.leases()) == 2 and len(side.keys(b"e/")) == 2, SECONDS, "he stands in line")
    gone.cancel()
    wait_until(lambda: len(side.leases()) == 1, SECONDS, "what he made is taken back")
    assert side.keys(b"e/") == [leader.key]
    lease = side.grant()
    future = side.campaign_later(b"e", lease)
    wait_until(lambda: len(side.keys(b"e/")) == 2, SECONDS, "he stands in line")
    side.revoke(lease)
    side.resign(leader)
    assert failure(future.result) == ("UNKNOWN", "election: not leader")


def test_a_value_that_changes_while_it_waits(side):
    side.campaign(b"e", side.grant(), b"x")
    lease = side.grant(0xabc)
    first = side.campaign_later(b"e", lease, b"old")
    wait_until(lambda: len(side.keys(b"e/")) == 2, SECONDS, "he stands in line")
    second = side.campaign_later(b"e", lease, b"new")
    wait_until(lambda: side.client.range(b"e/abc").kvs[0].value == b"new", SECONDS, "the newer value")
    side.client.delete(side.keys(b"e/")[0])
    assert first.result().leader == second.result().leader
    assert side.leader(b"e").kv.value == b"new"


def test_errors(side):
    lease = side.grant(0xabc)
    missing, empty = ("UNKNOWN", '"leader" field must be provided'), ("UNKNOWN", "etcdserver: key is not provided")
    assert failure(lambda: side.proclaim(None, b"v")) == missing
    assert failure(lambda: side.resign(None)) == missing
    assert failure(lambda: side.proclaim(elections.LeaderKey(), b"v")) == empty
    assert failure(lambda: side.resign(elections.LeaderKey())) == empty
    assert failure(lambda: side.campaign(b"e", 99)) == ("UNKNOWN", "etcdserver: requested lease not found")
    assert failure(lambda: side.campaign(b"e", lease, b"v" * 1_700_000)) == ("UNKNOWN", "etcdserver: request is too large")
    leader = side.campaign(b"e", lease, b"v").leader
    for change in ({"rev": 1}, {"rev": -1}, {"rev": 2**63 - 1}, {"key": b"e/abd"}):
        wrong = elections.LeaderKey(name=leader.name, key=leader.key, rev=leader.rev, lease=lease)
        for name, value in change.items():
            setattr(wrong, name, value)
        assert failure(lambda: side.proclaim(wrong, b"v")) == ("UNKNOWN", "election: not leader")
        assert side.resign(wrong).header.revision == 2
    wrong = elections.LeaderKey(name=leader.name, key=leader.key, rev=leader.rev, lease=99)
    assert failure(lambda: side.proclaim(wrong, b"v")) == ("UNKNOWN", "etcdserver: requested lease not found")
    wrong.lease = 0
    side.proclaim(wrong, b"kept")
    assert (side.leader(b"e").kv.lease, side.leader(b"e").kv.value) == (lease, b"kept")


def test_noise(side):
    choice = random.Random(6)
    for method in ("Campaign", "Proclaim", "Leader", "Resign"):
        call = side.channel.unary_unary("/v3electionpb.Election/" + method)
        for _ in range(100):
            try:
                call(choice.randbytes(choice.randrange(30)), timeout=0.2)
            except grpc.RpcError as error:
                assert error.code().name in ("INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED"), error
    side.campaign(b"after", side.grant())


# ---- Observe ----

def test_observe(side):
    """From nobody on: every value of each leader, in order, and the next leader."""
    observed = Observed(side, b"e")
    side.client.put(b"e0", b"not of it")
    leader = side.campaign(b"e", side.grant(0xabc), b"1").leader
    observed.wait_for((b"e/abc", b"1"))
    for value in (b"2", b"3", b"3"):
        side.proclaim(leader, value)
    told = [(b"e/abc", value) for value in (b"1", b"2", b"3", b"3")]
    observed.wait_for(*told)
    waiting = side.campaign_later(b"e", side.grant(0xdef), b"next")
    wait_until(lambda: len(side.keys(b"e/")) == 2, SECONDS, "he stands in line")
    assert observed.told == told
    side.resign(leader)
    next_leader = waiting.result().leader
    told.append((b"e/def", b"next"))
    observed.wait_for(*told)
    side.resign(next_leader)
    side.campaign(b"e", 0xabc, b"again")
    observed.wait_for(*told, (b"e/abc", b"again"))
    late = Observed(side, b"e")
    late.wait_for((b"e/abc", b"again"))
    for one in (observed, late):
        one.close()


def test_an_observer_who_does_not_read(side):
    """He is waited for, costs no memory, and misses nothing."""
    leader = side.campaign(b"e", side.grant(), b"begin").leader
    call = side.observe(b"e")
    assert next(call).kv.value == b"begin"
    values = [b"%d" % count + b"x" * 500_000 for count in range(60)]
    for value in values:
        side.proclaim(leader, value)
    assert [next(call).kv.value for _ in values] == values
    call.cancel()


def test_compaction_beside_an_observer_who_does_not_read(side):
    leader = side.campaign(b"e", side.grant(), b"begin").leader
    call = side.observe(b"e")
    assert next(call).kv.value == b"begin"
    for count in range(60):
        revision = side.proclaim(leader, b"%d" % count + b"x" * 500_000).header.revision
    from rpc import messages
    side.client.call("/etcdserverpb.KV/Compact", messages.CompactionRequest(revision=revision), messages.CompactionResponse,
                     SECONDS)
    seen = -1
    while seen < 59:
        number = int(next(call).kv.value.split(b"x")[0])
        assert number > seen
        seen = number
    call.cancel()


def test_hundreds_observe_and_vanish(server, side):
    crowd = [Concurrency(side.client.endpoint) for _ in range(10)]
    calls = [one.observe(b"e") for one in crowd for _ in range(50)]
    side.campaign(b"e", side.grant(), b"v")
    for call in calls:
        assert next(call).kv.value == b"v"
    before = server.descriptors()
    for one in crowd:
        one.close()
    wait_until(lambda: server.descriptors() <= before - 10, SECONDS, "they are gone")
    side.campaign(b"f", side.grant(), b"v")


def test_the_server_stops_while_they_look_on_and_wait(start):
    server = start()
    side = Concurrency(f"127.0.0.1:{server.port}")
    side.campaign(b"e", side.grant(), b"v")
    waiting = [side.campaign_later(b"e") for _ in range(20)]
    calls = [side.observe(name) for name in (b"e", b"nobody") for _ in range(20)]
    wait_until(lambda: len(side.keys(b"e/")) == 21, SECONDS, "all are there")
    server.process.terminate()
    for call in calls[20:]:
        assert failure(lambda at=call: next(at))[0] == "UNAVAILABLE"
    for future in waiting:
        assert failure(future.result)[0] == "UNAVAILABLE"
    assert server.process.wait(20) == 0
    server.stop = lambda: None
    side.close()


# ---- as JSON ----

def test_gateway(server, side):
    def post(method, body):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
        connection.request("POST", "/v3/election/" + method, json.dumps(body))
        response = connection.getresponse()
        answer = response.status, json.loads(response.readline() if method == "observe" else response.read())
        connection.close()
        return answer

    side.grant(0xabc)
    status, answer = post("campaign", {"name": "ZQ==", "value": "djE=", "lease": "2748"})
    assert (status, answer["leader"]) == (200, {"name": "ZQ==", "key": "ZS9hYmM=", "rev": "2", "lease": "2748"})
    leader = answer["leader"]
    assert post("proclaim", {"leader": leader, "value": "djI="})[0] == 200
    assert post("leader", {"name": "ZQ=="})[1]["kv"]["value"] == "djI="
    assert post("observe", {"name": "ZQ=="})[1]["result"]["kv"]["value"] == "djI="
    assert post("resign", {"leader": leader})[0] == 200
    text = "election: no leader"
    assert post("leader", {"name": "ZQ=="}) == (500, {"error": text, "code": 2, "message": text, "details": []})
    text = '"leader" field must be provided'
    assert post("proclaim", {}) == (500, {"error": text, "code": 2, "message": text, "details": []})
    holds_for(lambda: side.keys(b"e/") == [], 0.1, "nothing is left")
