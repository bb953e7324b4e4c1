# SPDX-License-Identifier: MIT
"""test_compacted.py -- three members and the edge of what is compacted: faults that etcd once had (E#17780, E#18089,
E#18667, E#15220), made again."""
import queue
import signal

import grpc
import pytest

import rpc
from rpc import messages

KEYS = 60


@pytest.fixture
def watch():
    channels = []

    def start(node, **create):
        channels.append(grpc.insecure_channel(node.endpoint, options=[("grpc.use_local_subchannel_pool", 1)]))
        requests = queue.Queue()
        requests.put(messages.WatchRequest(create_request=messages.WatchCreateRequest(**create)))
        answers = channels[-1].stream_stream(
            "/etcdserverpb.Watch/Watch", request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.WatchResponse.FromString)(iter(requests.get, None), timeout=60)
        assert next(answers).created
        return answers

    yield start
    for channel in channels:
        channel.close()


def compact(node, revision):
    node.client.call("/etcdserverpb.KV/Compact", messages.CompactionRequest(revision=revision, physical=True),
                     messages.CompactionResponse, 20)


def events_of(answers, count):
    events = []
    while len(events) < count:
        events += next(answers).events
    return events


def test_the_last_deletion_is_told_after_compaction_and_restart(cluster, watch):
    leader = cluster.leader()
    for i in range(KEYS):
        leader.client.put(b"%d" % i, b"value")
    for i in range(KEYS):
        revision = leader.client.delete(b"%d" % i).header.revision
    compact(leader, revision)
    for node in cluster.nodes:
        node.kill()
    cluster.start()
    cluster.wait_for_leader()
    for node in cluster.nodes:
        assert node.client.range(b"x").header.revision == revision
        event, = events_of(watch(node, key=b"\0", range_end=b"\0", start_revision=revision), 1)
        assert (event.type, event.kv.key, event.kv.mod_revision) == (1, b"%d" % (KEYS - 1), revision)


def test_a_txn_that_reads_what_is_compacted_writes_nowhere(cluster):
    leader = cluster.leader()
    compact(leader, leader.client.put(b"a", b"1").header.revision)
    ops = [messages.RequestOp(request_put=messages.PutRequest(key=b"b")),
           messages.RequestOp(request_range=messages.RangeRequest(key=b"a", revision=1))]
    for node in cluster.nodes:
        with pytest.raises(rpc.Failure, match="required revision has been compacted"):
            node.client.call("/etcdserverpb.KV/Txn", messages.TxnRequest(success=ops), messages.TxnResponse, 10)
    assert all(node.client.range(b"b").count == 0 for node in cluster.nodes)


def test_a_member_that_is_behind_tells_nothing_before_the_start(cluster, watch):
    leader = cluster.leader()
    behind = next(node for node in cluster.nodes if node is not leader)
    start = leader.client.put(b"a", b"0").header.revision + KEYS // 2
    answers = watch(behind, key=b"a", start_revision=start, progress_notify=True)
    behind.signal(signal.SIGSTOP)
    for i in range(KEYS):
        last = leader.client.put(b"a", b"%d" % i).header.revision
    behind.signal(signal.SIGCONT)
    assert [event.kv.mod_revision for event in events_of(answers, last - start + 1)] == list(range(start, last + 1))
