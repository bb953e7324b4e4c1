# SPDX-License-Identifier: MIT
"""test_maintenance.py -- compaction, alarms, hashes and the quota, by etcdctl and by decree, on three nodes."""
import json

import rpc
from test_command_line import decree
from test_etcdctl import etcdctl
from wait import wait_until


def hashes(endpoints, revision):
    lines = decree("hash", "--rev", str(revision), endpoints=endpoints).decode().splitlines()
    return [line.split(", ") for line in lines]


def fill(client):
    """Overwrites one key until the store is full."""
    for _ in range(200):
        try:
            client.put(b"big", bytes(4096))
        except rpc.Failure as failure:
            assert (failure.code.name, failure.text) == (
                "RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded")
            return
    raise AssertionError("the quota is passed and nobody minds")


def revision_of(client):
    return client.range(b"big").header.revision


def test_hashes_are_equal(cluster):
    at = dict(endpoints=cluster.endpoints)
    for i in range(10):
        decree("put", "k", str(i), **at)
    for node in cluster.nodes:
        etcdctl(node.endpoint, "get", "k")  # now the node has them all
    rows = hashes(cluster.endpoints, 11)
    assert [row[0] for row in rows] == cluster.endpoints.split(",")
    assert len({tuple(row[1:]) for row in rows}) == 1 and rows[0][2:] == ["11", "-1"], rows
    assert hashes(cluster.endpoints, 10)[0][1] != rows[0][1]
    answers = json.loads(decree("hash", "--json", **at))
    assert {answer["HashKV"]["hash"] for answer in answers} == {int(rows[0][1])}
    lines = etcdctl(cluster.endpoints, "endpoint", "hashkv").splitlines()
    assert [line.split(", ") for line in lines] == [row[:2] for row in rows]
    assert b"future revision" in decree("hash", "--rev", "99", expect=1, **at)


def test_compaction(single):
    at = dict(endpoints=single.endpoints)
    for i in range(10):
        decree("put", "k", str(i), **at)
    assert decree("compact", "5", **at) == b"compacted revision 5\n"
    assert b"has been compacted" in decree("compact", "5", expect=1, **at)
    assert b"future revision" in decree("compact", "50", expect=1, **at)
    assert b"has been compacted" in decree("get", "k", "--rev", "4", expect=1, **at)
    assert decree("get", "k", "--rev", "5", **at) == b"k\n3\n"
    assert etcdctl(single.endpoints, "compaction", "--physical", "7") == "compacted revision 7\n"
    assert json.loads(decree("compact", "8", "--physical", "--json", **at))["header"]["revision"] == 11
    for wrong in [[], ["x"], ["0"], ["-5"], ["5", "6"], ["99999999999999999999"]]:
        decree("compact", *wrong, expect=64, **at)


def test_the_quota_stops_writes_until_room_is_made(make_cluster):
    cluster = make_cluster(arguments=["--quota-backend-bytes", "65536"]).started()
    at = dict(endpoints=cluster.endpoints)
    client = cluster.nodes[0].client
    fill(client)
    wait_until(lambda: "alarm:NOSPACE" in etcdctl(cluster.endpoints, "alarm", "list"), 60, "the alarm rings")
    for node in cluster.nodes:
        assert b"database space exceeded" in decree("put", "a", "b", endpoints=node.endpoint, expect=1)
        assert node.client.range(b"big").count == 1
    assert any("NOSPACE" in error for error in client.status().errors)
    assert client.status().dbSizeQuota == 65536
    assert b"alarm:NOSPACE" in decree("alarm", "list", **at)
    assert json.loads(decree("alarm", "list", "--json", **at))["alarms"][0]["alarm"] in (1, "NOSPACE")
    decree("compact", str(revision_of(client)), **at)
    wait_until(lambda: all(node.client.status().dbSizeInUse < 32768 for node in cluster.nodes), 60, "room was made")
    assert b"alarm:NOSPACE" in decree("alarm", "disarm", **at)
    assert etcdctl(cluster.endpoints, "alarm", "list") == ""
    for node in cluster.nodes:
        assert decree("put", "a", "b", endpoints=node.endpoint) == b"OK\n"
    fill(client)
    wait_until(lambda: "alarm:NOSPACE" in etcdctl(cluster.endpoints, "alarm", "list"), 60, "the alarm rings again")
    etcdctl(cluster.endpoints, "compaction", str(revision_of(client)))
    wait_until(lambda: all(node.client.status().dbSizeInUse < 32768 for node in cluster.nodes), 60, "room was made")
    assert "alarm:NOSPACE" in etcdctl(cluster.endpoints, "alarm", "disarm")
    assert decree("put", "a", "b", **at) == b"OK\n"
    assert decree("alarm", "list", **at) == b""


def test_without_room_the_alarm_rings_again(make_cluster):
    cluster = make_cluster(count=1, arguments=["--quota-backend-bytes", "65536"]).started()
    fill(cluster.nodes[0].client)
    fill(cluster.nodes[0].client)
    decree("alarm", "disarm", endpoints=cluster.endpoints)
    fill(cluster.nodes[0].client)
    wait_until(lambda: decree("alarm", "list", endpoints=cluster.endpoints), 60, "the alarm rings again")


def test_words_that_make_no_sense(single):
    at = dict(endpoints=single.endpoints)
    for arguments in [["alarm"], ["alarm", "raise"], ["alarm", "list", "list"], ["hash", "x"], ["hash", "--rev", "x"],
                      ["serve", "--quota-backend-bytes", "x"], ["serve", "--quota-backend-bytes", "9" * 30]]:
        decree(*arguments, expect=64, **at)


def test_defragment(single):
    assert "Finished defragmenting" in etcdctl(single.endpoints, "defrag")


TXN = b"""mod("city") > "0"
value("city") = "Paris"

put city Rome --prev-kv
put "old \\"city\\"" 'a \\b'
get old --prefix
del nothing

get city
"""


def test_txn(single):
    at = dict(endpoints=single.endpoints)
    assert decree("txn", data=TXN, **at) == b"FAILURE\n\n"
    decree("put", "city", "Paris", **at)
    assert decree("txn", data=TXN, **at) == b'SUCCESS\n\nOK\ncity\nParis\n\nOK\n\nold "city"\na \\b\n\n0\n'
    assert decree("txn", data=TXN.replace(b"\n", b"\r\n"), **at) == b"FAILURE\n\ncity\nRome\n"
    answer = json.loads(decree("txn", "--json", data=b'lease("city") = "0"\nversion("city") != 7\n\nget city', **at))
    assert answer["succeeded"] and answer["responses"][0]["Response"]["ResponseRange"]["count"] == 1
    assert decree("txn", data=b"", **at) == b"SUCCESS\n"
    assert b"duplicate key" in decree("txn", data=b"\nput a b\nput a c", expect=1, **at)


def test_txn_lines_that_make_no_sense(single):
    for line, text in [
            (1, b"city = Paris"), (1, b'size("k") = "1"'), (1, b'mod("k") ~ "1"'), (1, b'mod("k") = "x"'), (1, b'mod("k'),
            (1, b'mod("k" = "1"'), (1, b'mod("\\x00") = "1"'), (1, b'mod("k\\'), (1, b'mod("k") ='), (1, b"("), (1, b'mod("k\\x4'),
            (2, b"\nput a"), (2, b"\nget"), (2, b"\nwatch a"), (2, b'\nput a "b'), (2, b"\nput a b c"), (2, b"\n-"), (2, b'\nput "a"b'),
            (2, b"\nget a b --prefix"), (2, b"\nput " + b" x" * 100), (3, b"\n\nput"), (4, b"\n\n\nput a b"),
            (130, b"\n" + b"get a\n" * 129), (129, b'mod("k") = 0\n' * 129)]:
        error = decree("txn", data=text, endpoints=single.endpoints, expect=64)
        assert error.startswith(b"decree txn: line %d: " % line), (text, error)
    decree("txn", data=b"\nget a\0", endpoints=single.endpoints, expect=64)
    decree("txn", "x", endpoints=single.endpoints, expect=64)
