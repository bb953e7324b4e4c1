# SPDX-License-Identifier: MIT
"""test_partition.py -- three hosts, that is network namespaces on a bridge, whose links are cut.

A cut link drops packets in silence, as a broken network does: nobody's connection is refused. sandbox.py has put the
test where it may make namespaces.
"""
import subprocess

import pytest

import rpc
from load import Load
from nodes import Cluster, Node
from registers import RegisterLoad, Registers
from wait import holds_for, wait_until

ADDRESS = "10.77.0.{}"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def in_host(number, *words):
    subprocess.run(["nsenter", f"--net=/run/netns/h{number}", *words], check=True)


@pytest.fixture(scope="module")
def hosts():
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    ip("link", "add", "bridge", "type", "bridge")
    ip("address", "add", ADDRESS.format(254) + "/24", "dev", "bridge")
    ip("link", "set", "bridge", "up")
    for number in (1, 2, 3):
        ip("netns", "add", f"h{number}")
        ip("link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", f"h{number}")
        ip("link", "set", f"v{number}", "master", "bridge", "up")
        in_host(number, "ip", "address", "add", ADDRESS.format(number) + "/24", "dev", "eth0")
        in_host(number, "ip", "link", "set", "eth0", "up")
        in_host(number, "ip", "link", "set", "lo", "up")
    return (1, 2, 3)


class Network:
    def __init__(self):
        self.cuts = set()

    def cut(self, one, other):
        """No packet goes from one host to the other."""
        in_host(one, "ip", "route", "add", "blackhole", ADDRESS.format(other) + "/32")
        self.cuts.add((one, other))

    def cut_both(self, one, other):
        self.cut(one, other)
        self.cut(other, one)

    def heal(self):
        for one, other in self.cuts:
            in_host(one, "ip", "route", "delete", "blackhole", ADDRESS.format(other) + "/32")
        self.cuts.clear()


@pytest.fixture
def network(hosts):
    network = Network()
    yield network
    network.heal()


@pytest.fixture
def cluster(hosts, tmp_path):
    nodes = [Node(f"n{number}", str(tmp_path), 2379, 2380, ADDRESS.format(number), ["nsenter", f"--net=/run/netns/h{number}"])
             for number in hosts]
    cluster = Cluster(tmp_path, nodes=nodes)
    try:
        yield cluster.started()
    finally:
        cluster.print_logs()
        cluster.close()


def number_of(cluster, node):
    return cluster.nodes.index(node) + 1


def others_of(cluster, node):
    return [other for other in cluster.nodes if other is not node]


def puts(node, key, value):
    try:
        return node.client.put(key, value, timeout=2)
    except rpc.Failure:
        return None


def reads(node, key):
    try:
        return node.client.range(key, timeout=2).kvs[0].value
    except rpc.Failure:
        return None


def test_the_leader_is_cut_off(cluster, network):
    with Load(cluster) as load:
        wait_until(lambda: load.count() > 50, 60, "writes are acknowledged")
        leader = cluster.wait_for_leader()
        for other in others_of(cluster, leader):
            network.cut_both(number_of(cluster, leader), number_of(cluster, other))
        others = others_of(cluster, leader)
        wait_until(lambda: puts(others[0], b"during", b"the cut"), 60, "the two others go on")
        with pytest.raises(rpc.Failure):
            leader.client.range(b"during", timeout=3)  # alone, it may not answer from what it has
        with pytest.raises(rpc.Failure):
            leader.client.put(b"alone", b"x", timeout=3)
        network.heal()
        assert wait_until(lambda: reads(leader, b"during"), 60, "it is part of the cluster again") == b"the cut"
    cluster.wait_for_leader()
    load.check()


def test_the_leader_loses_one_follower(cluster, network):
    """The follower that sees everybody and the leader go on; who was cut off from the leader alone still serves, through
    the third. Nobody is deposed for ever and again."""
    leader = cluster.wait_for_leader()
    cut, third = others_of(cluster, leader)
    network.cut_both(number_of(cluster, leader), number_of(cluster, cut))
    for node in (cut, third, leader):
        wait_until(lambda: puts(node, b"via", node.name.encode()), 60, f"{node.name} takes writes")
    assert wait_until(lambda: reads(cut, b"via"), 60, "reads") == leader.name.encode()
    wait_until(lambda: cut.client.status().leader, 60, "the cut follower knows of a leader")
    term = third.client.status().raftTerm
    # One election more may come of a busy machine, and two may stand in it.
    holds_for(lambda: third.client.status().raftTerm <= term + 2, 4, "leaders keep deposing each other")
    network.heal()
    cluster.wait_for_leader()


def test_one_way_cuts(cluster, network):
    with Load(cluster) as load:
        wait_until(lambda: load.count() > 50, 60, "writes are acknowledged")
        leader = cluster.wait_for_leader()
        for other in others_of(cluster, leader):
            network.cut(number_of(cluster, leader), number_of(cluster, other))
        before = load.count()
        wait_until(lambda: load.count() > before + 50, 60, "writes go on although the leader can not be heard")
        network.heal()
        before = load.count()
        wait_until(lambda: load.count() > before + 50, 60, "writes go on when it can")
    cluster.wait_for_leader()
    load.check()


def test_registers_go_on_wherever_a_quorum_is_reached(cluster, network):
    a, b, c = cluster.nodes
    with RegisterLoad(cluster) as load:
        wait_until(lambda: load.count() > 50, 60, "sets are acknowledged")
        network.cut_both(1, 2)  # both reach c, so both may set, now in competition at c alone
        versions = {Registers(node).set(b"k", node.name.encode(), timeout=20) for node in (a, b, a, b, c)}
        assert versions == set(range(5))
        network.cut_both(1, 3)  # a is alone
        with pytest.raises(rpc.Failure) as failure:
            Registers(a).set(b"k", b"alone", timeout=3)
        assert failure.value.code.name == "DEADLINE_EXCEEDED"
        with pytest.raises(rpc.Failure):
            Registers(a).get(b"k", timeout=3)  # what it has may be old
        last = Registers(b).set(b"k", b"while a was alone", timeout=20)
        network.heal()
        assert Registers(a).history(b"k", timeout=20)[last] == (last, b"while a was alone")
    load.check()
