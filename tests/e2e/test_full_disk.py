# SPDX-License-Identifier: MIT
"""test_full_disk.py -- a full disk: nothing acknowledged is lost, and space is all it takes to go on."""
import os
import subprocess

import pytest

import rpc
from load import Load
from registers import Registers
from wait import wait_until

DISK_BYTES = 96 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path):
    """A small file system of its own; sandbox.py has seen to it that it may be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    path = os.path.join(folder, "ballast")
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass
    return path


def write_until_full(node, limit):
    """Puts values until one is not acknowledged. How many were."""
    for count in range(limit):
        try:
            node.client.put(f"full/{count:06}".encode(), bytes(100000), timeout=3)
        except rpc.Failure as failure:
            assert failure.code.name in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"), failure
            return count
    raise AssertionError("the disk never filled")


def test_a_full_disk_stops_a_single_node_and_space_revives_it(make_cluster, small_disk):
    cluster = make_cluster(1)
    node = cluster.nodes[0]
    node.data = str(small_disk / "data")
    cluster.started()
    node.client.put(b"before", b"x")
    ballast = fill(small_disk)
    acknowledged = write_until_full(node, 2000)
    assert node.is_running(), "a full disk ended the process"
    assert node.client.range(b"before", serializable=True).kvs[0].value == b"x"
    os.remove(ballast)

    def writes():
        try:
            return node.client.put(b"after", b"y", timeout=2)
        except rpc.Failure:
            return None
    wait_until(writes, 60, "the node goes on by itself once there is space")
    node.kill()
    cluster.started()
    found = node.client.range(b"full/", b"full0", count_only=True).count
    assert found >= acknowledged, f"{acknowledged} were acknowledged, {found} are there"
    assert node.client.range(b"after").kvs[0].value == b"y"


def test_a_full_disk_on_one_node_stops_no_cluster(make_cluster, small_disk):
    cluster = make_cluster(3)
    victim = cluster.nodes[0]
    victim.data = str(small_disk / "data")
    cluster.started()
    ballast = fill(small_disk)
    with Load(cluster, threads=16) as load:
        wait_until(lambda: load.count() > 1000, 60, "the cluster goes on with one full disk")
    os.remove(ballast)
    wait_until(cluster.leader, 60, "there is one leader")
    load.check()


def test_a_full_disk_stops_the_registers_of_a_single_node_too(make_cluster, small_disk):
    cluster = make_cluster(1)
    node = cluster.nodes[0]
    node.data = str(small_disk / "data")
    cluster.started()
    registers = Registers(node)
    ballast = fill(small_disk)
    acknowledged = []
    for number in range(2000):
        try:
            acknowledged.append(registers.set(f"full/{number}".encode(), bytes(100000), timeout=3))
        except rpc.Failure as failure:
            assert failure.code.name in ("DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"), failure
            break
    assert 0 < len(acknowledged) < 2000
    assert node.is_running(), "a full disk ended the process"
    os.remove(ballast)

    def sets():
        try:
            return registers.set(b"after", b"y", timeout=2) + 1
        except rpc.Failure:
            return None
    wait_until(sets, 60, "the node goes on by itself once there is space")
    node.kill()
    cluster.started()
    for number in range(len(acknowledged)):
        assert registers.get(f"full/{number}".encode()) == (0, bytes(100000))
    assert registers.get(b"after")[1] == b"y"
