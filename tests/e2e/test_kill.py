# SPDX-License-Identifier: MIT
"""test_kill.py -- nodes are killed, frozen and restarted under load; no acknowledged write may be lost."""
import os
import random
import signal
import time

from load import Load
from wait import pass_time, wait_until

SEED = int(os.environ.get("DECREE_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
SECONDS = float(os.environ.get("DECREE_TEST_SECONDS", "12"))


def test_random_nodes_are_killed_under_load(cluster):
    print(f"replay the choices with DECREE_TEST_SEED={SEED}")
    choice = random.Random(SEED)
    end = time.monotonic() + SECONDS
    kills = 0
    with Load(cluster) as load:
        wait_until(lambda: load.count() > 20, 60, "writes are acknowledged")
        while time.monotonic() < end or kills < 3:
            down = choice.sample(cluster.nodes, choice.choice([1, 1, 1, 2, 3]))
            for node in down:
                node.kill()
                kills += 1
            pass_time(choice.uniform(0, 1.5))
            cluster.start(*down)
            before = load.count()
            wait_until(lambda: load.count() > before + 20, 60, "writes go on after the nodes are back")
    cluster.wait_for_leader()
    load.check()
    print(f"{kills} kills, {load.count()} writes, longest gap {load.longest_gap:.2f} s")


def test_the_leader_is_frozen_and_comes_back(cluster):
    with Load(cluster) as load:
        wait_until(lambda: load.count() > 20, 60, "writes are acknowledged")
        leader = cluster.wait_for_leader()
        leader.signal(signal.SIGSTOP)
        try:
            before = load.count()
            wait_until(lambda: load.count() > before + 50, 60, "the two others go on")
            others = [node for node in cluster.nodes if node is not leader]
            others[0].client.put(b"while", b"frozen", timeout=10)
        finally:
            leader.signal(signal.SIGCONT)
        # It has slept through an election: what it now says must not be older than what was acknowledged.
        def read():
            try:
                return leader.client.range(b"while", timeout=5).kvs[0].value
            except Exception as error:
                return None if "UNAVAILABLE" in str(error) or "DEADLINE" in str(error) else str(error)
        assert wait_until(read, 60, "the frozen node answers again") == b"frozen"
    cluster.wait_for_leader()
    load.check()


def test_all_nodes_are_killed_and_start_again(cluster):
    with Load(cluster) as load:
        wait_until(lambda: load.count() > 200, 60, "writes are acknowledged")
        for node in cluster.nodes:
            node.kill()
    revision = max(revision for _, revision, _ in load.acknowledged.values())
    cluster.started()
    assert cluster.nodes[0].client.put(b"after", b"x", timeout=10).header.revision > revision
    load.check()


def test_one_node_of_three_is_no_cluster(cluster):
    for node in cluster.nodes[1:]:
        node.kill()
    try:
        cluster.nodes[0].client.put(b"a", b"b", timeout=3)
    except Exception as error:
        assert "UNAVAILABLE" in str(error) or "DEADLINE_EXCEEDED" in str(error), error
    else:
        raise AssertionError("a node alone acknowledged a write")
    cluster.start(*cluster.nodes[1:])
    cluster.wait_for_leader()
    wait_until(lambda: cluster.nodes[0].client.put(b"a", b"c", timeout=10), 60, "writes go on")


def test_a_restarted_node_catches_up(cluster):
    node = next(node for node in cluster.nodes if node is not cluster.wait_for_leader())
    node.kill()
    with Load(cluster) as load:
        wait_until(lambda: load.count() > 500, 60, "writes are acknowledged")
    cluster.start(node)
    cluster.wait_for_leader()
    load.check()
