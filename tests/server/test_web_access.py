# SPDX-License-Identifier: MIT
"""test_web_access.py -- what browsers are told: which pages may read, by which names we are known, and that no WebSocket is spoken."""
import json

import pytest

from test_gateway import Web

ALLOW = "Access-Control-Allow-Origin"


def ask(server, method="GET", path="/version", body=None, **headers):
    web = Web(server)
    status, answer = web.ask(method, path, body, **headers)
    return status, answer, web.headers


def test_all_origins_by_default(server):
    for path in ("/version", "/health", "/metrics", "/nothing"):
        _, _, headers = ask(server, path=path)
        assert headers[ALLOW] == "*", path
        assert headers["Access-Control-Allow-Methods"] == "POST, GET, OPTIONS, PUT, DELETE"
        assert headers["Access-Control-Allow-Headers"] == "accept, content-type, authorization"
    status, answer, headers = ask(server, "POST", "/v3/kv/put", json.dumps({"key": "YQ=="}), Origin="http://x")
    assert (status, headers[ALLOW]) == (200, "*")
    assert headers["Grpc-Metadata-Content-Type"] == "application/grpc"
    status, _, headers = ask(server, "POST", "/v3/kv/put", "{}")
    assert (status, headers[ALLOW]) == (400, "*")


@pytest.mark.parametrize("path", ["/v3/kv/range", "/v3beta/kv/put", "/health", "/nothing", "*"])
def test_options(server, path):
    status, answer, headers = ask(server, "OPTIONS", path, Origin="http://page")
    assert (status, answer, headers[ALLOW]) == (200, b"", "*")


def test_listed_origins(start):
    server = start("cors=http://a.example,https://b.example:8443")
    for origin in ("http://a.example", "https://b.example:8443"):
        status, _, headers = ask(server, Origin=origin)
        assert (status, headers[ALLOW]) == (200, origin)
    for origin in ("http://a.example.evil", "https://b.example", "null", "*", "http://A.example", ""):
        status, _, headers = ask(server, Origin=origin)
        assert (status, headers[ALLOW]) == (200, None), origin
        status, _, headers = ask(server, "OPTIONS", "/v3/kv/put", Origin=origin)
        assert (status, headers[ALLOW]) == (200, None), origin
    assert ask(server)[2][ALLOW] is None


def test_a_stream_has_them_too(start):
    server = start("cors=http://page")
    web = Web(server)
    web.connection.request("POST", "/v3/watch", json.dumps({"create_request": {"key": "YQ=="}}), {"Origin": "http://page"})
    response = web.connection.getresponse()
    assert response.headers[ALLOW] == "http://page"
    assert json.loads(response.readline())["result"]["created"]
    web.connection.close()


@pytest.mark.parametrize("hosts", [None, "*", "a,*", ""])
def test_all_hosts(start, hosts):
    server = start(*([f"hosts={hosts}"] if hosts is not None else []))
    for host in ("anything", "evil.example:2379", "[::1]:2379"):
        assert ask(server, Host=host)[0] == 200


def test_listed_hosts(start):
    server = start("hosts=node.example,127.0.0.1,::1,[::2]")
    for host in ("node.example", "node.example:2379", "127.0.0.1:1", "[::1]:2379", "[::2]"):
        assert ask(server, Host=host)[0] == 200, host
    for host in ("evil.example", "node.example.evil:2379", "", ":2379", "node.example:1:2", "[::1]", "[::1", "]", "::3", "*"):
        for method, path in (("GET", "/version"), ("OPTIONS", "/v3/kv/put"), ("GET", "/nothing")):
            status, answer, headers = ask(server, method, path, Host=host)
            assert status == 421, (host, method)
            assert b"--host-whitelist" in answer and headers[ALLOW] is None


def test_no_websocket(server):
    status, answer, _ = ask(server, path="/v3/watch", Connection="Upgrade", Upgrade="websocket",
                            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==", Sec_WebSocket_Version="13")
    assert status == 501
    assert b"WebSocket" in answer
    assert ask(server)[0] == 200


@pytest.mark.parametrize("path, allowed", [("/health", "GET"), ("/version", "GET"), ("/livez", "GET"), ("/readyz/x", "GET"),
                                           ("/metrics", "GET")])
def test_other_methods(server, path, allowed):
    for method in ("POST", "PUT", "DELETE"):
        status, _, headers = ask(server, method, path)
        assert (status, headers["Allow"]) == (405, allowed)
    assert ask(server, "HEAD", path)[0] in (200, 404)
    assert ask(server, path="/")[0] == 404
