# SPDX-License-Identifier: MIT
"""test_grpc_streams.py -- streams of gRPC, by Google's client, and by hand where that is too decent."""
import queue
import struct
import threading
import urllib.request

import grpc
import pytest

import h2

PIECE = bytes(10000)


class Client:
    def __init__(self, port, **options):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[
            ("grpc.max_receive_message_length", -1), *options.items()])
        self.port = port

    def __getattr__(self, name):
        return self.channel.stream_stream("/test.Test/" + name)

    def say(self, message, **options):
        return self.channel.unary_unary("/test.Test/Say")(message, timeout=20, **options)

    def fetch(self, path, data=None):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=20).read()

    def counters(self):
        return dict(zip(("gone", "writable", "open"), map(int, self.fetch("/counters").split())))

    def wait(self, name, value):
        while self.counters()[name] != value:
            pass


@pytest.fixture
def client(server):
    client = Client(server.port)
    yield client
    client.channel.close()


class Feed:
    """Requests that the test hands out one by one; None ends them."""

    def __init__(self):
        self.queue = queue.Queue()

    def __iter__(self):
        return iter(self.queue.get, None)

    def put(self, message):
        self.queue.put(message)


def fails(call):
    with pytest.raises(grpc.RpcError) as error:
        list(call)
    return error.value.code().name, error.value.details()


def test_each_message_comes_back(client):
    feed = Feed()
    call = client.Echo(iter(feed), timeout=60)
    for message in (b"a", b"", b"b" * 100, b"c" * 2000000, b"d"):
        feed.put(message)
        assert next(call) == message
    feed.put(None)
    assert list(call) == [] and call.code() == grpc.StatusCode.OK
    client.wait("open", 0)


def test_many_messages_at_once(client):
    messages = [b"%d" % i for i in range(20000)]
    assert list(client.Echo(iter(messages), timeout=60)) == messages


def test_large_messages_both_ways(client):
    messages = [bytes([i]) * 1500000 for i in range(20)]
    assert list(client.Echo(iter(messages), timeout=60)) == messages


def test_the_server_ends_it(client):
    for end, code, text in [(b"end", "OK", ""), (b"fail", "DATA_LOSS", "as you \u00e4sk, 100%")]:
        for before in ([], [b"x"]):
            feed = Feed()
            for message in before + [end, b"unheard"]:
                feed.put(message)
            call = client.Echo(iter(feed), timeout=60)
            got = []
            try:
                got.extend(call)
            except grpc.RpcError:
                pass
            assert (got, call.code().name, call.details()) == (before, code, text)
            feed.put(None)
    assert fails(client.Refuse(iter([]), timeout=60)) == ("PERMISSION_DENIED", "not today")
    assert fails(client.Nothing(iter([]), timeout=60))[0] == "UNIMPLEMENTED"
    client.wait("open", 0)


def test_a_stream_outlives_the_deadline_of_unary_calls(client):
    feed = Feed()
    call = client.Echo(iter(feed))
    threading.Event().wait(1.5)
    feed.put(b"still here")
    assert next(call) == b"still here"
    feed.put(None)


def test_the_clients_deadline_counts(client):
    assert fails(client.Echo(iter(Feed()), timeout=0.2))[0] == "DEADLINE_EXCEEDED"
    client.wait("open", 0)


def test_messages_that_are_too_large_or_malformed(client):
    code, text = fails(client.Echo(iter([b"x", bytes(3000000)]), timeout=60))
    assert code == "RESOURCE_EXHAUSTED" and "2097152" in text
    for body, code in [(b"\1\0\0\0\0", "12"), (b"\2\0\0\0\0", "13"), (b"\0\0\0\0\5abc", "13"), (b"\0\0", "13")]:
        for before in (b"", h2.message(b"x")):
            with h2.Connection(client.port) as connection:
                connection.send(h2.request(1, path="/test.Test/Echo", body=before + body))
                assert connection.wait_for_end(1)["grpc-status"] == code
    client.wait("open", 0)


def test_a_slow_reader_is_waited_for(server, client):
    before = server.resident_bytes()
    with h2.Connection(server.port) as connection:
        connection.send(h2.request(1, path="/test.Test/Flood", body=h2.message(b"100000")))
        connection.wait_for(lambda kind, *_: kind == h2.DATA)
        client.wait("open", 1)
        assert server.resident_bytes() < before + 10000000
    client.wait("open", 0)
    assert sum(map(len, client.Flood(iter([b"3000"]), timeout=60))) == 3000 * len(PIECE)
    assert client.counters()["writable"] > 5, "there was no waiting"


def test_zero_window(server, client):
    """Many streams whose client reads nothing at all: each holds no more than its bound."""
    before = server.resident_bytes()
    with h2.Connection(server.port, greet=False) as connection:
        connection.send(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
        for stream in range(1, 101, 2):
            connection.send(h2.request(stream, path="/test.Test/Flood", body=h2.message(b"100000")))
        while client.counters()["open"] < 15:  # each holds a mebibyte, all of them 16: the others wait
            pass
        assert client.say(b"x") == b"x"
        assert server.resident_bytes() < before + 30000000
        for stream in range(1, 101, 2):
            connection.send(h2.frame(h2.WINDOW_UPDATE, 0, stream, struct.pack(">I", 50000)))
        connection.wait_for(lambda kind, *_: kind == h2.DATA)
    client.wait("open", 0)


def test_an_unread_stream_does_not_stop_another(client):
    """Of one connection: the window of the one is used up, not that of the connection."""
    stuck = client.Flood(iter([b"1000"]), timeout=60)
    next(stuck)
    assert list(client.Echo(iter([b"a", b"b"]), timeout=60)) == [b"a", b"b"]
    assert client.say(b"x") == b"x"
    assert sum(1 for _ in stuck) == 999


def test_messages_that_are_not_taken_hold_the_client_back(server, client):
    sent = []

    def messages():
        for i in range(300):
            sent.append(i)
            yield bytes(50000)

    before = server.resident_bytes()
    call = client.Hold(messages(), timeout=60)
    client.wait("open", 1)
    while len(sent) < 15:
        pass
    client.fetch("/tick", b"x")
    threading.Event().wait(0.5)
    assert len(sent) < 200, "the client may send without end"
    assert server.resident_bytes() < before + 10000000
    assert client.say(b"x") == b"x"
    client.fetch("/tick", b"x" * 299)
    assert list(call) == [b"300"]


def test_a_reset_in_the_middle(client):
    for number in range(1, 51):
        call = client.Echo(iter(Feed()), timeout=60)
        client.wait("open", 1)
        call.cancel()
        client.wait("open", 0)
        assert client.counters()["gone"] == number
    with h2.Connection(client.port) as connection:
        for stream in range(1, 201, 2):
            connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, h2.request_fields("/test.Test/Echo")))
            connection.send(h2.frame(h2.DATA, 0, stream, h2.message(b"x")[:stream % 7]))
            connection.send(h2.frame(h2.RST_STREAM, 0, stream, struct.pack(">I", 8)))
        connection.send(h2.request(301, path="/test.Test/Say"))
        assert connection.wait_for_end(301)["grpc-status"] == "0"
    client.wait("open", 0)


def test_a_connection_that_is_lost(server, client):
    with h2.Connection(server.port) as connection:
        for stream in range(1, 41, 2):
            connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, h2.request_fields("/test.Test/Echo")))
        client.wait("open", 20)
    client.wait("open", 0)
    assert client.counters()["gone"] == 20


def test_many_streams_of_a_connection(client):
    feeds = [Feed() for _ in range(200)]
    calls = [client.Echo(iter(feed), timeout=60) for feed in feeds]
    for number, feed in enumerate(feeds):
        feed.put(b"%d" % number)
    for number, call in enumerate(calls):
        assert next(call) == b"%d" % number
    assert client.counters()["open"] == 200
    for feed in feeds:
        feed.put(None)
    for call in calls:
        assert list(call) == []
    client.wait("open", 0)


def test_every_cut(server):
    """Wherever the messages of a stream are cut into frames."""
    body = h2.message(b"ab") + h2.message(b"") + h2.message(b"cde")
    with h2.Connection(server.port) as connection:
        for cut in range(len(body) + 1):
            stream = 2 * cut + 1
            connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, h2.request_fields("/test.Test/Echo")))
            connection.send(h2.frame(h2.DATA, 0, stream, body[:cut]))
            connection.send(h2.frame(h2.DATA, h2.END_STREAM, stream, body[cut:]))
            frames = connection.wait_for(lambda kind, flags, id, _: id == stream and kind == h2.HEADERS and flags & 1)
            assert b"".join(payload for kind, _, id, payload in frames if kind == h2.DATA and id == stream) == body


def test_a_stop_ends_streams(server, client):
    call = client.Echo(iter(Feed()))
    client.wait("open", 1)
    server.process.terminate()
    assert fails(call) == ("UNAVAILABLE", "etcdserver: server stopped")
    assert server.process.wait(20) == 0
    server.stopped = True


def test_no_time_at_all(server):
    for path in ("/test.Test/Say", "/test.Test/Echo"):
        with h2.Connection(server.port) as connection:
            connection.send(h2.request(1, path=path, more=[("grpc-timeout", "0n")]))
            assert connection.wait_for_end(1)["grpc-status"] == "4"
