# SPDX-License-Identifier: MIT
"""test_damage.py -- journals cut short and with a bit flipped: nothing damaged is served, nothing is lost."""
import glob
import os

import rpc
from wait import wait_until


def journal_files(node):
    files = [path for path in glob.glob(os.path.join(node.data, "**"), recursive=True) if os.path.isfile(path)]
    return sorted(files, key=os.path.getsize)


def written_end(path):
    """Where a file, written in advance with zeros, ends to hold anything else."""
    with open(path, "rb") as file:
        return len(file.read().rstrip(b"\0"))


def segment_with_data(node):
    return max(journal_files(node), key=written_end)


def filled(cluster, count=300):
    """The last member, whose disk will be damaged, is killed once all is applied everywhere; the others write what they have
    before they end. A write that the victim and only one other had voted for could be lost with the victim's disk."""
    for number in range(count):
        cluster.nodes[0].client.put(f"k{number:04}".encode(), b"v" * 200)
    wait_until(lambda: len({node.client.status().raftAppliedIndex for node in cluster.nodes}) == 1, 60, "all have applied all")
    *others, victim = cluster.nodes
    victim.kill()
    for node in others:
        node.terminate()


def test_a_damaged_tail_is_dropped_or_refused(make_cluster):
    """The end of the last frame is zeros. Whether that is a torn write, to be dropped, or rot, to be refused, depends on
    what is known to be synced; the unit tests of store/ tell them apart. Here: the cluster loses nothing either way."""
    cluster = make_cluster(3).started()
    filled(cluster)
    victim = cluster.nodes[2]
    path = segment_with_data(victim)
    with open(path, "r+b") as file:
        file.seek(written_end(path) - 20)
        file.write(bytes(20))
    cluster.start()
    wait_until(lambda: leads(cluster.nodes[:2]), 60, "the two others lead")
    for node in cluster.nodes[:2]:
        assert node.client.range(b"k", b"l", count_only=True, timeout=10).count == 300
    wait_until(lambda: not victim.is_running() or leads([victim]), 60, "the damaged node serves, or ends")
    if victim.is_running():
        assert victim.client.range(b"k", b"l", count_only=True, timeout=10).count == 300
    else:
        assert victim.process.poll() > 0, "ended by a signal"
        assert "damaged" in victim.text_of_log()


def test_a_truncated_journal_is_no_crash(make_cluster):
    """A journal cut in the middle has lost votes: the node may refuse to run, or start with what is left; it may not
    make the cluster lose anything."""
    cluster = make_cluster(3).started()
    filled(cluster)
    victim = cluster.nodes[2]
    path = segment_with_data(victim)
    os.truncate(path, written_end(path) // 2)
    cluster.start()
    others = cluster.nodes[:2]
    wait_until(lambda: leads(others), 60, "the two others lead")
    wait_until(lambda: not victim.is_running() or leads([victim]), 60, "the damaged node serves, or ends")
    for node in others:
        assert node.client.range(b"k", b"l", count_only=True, timeout=10).count == 300
    if victim.is_running():
        assert victim.client.range(b"k", b"l", count_only=True, timeout=10).count == 300
    else:
        assert victim.process.poll() > 0, "ended by a signal"


def leads(nodes):
    try:
        return all(node.client.status(timeout=5).leader for node in nodes)
    except rpc.Failure:
        return False


def test_a_flipped_bit_in_the_middle_is_found(make_cluster):
    cluster = make_cluster(3).started()
    filled(cluster)
    victim = cluster.nodes[2]
    path = segment_with_data(victim)
    with open(path, "r+b") as file:
        file.seek(written_end(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x10]))
    cluster.start()
    status = victim.wait()
    assert status > 0, f"a damaged journal ended the node with {status}"
    assert "damaged" in victim.text_of_log(), victim.text_of_log()[-500:]
    wait_until(lambda: leads(cluster.nodes[:2]), 60, "the two others lead")
    assert cluster.nodes[0].client.range(b"k", b"l", count_only=True, timeout=10).count == 300
