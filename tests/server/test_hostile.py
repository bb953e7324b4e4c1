# SPDX-License-Identifier: MIT
"""test_hostile.py -- what strangers and bad clients send: an error for them, at a bounded price, and nothing for the others."""
import random
import socket
import struct

import pytest

import h2
from wait import wait_until
from h2 import Connection, END_HEADERS, END_STREAM, HEADERS, DATA, frame

MALFORMED = "grpc: error unmarshalling request: malformed message"


def assert_serves(server):
    with Connection(server.port) as connection:
        connection.put(1)
        connection.put(3)


@pytest.mark.parametrize("noise", [
    b"\0", b"\xff" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", b"PRI", h2.PREFACE + b"\xff" * 1000,
    h2.PREFACE + frame(h2.DATA, 0, 0, b"x"), h2.PREFACE + frame(HEADERS, END_HEADERS, 1, b"\xff" * 20),
    h2.PREFACE + frame(h2.SETTINGS, 0, 0) + frame(h2.CONTINUATION, END_HEADERS, 1, b""),
    h2.PREFACE + frame(h2.SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 2, h2.request_fields(h2.PUT)),
    h2.PREFACE + frame(h2.SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 0, h2.request_fields(h2.PUT)),
    h2.PREFACE + frame(h2.SETTINGS, 0, 0) + frame(h2.WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
    h2.PREFACE + frame(h2.SETTINGS, 0, 0) + frame(h2.DATA, 0, 1, b"x", length=1 << 24 - 1),
    h2.PREFACE + frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)),
    h2.PREFACE + frame(h2.SETTINGS, 0, 0) + frame(h2.PUSH_PROMISE, 4, 1, b"\0\0\0\2"),
], ids=range(14))
def test_garbage(server, noise):
    with Connection(server.port, greet=False) as connection:
        connection.send(noise)
        connection.socket.shutdown(socket.SHUT_WR)
        connection.wait_for_close()
    assert_serves(server)


def test_random_frames(server):
    choice = random.Random(1)
    for _ in range(150):
        with Connection(server.port) as connection:
            for _ in range(choice.randrange(1, 30)):
                payload = choice.randbytes(choice.choice([0, 1, 4, 5, 8, 50, 1000]))
                if not connection.send(frame(choice.randrange(12), choice.randrange(64), choice.randrange(6), payload)):
                    break
            connection.socket.close()
    assert_serves(server)


def test_requests_cut_anywhere(server):
    whole = h2.PREFACE + frame(h2.SETTINGS, 0, 0) + h2.request(1) + h2.request(3)
    for size in range(len(whole)):
        with Connection(server.port, greet=False) as connection:
            connection.send(whole[:size])
    with Connection(server.port, greet=False) as connection:
        for byte in whole:
            connection.send(bytes([byte]))
        connection.wait_for_end(3)
    assert_serves(server)


@pytest.mark.parametrize("data, http, status, text", [
    (h2.request(1, path="/etcdserverpb.KV/No"), "200", "12", "unknown method No for service etcdserverpb.KV"),
    (h2.request(1, path="/" + "x" * 5000), "200", "12", 'malformed method name: "/' + "x" * 126 + '"'),
    (h2.request(1, path="nothing"), None, None, None),
    (h2.request(1, path="/%\n/\xff"), None, None, None),
    (h2.request(1, path="/100%/x"), "200", "12", "unknown method x for service 100%25"),
    (h2.request(1, method="GET"), "405", "13", "gRPC takes POST only"),
    (h2.request(1, content_type="application/json"), "415", "3", "invalid gRPC request content-type"),
    (h2.request(1, content_type=None), "415", "3", "invalid gRPC request content-type"),
    (h2.request(1, more=[("grpc-timeout", "soon")]), "400", "13", "malformed grpc-timeout"),
    (h2.request(1, body=b""), "200", "13", "unexpected EOF"),
    (h2.request(1, body=b"\0\0\0"), "200", "13", "unexpected EOF"),
    (h2.request(1, body=b"\0\0\0\0\x09abc"), "200", "13", "unexpected EOF"),
    (h2.request(1, body=b"\1\0\0\0\3abc"), "200", "12", "grpc: compressed messages are not supported"),
    (h2.request(1, body=b"\2\0\0\0\3abc"), "200", "13", "grpc: received unexpected payload format"),
    (h2.request(1, body=h2.message(h2.PUT_BODY) * 2), "200", "13",
     "grpc: more than one message for a method that takes one"),
    (h2.request(1, body=h2.message(b"\x0a\xff")), "200", "13", MALFORMED),
    (h2.request(1, body=b"\0\xff\xff\xff\xff"), "200", "8",
     "grpc: received message larger than max (4294967295 vs. 2097152)"),
    (h2.request(1, path="/etcdserverpb.Maintenance/Status", body=h2.message(b"\xff\xff")), "200", "13", MALFORMED),
    (h2.request(1, path="/etcdserverpb.Cluster/MemberList", body=h2.message(b"\x08")), "200", "13", MALFORMED),
    (h2.request(1, body=h2.message(b"")), "200", "3", "etcdserver: key is not provided"),
], ids=range(20))
def test_bad_calls(server, data, http, status, text):
    with Connection(server.port) as connection:
        connection.send(data)
        if http is not None:
            assert connection.wait_for_end(1) == {":status": http, "content-type": "application/grpc",
                                                  "grpc-status": status, "grpc-message": text}
        connection.put(3)


def test_an_answer_before_the_request_is_whole(server):
    with Connection(server.port) as connection:
        connection.send(frame(HEADERS, END_HEADERS, 1, h2.request_fields(h2.PUT)) +
                        frame(DATA, 0, 1, b"\0\xff\xff\xff\xff" + bytes(1000)))
        frames = connection.wait_for(lambda kind, _, id, __: kind == h2.RST_STREAM and id == 1)
        assert [kind for kind, _, id, _ in frames if id == 1] == [HEADERS, h2.RST_STREAM]
        assert frames[-1][3] == b"\0\0\0\0"
        connection.send(frame(DATA, END_STREAM, 1, b"x"))
        connection.put(3)


def test_zero_length_everything(server):
    for kind in range(10):
        with Connection(server.port) as connection:
            connection.send(frame(kind, 0, 1) + frame(kind, 0, 0))
            connection.socket.shutdown(socket.SHUT_WR)
            connection.wait_for_close()
    assert_serves(server)


def test_rapid_reset(server):
    with Connection(server.port) as connection:
        headers = h2.request_fields(h2.PUT)
        stream = 1
        while stream < 200000:
            burst = b""
            for _ in range(500):
                burst += frame(HEADERS, END_HEADERS, stream, headers) + frame(h2.RST_STREAM, 0, stream, b"\0\0\0\x08")
                stream += 2
            if not connection.send(burst):
                break
        assert stream < 200000, "hundred thousand resets were taken"
    assert_serves(server)


@pytest.mark.parametrize("kind, payload", [(h2.PING, bytes(8)), (h2.SETTINGS, b""), (h2.PRIORITY, b"\0\0\0\0\x10"),
                                           (h2.WINDOW_UPDATE, b"\0\0\0\1")], ids=["ping", "settings", "priority", "window"])
def test_floods_of_control_frames(server, kind, payload):
    with Connection(server.port) as connection:
        stream = 1 if kind == h2.PRIORITY else 0
        burst = frame(kind, 0, stream, payload) * 2000
        for _ in range(2000):
            if not connection.send(burst):
                break
        else:
            pytest.fail("four million frames were taken")
    assert_serves(server)


def test_flood_of_empty_data(server):
    with Connection(server.port) as connection:
        connection.send(frame(HEADERS, END_HEADERS, 1, h2.request_fields(h2.PUT)))
        for _ in range(2000):
            if not connection.send(frame(DATA, 0, 1) * 2000):
                break
        else:
            pytest.fail("four million frames were taken")
    assert_serves(server)


def test_pings_are_answered(server):
    with Connection(server.port) as connection:
        for i in range(100):
            connection.send(frame(h2.PING, 0, 0, struct.pack(">Q", i)))
            connection.wait_for(lambda kind, flags, _, payload: kind == h2.PING and flags & h2.ACK and
                                payload == struct.pack(">Q", i))
        connection.put(1)


def test_huge_headers(server):
    with Connection(server.port) as connection:
        more = [("x-" + str(i), "y" * 3000) for i in range(40)]
        block = h2.request_fields(h2.PUT, more=more)
        connection.send(frame(HEADERS, 0, 1, block[:16000]))
        for start in range(16000, len(block), 16000):
            last = start + 16000 >= len(block)
            connection.send(frame(h2.CONTINUATION, END_HEADERS if last else 0, 1, block[start:start + 16000]))
        assert connection.wait_for_close() in (h2.ENHANCE_YOUR_CALM, None)
    assert_serves(server)


def test_continuation_flood(server):
    with Connection(server.port) as connection:
        connection.send(frame(HEADERS, 0, 1, h2.request_fields(h2.PUT)))
        part = h2.fields([("a", "b")])
        for _ in range(1000):
            if not connection.send(frame(h2.CONTINUATION, 0, 1, part) * 100):
                break
        else:  # they may all lie in the sockets' buffers before the server has read the first
            connection.wait_for_close()
    assert_serves(server)


def test_header_bomb(server):
    """One large field in the table, then a byte for each time that it comes again."""
    with Connection(server.port) as connection:
        block = h2.request_fields(h2.PUT) + b"\x40" + h2.text("x") + h2.text("y" * 4000) + b"\xbe" * 10000
        connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
        assert connection.wait_for_close() in (h2.ENHANCE_YOUR_CALM, None)
    assert_serves(server)


def test_too_many_streams(server):
    with Connection(server.port) as connection:
        before = server.resident_bytes()
        headers = h2.request_fields(h2.PUT)
        connection.send(b"".join(frame(HEADERS, END_HEADERS, stream, headers) for stream in range(1, 40001, 2)))
        got = connection.wait_for(lambda kind, *_: kind in (h2.RST_STREAM, h2.GOAWAY))[-1]
        assert got[0] == h2.GOAWAY or int.from_bytes(got[3], "big") == h2.REFUSED_STREAM
        assert server.resident_bytes() - before < 64 * 1024 * 1024
    assert_serves(server)


def test_bodies_that_never_end(server):
    """No more than 64 MiB of them are kept for a connection."""
    before = server.resident_bytes()
    with Connection(server.port) as connection:
        body = struct.pack(">BI", 0, 2 * 1024 * 1024) + bytes(1000 * 1000)
        for stream in range(1, 201, 2):
            connection.send(frame(HEADERS, END_HEADERS, stream, h2.request_fields(h2.PUT)))
            for at in range(0, len(body), 16000):
                connection.send(frame(DATA, 0, stream, body[at:at + 16000]))
        reset = connection.wait_for(lambda kind, *_: kind == h2.RST_STREAM)[-1]
        assert 120 < reset[2] < 140 and int.from_bytes(reset[3], "big") == h2.ENHANCE_YOUR_CALM
        assert server.resident_bytes() - before < 160 * 1024 * 1024
        assert_serves(server)


def test_a_reader_that_does_not_read(server):
    """Answers of hundreds of MiB are asked for and left lying; the server keeps a bounded part of them."""
    with Connection(server.port) as connection:
        body = h2.message(b"\x0a\x01k\x12\xc0\x84\x3d" + bytes(1000000))
        connection.send(frame(HEADERS, END_HEADERS, 1, h2.request_fields(h2.PUT)))
        for at in range(0, len(body), 16000):
            connection.send(frame(DATA, END_STREAM if at + 16000 >= len(body) else 0, 1, body[at:at + 16000]))
        connection.wait_for_end(1)
    before = server.resident_bytes()
    with Connection(server.port, receive_bytes=4096) as connection:
        connection.send(frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 4, (1 << 31) - 1)) +
                        frame(h2.WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535)))
        range_ = h2.message(b"\x0a\x01k\x38\x01")
        connection.send(b"".join(h2.request(stream, path="/etcdserverpb.KV/Range", body=range_)
                                 for stream in range(1, 1201, 2)))
        assert_serves(server)
        assert server.resident_bytes() - before < 80 * 1024 * 1024
        count = 0
        while count < 600:
            got = connection.next_frame()
            assert got is not None
            count += got[0] == HEADERS and bool(got[1] & END_STREAM)


def test_reads_whose_answers_nobody_reads(server):
    """All of them are under way before the first is answered: what they bring is bounded as well."""
    with Connection(server.port) as connection:
        body = h2.message(b"\x0a\x01k\x12\xe0\xc6\x5b" + bytes(1500000))
        connection.send(frame(HEADERS, END_HEADERS, 1, h2.request_fields(h2.PUT)))
        for at in range(0, len(body), 16000):
            connection.send(frame(DATA, END_STREAM if at + 16000 >= len(body) else 0, 1, body[at:at + 16000]))
        connection.wait_for_end(1)
    before = server.resident_bytes()
    with Connection(server.port, greet=False) as connection:
        connection.send(h2.PREFACE + frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
        connection.send(b"".join(h2.request(stream, path="/etcdserverpb.KV/Range", body=h2.message(b"\x0a\x01k"))
                                 for stream in range(1, 201, 2)))
        connection.wait_for(lambda kind, _, stream, __: kind == HEADERS and stream == 1)
        assert_serves(server)
        assert server.resident_bytes() - before < 50 * 1024 * 1024
        connection.send(frame(h2.WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535)))
        for stream in range(1, 201, 2):
            connection.send(frame(h2.WINDOW_UPDATE, 0, stream, struct.pack(">I", 1 << 30)))
        ends = 0
        while ends < 100:
            got = connection.next_frame()
            assert got is not None
            if got[0] == HEADERS and got[1] & END_STREAM:
                assert got[3] == {"grpc-status": "0"}
                ends += 1


def test_many_connections(server):
    connections = []
    try:
        for _ in range(3000):
            connections.append(Connection(server.port))
        for i in (0, 1500, 2999):
            connections[i].put(1)
        assert server.descriptors() > 3000
    finally:
        for connection in connections:
            connection.socket.close()
    assert_serves(server)


def test_more_connections_than_descriptors(start):
    """Half of the descriptors are for clients; who comes then is sent away, and room that is made is used."""
    server = start(descriptors=100)
    connections = [Connection(server.port) for _ in range(50)]
    for _ in range(200):
        with Connection(server.port, greet=False) as connection:
            assert connection.wait_for_close() is None
    for connection in connections:
        connection.put(1)
        connection.socket.close()
    wait_until(lambda: server.descriptors() < 50, 10, "the descriptors are free again")
    assert_serves(server)


def test_a_stop_lets_open_calls_end(start):
    server = start()
    connection = Connection(server.port)
    connection.send(frame(HEADERS, END_HEADERS, 1, h2.request_fields(h2.PUT)))
    connection.send(frame(h2.PING, 0, 0, bytes(8)))
    connection.wait_for(lambda kind, flags, *_: kind == h2.PING and flags & h2.ACK)
    server.process.terminate()
    connection.wait_for(lambda kind, *_: kind == h2.GOAWAY)
    connection.send(frame(DATA, END_STREAM, 1, h2.message(h2.PUT_BODY)))
    connection.wait_for_end(1)
    connection.wait_for_close()
    assert server.process.wait(10) == 0
    server.process.returncode = None
    server.stop = lambda: None
