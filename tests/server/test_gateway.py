# SPDX-License-Identifier: MIT
"""test_gateway.py -- the client port as HTTP/1.1: the API as JSON, and what monitors ask for."""
import base64
import http.client
import json
import random
import socket
import threading

import pytest

import rpc


class Web:
    def __init__(self, server):
        self.port = server.port
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def ask(self, method, path, body=None, **headers):
        self.connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = self.connection.getresponse()
        self.headers = response.headers
        return response.status, response.read()

    def post(self, path, body=None, **headers):
        data = body if isinstance(body, (bytes, str)) else json.dumps(body or {})
        status, answer = self.ask("POST", path, data, **headers)
        assert self.headers["Content-Type"] == "application/json"
        return status, json.loads(answer)

    def good(self, path, body=None):
        status, answer = self.post(path, body)
        assert status == 200, answer
        assert self.headers["Grpc-Metadata-Content-Type"] == "application/grpc"
        answer.pop("header", None)
        return answer

    def get(self, path):
        return self.ask("GET", path)


@pytest.fixture
def web(server):
    return Web(server)


def text(data):
    return base64.b64encode(data).decode()


def failure(code, message):
    return {"error": message, "code": code, "message": message, "details": []}


def open_watch(server, body):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    data = json.dumps(body).encode()
    connection.sendall(b"POST /v3/watch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))
    file = connection.makefile("rb")
    assert file.readline() == b"HTTP/1.1 200 OK\r\n"
    while file.readline() != b"\r\n":
        pass
    return connection, file


def read_chunk(file):
    data = file.read(int(file.readline(), 16))
    assert file.read(2) == b"\r\n"
    return data


# ---- methods ----

def test_put_range_delete(web):
    assert web.good("/v3/kv/put", {"key": text(b"a"), "value": text(b"1")}) == {}
    assert web.good("/v3/kv/put", {"key": text(b"a"), "value": text(b"2"), "prev_kv": True}) == {"prev_kv": {
        "key": "YQ==", "create_revision": "2", "mod_revision": "2", "version": "1", "value": "MQ=="}}
    kv = {"key": "YQ==", "create_revision": "2", "mod_revision": "3", "version": "2", "value": "Mg=="}
    assert web.good("/v3/kv/range", {"key": text(b"a")}) == {"kvs": [kv], "count": "1"}
    assert web.good("/v3/kv/range", {"key": text(b"b")}) == {}
    assert web.good("/v3beta/kv/range", {"key": text(b"a"), "count_only": True}) == {"count": "1"}
    assert web.good("/v3/kv/deleterange", {"key": text(b"a")}) == {"deleted": "1"}
    assert web.good("/v3/kv/compaction", {"revision": 4}) == {}
    assert web.post("/v3/kv/range", {"key": text(b"a"), "revision": "2"}) == (400, failure(
        11, "etcdserver: mvcc: required revision has been compacted"))


def test_what_is_put_as_json_is_got_by_grpc(server, web):
    client = rpc.Client(f"127.0.0.1:{server.port}")
    random.seed(7)
    for size in (0, 1, 255, 100_000, 1_000_000):
        value = random.randbytes(size)
        key = bytes(range(256)) + str(size).encode()
        web.good("/v3/kv/put", {"key": text(key), "value": text(value)})
        assert client.range(key).kvs[0].value == value
        got = web.good("/v3/kv/range", {"key": text(key)})["kvs"][0]
        assert base64.b64decode(got["key"]) == key
        assert base64.b64decode(got.get("value", "")) == value
    client.close()


def test_spellings(web):
    """Numbers as strings, camelCase, enums by number and by name, names that nobody knows, any type of content."""
    for key in b"abc":
        web.good("/v3/kv/put", {"key": text(bytes([key])), "value": text(b"v")})
    for options in ({"sort_order": "DESCEND", "sort_target": "KEY", "limit": "2"},
                    {"sortOrder": 2, "sortTarget": 0, "limit": 2, "nonsense": {"x": [1]}}):
        answer = web.good("/v3/kv/range", {"key": text(b"a"), "rangeEnd": text(b"z"), **options})
        assert [kv["key"] for kv in answer["kvs"]] == [text(b"c"), text(b"b")]
        assert (answer["more"], answer["count"]) == (True, "3")
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
        status, _ = web.post("/v3/kv/range", '{"key":"YQ"}', Content_Type=content_type)
        assert status == 200


def test_txn(web):
    def create(value):
        return {"compare": [{"key": text(b"k"), "target": "CREATE", "create_revision": "0"}],
                "success": [{"request_put": {"key": text(b"k"), "value": text(value)}}],
                "failure": [{"request_txn": {"compare": [{"key": text(b"k"), "target": "VALUE", "value": text(b"1")}],
                                             "success": [{"request_range": {"key": text(b"k")}}]}}]}

    answer = web.good("/v3/kv/txn", create(b"1"))
    assert answer == {"succeeded": True, "responses": [{"response_put": {"header": {"revision": "2"}}}]}
    inner = web.good("/v3/kv/txn", create(b"2"))["responses"][0]["response_txn"]
    assert inner["succeeded"] is True
    assert inner["responses"][0]["response_range"]["kvs"][0]["value"] == text(b"1")


def test_status_and_members(web):
    answer = web.good("/v3/maintenance/status")
    assert answer["version"] == "3.6.0"
    assert answer["raftTerm"] == "7"
    members = web.good("/v3/cluster/member/list")["members"]
    assert members[0]["clientURLs"] == ["http://127.0.0.1:2379"]
    assert members[0]["ID"] == answer["leader"]


@pytest.mark.parametrize("path, body, status, answer", [
    ("/v3/kv/put", b"", 400, failure(3, "etcdserver: key is not provided")),
    ("/v3/kv/put", {"key": "YQ==", "lease": "9"}, 404, failure(5, "etcdserver: requested lease not found")),
    ("/v3/kv/range", {"key": "YQ==", "revision": 9}, 400,
     failure(11, "etcdserver: mvcc: required revision is a future revision")),
    ("/v3/kv/nothing", {}, 404, failure(5, "Not Found")),
    ("/v3/", {}, 404, failure(5, "Not Found")),
    ("/v3beta/kv/put/", {}, 404, failure(5, "Not Found")),
])
def test_errors(web, path, body, status, answer):
    assert web.post(path, body) == (status, answer)
    web.good("/v3/maintenance/status")


def test_wrong_methods(web):
    for path in ("/v3/kv/range", "/v3beta/kv/put"):
        assert web.get(path)[0] == 405
        assert web.headers["Allow"] == "POST"
    for path in ("/version", "/health", "/metrics", "/livez", "/readyz"):
        assert web.ask("POST", path, b"")[0] == 405
    assert web.get("/")[0] == 404
    assert web.ask("POST", "/v3alpha/kv/range", b"{}")[0] == 404


@pytest.mark.parametrize("body", [
    b"{", b"[]", b"null", b"3", b'"x"', b"\xff\xfe", b'{"key":3}', b'{"key":"!"}', b'{"key":"YQ==","key":"Yg=="}',
    b'{"key":"YQ==","value":{"a":1}}', b'{"key":"YQ==","lease":1e400}', b'{"key":"YQ==","lease":"9223372036854775808"}',
    b'{"key":"YQ==","lease":0.5}', b"[" * 100_000, b'{"a":' * 100_000, b'{"key":"YQ=="} {"key":"YQ=="}', b"\0" * 1000,
], ids=lambda body: repr(body[:30]))
def test_bodies_that_are_no_request(web, body):
    status, answer = web.post("/v3/kv/put", body)
    assert (status, answer["code"]) == (400, 3)
    assert answer["error"] == answer["message"] != ""
    web.good("/v3/maintenance/status")


def test_nesting_that_costs_much(web):
    txn = {}
    for _ in range(60):
        txn = {"success": [{"request_txn": txn}]}
    status, answer = web.post("/v3/kv/txn", txn)
    assert status == 400, answer
    status, answer = web.post("/v3/kv/txn", b'{"success":[' + b",".join([b"{}"] * 400_000) + b"]}")
    assert status in (400, 429), answer
    web.good("/v3/maintenance/status")


def test_large_requests(web):
    status, answer = web.post("/v3/kv/put", {"key": "YQ==", "value": text(bytes(1_600_000))})
    assert (status, answer) == (400, failure(3, "etcdserver: request is too large"))
    status, answer = web.post("/v3/kv/put", {"key": "YQ==", "value": text(bytes(2_200_000))})
    assert (status, answer["code"]) == (429, 8)
    assert web.ask("POST", "/v3/kv/put", bytes(5_000_000))[0] == 413


def test_pipelined_requests_are_answered_in_order(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for number in range(200):
            body = b'{"key":"YQ==","value":"%s"}' % base64.b64encode(b"%d" % number)
            connection.sendall(b"POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        file = connection.makefile("rb")
        for number in range(200):
            status, size = file.readline(), 0
            while (line := file.readline()) != b"\r\n":
                if line.startswith(b"Content-Length:"):
                    size = int(line.split()[1])
            answer = file.read(size)
            assert status == b"HTTP/1.1 200 OK\r\n", answer
            assert json.loads(answer)["header"]["revision"] == str(number + 2)


def test_many_clients(server):
    def put(number):
        web = Web(server)
        for turn in range(20):
            web.good("/v3/kv/put", {"key": text(b"%d" % number), "value": text(b"%d" % turn)})

    threads = [threading.Thread(target=put, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer = Web(server).good("/v3/kv/range", {"key": text(b"\0"), "range_end": text(b"\0")})
    assert [kv["version"] for kv in answer["kvs"]] == ["20"] * 20


def test_a_full_backend_takes_it_later(start):
    """One place for all: who finds none is asked again."""
    test_many_clients(start("room=1"))


def test_a_backend_that_does_nothing(start):
    server = start("held=1", "timeout=300")
    web = Web(server)
    assert web.post("/v3/kv/put", {"key": "YQ=="}) == (503, failure(14, "etcdserver: request timed out"))
    assert web.get("/health") == (503, b'{"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"}')
    assert web.get("/health?serializable=true") == (200, b'{"health":"true","reason":""}')
    status, answer = web.get("/readyz")
    assert status == 503
    assert b"[-]linearizable_read failed: etcdserver: request timed out\n" in answer
    assert web.get("/readyz?exclude=linearizable_read") == (200, b"ok\n")
    assert web.get("/livez") == (200, b"ok\n")


def test_clients_that_do_not_wait(start):
    """Gone before the answer, and at the end of the server too."""
    put = b'POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{"key":"YQ=="}'
    server = start("held=1", "timeout=200")
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(put)
    assert Web(server).get("/version")[0] == 200
    left = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(5)]
    for connection in left:
        connection.sendall(put + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    server.stop()
    server.stop = lambda: None


def test_no_leader(start):
    web = Web(start("leaderless=1"))
    assert web.get("/health") == (503, b'{"health":"false","reason":"RAFT NO LEADER"}')
    assert web.post("/v3/kv/range", {"key": "YQ=="}, Grpc_Metadata_hasleader="true") == (
        503, failure(14, "etcdserver: no leader"))
    assert web.post("/v3/kv/range", {"key": "YQ=="})[0] == 200
    assert b"\netcd_server_has_leader 0\n" in web.get("/metrics")[1]


# ---- streams ----

def test_watch(server, web):
    connection, file = open_watch(server, {"create_request": {"key": text(b"k"), "prev_kv": True}})
    created = json.loads(read_chunk(file))["result"]
    assert created["created"] is True
    assert "watch_id" not in created
    web.good("/v3/kv/put", {"key": text(b"k"), "value": text(b"1")})
    chunk = read_chunk(file)
    assert chunk.endswith(b"}\n")
    event = {"kv": {"key": "aw==", "create_revision": "2", "mod_revision": "2", "version": "1", "value": "MQ=="}}
    assert json.loads(chunk)["result"]["events"] == [event]
    web.good("/v3/kv/deleterange", {"key": text(b"k")})
    assert json.loads(read_chunk(file))["result"]["events"] == [
        {"type": "DELETE", "kv": {"key": "aw==", "mod_revision": "3"}, "prev_kv": event["kv"]}]
    file.close()
    connection.close()
    web.good("/v3/kv/put", {"key": text(b"k"), "value": text(b"2")})


def test_a_watcher_that_does_not_read(server, web):
    """More than the server keeps for him, so that most of it is read from history when he reads."""
    connection, file = open_watch(server, {"create_request": {"key": text(b"k")}})
    value = text(bytes(100_000))
    for _ in range(200):
        web.good("/v3/kv/put", {"key": text(b"k"), "value": value})
    assert json.loads(read_chunk(file))["result"]["created"] is True
    revisions = []
    while len(revisions) < 200:
        revisions += [int(event["kv"]["mod_revision"]) for event in json.loads(read_chunk(file))["result"]["events"]]
    assert revisions == list(range(2, 202))
    file.close()
    connection.close()


def test_watchers_at_the_end(start):
    server = start()
    watchers = [open_watch(server, {"create_request": {"key": text(b"k")}}) for _ in range(5)]
    server.stop()
    server.stop = lambda: None
    for connection, file in watchers:
        assert b'"created":true' in file.read()
        file.close()
        connection.close()


# ---- what monitors ask for ----

def test_version(web):
    status, answer = web.get("/version")
    assert (status, web.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(answer) == {"etcdserver": "3.6.0", "etcdcluster": "3.6.0", "storage": "3.6.0"}


def test_health(web):
    assert web.get("/health") == (200, b'{"health":"true","reason":""}')
    assert web.get("/health?exclude=NOSPACE&serializable=true") == (200, b'{"health":"true","reason":""}')
    for path in ("/livez", "/readyz", "/livez/serializable_read", "/readyz/linearizable_read", "/readyz/non_learner"):
        assert web.get(path) == (200, b"ok\n")
    assert web.get("/livez?verbose") == (200, b"[+]serializable_read ok\nok\n")
    assert web.get("/readyz?exclude=linearizable_read&verbose=1&exclude=non_learner") == (
        200, b"[+]data_corruption ok\n[+]serializable_read ok\nok\n")
    for path in ("/livez/linearizable_read", "/readyz/x", "/livez/%00"):
        assert web.get(path)[0] == 404


def test_checks_by_name(web):
    """A check that is asked for by its name is made, whatever is excluded; names that there are not exclude nothing."""
    assert web.get("/readyz/serializable_read?exclude=serializable_read&verbose") == (200, b"[+]serializable_read ok\nok\n")
    assert web.get("/readyz?exclude=nothing&exclude=&verbose") == (
        200, b"[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n")
    assert web.get("/readyz?exclude=data_corruption&exclude=serializable_read&exclude=linearizable_read&exclude=non_learner"
                   ) == (200, b"ok\n")
    assert web.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert web.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/readyz/", "/readyz/a/b", "/livez/serializable_read/", "/readyzz", "/health/", "/healthz", "/"):
        assert web.get(path)[0] == 404, path


def test_checks_of_a_member_that_hears_nobody(start):
    server = start("held=1", "timeout=300")
    web = Web(server)
    assert web.get("/livez") == (200, b"ok\n")
    status, answer = web.get("/readyz")
    assert status == 503
    assert answer.startswith(b"[+]data_corruption ok\n[+]serializable_read ok\n[-]linearizable_read failed: ")
    assert b"[+]non_learner ok\n" in answer
    assert web.get("/readyz/linearizable_read")[0] == 503
    assert web.get("/readyz/serializable_read")[0] == 200
    assert web.get("/readyz?exclude=linearizable_read") == (200, b"ok\n")
    status, answer = web.get("/health")
    assert status == 503 and json.loads(answer)["health"] == "false"
    assert json.loads(answer)["reason"].startswith("RANGE ERROR:")
    assert web.get("/health?serializable=true")[0] == 200
    assert web.get("/health?serializable=false")[0] == 503


@pytest.mark.parametrize("query", ["?" + "exclude=x&" * 2000, "?exclude=%00", "?&&&&=&=", "?verbose=verbose&verbose", "?exclude",
                                   "?exclude=" + "x" * 10000])
def test_senseless_queries(web, query):
    for path in ("/health", "/livez", "/readyz", "/readyz/non_learner", "/metrics", "/version"):
        assert web.get(path + query)[0] == 200


# ---- without memory ----

def use(server):
    """A bit of everything that allocates. Returns the statuses; 0: the connection broke."""
    statuses = []
    for path, body in (("/v3/kv/put", {"key": "YQ==", "value": text(bytes(20_000))}), ("/v3/kv/range", {"key": "YQ=="}),
                       ("/v3/kv/txn", {"success": [{"request_range": {"key": "YQ=="}}]}), ("/v3/kv/put", {}),
                       ("/health", None), ("/readyz", None), ("/metrics", None)):
        try:
            web = Web(server)
            statuses.append(web.get(path)[0] if body is None else web.ask("POST", path, json.dumps(body))[0])
        except (OSError, http.client.HTTPException):
            statuses.append(0)
    return statuses


def test_each_allocation_fails_once(start):
    """Until ten numbers in a row change nothing: so many allocations there are not."""
    well_done, seen, number, well = [200, 200, 200, 400, 200, 200, 200], set(), 0, 0
    while well < 10:
        number += 1
        server = start(f"fail={number}")
        statuses = use(server)
        lost = [status for status, wanted in zip(statuses, well_done) if status != wanted]
        assert len(lost) <= 1 and set(lost) <= {0, 400, 429, 503}, (number, statuses)
        seen |= set(lost)
        well = 0 if lost else well + 1
        if lost:
            assert use(server) == well_done
    assert 30 < number < 1000
    assert {0, 429, 503} <= seen
