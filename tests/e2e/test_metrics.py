# SPDX-License-Identifier: MIT
"""test_metrics.py -- /metrics of real clusters: what dashboards made for etcd ask for is there and moves, and what etcd counts
too has the same type here as with etcd itself."""
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import pytest

import prometheus
from wait import wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from ports import free_ports

# Of a name that a query has a suffix of, the family.
MOVE_UNDER_LOAD = [
    "etcd_server_proposals_committed_total", "etcd_server_proposals_applied_total",
    "etcd_mvcc_db_total_size_in_use_in_bytes", "etcd_network_client_grpc_sent_bytes_total",
    "etcd_network_client_grpc_received_bytes_total", "etcd_network_peer_sent_bytes_total",
    "etcd_network_peer_received_bytes_total", "grpc_server_started_total", "grpc_server_handled_total",
    "grpc_server_msg_received_total", "grpc_server_msg_sent_total", "etcd_mvcc_put_total", "etcd_mvcc_range_total",
    "etcd_debugging_mvcc_keys_total", "etcd_server_client_requests_total", "decree_votes_total", "decree_slots_decided_total",
    "decree_records_total", "decree_proposals_total", "decree_messages_sent_total", "decree_messages_received_total"]
HISTOGRAMS_UNDER_LOAD = [
    "etcd_disk_wal_fsync_duration_seconds", "etcd_disk_backend_commit_duration_seconds",
    "etcd_network_peer_round_trip_time_seconds", "grpc_server_handling_seconds", "decree_journal_batch_records",
    "decree_turn_seconds"]
THERE = [
    "etcd_server_has_leader", "etcd_server_is_leader", "etcd_server_leader_changes_seen_total",
    "etcd_server_proposals_pending", "etcd_server_proposals_failed_total", "etcd_server_quota_backend_bytes",
    "etcd_mvcc_db_total_size_in_bytes", "etcd_debugging_mvcc_db_total_size_in_bytes", "etcd_network_peer_sent_failures_total",
    "etcd_network_active_peers", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
    "process_max_fds", "process_start_time_seconds", "etcd_server_id", "etcd_server_version", "etcd_cluster_version",
    "etcd_server_slow_apply_total", "etcd_server_slow_read_indexes_total", "etcd_server_read_indexes_failed_total",
    "etcd_server_health_success", "etcd_server_health_failures", "etcd_mvcc_delete_total", "etcd_mvcc_txn_total",
    "etcd_debugging_mvcc_watcher_total", "etcd_debugging_mvcc_watch_stream_total", "etcd_debugging_mvcc_slow_watcher_total",
    "etcd_debugging_mvcc_events_total", "etcd_debugging_mvcc_pending_events_total", "etcd_debugging_lease_granted_total",
    "etcd_debugging_lease_revoked_total", "etcd_debugging_lease_renewed_total", "etcd_disk_defrag_inflight",
    "decree_ballots_total", "decree_promises_total", "decree_window_slots", "decree_records_held",
    "decree_replies_held"]


def read(endpoint):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{endpoint}/metrics", timeout=20) as response:
        return prometheus.parse(response.read().decode())


def moved(earlier, later):
    return all(later[name].count() > earlier[name].count() for name in HISTOGRAMS_UNDER_LOAD)


def total(family):
    return sum(number for (name, _), number in family.samples.items() if name == family.name)


def load(nodes):
    for number in range(30):
        for node in nodes:
            node.client.put(b"k%d" % number, bytes(100))
            node.client.range(b"k%d" % number)


def test_what_a_dashboard_asks_for_moves(steady):
    nodes = steady.nodes
    load(nodes)
    wait_until(lambda: all(read(node.endpoint)["etcd_network_peer_round_trip_time_seconds"].count() > 0 for node in nodes), 20,
               "heartbeats are answered")
    before = [read(node.endpoint) for node in nodes]
    load(nodes)
    for number in range(100):
        nodes[0].client.put(b"new%d" % number, bytes(1000))
    wait_until(lambda: len({read(node.endpoint)["etcd_debugging_mvcc_keys_total"].value() for node in nodes}) == 1, 20,
               "all have all")
    # Some of it comes with the clock and not with requests: heartbeats, and the syncs of what only says that others wrote.
    for node, earlier in zip(nodes, before):
        wait_until(lambda at=node, then=earlier: moved(then, read(at.endpoint)), 60, f"the histograms of {node.name} move")
    after = [read(node.endpoint) for node in nodes]
    for earlier, later in zip(before, after):
        for name in MOVE_UNDER_LOAD:
            assert total(later[name]) > total(earlier[name]), name
        for name in THERE:
            assert later[name].samples, name
        assert later["etcd_server_has_leader"].value() == 1
        assert later["etcd_server_leader_changes_seen_total"].value() >= 1
        assert later["etcd_network_active_peers"].value() == 2
    assert sum(families["etcd_server_is_leader"].value() for families in after) == 1
    assert {total(families["decree_slots_decided_total"]) > 0 for families in after} == {True}


@pytest.mark.parametrize("network", ["http", "grpc"])
def test_peers_over_other_networks(make_cluster, network):
    cluster = make_cluster(3, ["--transport", network]).started()
    load(cluster.nodes)
    for node in cluster.nodes:
        families = read(node.endpoint)
        for name in ("etcd_network_peer_sent_bytes_total", "etcd_network_peer_received_bytes_total"):
            assert families[name].value() > 1000, name


def test_a_lost_leader_is_counted(cluster):
    before = {node: read(node.endpoint) for node in cluster.nodes}
    leader = cluster.wait_for_leader()  # asked after the numbers: should they still be of another one, its loss counts too
    others = [node for node in cluster.nodes if node is not leader]
    leader.kill()
    cluster.wait_for_leader()
    for node in others:
        name = "etcd_server_leader_changes_seen_total"
        wait_until(lambda: read(node.endpoint)[name].value() > before[node][name].value(), 60, "the new leader is counted")
    assert sum(read(node.endpoint)["decree_ballots_adopted_total"].value() -
               before[node]["decree_ballots_adopted_total"].value() for node in others) >= 1


# ---- beside etcd ----

@pytest.fixture
def etcd():
    program = shutil.which("etcd")
    assert program, "etcd is not installed: scripts/install-deps test"
    client, peer = (f"127.0.0.1:{port}" for port in free_ports(2))
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [program, "--data-dir", folder, "--listen-client-urls", f"http://{client}", "--advertise-client-urls",
             f"http://{client}", "--listen-peer-urls", f"http://{peer}", "--initial-advertise-peer-urls", f"http://{peer}",
             "--initial-cluster", f"default=http://{peer}", "--metrics", "extensive", "--unsafe-no-fsync"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield client
        finally:
            process.kill()
            process.wait()


def types(text):
    """What etcd prints is not read strictly: Go's own families have types that ours do not."""
    return dict(line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE "))


def labels_of(text, name):
    return {frozenset(dict(prometheus.read_labels(line[len(name) + 1:line.rindex("}")])) | {"": ""})
            for line in text.splitlines() if line.startswith(name + "{")}


def fetch(endpoint):
    """Nothing before the cluster's version is known, which etcd finds out after it begins to serve."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{endpoint}/metrics", timeout=20) as response:
            text = response.read().decode()
    except OSError:
        return None
    return text if labels_of(text, "etcd_cluster_version") else None


def test_types_as_with_etcd(single, etcd):
    node = single.nodes[0]
    node.client.put(b"a", b"b")
    theirs = wait_until(lambda: fetch(etcd), 60, "etcd serves")
    ours = wait_until(lambda: fetch(node.endpoint), 60, "decree serves")
    prometheus.parse(ours)
    our_types, their_types = types(ours), types(theirs)
    both = set(our_types) & set(their_types)
    assert len(both) > 45
    assert {name: our_types[name] for name in both} == {name: their_types[name] for name in both}
    for name in ("grpc_server_handled_total", "grpc_server_started_total", "grpc_server_msg_sent_total", "etcd_server_id",
                 "etcd_server_version", "etcd_cluster_version"):
        assert labels_of(ours, name) == labels_of(theirs, name), name
    bounds = lambda text, name: [line.split('le="')[1].split('"')[0] for line in text.splitlines()
                                 if line.startswith(name + "_bucket")]
    for name in ("etcd_disk_wal_fsync_duration_seconds", "etcd_disk_backend_commit_duration_seconds"):
        assert [float(bound) for bound in bounds(ours, name)] == [float(bound) for bound in bounds(theirs, name)]
