# SPDX-License-Identifier: MIT
"""test_gateway_streams.py -- methods that answer with a stream, as JSON: a line for each object, and what becomes of clients
that leave; and that every path of etcd's gateway is there."""
import base64
import hashlib
import http.client
import json

import pytest

from test_gateway import Web, text
from test_metrics import read
from wait import wait_until


class Stream:
    """A POST whose answer is read line by line."""

    def __init__(self, server, path, body):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.connection.request("POST", path, json.dumps(body))
        self.response = self.connection.getresponse()
        assert self.response.headers["Transfer-Encoding"] == "chunked"
        assert self.response.headers["Content-Type"] == "application/json"
        assert self.response.headers["Grpc-Metadata-Content-Type"] == "application/grpc"

    def next(self):
        """The next object; None at the end."""
        line = self.response.readline()
        assert not line or line.endswith(b"\n")
        return json.loads(line) if line else None

    def close(self):
        self.connection.sock.close() if self.connection.sock else None
        self.response.close()


def test_keep_alive(server):
    web = Web(server)
    web.good("/v3/lease/grant", {"ID": 7, "TTL": 100})
    stream = Stream(server, "/v3/lease/keepalive", {"ID": 7})
    answer = stream.next()["result"]
    assert (answer["ID"], answer["TTL"]) == ("7", "100")
    assert set(answer["header"]) == {"cluster_id", "member_id", "revision", "raft_term"}
    assert stream.next() is None
    stream = Stream(server, "/v3beta/lease/keepalive", {"ID": "8"})
    answer = stream.next()["result"]
    assert answer["ID"] == "8" and "TTL" not in answer
    assert stream.next() is None


def test_snapshot(server):
    web = Web(server)
    value = bytes(range(256)) * 500
    for number in range(5):
        web.good("/v3/kv/put", {"key": text(b"k%d" % number), "value": text(value)})
    stream, parts, rest = Stream(server, "/v3/maintenance/snapshot", {}), [], None
    while (answer := stream.next()) is not None:
        part = answer["result"]
        parts.append(base64.b64decode(part.get("blob", "")))
        left = int(part.get("remaining_bytes", 0))
        assert rest is None or left <= rest
        rest = left
    assert rest == 0
    assert len(parts[-1]) == 32
    assert hashlib.sha256(b"".join(parts[:-1])).digest() == parts[-1]
    assert sum(map(len, parts)) % 512 == 32


def test_observe(server):
    web = Web(server)
    web.good("/v3/lease/grant", {"ID": 7, "TTL": 100})
    stream = Stream(server, "/v3/election/observe", {"name": text(b"e")})
    leader = web.good("/v3/election/campaign", {"name": text(b"e"), "lease": 7, "value": text(b"one")})["leader"]
    assert stream.next()["result"]["kv"]["value"] == text(b"one")
    web.good("/v3/election/proclaim", {"leader": leader, "value": text(b"two")})
    assert stream.next()["result"]["kv"]["value"] == text(b"two")
    stream.close()


def test_an_error_is_a_line(start):
    server = start("held=1", "timeout=300")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/v3/lease/keepalive", '{"ID": 7}')
    answer = json.loads(connection.getresponse().read())
    assert answer["error"]["grpc_code"] == answer["error"]["code"] == 14
    assert answer["error"]["http_code"] == 503
    assert answer["error"]["message"] == "etcdserver: request timed out"
    assert answer["error"]["http_status"] == "Service Unavailable"


@pytest.mark.parametrize("path, body, service", [
    ("/v3/watch", {"create_request": {"key": "YQ=="}}, "Watch"),
    ("/v3/election/observe", {"name": "YQ=="}, "Observe"),
    ("/v3/lease/keepalive", {"ID": 7}, "LeaseKeepAlive"),
])
def test_clients_that_leave(start, path, body, service):
    """A stream without an end is given up with its client; nothing of it stays."""
    held = service == "LeaseKeepAlive"  # which ends by itself as soon as it is answered
    server = start(*(["held=1", "timeout=60000"] if held else []))
    counters = lambda: read(server)
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("POST", path, json.dumps(body))
        connection.getresponse()
        connection.sock.close() if connection.sock else None
        connection.close()
    wait_until(lambda: counters()["grpc_server_started_total"].value(grpc_method=service) == 20, 20, "they came")
    wait_until(lambda: counters()["grpc_server_handled_total"].value(grpc_method=service) == 20, 20, "they are gone")
    wait_until(lambda: counters()["decree_client_http1_connections"].value() <= 2, 20, "and their connections")
    assert counters()["etcd_debugging_mvcc_watcher_total"].value() == 0


@pytest.mark.parametrize("path", ["/v3/lease/keepalive", "/v3/watch", "/v3/election/observe", "/v3/maintenance/snapshot"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b"{}{}", b'{"ID":"x"}', b'{"create_request":7}', b"\xff\0",
                                  b'{"create_request":{"key":"*"}}', b'{"name":{}}', b"[" * 10_000])
def test_hostile_bodies(server, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", path, body)
    response = connection.getresponse()
    assert response.status in (200, 400)
    if response.status == 400:
        assert json.loads(response.read())["code"] == 3
    connection.sock.close() if connection.sock else None
    assert Web(server).get("/version")[0] == 200


PATHS = """kv/range kv/put kv/deleterange kv/txn kv/compaction watch lease/grant lease/revoke lease/keepalive lease/timetolive
lease/leases kv/lease/revoke kv/lease/timetolive kv/lease/leases cluster/member/add cluster/member/remove cluster/member/update
cluster/member/list cluster/member/promote maintenance/alarm maintenance/status maintenance/defragment maintenance/hash
maintenance/hashkv maintenance/snapshot maintenance/transfer-leadership maintenance/downgrade auth/enable auth/disable
auth/status auth/authenticate auth/user/add auth/user/get auth/user/list auth/user/delete auth/user/changepw auth/user/grant
auth/user/revoke auth/role/add auth/role/get auth/role/list auth/role/delete auth/role/grant auth/role/revoke lock/lock
lock/unlock election/campaign election/proclaim election/leader election/observe election/resign""".split()


@pytest.mark.parametrize("version", ["v3", "v3beta"])
def test_every_path_is_there(server, version):
    """A body that is none is refused by whoever would read it: so there is somebody, unless the method is not there yet."""
    web = Web(server)
    for path in PATHS:
        status, answer = web.post(f"/{version}/{path}", b"{")
        assert (status, answer["code"]) in ((400, 3), (501, 12)), path
        assert status == 400 or path.startswith("auth/"), path
        assert web.ask("GET", f"/{version}/{path}")[0] == 405, path


@pytest.mark.parametrize("path", ["/v3alpha/kv/put", "/v3/kv/putt", "/v3/", "/v3/kv", "/v4/kv/put", "/v3beta", "/v3//kv/put",
                                  "/V3/kv/put", "/v3/kv/rangestream", "/v3/kv/put/"])
def test_other_paths(server, path):
    assert Web(server).ask("POST", path, "{}")[0] == 404
