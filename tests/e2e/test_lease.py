# SPDX-License-Identifier: MIT
"""test_lease.py -- leases across the change of the leader, by etcd's own command line: never early, gone in the end."""
import signal
import threading

from rpc import messages
from test_etcdctl import etcdctl
from wait import holds_for, wait_until

SHORT_SECONDS = 6


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


def has_key(node, key=b"k"):
    return node.client.range(key, timeout=20).count == 1


def short_lease(node, key=b"k"):
    """The key has it; an election fits into its time, also on a busy machine."""
    lease = grant(node, SHORT_SECONDS)
    node.client.put(key, b"v", lease=lease)
    return f"{lease:016x}"


def test_leases_outlive_their_leader_and_end(cluster):
    leader = cluster.wait_for_leader()
    others = [node for node in cluster.nodes if node is not leader]
    keys = {node: node.name.encode() for node in others}
    leases = {node: short_lease(leader, keys[node]) for node in others}
    leader.kill()
    cluster.wait_for_leader()
    holds_for(lambda: all(keep_alive(node, leases[node]) and has_key(node, keys[node]) for node in others), SHORT_SECONDS + 1,
              "each renewed at a member of its own, they live")
    wait_until(lambda: not any(has_key(others[0], key) for key in keys.values()), 60, "they end when nobody renews them")


def test_a_frozen_leader_ends_nothing_when_it_comes_back(cluster):
    leader = cluster.wait_for_leader()
    others = [node for node in cluster.nodes if node is not leader]
    lease = short_lease(leader)
    leader.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: others[0].client.status(timeout=5).leader in
                   [other.client.status(timeout=5).header.member_id for other in others], 60, "another leader")
        holds_for(lambda: keep_alive(others[0], lease), SHORT_SECONDS + 1, "it is renewed at the others")
    finally:
        leader.signal(signal.SIGCONT)
    holds_for(lambda: keep_alive(others[1], lease) and has_key(others[1]), 4, "the one that comes back ends nothing")
    wait_until(lambda: not has_key(others[0]), 60, "it ends when nobody renews it")


def remaining(node, lease):
    response = node.client.call("/etcdserverpb.Lease/LeaseTimeToLive", messages.LeaseTimeToLiveRequest(ID=lease),
                                messages.LeaseTimeToLiveResponse, 20)
    return response.TTL


def grant(node, seconds):
    return node.client.call("/etcdserverpb.Lease/LeaseGrant", messages.LeaseGrantRequest(TTL=seconds),
                            messages.LeaseGrantResponse, 20).ID


def renew_all(node, leases, times, asked=None):
    """Many keep-alives over one stream, all asked before the first answer is read; how often one was answered. The event
    tells when the last one is asked."""
    requests = [messages.LeaseKeepAliveRequest(ID=lease) for _ in range(times) for lease in leases]

    def ask():
        yield from requests
        if asked is not None:
            asked.set()
    call = node.client.channel.stream_stream(
        "/etcdserverpb.Lease/LeaseKeepAlive", request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=messages.LeaseKeepAliveResponse.FromString)(ask(), timeout=60)
    answers = [response.TTL for response in call]
    assert len(answers) == len(requests)
    return sum(ttl > 0 for ttl in answers)


def move_leader(cluster, leader, target):
    leader.client.call("/etcdserverpb.Maintenance/MoveLeader", messages.MoveLeaderRequest(
        targetID=target.client.status(timeout=20).header.member_id), messages.MoveLeaderResponse, 20)
    wait_until(lambda: cluster.leader() is target, 60, "all know of it")


def test_every_member_knows_how_much_time_is_left(steady):
    """Also when another leads, or one that led is stopped."""
    first = steady.wait_for_leader()
    lease = grant(first, 100)
    wait_until(lambda: remaining(first, lease) < 97, 60, "some time passes")
    leader = next(node for node in steady.nodes if node is not first)
    move_leader(steady, first, leader)
    other = grant(leader, 100)
    for node in steady.nodes:
        left = remaining(node, lease)
        assert 60 < left < 98, f"{node.name} tells what the leader knows: {left}"
    for node in steady.nodes:
        wait_until(lambda at=node: renew_all(leader, [lease], 1) == 1 and remaining(at, lease) >= 97, 60,
                   f"{node.name} knows of a renewal at the leader")
    for node in steady.nodes:
        assert remaining(node, 12345) == -1
    wait_until(lambda: remaining(leader, other) < 97, 60, "some time passes")
    leader.terminate()
    steady.wait_for_leader()
    for node in steady.nodes:
        if node is not leader:
            assert 80 < remaining(node, lease) <= 100, "never less than was promised"
            assert 60 < remaining(node, other) < 98, "and no more"


def test_keep_alives_at_a_follower_are_cheap(steady):
    leader = steady.wait_for_leader()
    follower = [node for node in steady.nodes if node is not leader][0]
    leases = [grant(leader, 100) for _ in range(20)]
    follower.client.range(b"k")
    before = leader.client.status().raftAppliedIndex
    follower.signal(signal.SIGSTOP)  # so that they come at once, however slowly they are sent
    asked = threading.Event()
    renewed = []
    thread = threading.Thread(target=lambda: renewed.append(renew_all(follower, leases + [1], 100, asked)))
    thread.start()
    try:
        assert asked.wait(60)
    finally:
        follower.signal(signal.SIGCONT)
    thread.join()
    assert renewed == [2000]
    entries = leader.client.status().raftAppliedIndex - before
    assert entries < 700, f"{entries} entries of the log for 2000 renewals"
    assert all(remaining(leader, lease) >= 60 for lease in leases)
