# SPDX-License-Identifier: MIT
"""test_gateway.py -- the client port as HTTP/1.1, over a cluster, by curl and by OpenStack's client of the gateway."""
import json
import os
import subprocess

import pytest
from etcd3gw.client import Etcd3Client
from etcd3gw.exceptions import Etcd3Exception

from wait import wait_until


def curl(node, path, body=None):
    """The status and the text."""
    command = ["curl", "-s", "-m", "20", "--noproxy", "*", "-w", "\n%{http_code}", f"http://{node.endpoint}{path}"]
    if body is not None:
        command += ["-d", body]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    answer, status = text.rsplit("\n", 1)
    return int(status), answer


def connect(node):
    client = Etcd3Client(port=node.client_port, host="127.0.0.1", timeout=20, api_path="/v3/")
    client.session.trust_env = False  # no proxy
    return client


def test_curl_at_each_node(steady):
    for node in steady.nodes:
        status, answer = curl(node, "/v3/kv/put", '{"key": "Y2l0eQ==", "value": "T3Nsbw=="}')
        assert status == 200 and "revision" in json.loads(answer)["header"]
        for other in steady.nodes:
            status, answer = curl(other, "/v3/kv/range", '{"key": "Y2l0eQ=="}')
            assert json.loads(answer)["kvs"][0]["value"] == "T3Nsbw=="
        assert curl(node, "/version")[0] == 200
        assert curl(node, "/health") == (200, '{"health":"true","reason":""}')
        assert curl(node, "/readyz")[0] == 200
    assert sum("\netcd_server_is_leader 1\n" in curl(node, "/metrics")[1] for node in steady.nodes) == 1


def test_health_without_a_quorum(cluster):
    left = cluster.nodes[0]
    for node in cluster.nodes[1:]:
        node.kill()
    wait_until(lambda: curl(left, "/health")[0] == 503, 60, "the node that is left notices")
    assert '"health":"false"' in curl(left, "/health")[1]
    assert curl(left, "/health?serializable=true")[0] == 200
    assert curl(left, "/livez") == (200, "ok\n")
    assert curl(left, "/readyz")[0] == 503
    status, answer = curl(left, "/v3/kv/put", '{"key": "YQ=="}')
    assert status == 503
    assert json.loads(answer)["code"] == 14
    cluster.start(*cluster.nodes[1:])
    wait_until(lambda: curl(left, "/health")[0] == 200, 60, "there is a quorum again")


def test_etcd3gw(cluster):
    first, second = connect(cluster.nodes[0]), connect(cluster.nodes[1])
    value = os.urandom(10_000)
    assert first.put(b"\x00\xff/bytes", value)
    assert second.get(b"\x00\xff/bytes") == [value]
    assert first.create("user/1", "a")
    assert not second.create("user/1", "b")
    assert second.replace("user/1", "a", "c")
    assert not first.replace("user/1", "a", "d")
    first.put("user/2", "z")
    rows = second.get_prefix("user/", sort_order="descend", sort_target="key")
    assert [(value, row["key"], row["version"]) for value, row in rows] == [(b"z", b"user/2", "1"), (b"c", b"user/1", "2")]
    assert first.delete("user/2")
    assert not second.delete("user/2")
    assert second.delete_prefix("user/")
    assert first.get_prefix("user/") == []
    assert first.status()["version"] == "3.6.0"
    assert len(second.members()) == 3
    with pytest.raises(Etcd3Exception):
        first.get("x", revision=10_000)


def test_etcd3gw_watches(single):
    client = connect(single.nodes[0])
    events, cancel = client.watch_prefix("w/")
    client.put("w/1", "a")
    client.put("else", "x")
    client.delete("w/1")
    event = next(events)
    assert (event["kv"]["key"], event["kv"]["value"]) == (b"w/1", b"a")
    assert next(events)["type"] == "DELETE"
    cancel()


def test_pages_and_names_of_hosts(make_cluster):
    cluster = make_cluster(1, ["--cors", "http://page.example", "--host-whitelist", "127.0.0.1,known.example"]).started()
    address = f"http://{cluster.nodes[0].endpoint}/version"
    ask = lambda *headers: subprocess.run(["curl", "-s", "-i", "-m", "20", "--noproxy", "*", *headers, address], check=True,
                                          capture_output=True, text=True, timeout=30).stdout
    assert "Access-Control-Allow-Origin: http://page.example\n" in ask("-H", "Origin: http://page.example")
    assert "Access-Control" not in ask("-H", "Origin: http://other.example")
    assert ask("-H", "Host: known.example:1234").startswith("HTTP/1.1 200 ")
    assert ask("-H", "Host: evil.example").startswith("HTTP/1.1 421 ")
