# SPDX-License-Identifier: MIT
"""test_watch.py -- what watches promise, seen by Google's client: ordered, unique, reliable, atomic, resumable,
bookmarkable, filtered, with what was there before; and what becomes of those who do not read."""
import os
import random

import grpc
import pytest

import rpc
from rpc import messages
from wait import wait_until
from watches import Stream, plain

MIB = 1024 * 1024
with open(os.environ["MEMORY_SERVER"], "rb") as program:
    SANITIZED = b"__asan_init" in program.read()


@pytest.fixture
def client(server):
    client = rpc.Client(f"127.0.0.1:{server.port}")
    yield client
    client.close()


@pytest.fixture
def new_stream(server):
    streams = []

    def new(**options):
        streams.append(Stream(f"127.0.0.1:{server.port}", **options))
        return streams[-1]

    yield new
    for stream in streams:
        stream.close()


@pytest.fixture
def stream(new_stream):
    return new_stream()


def put_op(key, value):
    return messages.RequestOp(request_put=messages.PutRequest(key=key, value=value))


def txn(client, *ops):
    return client.call("/etcdserverpb.KV/Txn", messages.TxnRequest(success=ops), messages.TxnResponse, 30).header.revision


def compact(client, revision):
    client.call("/etcdserverpb.KV/Compact", messages.CompactionRequest(revision=revision), messages.CompactionResponse, 30)


def test_changes_of_a_key(client, stream):
    client.put(b"a", b"0")
    assert stream.create(b"a") == 0
    client.put(b"a", b"1")
    client.put(b"b", b"2")
    client.delete(b"a")
    client.delete(b"a")
    client.put(b"a", b"3")
    assert stream.events(3) == {0: [("put", b"a", b"1", 3), ("delete", b"a", b"", 5), ("put", b"a", b"3", 6)]}
    assert stream.idle() == 6


def test_ranges(client, stream):
    ids = {name: stream.create(*keys) for name, keys in {
        "key": (b"b",), "range": (b"b", b"c"), "from": (b"b", b"\0"), "all": (b"\0", b"\0"), "empty": (b"", b"\0")}.items()}
    for revision, key in enumerate((b"a", b"b", b"b\0", b"c"), 2):
        assert client.put(key, b"v").header.revision == revision
    found = stream.events(1 + 2 + 3 + 4 + 4)
    keys = {name: [event[1] for event in found[watch]] for name, watch in ids.items()}
    assert keys == {"key": [b"b"], "range": [b"b", b"b\0"], "from": [b"b", b"b\0", b"c"],
                    "all": [b"a", b"b", b"b\0", b"c"], "empty": [b"a", b"b", b"b\0", b"c"]}


def test_ids_are_given_from_zero_in_the_order_of_requests(stream):
    for watch_id in (0, 0, 7, 2, 0, 0):
        stream.ask(key=b"k", watch_id=watch_id)
    assert [stream.next().watch_id for _ in range(6)] == [0, 1, 7, 2, 3, 4]
    stream.ask(key=b"k", watch_id=7)
    response = stream.next()
    assert (response.created, response.canceled, response.watch_id) == (True, True, -1)
    assert response.cancel_reason == "mvcc: duplicate watch ID provided on the WatchStream"
    stream.cancel(7)
    assert stream.next().canceled
    assert stream.create(b"k", watch_id=7) == 7
    assert stream.create(b"k") == 5


@pytest.mark.parametrize("request_, reason", [
    (dict(key=b"b", range_end=b"b"), "mvcc: watcher range is empty"),
    (dict(key=b"b", range_end=b"a"), "mvcc: watcher range is empty"),
    (dict(key=b"b", start_revision=-1), "etcdserver: mvcc: required revision has been compacted")])
def test_watches_that_cannot_be(stream, request_, reason):
    stream.ask(**request_)
    response = stream.next()
    assert (response.created, response.canceled, response.watch_id, response.cancel_reason) == (True, True, -1, reason)
    assert stream.create(b"k") == 0


def test_cancel(client, stream):
    first, second = stream.create(b"k"), stream.create(b"k")
    stream.cancel(99)
    stream.cancel(first)
    response = stream.next()
    assert (response.watch_id, response.canceled, response.created, response.cancel_reason) == (first, True, False, "")
    client.put(b"k", b"v")
    assert list(stream.events(1)) == [second]
    stream.cancel(first)
    assert stream.idle() == 2


def test_resumable_from_the_past(client, stream):
    for i in range(100):
        client.put(b"k%d" % (i % 7), b"%d" % i)
    client.delete(b"k", b"l")
    all_events = stream.create(b"k", b"l", start_revision=1)
    events = stream.events(107)[all_events]
    assert [event[3] for event in events] == [*range(2, 102), *[102] * 7]
    for start in (2, 50, 101, 102):
        watch = stream.create(b"k", b"l", start_revision=start)
        expected = [event for event in events if event[3] >= start]
        assert stream.events(len(expected)) == {watch: expected}
    assert stream.idle() == 102


def test_the_future_is_silent_until_it_comes(client, stream):
    assert stream.create(b"k", start_revision=5) == 0
    other = stream.create(b"other")
    client.put(b"k", b"2")
    client.put(b"k", b"3")
    stream.ask_progress()  # not answered: the first watch has not begun
    stream.create(b"after")  # and by now that is settled
    client.put(b"other", b"4")
    assert stream.events(1) == {other: [("put", b"other", b"4", 4)]}
    client.put(b"k", b"5")
    assert stream.events(1) == {0: [("put", b"k", b"5", 5)]}
    assert stream.idle() == 5


def test_nothing_is_told_of_revisions_before_the_start(start):
    """Neither changes nor progress, asked for or not, though progress is told every 10 ms; but that all before it is there."""
    server = start("progress=10")
    client, stream = rpc.Client(f"127.0.0.1:{server.port}"), Stream(f"127.0.0.1:{server.port}")
    try:
        for ahead in (50, 75, 100):
            stream.create(b"k", start_revision=1 + ahead, progress_notify=True)
        for i in range(120):
            last = client.put(b"k", b"%d" % i).header.revision
            stream.ask_progress()
        done, seen = set(), {0: [], 1: [], 2: []}
        while len(done) < 3:
            response = stream.next()
            if response.watch_id == -1:
                assert response.header.revision >= 100, "progress of all is that of the last to begin"
                continue
            assert response.header.revision >= (50, 75, 100)[response.watch_id]
            seen[response.watch_id] += [event.kv.mod_revision for event in response.events]
            if not response.events and response.header.revision == last:
                done.add(response.watch_id)
        assert [seen[i][0] for i in range(3)] == [51, 76, 101] and all(seen[i][-1] == last for i in range(3))
    finally:
        stream.close()
        client.close()


def test_progress_covers_what_was_delivered_to_who_reads_slowly(client, stream):
    """E#15220: and who has nothing to get is told too, E#17507."""
    for i in range(5):
        client.put(b"other", b"%d" % i)
    stream.create(b"k")
    stream.create(b"quiet", start_revision=1)
    for i in range(60):
        last = client.put(b"k", bytes(100000), timeout=30).header.revision
        stream.ask_progress()
    seen = progress = 6
    while progress < last:
        response = stream.next()
        if response.watch_id == -1:
            assert progress <= response.header.revision <= seen
            progress = response.header.revision
            stream.ask_progress()
            continue
        assert response.watch_id == 0
        for event in response.events:
            seen += 1
            assert event.kv.mod_revision == seen
        if seen == last:
            stream.ask_progress()
    assert seen == last


def test_atomic(client, stream):
    """The changes of a revision come in one response, in the order in which they were made."""
    watch = stream.create(b"k", b"l")
    revision = txn(client, *[put_op(b"k%d" % i, b"v") for i in reversed(range(100))])
    response = stream.next()
    assert [event.kv.key for event in response.events] == [b"k%d" % i for i in reversed(range(100))]
    assert {event.kv.mod_revision for event in response.events} == {revision} == {response.header.revision}
    past = stream.create(b"k", b"l", start_revision=revision)
    response = stream.next()
    assert response.watch_id == past != watch and len(response.events) == 100


def test_what_was_there_before(client, stream):
    client.put(b"k", b"0")
    stream.create(b"k", prev_kv=True)
    stream.create(b"k", prev_kv=False)
    stream.create(b"k", prev_kv=True, start_revision=2)
    client.put(b"k", b"1")
    client.delete(b"k")
    client.put(b"k", b"2")
    found = {}
    while sum(map(len, found.values())) < 3 + 4 + 3:
        response = stream.next()
        found.setdefault(response.watch_id, []).extend(response.events)
    assert [event.prev_kv.value for event in found[0]] == [b"0", b"1", b""]
    assert [event.prev_kv.value for event in found[2]] == [b"", b"0", b"1", b""]
    assert not any(event.HasField("prev_kv") for event in found[1])
    assert not found[0][2].HasField("prev_kv") and found[0][2].kv.version == 1
    deleted = found[0][1]
    assert deleted.kv == type(deleted.kv)(key=b"k", mod_revision=4) and deleted.prev_kv.mod_revision == 3


def test_before_is_absent_if_compacted(client, stream):
    client.put(b"k", b"0")
    client.put(b"k", b"1")
    compact(client, 3)
    stream.create(b"k", prev_kv=True, start_revision=3)
    response = stream.next()
    assert response.events[0].kv.value == b"1" and not response.events[0].HasField("prev_kv")


def test_filters(client, stream):
    put, delete = messages.WatchCreateRequest.NOPUT, messages.WatchCreateRequest.NODELETE
    for filters in ([put], [delete], [put, delete], []):
        stream.create(b"k", filters=filters)
    client.put(b"k", b"v")
    client.delete(b"k")
    assert stream.events(4) == {
        0: [("delete", b"k", b"", 3)], 1: [("put", b"k", b"v", 2)],
        3: [("put", b"k", b"v", 2), ("delete", b"k", b"", 3)]}
    assert stream.idle() == 3


def test_bookmarkable(client, stream):
    """Progress comes after all that it covers, and counts changes of others too."""
    stream.create(b"k")
    assert stream.idle() == 1
    for i in range(50):
        client.put(b"k" if i % 2 else b"other", b"v")
        stream.ask_progress()
    seen = bookmark = 1
    while bookmark < 51:
        response = stream.next()
        if response.events:
            assert response.watch_id == 0
            assert response.events[0].kv.mod_revision > max(seen, bookmark)
            seen = response.events[-1].kv.mod_revision
        else:
            assert response.watch_id == -1 and response.header.revision >= bookmark
            bookmark = response.header.revision
            assert seen == bookmark - bookmark % 2 + 1 or seen == bookmark if bookmark % 2 else seen == bookmark - 1


def test_no_watch_no_progress(client, stream):
    stream.ask_progress()
    assert stream.create(b"k") == 0
    assert stream.idle() == 1


def test_fragments(client, stream):
    """One revision of 20 MiB: whole for who does not want it in parts, and in parts that a client can take."""
    for i in range(20):
        client.put(b"k%02d" % i, bytes([i]) * MIB)
    client.delete(b"k", b"l")
    for fragment in (False, True):
        stream.ask(key=b"k", range_end=b"l", fragment=fragment, prev_kv=True, start_revision=22)
    responses = []
    while sum(len(response.events) for response in responses) < 40:
        responses.append(stream.next())
    responses = [response for response in responses if not response.created]
    one, many = ([response for response in responses if response.watch_id == watch] for watch in (0, 1))
    assert [(response.fragment, len(response.events)) for response in one] == [(False, 20)]
    assert [response.fragment for response in many] == [True] * (len(many) - 1) + [False]
    assert len(many) == 20 and all(response.ByteSize() < 2 * MIB for response in many)
    assert [event for response in many for event in response.events] == list(one[0].events)
    assert [event.prev_kv.value[0] for event in one[0].events] == list(range(20))
    client.put(b"k", b"small")
    assert stream.events(2).keys() == {0, 1}


def test_compaction_cancels_who_is_too_late(client, stream):
    for i in range(10):
        client.put(b"k", b"%d" % i)
    compact(client, 8)
    for start in (1, 7):
        watch = stream.create(b"k", start_revision=start)
        response = stream.next()
        assert (response.watch_id, response.canceled, response.compact_revision, response.cancel_reason) == (watch, True, 8, "")
    served = stream.create(b"k", start_revision=8)
    assert [event[3] for event in stream.events(4)[served]] == [8, 9, 10, 11]
    assert stream.idle() == 11


def test_a_deletion_at_the_compaction_is_told(client, stream):
    client.put(b"k", b"v")
    client.delete(b"k")
    compact(client, 3)
    watch = stream.create(b"k", start_revision=3)
    assert stream.events(1) == {watch: [("delete", b"k", b"", 3)]}


def test_who_waits_for_the_next_revision_has_all(start):
    """As Kubernetes watches: from the revision that it listed on, and it wants bookmarks though nobody writes."""
    server = start("progress=100")
    client, stream = rpc.Client(f"127.0.0.1:{server.port}"), Stream(f"127.0.0.1:{server.port}")
    try:
        revision = client.put(b"k", b"v").header.revision
        watch = stream.create(b"k", start_revision=revision + 1, progress_notify=True)
        response = stream.next()
        assert (response.watch_id, list(response.events), response.header.revision) == (watch, [], revision)
        stream.ask_progress()
        while response.watch_id == watch:
            response = stream.next()
        assert (response.watch_id, response.header.revision) == (-1, revision)
    finally:
        stream.close()
        client.close()


def test_progress_notifications(start):
    server = start("progress=100")
    client, stream = rpc.Client(f"127.0.0.1:{server.port}"), Stream(f"127.0.0.1:{server.port}")
    try:
        stream.create(b"silent")
        future = stream.create(b"future", progress_notify=True, start_revision=1000)
        quiet = stream.create(b"quiet", progress_notify=True)  # the last, since it may be told as soon as it is there
        client.put(b"other", b"v")
        revisions = []
        while revisions.count(2) < 3:
            response = stream.next()
            assert response.watch_id == quiet != future and not response.events and not response.created
            revisions.append(response.header.revision)
        assert revisions == sorted(revisions)
    finally:
        stream.close()
        client.close()


def test_who_does_not_read_costs_nothing(server, client, new_stream):
    """It falls back to history, gets all of it in order, and nobody waits for it or pays for it."""
    slow = new_stream()
    watch = slow.create(b"k", prev_kv=True)
    client.put(b"k", bytes(1000))
    base = server.resident_bytes()
    for i in range(400):
        client.put(b"k", b"%d" % i + bytes(100000), timeout=30)
    store = 400 * 100000
    if not SANITIZED:  # their allocators keep what was freed
        assert server.resident_bytes() - base < store + 24 * MIB
    events = slow.events(401)[watch]
    assert [event[3] for event in events] == list(range(2, 403))
    assert slow.idle() == 402


def test_who_reads_too_late_is_told(server, client, new_stream):
    """Many watches with prev_kv, nobody reads, history goes: each has its events up to a point, then the reason."""
    slow = new_stream()
    watches = [slow.create(b"k", prev_kv=True) for _ in range(100)]
    for i in range(100):
        client.put(b"k", bytes(100000), timeout=30)
    compact(client, 101)
    last, cancelled = dict.fromkeys(watches, 1), set()
    while any(last[watch] < 101 and watch not in cancelled for watch in watches):
        response = slow.next()
        watch = response.watch_id
        assert watch not in cancelled
        if response.canceled:
            assert response.compact_revision == 101
            cancelled.add(watch)
        for event in response.events:
            last[watch] += 1
            assert event.kv.mod_revision == last[watch]
    assert cancelled
    survivors = set(watches) - cancelled
    client.put(b"k", b"end")
    if survivors:
        assert slow.events(len(survivors)).keys() == survivors


def test_many_watches(server, client, new_stream):
    streams = [new_stream() for _ in range(10)]
    for stream in streams:
        for i in range(2000):
            stream.ask(key=b"k%04d" % i)
    for stream in streams:
        assert [stream.next().watch_id for _ in range(2000)] == list(range(2000))
    client.put(b"k1234", b"v")
    for stream in streams:
        assert stream.events(1) == {1234: [("put", b"k1234", b"v", 2)]}
    revision = txn(client, *[put_op(b"k%04d" % i, b"w") for i in range(0, 2000, 20)])
    for stream in streams:
        assert stream.events(100) == {i: [("put", b"k%04d" % i, b"w", revision)] for i in range(0, 2000, 20)}
    past = new_stream()
    for i in range(2000):
        past.ask(key=b"k%04d" % i, start_revision=2)
    found = {}
    for _ in range(2000 + 101):
        response = past.next()
        if not response.created:
            found[response.watch_id] = len(response.events)
    assert len(found) == 101 and sum(found.values()) == 101
    assert past.idle() == revision


def test_many_watches_of_one_key(client, stream):
    for _ in range(1000):
        stream.ask(key=b"k")
    assert [stream.next().watch_id for _ in range(1000)] == list(range(1000))
    for i in range(20):
        client.put(b"k", b"%d" % i)
    found = stream.events(20000)
    assert len(found) == 1000
    assert all(events == [("put", b"k", b"%d" % i, i + 2) for i in range(20)] for events in found.values())


def test_random_histories(client, new_stream):
    """Watches that come at any time, from anywhere, see what a plain model says."""
    chance = random.Random(4)
    keys = [b"a", b"b", b"bb", b"c", b"d"]
    streams = [new_stream() for _ in range(5)]
    history, wanted = [], {}
    revision = 1
    alive = set()
    for _ in range(600):
        kind = chance.randrange(10)
        key = chance.choice(keys)
        if kind < 6:
            revision = client.put(key, b"%d" % revision).header.revision
            history.append(("put", key, b"%d" % (revision - 1), revision))
            alive.add(key)
        elif kind < 8:
            gone = sorted(one for one in alive if one >= key)
            revision = client.delete(key, b"\0").header.revision
            history.extend(("delete", one, b"", revision) for one in gone)
            alive -= set(gone)
        else:
            number = chance.randrange(len(streams))
            end = chance.choice([b"", b"\0", b"e"])
            start = chance.choice([0, 1, chance.randrange(1, revision + 10)])
            streams[number].ask(key=key, range_end=end, start_revision=start)
            watch = sum(1 for one in wanted if one[0] == number)
            wanted[number, watch] = (key, end, start)
    for number, stream in enumerate(streams):
        count = sum(1 for one in wanted if one[0] == number)
        found, created = {}, {}
        client.put(b"z%d" % number, b"")
        stream.ask(key=b"end")
        while len(created) <= count:
            response = stream.next()
            if response.created:
                created[response.watch_id] = response.header.revision
            else:
                found.setdefault(response.watch_id, []).extend(map(plain, response.events))
        for _ in range(10):
            client.put(b"zz", b"")
        now = client.range(b"a").header.revision
        stream.ask_progress()
        while True:
            response = stream.next()
            if response.watch_id == -1:
                assert response.header.revision == now
                break
            found.setdefault(response.watch_id, []).extend(map(plain, response.events))
        for watch in range(count):
            key, end, start = wanted[number, watch]
            first = start or created[watch] + 1
            expected = [event for event in history if event[3] >= first and
                        (event[1] == key if not end else event[1] >= key and (end == b"\0" or event[1] < end))]
            assert [event for event in found.get(watch, []) if not event[1].startswith(b"z")] == expected


def test_a_client_that_goes_leaves_nothing(server, client, new_stream):
    for _ in range(3):
        gone = new_stream()
        for i in range(100):
            gone.create(b"k%d" % i, b"l", start_revision=i % 3)
        gone.close()
    wait_until(lambda: server.descriptors() <= 20, 30, "the connections are gone")
    client.put(b"k1", b"v")


def test_malformed(stream):
    stream.create(b"k")
    call = stream.channel.stream_stream("/etcdserverpb.Watch/Watch")(iter([b"\x0a\x05\x0a\xff"]), timeout=20)
    with pytest.raises(grpc.RpcError) as error:
        next(call)
    assert error.value.code() == grpc.StatusCode.INTERNAL
    stream.requests.put(messages.WatchRequest())  # of no kind that is known: no answer
    assert stream.idle() == 1
