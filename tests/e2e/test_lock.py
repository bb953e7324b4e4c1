# SPDX-License-Identifier: MIT
"""test_lock.py -- locks and elections of three nodes: by our command line, by etcdctl, and by both at once."""
import json
import os
import signal
import subprocess
import threading

import grpc

import rpc
from concurrency import Concurrency
from nodes import DECREE, WITH_PARENT
from wait import holds_for, wait_until

SECONDS = 60


def decree(cluster, *arguments):
    return subprocess.Popen([*WITH_PARENT, DECREE, arguments[0], "--endpoints", cluster.endpoints, *arguments[1:]],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def etcdctl(cluster, *arguments):
    return subprocess.Popen([*WITH_PARENT, "etcdctl", "--endpoints", cluster.endpoints, *arguments],
                            env=dict(os.environ, ETCDCTL_API="3"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process, number, status):
    process.send_signal(number)
    output = process.communicate(timeout=SECONDS)
    assert process.returncode == status, output
    return output


def keys(cluster, prefix):
    return [kv.key for kv in cluster.nodes[0].client.range(prefix, prefix[:-1] + b"0", timeout=SECONDS).kvs]


def test_lock_runs_a_command(cluster):
    process = decree(cluster, "lock", "l", "sh", "-c", 'echo "$ETCD_LOCK_KEY $ETCD_LOCK_REV $1"; exit 7', "x", "--json")
    output, _ = process.communicate(timeout=SECONDS)
    key, revision, argument = output.split()
    assert (process.returncode, argument, key[:2]) == (7, "--json", "l/") and int(revision) > 1
    assert keys(cluster, b"l/") == []
    missing = decree(cluster, "lock", "l", "/no/such/program")
    assert "No such file" in missing.communicate(timeout=SECONDS)[1] and missing.returncode == 127


def test_holders_of_both_kinds_take_turns(cluster):
    held = decree(cluster, "lock", "l")
    assert held.stdout.readline().startswith("l/")
    theirs = etcdctl(cluster, "lock", "l", "echo", "theirs")
    wait_until(lambda: len(keys(cluster, b"l/")) == 2, SECONDS, "etcdctl stands in line")
    ours = decree(cluster, "lock", "l")
    wait_until(lambda: len(keys(cluster, b"l/")) == 3, SECONDS, "and another of ours")
    assert theirs.poll() is None
    end(held, signal.SIGINT, 0)
    assert "theirs" in theirs.communicate(timeout=SECONDS)[0] and theirs.returncode == 0
    assert ours.stdout.readline().startswith("l/")
    waiting = decree(cluster, "lock", "l")
    wait_until(lambda: len(keys(cluster, b"l/")) == 2, SECONDS, "one more")
    end(waiting, signal.SIGTERM, 1)
    wait_until(lambda: len(keys(cluster, b"l/")) == 1, SECONDS, "who gives up leaves nothing")
    end(ours, signal.SIGTERM, 0)
    wait_until(lambda: keys(cluster, b"l/") == [], SECONDS, "all is free")


def test_who_reads_the_key_may_end_it_at_once(cluster):
    for command in ["lock", "elect"] * 10:
        held = decree(cluster, command, "h", *["one"] * (command == "elect"))
        assert held.stdout.readline().startswith("h/")
        end(held, signal.SIGTERM, 0)


def test_elections(cluster):
    observer = decree(cluster, "elect", "--listen", "e")
    first = decree(cluster, "elect", "e", "one")
    assert first.stdout.readline().startswith("e/") and first.stdout.readline() == "one\n"
    seen = [observer.stdout.readline() for _ in range(2)]  # it looks on before the first one goes
    second = decree(cluster, "elect", "--json", "e", "two")
    theirs = etcdctl(cluster, "elect", "e", "three")
    wait_until(lambda: len(keys(cluster, b"e/")) == 3, SECONDS, "they stand in line")
    end(first, signal.SIGINT, 0)
    seen += [observer.stdout.readline() for _ in range(2)]
    assert seen[1] == "one\n" and seen[3] in ("two\n", "three\n")
    for process in (second, theirs) if seen[3] == "two\n" else (theirs, second):
        line = process.stdout.readline()
        assert line.startswith("e/") or json.loads(line)["kvs"][0]["value"] == "dHdv"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    end(observer, signal.SIGINT, 0)


def test_mutual_exclusion_while_the_leader_dies(cluster):
    """Many take the lock by any node, over and over; a leader is killed and comes back. Who holds it writes with a compare
    on his key, so two holders at once would be seen; and there is progress after."""
    stop, failures, rounds = threading.Event(), [], [0]

    def work(number):
        turn = number
        while not stop.is_set():
            turn += 1
            side = Concurrency(cluster.nodes[turn % 3].endpoint)
            try:
                held = side.lock(b"l", side.grant(seconds=10), timeout=10)
                before = side.client.range(b"owner", timeout=10).kvs
                if before and before[0].value not in (b"", held.key):
                    other = before[0].value
                    if side.client.range(other, timeout=10).kvs and side.client.range(held.key, timeout=10).kvs:
                        failures.append((other, held.key))
                side.client.put(b"owner", held.key, timeout=10)
                side.client.put(b"owner", b"", timeout=10)
                side.unlock(held.key)
                rounds[0] += 1
            except (rpc.Failure, grpc.RpcError):
                pass
            side.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: rounds[0] > 20, SECONDS, "the lock goes round")
        leader = cluster.wait_for_leader()
        leader.kill()
        seen = rounds[0]
        wait_until(lambda: rounds[0] > seen + 10, 2 * SECONDS, "it goes round without the leader")
        cluster.start(leader)
        seen = rounds[0]
        wait_until(lambda: rounds[0] > seen + 10, 2 * SECONDS, "and with him again")
    finally:
        stop.set()
        for thread in threads:
            thread.join(SECONDS)
    assert not failures


def test_who_waits_at_a_node_that_stops_goes_on_at_another(cluster):
    held = decree(cluster, "lock", "l")
    assert held.stdout.readline().startswith("l/")
    waiting = decree(cluster, "lock", "l", "echo", "mine")
    wait_until(lambda: len(keys(cluster, b"l/")) == 2, SECONDS, "he stands in line")
    cluster.nodes[0].kill()
    holds_for(lambda: waiting.poll() is None, 0.5, "he waits on")
    end(held, signal.SIGINT, 0)
    assert waiting.communicate(timeout=SECONDS)[0] == "mine\n" and waiting.returncode == 0
