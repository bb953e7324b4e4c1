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
