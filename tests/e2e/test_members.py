# SPDX-License-Identifier: MIT
"""test_members.py -- members know where clients reach the others, also after a restart; and the leader is moved."""
import json
import subprocess
import threading

import rpc
from nodes import DECREE
from rpc import messages
from test_etcdctl import etcdctl
from wait import wait_until


def client_urls(node, linearizable=False):
    """By the name of each member, as this node tells."""
    response = node.client.call("/etcdserverpb.Cluster/MemberList", messages.MemberListRequest(linearizable=linearizable),
                                messages.MemberListResponse, 10)
    return {member.name: list(member.clientURLs) for member in response.members}


def all_urls(cluster):
    return {node.name: [f"http://{node.endpoint}"] for node in cluster.nodes}


def all_know(cluster):
    return all(client_urls(node) == all_urls(cluster) for node in cluster.nodes)


def test_every_member_tells_the_client_urls_of_all(cluster):
    wait_until(lambda: all_know(cluster), 60, "all members have told of themselves")
    assert client_urls(cluster.nodes[1], linearizable=True) == all_urls(cluster)
    listed = json.loads(etcdctl(cluster.nodes[2].endpoint, "member", "list", "-w", "json"))["members"]
    assert {member["name"]: member["clientURLs"] for member in listed} == all_urls(cluster)
    applied = [node.client.status().raftAppliedIndex for node in cluster.nodes]
    for node in cluster.nodes:
        node.kill()
    cluster.start()
    cluster.wait_for_leader()
    wait_until(lambda: all_know(cluster), 60, "they still know")
    # A restart tells nothing anew: only elections and the leader's own word on leases are in the log.
    assert max(node.client.status().raftAppliedIndex for node in cluster.nodes) <= max(applied) + 6


def test_who_comes_back_elsewhere_tells_so(cluster):
    wait_until(lambda: all_know(cluster), 60, "all members have told of themselves")
    node = cluster.nodes[0]
    node.kill()
    node.start(cluster.spec, ["--advertise-client-urls", "http://192.0.2.1:2379,http://192.0.2.2:2379"])
    expected = dict(all_urls(cluster), n1=["http://192.0.2.1:2379", "http://192.0.2.2:2379"])
    wait_until(lambda: all(client_urls(other) == expected for other in cluster.nodes[1:]), 60, "the others know of it")


def change_members(node, method, request, response):
    try:
        node.client.call("/etcdserverpb.Cluster/" + method, request, response, 10)
    except rpc.Failure as failure:
        return failure.code.name, failure.text
    return None


def test_changes_are_refused_with_a_reason(cluster):
    for method, request, response in (
            ("MemberAdd", messages.MemberAddRequest(peerURLs=["http://192.0.2.1:2380"]), messages.MemberAddResponse),
            ("MemberRemove", messages.MemberRemoveRequest(ID=1), messages.MemberRemoveResponse),
            ("MemberUpdate", messages.MemberUpdateRequest(ID=1), messages.MemberUpdateResponse),
            ("MemberPromote", messages.MemberPromoteRequest(ID=1), messages.MemberPromoteResponse)):
        code, text = change_members(cluster.nodes[0], method, request, response)
        assert code == "UNIMPLEMENTED" and "cannot be added, removed or changed yet" in text, text


# ---- the leader is moved ----

def move(node, target, timeout=20):
    """None, or the code and the text of the refusal."""
    try:
        node.client.call("/etcdserverpb.Maintenance/MoveLeader", messages.MoveLeaderRequest(targetID=target),
                         messages.MoveLeaderResponse, timeout)
    except rpc.Failure as failure:
        return failure.code.name, failure.text
    return None


def ids(cluster):
    return {node: node.client.status(timeout=10).header.member_id for node in cluster.nodes}


def test_the_leader_moves_where_it_is_told(steady):
    members = ids(steady)
    for _ in range(2):
        for target in steady.nodes:
            leader = steady.wait_for_leader()
            assert move(leader, members[target]) is None
            assert leader.client.status().leader == members[target], "known to who was asked, at once"
            wait_until(lambda at=target: steady.leader() is at, 60, "all know of it")


def test_only_the_leader_can_and_only_to_a_member(steady):
    leader = steady.wait_for_leader()
    members = ids(steady)
    follower = [node for node in steady.nodes if node is not leader][0]
    assert move(follower, members[follower]) == ("FAILED_PRECONDITION", "etcdserver: not leader")
    assert move(leader, 12345) == ("FAILED_PRECONDITION", "etcdserver: bad leader transferee")
    assert move(leader, 0) == ("FAILED_PRECONDITION", "etcdserver: bad leader transferee")
    assert move(leader, members[leader]) is None
    assert steady.leader() is leader
    follower.kill()
    code, text = move(leader, members[follower], timeout=30)
    assert (code, text) == ("UNAVAILABLE", "etcdserver: request timed out")
    assert leader.client.status().leader == members[leader], "who cannot be reached takes nothing"
    follower.start(steady.spec, steady.arguments)
    wait_until(lambda: steady.leader() is not None, 60, "it is back")
    assert steady.leader() is leader, "and what it was told while away means nothing"


def test_etcdctl_and_decree_move_the_leader(steady):
    wait_until(lambda: all_know(steady), 60, "all members have told of themselves")
    members = ids(steady)
    leader = steady.wait_for_leader()
    target = [node for node in steady.nodes if node is not leader][0]
    text = etcdctl(steady.endpoints, "move-leader", f"{members[target]:x}")
    assert text == f"Leadership transferred from {members[leader]:x} to {members[target]:x}\n"
    wait_until(lambda: steady.leader() is target, 60, "all know of it")
    for name in (f"{members[leader]:x}", target.name):
        run = subprocess.run([DECREE, "move-leader", name, "--endpoints", steady.nodes[0].endpoint], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith("Leadership transferred from "), run.stdout
    wait_until(lambda: steady.leader() is target, 60, "there and back")
    run = subprocess.run([DECREE, "move-leader", "n9", "--endpoints", steady.endpoints], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1 and "no member" in run.stderr and "n9" in run.stderr, run.stderr


class Counting(threading.Thread):
    """Puts 1, 2, 3 ... if the key has the number before: a write lost or done twice breaks the chain."""

    def __init__(self, node, key):
        super().__init__()
        self.client = rpc.Client(node.endpoint)
        self.key = key
        self.done = 0
        self.unknown = None
        self.stopped = threading.Event()

    def step(self):
        expected = str(self.done).encode()
        compare = messages.Compare(result=0, target=3, key=self.key, value=expected) if self.done else \
            messages.Compare(result=0, target=1, key=self.key, create_revision=0)
        put = messages.RequestOp(request_put=messages.PutRequest(key=self.key, value=str(self.done + 1).encode()))
        response = self.client.call("/etcdserverpb.KV/Txn", messages.TxnRequest(compare=[compare], success=[put]),
                                    messages.TxnResponse, 20)
        assert response.succeeded, f"the key is not {self.done}"
        self.done += 1

    def run(self):
        try:
            while not self.stopped.is_set():
                self.step()
        except BaseException as error:  # told by the test
            self.unknown = error
        finally:
            self.client.close()


def test_no_write_is_lost_or_done_twice_while_the_leader_moves(steady):
    members = ids(steady)
    counters = [Counting(node, b"%d" % i) for i, node in enumerate(steady.nodes * 4)]
    for counter in counters:
        counter.start()
    try:
        for turn in range(12):
            leader = steady.wait_for_leader()
            before = sum(counter.done for counter in counters)
            others = [node for node in steady.nodes if node is not leader]
            assert move(leader, members[others[turn % 2]]) is None
            wait_until(lambda at=before: sum(counter.done for counter in counters) > at + len(counters), 60, "writes go on")
    finally:
        for counter in counters:
            counter.stopped.set()
        for counter in counters:
            counter.join()
    for counter in counters:
        assert counter.unknown is None, counter.unknown
        for node in steady.nodes:
            response = node.client.range(counter.key, timeout=20)
            assert int(response.kvs[0].value) == counter.done == response.kvs[0].version
