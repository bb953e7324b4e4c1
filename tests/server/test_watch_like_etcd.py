# SPDX-License-Identifier: MIT
"""test_watch_like_etcd.py -- the same history and the same watches at our server and at etcd itself: each watch gets the
same events in the same order. How they are spread over responses may differ, but for those of one revision."""
import pytest

import rpc
from test_like_etcd import Draw, answer, etcd  # noqa: F401, a fixture
from watches import Stream

SEEDS = range(1, 6)
STREAMS, WATCHES, STEPS = 3, 60, 150


class Side:
    def __init__(self, client):
        self.client = client
        client.delete(b"\0", b"\0")
        self.base = client.put(b"begin", b"").header.revision
        client.delete(b"begin")
        self.streams = [Stream(client.endpoint) for _ in range(STREAMS)]
        self.created = [[] for _ in range(STREAMS)]
        self.cancelled = [[] for _ in range(STREAMS)]
        self.events = {}  # by stream and watch

    def close(self):
        for stream in self.streams:
            stream.close()

    def watch(self, number, request):
        request = dict(request)
        if "start_revision" in request:
            request["start_revision"] += self.base
        self.streams[number].ask(**request)
        count = len(self.created[number])
        while len(self.created[number]) == count:
            self.take(number)

    def take(self, number):
        """The next response; true if it is one of progress."""
        response = self.streams[number].next()
        if response.created:
            self.created[number].append((response.watch_id, response.canceled, response.cancel_reason))
        elif response.canceled:
            self.cancelled[number].append((response.watch_id, response.compact_revision - self.base))
        elif response.events:
            self.keep(self.events.setdefault((number, response.watch_id), []), response)
        return response.watch_id == -1 and not response.created

    def keep(self, seen, response):
        assert response.header.revision >= response.events[-1].kv.mod_revision
        last = seen[-1].kv.mod_revision if seen else -1000
        for event in response.events:
            for pair in (event.kv, event.prev_kv):
                for name in ("create_revision", "mod_revision"):
                    if getattr(pair, name):
                        setattr(pair, name, getattr(pair, name) - self.base)
            assert event.kv.mod_revision > last, "a revision in two responses"
            seen.append(event)


def draw_watch(draw, now, compacted):
    key, end = draw.span()
    request = dict(key=key, range_end=end, prev_kv=draw.once_in(2), progress_notify=draw.once_in(5),
                   filters=[kind for kind in (0, 1) if draw.once_in(6)])
    if not draw.once_in(3):
        start = draw.random.randrange(max(1, compacted - 5), now + 10)
        request["start_revision"] = start + (start == compacted)  # etcd 3.4 has lost the deletions of that very revision
    if draw.once_in(4) and request.get("start_revision", compacted) >= compacted:
        request["watch_id"] = draw.random.randrange(100, 110)  # etcd does not free the id of a watch that came too late
    return request


@pytest.mark.parametrize("seed", SEEDS)
def test_random_watches(server, etcd, seed):  # noqa: F811
    sides = [Side(rpc.Client(f"127.0.0.1:{server.port}")), Side(etcd)]
    draw = Draw(seed)
    try:
        for _ in range(STEPS):
            request = draw.request(now_of(sides))
            if request[0] != "compact":
                step(sides, request)
        compacted = draw.random.randrange(1, now_of(sides))
        step(sides, ("compact", dict(revision=("revision", compacted))))
        for _ in range(WATCHES):
            number, request = draw.random.randrange(STREAMS), draw_watch(draw, now_of(sides), compacted)
            for side in sides:
                side.watch(number, request)
            for _ in range(3):
                step(sides, draw.put() if draw.once_in(2) else draw.delete())
        for number in range(STREAMS):
            finish(sides, number)
    finally:
        for side in sides:
            side.close()
        sides[0].client.close()


def now_of(sides):
    return sides[0].client.range(b"x").header.revision - sides[0].base


def step(sides, request):
    ours, theirs = (answer(side.client, request, side.base) for side in sides)
    assert ours == theirs


def finish(sides, number):
    """Reads until both have the same; ours has all when it says so."""
    ours, theirs = sides
    for side in sides:
        for _ in range(20):  # beyond the revisions that watches of the future began with
            side.client.put(b"last", b"")
    ours.streams[number].ask_progress()
    while not ours.take(number):
        pass
    compare(ours, theirs, number)


def compare(ours, theirs, number):
    def all_of(side):
        return {watch: events for (stream, watch), events in side.events.items() if stream == number}

    def has_all():
        return len(theirs.cancelled[number]) >= len(ours.cancelled[number]) and all(
            len(all_of(theirs).get(watch, [])) >= len(events) for watch, events in all_of(ours).items())

    while not has_all():
        theirs.take(number)
    assert all_of(ours) == all_of(theirs)
    assert ours.created[number] == theirs.created[number]
    assert sorted(ours.cancelled[number]) == sorted(theirs.cancelled[number])
