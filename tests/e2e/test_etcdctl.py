# SPDX-License-Identifier: MIT
"""test_etcdctl.py -- etcd's own command line against each node of a cluster."""
import json
import os
import subprocess


def etcdctl(endpoints, *arguments):
    environment = dict(os.environ, ETCDCTL_API="3")
    return subprocess.run(["etcdctl", "--endpoints", endpoints, "--command-timeout", "10s", *arguments], env=environment,
                          check=True, capture_output=True, text=True, timeout=30).stdout


def test_put_get_and_del_through_each_node(cluster):
    for node in cluster.nodes:
        assert etcdctl(node.endpoint, "put", "city", node.name) == "OK\n"
        for other in cluster.nodes:
            assert etcdctl(other.endpoint, "get", "city") == f"city\n{node.name}\n"
    for node in cluster.nodes:
        etcdctl(node.endpoint, "put", f"user/{node.name}", "x")
    for node in cluster.nodes:
        assert etcdctl(node.endpoint, "get", "--prefix", "user/") == "user/n1\nx\nuser/n2\nx\nuser/n3\nx\n"
        assert etcdctl(node.endpoint, "get", "--prefix", "user/", "--keys-only", "--limit", "1") == "user/n1\n\n"
        assert etcdctl(node.endpoint, "get", "--consistency", "s", "user/n1") in ("user/n1\nx\n",)
    assert etcdctl(cluster.nodes[0].endpoint, "del", "city", "--prev-kv") == "1\ncity\nn3\n"
    assert etcdctl(cluster.nodes[1].endpoint, "get", "city") == ""
    assert etcdctl(cluster.nodes[2].endpoint, "del", "--prefix", "user/") == "3\n"
    assert etcdctl(cluster.nodes[0].endpoint, "del", "user/n1") == "0\n"


def test_revisions_are_as_in_etcd(single):
    endpoint = single.nodes[0].endpoint
    etcdctl(endpoint, "put", "a", "1")
    etcdctl(endpoint, "put", "a", "2")
    answer = json.loads(etcdctl(endpoint, "get", "a", "-w", "json"))
    assert answer["header"]["revision"] == 3
    assert answer["kvs"] == [{"key": "YQ==", "create_revision": 2, "mod_revision": 3, "version": 2, "value": "Mg=="}]
    etcdctl(endpoint, "del", "nothing")
    etcdctl(endpoint, "del", "a")
    etcdctl(endpoint, "put", "a", "3", )
    answer = json.loads(etcdctl(endpoint, "get", "a", "-w", "json"))
    assert answer["header"]["revision"] == 5
    assert answer["kvs"][0]["version"] == 1
    assert answer["kvs"][0]["create_revision"] == 5


def test_endpoint_status_of_the_listed_members(cluster):
    # With --cluster etcdctl takes the servers from the member list, and names them by URL, in :authority too. A
    # member knows its own client address for sure.
    for node in cluster.nodes:
        lines = etcdctl(node.endpoint, "endpoint", "status", "--cluster").splitlines()
        assert f"http://{node.endpoint}" in [line.split(", ")[0] for line in lines], lines


def test_endpoint_status_as_a_table(steady):
    table = etcdctl(steady.endpoints, "endpoint", "status", "-w", "table")
    rows = [line for line in table.splitlines() if "127.0.0.1" in line]
    assert len(rows) == 3
    assert sum(" true " in row.split("|")[5] for row in rows) == 1, table
    assert [row.split("|")[1].strip() for row in rows] == [node.endpoint for node in steady.nodes]


def test_endpoint_health(cluster):
    environment = dict(os.environ, ETCDCTL_API="3")
    result = subprocess.run(["etcdctl", "--endpoints", cluster.endpoints, "endpoint", "health"], env=environment,
                            capture_output=True, text=True, timeout=30)
    assert (result.stdout + result.stderr).count("is healthy") == 3, result.stdout + result.stderr


def test_member_list(cluster):
    for node in cluster.nodes:
        lines = sorted(etcdctl(node.endpoint, "member", "list").splitlines())
        assert len(lines) == 3
        assert sorted(line.split(", ")[2] for line in lines) == ["n1", "n2", "n3"]
        assert all(line.split(", ")[1] == "started" for line in lines)
        for line, member in zip(sorted(lines, key=lambda line: line.split(", ")[2]), cluster.nodes):
            assert line.split(", ")[3] == f"http://127.0.0.1:{member.peer_port}", lines
            assert member is not node or line.split(", ")[4] == f"http://{member.endpoint}", lines
