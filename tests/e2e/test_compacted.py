# SPDX-License-Identifier: MIT
"""test_compacted.py -- three members, the edge of what is compacted, and who is behind it: faults that etcd once had
(E#17780, E#18089, E#18667, E#15220, E#15271, E#17529), made again."""
import queue
import signal

import grpc
import pytest

import rpc
from rpc import messages
from wait import wait_until
from watches import Stream

KEYS = 60
WATCHES = 200


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
    leader = cluster.wait_for_leader()
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
    leader = cluster.wait_for_leader()
    compact(leader, leader.client.put(b"a", b"1").header.revision)
    ops = [messages.RequestOp(request_put=messages.PutRequest(key=b"b")),
           messages.RequestOp(request_range=messages.RangeRequest(key=b"a", revision=1))]
    for node in cluster.nodes:
        with pytest.raises(rpc.Failure, match="required revision has been compacted"):
            node.client.call("/etcdserverpb.KV/Txn", messages.TxnRequest(success=ops), messages.TxnResponse, 10)
    assert all(node.client.range(b"b").count == 0 for node in cluster.nodes)


@pytest.fixture
def streams(make_cluster):
    """A cluster, and streams of watches at any of its members."""
    opened = []

    def new(node):
        opened.append(Stream(node.endpoint))
        return opened[-1]

    yield make_cluster(arguments=["--watch-progress-notify-interval", "100ms"]).started(), new
    for stream in opened:
        stream.close()


def a_follower(cluster):
    leader = cluster.wait_for_leader()
    return leader, next(node for node in cluster.nodes if node is not leader)


def test_a_member_that_is_behind_tells_nothing_before_the_start(streams):
    """E#15271, E#20221: neither changes nor progress, asked for or not, of watches that begin later than the member is."""
    cluster, new = streams
    leader, behind = a_follower(cluster)
    start = leader.client.put(b"a", b"0").header.revision + KEYS // 2
    before, meanwhile = new(behind), new(behind)
    before.create(b"a", start_revision=start, progress_notify=True)
    behind.signal(signal.SIGSTOP)
    for i in range(KEYS):
        last = leader.client.put(b"a", b"%d" % i).header.revision
    meanwhile.ask(key=b"a", start_revision=start, progress_notify=True)
    for stream in (before, meanwhile):
        stream.ask_progress()
    behind.signal(signal.SIGCONT)
    for stream in (before, meanwhile):
        seen, progress = [], 0
        while progress < last:
            response = stream.next()
            if response.created:
                continue
            assert response.header.revision >= start - 1, "who waits for the next revision has all, and may be told so"
            seen += [event.kv.mod_revision for event in response.events]
            if not response.events:
                progress = response.header.revision
                assert seen == list(range(start, progress + 1)), "what progress covers was told"
        assert seen == list(range(start, last + 1))


def test_who_watches_at_a_member_that_was_behind_or_away_is_never_left_without_a_word(streams):
    """E#17529: many watches that want what was there before, and a compaction: each has every event, or is told why not."""
    cluster, new = streams
    leader, behind = a_follower(cluster)
    stream = new(behind)
    for i in range(WATCHES):
        stream.ask(key=b"%d" % i, prev_kv=True)
    for _ in range(WATCHES):
        assert stream.next().created
    behind.signal(signal.SIGSTOP)
    for _ in range(2):
        for i in range(WATCHES):
            last = leader.client.put(b"%d" % i, b"value").header.revision
    leader.client.call("/etcdserverpb.KV/Compact", messages.CompactionRequest(revision=last - WATCHES // 2),
                       messages.CompactionResponse, 20)
    behind.signal(signal.SIGCONT)
    told = {i: [] for i in range(WATCHES)}
    while any(len(events) < 2 for events in told.values()):
        response = stream.next()
        if response.canceled:
            assert response.compact_revision == last - WATCHES // 2
            del told[response.watch_id]
        elif response.watch_id >= 0:
            told[response.watch_id] += [event.kv.mod_revision for event in response.events]
    assert all(events == [last - 2 * WATCHES + 1 + i, last - WATCHES + 1 + i] for i, events in told.items())
    behind.kill()
    behind.start(cluster.spec, cluster.arguments)
    wait_until(lambda: cluster.leader() is not None, 60, "it is back")
    assert behind.client.range(b"x").header.revision == last, "it has all"
    stream = new(behind)
    for i in range(WATCHES):
        stream.ask(key=b"%d" % i, prev_kv=True, start_revision=last - WATCHES + 1 + i)
    cancelled, served = set(), set()
    while len(cancelled) + len(served) < WATCHES:
        response = stream.next()
        if response.canceled:
            assert response.compact_revision == last - WATCHES // 2
            cancelled.add(response.watch_id)
        elif response.events:
            assert [event.kv.mod_revision for event in response.events] == [last - WATCHES + 1 + response.watch_id]
            served.add(response.watch_id)
    assert cancelled == set(range(WATCHES // 2 - 1)) and not cancelled & served
