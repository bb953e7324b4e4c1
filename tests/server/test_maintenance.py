# SPDX-License-Identifier: MIT
"""test_maintenance.py -- alarms, hashes, the quota, as a gRPC client that is not ours sees them."""
import urllib.error
import urllib.request

import pytest

import rpc
from rpc import messages

GET, ACTIVATE, DEACTIVATE = 0, 1, 2
NONE, NOSPACE, CORRUPT = 0, 1, 2
NO_SPACE = ("RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded")


@pytest.fixture
def client(server):
    client = rpc.Client(f"127.0.0.1:{server.port}")
    yield client
    client.close()


def ask(client, name, request, response):
    return client.call("/etcdserverpb." + name, request, response, 10)


def alarm(client, action, member=0, kind=NONE):
    request = messages.AlarmRequest(action=action, memberID=member, alarm=kind)
    return [(one.memberID, one.alarm) for one in ask(client, "Maintenance/Alarm", request, messages.AlarmResponse).alarms]


def hash_kv(client, revision=0):
    return ask(client, "Maintenance/HashKV", messages.HashKVRequest(revision=revision), messages.HashKVResponse)


def compact(client, revision):
    return ask(client, "KV/Compact", messages.CompactionRequest(revision=revision), messages.CompactionResponse)


def fails(call):
    with pytest.raises(rpc.Failure) as failure:
        call()
    return failure.value.code.name, failure.value.text


def put_txn(client, branch):
    put = messages.RequestOp(request_put=messages.PutRequest(key=b"k", value=b"v"))
    return ask(client, "KV/Txn", messages.TxnRequest(**{branch: [put]}), messages.TxnResponse)


def test_alarms_are_raised_listed_and_disarmed(client):
    assert alarm(client, GET) == []
    assert alarm(client, ACTIVATE, 123, NOSPACE) == [(123, NOSPACE)]
    assert alarm(client, ACTIVATE, 123, NOSPACE) == [(123, NOSPACE)]
    assert alarm(client, ACTIVATE, 7, CORRUPT) == [(7, CORRUPT)]
    assert alarm(client, GET) == [(123, NOSPACE), (7, CORRUPT)]
    assert alarm(client, GET, kind=CORRUPT) == [(7, CORRUPT)]
    assert list(client.status().errors) == ["memberID:123 alarm:NOSPACE ", "memberID:7 alarm:CORRUPT "]
    assert alarm(client, DEACTIVATE, 8, CORRUPT) == []
    assert alarm(client, DEACTIVATE) == []
    assert alarm(client, DEACTIVATE, 7, CORRUPT) == [(7, CORRUPT)]
    assert alarm(client, DEACTIVATE, 123, NOSPACE) == [(123, NOSPACE)]
    assert alarm(client, GET) == [] and list(client.status().errors) == []


def test_alarms_that_do_not_exist(client):
    assert alarm(client, ACTIVATE, 1, NONE) == []
    for action, kind in [(3, NOSPACE), (-1, NOSPACE), (ACTIVATE, 3), (GET, -1), (DEACTIVATE, 2**31 - 1)]:
        assert fails(lambda: alarm(client, action, 1, kind))[0] == "INVALID_ARGUMENT"
    for member in range(1024):
        alarm(client, ACTIVATE, member, NOSPACE)
    assert fails(lambda: alarm(client, ACTIVATE, 5000, NOSPACE)) == ("RESOURCE_EXHAUSTED", "etcdserver: too many requests")
    assert len(alarm(client, GET)) == 1024 and len(client.status().errors) == 16


def look(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_health_tells_of_alarms(server, client):
    assert look(server, "/health")[0] == 200
    alarm(client, ACTIVATE, 5, NOSPACE)
    assert look(server, "/health") == (503, '{"health":"false","reason":"ALARM NOSPACE"}')
    assert look(server, "/health?exclude=NOSPACE")[0] == 200 and look(server, "/readyz")[0] == 200
    alarm(client, ACTIVATE, 5, CORRUPT)
    assert look(server, "/health?exclude=NOSPACE") == (503, '{"health":"false","reason":"ALARM CORRUPT"}')
    assert look(server, "/health?exclude=NOSPACE&exclude=CORRUPT")[0] == 200
    status, text = look(server, "/readyz")
    assert status == 503 and "[-]data_corruption failed: alarm activated: CORRUPT" in text
    assert look(server, "/readyz?exclude=data_corruption")[0] == 200


def test_no_space_forbids_what_takes_room(client):
    client.put(b"k", b"v")
    alarm(client, ACTIVATE, 123, NOSPACE)
    for call in [lambda: client.put(b"k", b"v"), lambda: put_txn(client, "success"), lambda: put_txn(client, "failure")]:
        assert fails(call) == NO_SPACE
    assert client.range(b"k").count == 1 and client.delete(b"k").deleted == 1
    assert compact(client, 3).header.revision == 3
    alarm(client, DEACTIVATE, 123, NOSPACE)
    client.put(b"k", b"v")


def test_corrupt_forbids_every_change(client):
    alarm(client, ACTIVATE, 123, CORRUPT)
    for call in [lambda: client.put(b"k", b"v"), lambda: client.delete(b"k"), lambda: put_txn(client, "success")]:
        assert fails(call) == ("DATA_LOSS", "etcdserver: corrupt cluster")


def test_hashes(client):
    for i in range(5):
        client.put(b"k", b"%d" % i)
    now = hash_kv(client)
    assert (now.header.revision, now.compact_revision, now.hash_revision) == (6, -1, 6)
    assert hash_kv(client, 6).hash == now.hash != hash_kv(client, 5).hash
    assert ask(client, "Maintenance/Hash", messages.HashRequest(), messages.HashResponse).hash == now.hash
    before = hash_kv(client, 4).hash
    client.put(b"other", b"")
    assert hash_kv(client, 4).hash == before
    compact(client, 3)
    then = hash_kv(client, 3)
    assert (then.header.revision, then.compact_revision, then.hash_revision) == (7, 3, 3)
    assert fails(lambda: hash_kv(client, 2)) == ("OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted")
    assert fails(lambda: hash_kv(client, 8)) == ("OUT_OF_RANGE", "etcdserver: mvcc: required revision is a future revision")


def test_defragment_answers(client):
    ask(client, "Maintenance/Defragment", messages.DefragmentRequest(), messages.DefragmentResponse)


def test_the_quota_refuses_what_does_not_fit(start):
    server = start("quota=65536")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    assert client.status().dbSizeQuota == 65536
    client.put(b"k", bytes(1024))
    assert fails(lambda: client.put(b"k", bytes(65536))) == NO_SPACE
    me = client.status().header.member_id
    assert alarm(client, GET) == [(me, NOSPACE)]
    assert fails(lambda: client.put(b"k", b"v")) == NO_SPACE
    assert alarm(client, DEACTIVATE, me, NOSPACE) == [(me, NOSPACE)]
    client.put(b"k", b"v")
    assert alarm(client, GET) == []
    client.close()


# ---- the leader ----

def move_leader(client, target):
    ask(client, "Maintenance/MoveLeader", messages.MoveLeaderRequest(targetID=target), messages.MoveLeaderResponse)


def test_the_leader_is_moved(client):
    self_id = client.status().header.member_id
    bad = ("FAILED_PRECONDITION", "etcdserver: bad leader transferee")
    assert fails(lambda: move_leader(client, 0)) == bad
    assert fails(lambda: move_leader(client, 12345)) == bad
    move_leader(client, self_id)
    assert client.status().leader == self_id
    move_leader(client, 2)
    assert client.status().leader == 2
    assert fails(lambda: move_leader(client, self_id)) == ("FAILED_PRECONDITION", "etcdserver: not leader")


def test_a_member_that_does_not_come_to_lead(start):
    client = rpc.Client(f"127.0.0.1:{start('timeout=300').port}")
    assert fails(lambda: move_leader(client, 3)) == ("UNAVAILABLE", "etcdserver: request timed out")
    assert client.status().leader == client.status().header.member_id
    client.close()


def test_the_server_ends_though_a_move_is_under_way(start):
    server = start("timeout=60000")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    client.put(b"k", b"u")
    move = client.channel.unary_unary(
        "/etcdserverpb.Maintenance/MoveLeader", request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=messages.MoveLeaderResponse.FromString).future(messages.MoveLeaderRequest(targetID=3))
    client.put(b"k", b"v")  # behind it on the same connection
    server.stop()
    assert move.exception() is not None
    server.stop = lambda: None
    client.close()


def downgrade(client, action, version=""):
    ask(client, "Maintenance/Downgrade", messages.DowngradeRequest(action=action, version=version), messages.DowngradeResponse)


def test_there_is_nothing_to_go_back_to(client):
    validate, enable, cancel = 0, 1, 2
    for action in (validate, enable):
        for text in ("", "3", "3.", "x.5", "3.5.", "3.5.1.2", "v3.5", "3.05", " 3.5"):
            assert fails(lambda a=action, t=text: downgrade(client, a, t)) == \
                ("INVALID_ARGUMENT", "etcdserver: wrong downgrade target version format"), text
        for text in ("3.5", "3.5.0", "3.6", "3.6.0", "4.0", "3.5.0-rc.1"):
            assert fails(lambda a=action, t=text: downgrade(client, a, t)) == \
                ("INVALID_ARGUMENT", "etcdserver: invalid downgrade target version"), text
    assert fails(lambda: downgrade(client, cancel)) == ("FAILED_PRECONDITION", "etcdserver: no inflight downgrade job")
    assert fails(lambda: downgrade(client, 7)) == ("UNKNOWN", "etcdserver: unknown method")
    assert not client.status().downgradeInfo.enabled


def test_a_hash_is_of_one_moment_while_the_store_goes_on(client):
    for i in range(3000):
        client.put(b"%05d" % i, b"v")
    revision = client.status().header.revision
    expected = hash_kv(client, revision).hash
    hashing = [client.channel.unary_unary(
        "/etcdserverpb.Maintenance/HashKV", request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=messages.HashKVResponse.FromString).future(messages.HashKVRequest(revision=revision))
        for _ in range(20)]
    for i in range(200):
        client.put(b"%05d" % (i * 7), b"w")
        client.put(b"new%d" % i, b"w")
    assert {answer.result(30).hash for answer in hashing} == {expected}
    assert hash_kv(client).hash != expected
    assert hash_kv(client).hash == hash_kv(client, client.status().header.revision).hash


def test_a_physical_compaction_answers_when_the_store_is_tidy(client):
    for i in range(3000):
        client.put(b"k", b"%d" % i * 100)
    before = client.status().header.revision
    response = ask(client, "KV/Compact", messages.CompactionRequest(revision=before, physical=True), messages.CompactionResponse)
    assert response.header.revision == before
    assert fails(lambda: ask(client, "KV/Compact", messages.CompactionRequest(revision=before, physical=True),
                             messages.CompactionResponse)) == \
        ("OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted")
    assert fails(lambda: ask(client, "KV/Compact", messages.CompactionRequest(revision=before + 1, physical=True),
                             messages.CompactionResponse)) == \
        ("OUT_OF_RANGE", "etcdserver: mvcc: required revision is a future revision")
    assert client.range(b"k").kvs[0].version == 3000
