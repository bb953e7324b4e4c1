# SPDX-License-Identifier: MIT
"""test_stop.py -- SIGTERM ends a node with 0, under load too, and starting again finds everything."""
import signal

import pytest

from load import Load
from wait import wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_node_with_0(single, number):
    single.nodes[0].client.put(b"a", b"b")
    single.nodes[0].signal(number)
    assert single.nodes[0].wait() == 0
    single.started()
    assert single.nodes[0].client.range(b"a").kvs[0].value == b"b"


def test_rolling_restart_under_load(cluster):
    with Load(cluster) as load:
        for node in cluster.nodes:
            before = load.count()
            wait_until(lambda: load.count() > before + 50, 60, "writes are acknowledged")
            assert node.terminate() == 0
            cluster.start(node)
            cluster.wait_for_leader()
    load.check()


def test_a_data_folder_has_one_user(make_cluster):
    cluster = make_cluster(1).started()
    second = make_cluster(1)
    second.nodes[0].data = cluster.nodes[0].data
    second.start()
    assert second.nodes[0].wait() not in (0, None)
    assert "another process" in second.nodes[0].text_of_log()
    cluster.nodes[0].client.put(b"a", b"b")


def test_a_data_folder_of_another_cluster_is_refused(make_cluster):
    first = make_cluster(1).started()
    assert first.nodes[0].terminate() == 0
    second = make_cluster(3)
    second.nodes[1].data = first.nodes[0].data
    second.start(second.nodes[1])
    assert second.nodes[1].wait() not in (0, None)
    assert "another cluster or member" in second.nodes[1].text_of_log() or "belongs" in second.nodes[1].text_of_log()
