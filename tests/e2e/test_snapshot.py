# SPDX-License-Identifier: MIT
"""test_snapshot.py -- a cluster is saved, lost, and restored as a new one: all of it, by etcdctl and decree; and what must not
work."""
import hashlib
import json
import os
import subprocess

import pytest

import rpc
from nodes import DECREE, Cluster, free_ports
from test_etcdctl import etcdctl
from test_lease import granted
from wait import wait_until

VALUE = bytes(range(256)) * 4


def decree(*arguments, status=0):
    done = subprocess.run([DECREE, *map(str, arguments)], timeout=120, capture_output=True, text=True, check=False)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def save(node, file):
    decree("snapshot", "save", file, "--endpoints", node.endpoint)
    return file.read_bytes()


def fill(node):
    """Keys with a past, some deleted, some on leases. Returns the lease that lasts, and the revision of the key whose lease ends:
    soon, so its end may come before the next key or long after."""
    for turn in range(3):
        for i in range(50):
            node.client.put(b"key/%03d" % i, b"%d/" % turn + VALUE)
    node.client.delete(b"key/000", b"key/010")
    lease = granted(node.endpoint, 5)
    ends = node.client.put(b"ends", b"soon", lease=int(lease, 16)).header.revision
    lasting = granted(node.endpoint, 3600)
    etcdctl(node.endpoint, "put", "--lease", lasting, "stays", "long")
    return lasting, ends


def everything(node, revision):
    """All that can be read at each revision."""
    first = 2
    return [[(kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease)
             for kv in node.client.range(b"\0", b"\0", revision=at, timeout=20).kvs] for at in range(first, revision + 1, 7)]


def restored(folder, files, *options):
    """A cluster whose members begin as these files; None: as nothing."""
    folder.mkdir()
    cluster = Cluster(folder, len(files))
    for node, file in zip(cluster.nodes, files):
        if file is not None:
            decree("snapshot", "restore", file, "--name", node.name, "--cluster", cluster.spec, "--data", node.data, *options)
    return cluster


def has_leader(node):
    try:
        return node.client.status(timeout=5).leader != 0
    except rpc.Failure:
        return None


@pytest.fixture
def closing():
    clusters = []
    yield clusters.append
    for cluster in clusters:
        cluster.print_logs()
        cluster.close()


def test_a_lost_cluster_comes_back(cluster, tmp_path, closing):
    node = cluster.nodes[0]
    lease, ends = fill(node)
    before = node.client.range(b"key/020")
    kept = everything(node, before.header.revision)

    def all_alike():
        for other in cluster.nodes:
            assert other.client.range(b"stays", timeout=20).count == 1
        return len({save(other, tmp_path / other.name) for other in cluster.nodes}) == 1
    wait_until(all_alike, 60, "members that hold the same write the same bytes")
    data = (tmp_path / "n1").read_bytes()
    assert len(data) % 512 == 32 and hashlib.sha256(data[:-32]).digest() == data[-32:]
    etcdctl(node.endpoint, "snapshot", "save", str(tmp_path / "etcdctl"))
    assert (tmp_path / "etcdctl").stat().st_size == len(data)
    cluster.close()

    again = restored(tmp_path / "again", [tmp_path / "n1", tmp_path / "n2", tmp_path / "n3"])
    closing(again)
    again.started()
    for other in again.nodes:
        now = other.client.range(b"key/020", timeout=20)
        assert now.kvs == before.kvs and now.header.cluster_id != before.header.cluster_id
        assert everything(other, before.header.revision) == kept
        assert "attached keys([stays])" in etcdctl(other.endpoint, "lease", "timetolive", "--keys", lease)
    wait_until(lambda: again.nodes[0].client.range(b"ends", timeout=20).count == 0, 60, "the lease that went on ends")
    put = again.nodes[1].client.put(b"new", b"value", timeout=20)
    assert put.header.revision == ends + 3  # between them the other lease's key, and the end of this lease
    watched = etcdctl_watch(again.nodes[2].endpoint, "key/000", 60)
    assert watched[:2] == ["PUT", "key/000"] and "DELETE" in watched
    for other in again.nodes:  # from their own disks
        other.terminate()
    again.started()
    assert again.nodes[0].client.range(b"new", timeout=20).count == 1
    assert again.nodes[0].client.range(b"key/020", timeout=20).kvs == before.kvs


def etcdctl_watch(endpoint, key, revision):
    """The words that it prints up to the first deletion."""
    watch = subprocess.Popen(["etcdctl", f"--endpoints={endpoint}", "watch", key, "--rev", str(revision)], text=True,
                             env=dict(os.environ, ETCDCTL_API="3"), stdout=subprocess.PIPE, errors="replace")
    words = []
    try:
        while "DELETE" not in words:
            words.append(watch.stdout.readline().strip())
            assert watch.poll() is None
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()
    return words


def test_members_that_began_otherwise_are_refused(single, tmp_path, closing):
    node = single.nodes[0]
    node.client.put(b"a", b"1")
    save(node, tmp_path / "one")
    node.client.put(b"a", b"2")
    save(node, tmp_path / "two")
    mixed = restored(tmp_path / "mixed", [tmp_path / "two", tmp_path / "two", tmp_path / "one"])
    closing(mixed)
    mixed.start()
    wait_until(lambda: has_leader(mixed.nodes[0]), 60, "two that began alike are a majority")
    assert mixed.nodes[0].client.range(b"a", timeout=20).kvs[0].value == b"2"
    wait_until(lambda: "another cluster" in mixed.nodes[2].text_of_log(), 60, "the third one is told why not")
    assert has_leader(mixed.nodes[2]) is False
    for other in mixed.nodes:
        other.kill()

    empty = restored(tmp_path / "empty", [tmp_path / "two", None, None])
    closing(empty)
    empty.start()
    wait_until(lambda: has_leader(empty.nodes[1]), 60, "two that began empty are a majority")
    assert empty.nodes[1].client.range(b"a", timeout=20).count == 0
    wait_until(lambda: "another cluster" in empty.nodes[0].text_of_log(), 60, "the first one is told why not")
    assert has_leader(empty.nodes[0]) is False


def test_the_base_stays_what_it_is(single, tmp_path, closing):
    single.nodes[0].client.put(b"a", VALUE)
    save(single.nodes[0], tmp_path / "file")
    again = restored(tmp_path / "again", [tmp_path / "file"])
    closing(again)
    node = again.nodes[0]
    base = os.path.join(node.data, "base.snapshot")
    assert b"is not empty" in decree("snapshot", "restore", tmp_path / "file", "--name", "n1", "--cluster", again.spec, "--data",
                                     node.data, status=74).encode()
    os.rename(base, base + ".part")  # as when the restore was cut off
    again.start()
    assert node.wait() == 78 and "base.snapshot must be" in node.text_of_log()
    os.rename(base + ".part", base)
    again.started()
    assert node.terminate() == 0
    with open(base, "r+b") as file:
        file.seek(300)
        file.write(b"?")
    again.start()
    assert node.wait() == 78 and "is damaged: a checksum is wrong, in what begins at byte" in node.text_of_log()


def test_damage_is_named_with_its_place(single, tmp_path):
    for i in range(100):
        single.nodes[0].client.put(b"key/%03d" % i, VALUE)
    data = save(single.nodes[0], tmp_path / "file")
    told = json.loads(decree("snapshot", "status", tmp_path / "file", "--json"))
    assert told["totalKey"] == 100 and told["totalSize"] == len(data) and told["sha256"] == data[-32:].hex()
    assert "| REVISION |" in decree("snapshot", "status", tmp_path / "file", "-w", "table")
    fields = decree("snapshot", "status", tmp_path / "file", "-w", "fields").splitlines()
    assert fields[0] == f'"Hash" : {told["hash"]}' and fields[3] == f'"Size" : {told["totalSize"]}'
    damaged = tmp_path / "damaged"
    for bad, text in [(data[:50000] + b"?" + data[50001:], "a checksum is wrong, in what begins at byte 33"),
                      (data[:40000], "it ends here, and should go on, in what begins at byte 33"),
                      (data[:-32], "SHA-256 sum at its end is missing"),
                      (data[:-1] + bytes([data[-1] ^ 1]), "SHA-256 sum at its end is not that"),
                      (data[:-32] + bytes(512) + data[-32:], "there is more behind its end")]:
        damaged.write_bytes(bad)
        for line in (["snapshot", "status", damaged],
                     ["snapshot", "restore", damaged, "--data", tmp_path / "none", "--name", "n1"]):
            assert text in decree(*line, status=78)
    damaged.write_bytes(b"no snapshot at all")
    assert "is no snapshot of decree" in decree("snapshot", "status", damaged, status=64)
    assert "No such file" in decree("snapshot", "status", tmp_path / "nothing", status=74)
    assert not (tmp_path / "none").exists()


def test_a_snapshot_of_etcd_is_called_that(tmp_path):
    client, peer = free_ports(2)
    etcd = subprocess.Popen(["etcd", "--data-dir", str(tmp_path / "etcd"), "--listen-client-urls", f"http://127.0.0.1:{client}",
                             "--advertise-client-urls", f"http://127.0.0.1:{client}", "--listen-peer-urls",
                             f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                             "--initial-cluster", f"default=http://127.0.0.1:{peer}"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: subprocess.run([DECREE, "put", "a", "b", "--endpoints", f"127.0.0.1:{client}"], check=False,
                                          capture_output=True).returncode == 0, 60, "etcd answers")
        told = json.loads(decree("snapshot", "save", tmp_path / "file", "--endpoints", f"127.0.0.1:{client}", "--json"))
        assert told["totalSize"] == (tmp_path / "file").stat().st_size
    finally:
        etcd.kill()
        etcd.wait()
    text = decree("snapshot", "restore", tmp_path / "file", "--data", tmp_path / "none", status=64)
    assert "of etcd (a bbolt file); decree restores its own snapshots only" in text


def test_a_bump_tells_clients_that_have_seen_more(single, tmp_path, closing):
    node = single.nodes[0]
    for i in range(10):
        node.client.put(b"a", b"%d" % i)
    save(node, tmp_path / "file")
    plain = restored(tmp_path / "plain", [tmp_path / "file"])
    again = restored(tmp_path / "again", [tmp_path / "file"], "--bump-revision", "1000", "--mark-compacted")
    closing(plain)
    closing(again)
    again.started()
    client = again.nodes[0].client
    now = client.range(b"a", timeout=20)
    assert now.header.revision == 1011 and now.kvs[0].value == b"9" and now.kvs[0].mod_revision == 11
    with pytest.raises(Exception, match="compacted"):
        client.range(b"a", revision=11, timeout=20)
    assert client.put(b"a", b"10", timeout=20).header.revision == 1012
    told = json.loads(decree("snapshot", "status", os.path.join(again.nodes[0].data, "base.snapshot"), "--json"))
    assert told["revision"] == told["compactRevision"] == 1011 and told["totalKey"] == 1
    for options in (["--bump-revision", "5"], ["--mark-compacted"], ["--bump-revision", "x", "--mark-compacted"],
                    ["--bump-revision"]):
        decree("snapshot", "restore", tmp_path / "file", "--data", tmp_path / "none", *options, status=64)


def test_as_etcd_calls_it(single, tmp_path, closing):
    node = single.nodes[0]
    node.client.put(b"a", b"1")
    save(node, tmp_path / "file")
    again = Cluster(tmp_path, 1)
    closing(again)
    url = f"http://{again.nodes[0].peer}"
    decree("snapshot", "restore", tmp_path / "file", "--name", "n1", "--initial-cluster", f"n1={url}",
           "--initial-advertise-peer-urls", url, "--data-dir", again.nodes[0].data)
    assert again.started().nodes[0].client.range(b"a", timeout=20).count == 1


def test_one_that_has_lost_the_others_can_be_saved(cluster, tmp_path):
    cluster.nodes[0].client.put(b"a", b"1")
    assert cluster.nodes[1].client.range(b"a", timeout=20).count == 1
    for node in cluster.nodes:
        if node is not cluster.nodes[1]:
            node.kill()
    save(cluster.nodes[1], tmp_path / "file")
    assert json.loads(decree("snapshot", "status", tmp_path / "file", "--json"))["totalKey"] == 1


def test_what_can_not_be_saved(single, tmp_path):
    file = tmp_path / "file"
    decree("snapshot", "save", file, "--endpoints", f"127.0.0.1:{free_ports(1)[0]}", status=69)
    decree("snapshot", "save", tmp_path / "no" / "such", "--endpoints", single.endpoints, status=74)
    assert "name one endpoint" in decree("snapshot", "save", file, "--endpoints", single.endpoints + ",127.0.0.1:1", status=64)
    decree("snapshot", "save", status=64)
    decree("snapshot", status=64)
    decree("snapshot", "keep", file, status=64)
    assert os.listdir(tmp_path) == ["cluster0"]
    for part in ([], ["save"], ["status"], ["restore"]):
        assert "Usage:" in decree("snapshot", *part, "--help")
