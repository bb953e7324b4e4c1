# SPDX-License-Identifier: MIT
"""test_failpoints.py -- members are told to stop where it hurts: they do, right there, and nothing acknowledged is lost."""
import re
import signal
import socket
import subprocess

import pytest

import rpc
from nodes import DECREE, STEADY
from test_members import all_know
from wait import wait_until

SENDS = ("p1a", "p1b", "p2a", "p2b", "decision")
JOURNAL = ("journal-write", "journal-sync")


def control(node, *lines):
    """What the failpoints' port of this node answers to each line."""
    port = int(re.findall(r"failpoints=127\.0\.0\.1:(\d+)", node.text_of_log())[-1])
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        file = connection.makefile("rw", newline="\n")
        for line in lines:
            file.write(line + "\n")
            file.flush()
            answer = [file.readline()]
            while not answer[-1].startswith(("OK", "ERROR")):
                if not answer[-1]:
                    raise ConnectionError(f"{node.name} is gone")
                answer.append(file.readline())
            answers.append("".join(answer))
    return answers


def arm(node, *words):
    assert control(node, " ".join(("arm",) + words)) == ["OK\n"]


def died_at(node, point, when):
    """Waits for the end of the node, and checks that it came where it was to come."""
    wait_until(lambda: not node.is_running(), 60, f"{node.name} stops {when} {point}")
    assert node.process.returncode == -signal.SIGKILL
    assert f"point={point} when={when}" in node.text_of_log().splitlines()[-1]
    node.kill()


def put(node, key, value):
    """True if it was acknowledged."""
    try:
        node.client.put(key, value, timeout=5)
        return True
    except rpc.Failure:
        return False


def get(node, key):
    """None: it is not there; asked until there is an answer."""
    def ask():
        try:
            return node.client.range(key, timeout=5)
        except rpc.Failure:
            return None
    answer = wait_until(ask, 60, f"{node.name} answers a read")
    return answer.kvs[0].value if answer.kvs else None


@pytest.fixture
def armed(make_cluster):
    """Three members with failpoints, the leader first, and ten writes that were acknowledged."""
    cluster = make_cluster(3, ["--failpoints", "127.0.0.1:0", *STEADY]).started()
    leader = cluster.wait_for_leader()
    cluster.members = [leader] + [node for node in cluster.nodes if node is not leader]
    for i in range(10):
        assert put(leader, b"key%d" % i, b"value%d" % i)
    # Each member has one command of its own, about where it is, and a new leader one about leases: the next decision is to be
    # that of the test.
    wait_until(lambda: all_know(cluster) and leader.client.status().raftAppliedIndex >= 14, 60, "they have told of themselves")
    return cluster


def check(cluster):
    """All run again, and every one of them has what was acknowledged."""
    cluster.start(*[node for node in cluster.nodes if not node.is_running() and node.process is None])
    cluster.wait_for_leader(60)
    for node in cluster.nodes:
        for i in range(10):
            assert get(node, b"key%d" % i) == b"value%d" % i, f"{node.name} lost key{i}"
        assert get(node, b"more") in (None, b"data")
    wait_until(lambda: put(cluster.nodes[0], b"at last", b"well"), 60, "writes go on")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", ["p2a", "decision", "p2b", *JOURNAL])
def test_a_leader_stops(armed, point, when):
    leader, other, _ = armed.members
    arm(leader, point, when)
    acknowledged = put(leader, b"more", b"data")
    died_at(leader, point, when)
    assert not acknowledged or point in ("p2b", *JOURNAL)  # the votes of others may do
    if acknowledged or point == "decision":
        assert get(other, b"more") == b"data"
    check(armed)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", ["p2b", *JOURNAL])
def test_a_follower_stops(armed, point, when):
    leader, follower, _ = armed.members
    arm(follower, point, when)
    wait_until(lambda: put(leader, b"more", b"data"), 60, "the others go on")
    died_at(follower, point, when)
    check(armed)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", ["p1a", "p1b"])
def test_who_would_lead_stops(armed, point, when):
    leader, *others = armed.members
    for node in others:
        arm(node, point, when)
    leader.kill()
    wait_until(lambda: not all(node.is_running() for node in others), 60, "one of them would lead")
    for node in others:
        try:
            control(node, "disarm")
        except OSError:
            died_at(node, point, when)
    check(armed)


def test_a_vote_that_reached_one_is_found(armed):
    leader, one, other = armed.members
    arm(leader, "p2a", "after", one.name)
    assert not put(leader, b"more", b"data")
    died_at(leader, "p2a", "after")
    assert get(other, b"more") == b"data"  # one and other are all there is, so one was asked
    check(armed)


def test_what_reached_nobody_is_not_there(armed):
    leader, one, other = armed.members
    arm(leader, "p2a", "before")
    assert not put(leader, b"more", b"data")
    died_at(leader, "p2a", "before")
    assert get(one, b"more") is None
    assert get(other, b"more") is None
    wait_until(lambda: put(one, b"instead", b"of it"), 60, "its slot is taken")
    check(armed)
    for node in armed.nodes:
        assert get(node, b"more") is None


def test_a_decision_that_one_was_told_is_known_to_all(armed):
    leader, one, other = armed.members
    arm(leader, "decision", "after", one.name)
    assert not put(leader, b"more", b"data")
    died_at(leader, "decision", "after")
    assert get(other, b"more") == b"data"
    check(armed)


def test_the_port_says_what_it_knows(armed):
    node = armed.members[1]
    points, wrong, when, named, ids, good, listed, off, listed_again = control(
        node, "list", "arm p3a after", "arm p1a", "arm journal-sync after n1", "arm p2a after n9", "arm p2a after n1 3",
        "list", "disarm p2a", "list")
    assert [line.split()[0] for line in points.splitlines()] == [*SENDS, *JOURNAL, "OK"]
    for answer in (wrong, when, named, ids):
        assert answer.startswith("ERROR ")
    assert good == off == "OK\n"
    assert "p2a after n1,n3 " in listed
    assert listed_again == points
    assert control(node, "help")[0].endswith("OK\n")
    assert control(node, "what?")[0].startswith("ERROR ")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:7101", "[::]:0", "example.org:7101"])
def test_only_this_machine_may_arm(tmp_path, address):
    done = subprocess.run([DECREE, "serve", "--data", str(tmp_path / "data"), "--failpoints", address],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 64
    assert "loopback" in done.stderr
    assert not (tmp_path / "data").exists()


def test_without_the_option_there_is_no_port(cluster):
    assert "failpoints" not in cluster.nodes[0].text_of_log()
