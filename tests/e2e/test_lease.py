# SPDX-License-Identifier: MIT
"""test_lease.py -- leases across the change of the leader, by etcd's own command line: never early, gone in the end."""
import signal

from test_etcdctl import etcdctl
from wait import holds_for, wait_until


def granted(endpoint, seconds):
    """The id, as etcdctl prints it: lease 32695410dcc0ca06 granted with TTL(10s)"""
    words = etcdctl(endpoint, "lease", "grant", str(seconds)).split()
    assert words[0] == "lease" and words[-1] == f"TTL({seconds}s)", words
    return words[1]


def test_etcdctl_lease(cluster):
    for node in cluster.nodes:
        lease = granted(node.endpoint, 500)
        etcdctl(node.endpoint, "put", "--lease", lease, "k", "v")
        assert f"lease {lease} keepalived with TTL(500)" in etcdctl(node.endpoint, "lease", "keep-alive", "--once", lease)
        for other in cluster.nodes:
            text = etcdctl(other.endpoint, "lease", "timetolive", "--keys", lease)
            assert f"lease {lease} granted with TTL(500s), remaining(4" in text and "attached keys([k])" in text, text
            assert lease in etcdctl(other.endpoint, "lease", "list")
        assert etcdctl(node.endpoint, "lease", "revoke", lease) == f"lease {lease} revoked\n"
        assert etcdctl(node.endpoint, "get", "k") == ""
        assert f"lease {lease} already expired" in etcdctl(node.endpoint, "lease", "timetolive", lease)


def keep_alive(node, lease):
    return f"lease {lease} keepalived" in etcdctl(node.endpoint, "lease", "keep-alive", "--once", lease)


def has_key(node):
    return node.client.range(b"k", timeout=20).count == 1


def test_a_lease_outlives_its_leader_and_ends(cluster):
    leader = cluster.wait_for_leader()
    others = [node for node in cluster.nodes if node is not leader]
    lease = granted(leader.endpoint, 4)
    etcdctl(leader.endpoint, "put", "--lease", lease, "k", "v")
    leader.kill()
    cluster.wait_for_leader()
    for node in others:
        holds_for(lambda at=node: keep_alive(at, lease) and has_key(at), 6, "renewed at each member, it lives")
    wait_until(lambda: not has_key(others[0]), 60, "it ends when nobody renews it")


def test_a_frozen_leader_ends_nothing_when_it_comes_back(cluster):
    leader = cluster.wait_for_leader()
    others = [node for node in cluster.nodes if node is not leader]
    lease = granted(leader.endpoint, 4)
    etcdctl(leader.endpoint, "put", "--lease", lease, "k", "v")
    leader.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: others[0].client.status(timeout=5).leader in
                   [other.client.status(timeout=5).header.member_id for other in others], 30, "another leader")
        holds_for(lambda: keep_alive(others[0], lease), 6, "it is renewed at the others")
    finally:
        leader.signal(signal.SIGCONT)
    holds_for(lambda: keep_alive(others[1], lease) and has_key(others[1]), 4, "the one that comes back ends nothing")
    wait_until(lambda: not has_key(others[0]), 60, "it ends when nobody renews it")
