# SPDX-License-Identifier: MIT
"""test_http1.py -- HTTP/1.1 by hand and by Python's own client, on a port that speaks gRPC too."""
import http.client
import os
import random
import socket
import subprocess
import threading

import pytest


def request(path="/hello", method="GET", headers=(), body=b"", version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", *(["Host: x"] if version == "1.1" else []), *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def post(path, body, *headers):
    return request(path, "POST", [f"Content-Length: {len(body)}", *headers], body)


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


class Connection:
    def __init__(self, port, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def head(self):
        """Status and headers of the next answer."""
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while True:
            field = self.file.readline().strip().decode()
            if not field:
                return int(line.split()[1]), headers
            name, value = field.split(": ", 1)
            headers[name.lower()] = value

    def chunk(self):
        """The next piece of a stream; b"" is its end."""
        size = int(self.file.readline(), 16)
        data = self.file.read(size)
        assert self.file.readline() == b"\r\n"
        return data

    def answer(self, has_body=True):
        status, headers = self.head()
        body = self.file.read(int(headers.get("content-length", 0))) if has_body else b""
        return status, headers, body

    def ask(self, data):
        self.send(data)
        status, _, body = self.answer()
        return status, body

    def is_closed(self):
        """Waits for the end, which must come with nothing before it."""
        try:
            return self.file.read() == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def connection(server):
    with Connection(server.port) as connection:
        yield connection


# ---- as it should be ----

def test_a_client_that_is_not_ours(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for number in range(3):
        client.request("POST", "/echo", b'{"n": %d}' % number, {"Content-Type": "application/json"})
        answer = client.getresponse()
        assert (answer.status, answer.getheader("content-type")) == (200, "application/json")
        assert answer.read() == b'{"n": %d}' % number
    client.request("PUT", "/echo", iter([b"ab", b"", b"cd" * 5000]), encode_chunked=True)
    assert client.getresponse().read() == b"ab" + b"cd" * 5000
    client.close()


def test_curl(server):
    url = f"http://127.0.0.1:{server.port}"
    run = subprocess.run(["curl", "-sS", "-w", "%{http_code}", "--data-binary", "@-", url + "/echo"], input=b"x" * 2000000,
                         capture_output=True, timeout=60)
    assert run.stdout == b"x" * 2000000 + b"200", run.stderr
    run = subprocess.run(["curl", "-sS", url + "/hello", url + "/later?20", "--http2", url + "/hello"], capture_output=True,
                         timeout=60)
    assert run.stdout == b"hellolaterhello", run.stderr


def test_path_query_and_headers(connection):
    assert connection.ask(request("/asked/a%20b?x=1&y=?#z", headers=["X-TEST: Some Thing"])) == (
        200, b"GET /asked/a%20b x=1&y=? Some Thing")
    assert connection.ask(request("http://somewhere:80/asked?q")) == (200, b"GET /asked q -")
    assert connection.ask(request("/asked", headers=["Empty:", "X-Test: a"])) == (200, b"GET /asked  a")
    assert connection.ask(request("/asked", headers=["X-Test:"])) == (200, b"GET /asked  ")
    assert connection.ask(b"\r\n\r\n" + request("/asked")) == (200, b"GET /asked  -")


def test_every_cut(server):
    """Wherever the bytes of two requests are cut, the answers are the same."""
    data = post("/echo", b"abc", "Content-Type: a/b") + request("/echo", "POST", ["Transfer-Encoding: chunked"],
                                                                chunked(b"de", b"f"))
    for cut in range(1, len(data)):
        with Connection(server.port) as connection:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.send(data[:cut])
            connection.send(data[cut:])
            assert connection.answer()[2] == b"abc"
            assert connection.answer()[2] == b"def"


def test_head_has_no_body(connection):
    connection.send(request("/hello", "HEAD") + request("/hello"))
    status, headers, _ = connection.answer(has_body=False)
    assert (status, headers["content-length"]) == (200, "5")
    assert connection.answer()[2] == b"hello"
    connection.send(request("/hello", "HEAD") + b"nonsense\r\n\r\n")
    assert connection.answer(has_body=False)[0] == 200
    assert b"HTTP/1.1" in connection.answer()[2]


def test_pipelined_requests_are_answered_in_order(connection):
    connection.send(b"".join(request(f"/asked?{i}") if i % 7 else request("/later?1") for i in range(700)))
    for i in range(700):
        assert connection.answer()[2] == (b"GET /asked %d -" % i if i % 7 else b"later")


def test_a_long_pipeline_of_large_bodies(server):
    """More than the socket holds in both directions: the server does not read while it is not read."""
    body = bytes(100000)
    with Connection(server.port, receive_bytes=8192) as connection:
        sender = threading.Thread(target=lambda: [connection.send(post("/echo", body)) for _ in range(200)])
        sender.start()
        before = server.resident_bytes()
        for _ in range(200):
            assert connection.answer()[2] == body
        assert server.resident_bytes() < before + 10000000
        sender.join()


def test_keep_alive_of_both_versions(server):
    for version, headers, kept in [("1.1", [], True), ("1.1", ["Connection: close"], False), ("1.0", [], False),
                                   ("1.0", ["Connection: keep-alive"], True)]:
        with Connection(server.port) as connection:
            connection.send(request("/hello", headers=headers, version=version))
            _, answered, body = connection.answer()
            assert body == b"hello"
            if kept:
                assert answered.get("connection") == ("keep-alive" if version == "1.0" else None)
                assert connection.ask(request("/hello", version=version, headers=headers)) == (200, b"hello")
            else:
                assert answered["connection"] == "close" and connection.is_closed()


def test_who_says_all_and_hangs_up_gets_his_answers(server):
    with Connection(server.port) as connection:
        connection.send(request("/later?50") + request("/hello"))
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.answer()[2] == b"later"
        assert connection.answer()[2] == b"hello"
        assert connection.is_closed()


def test_continue(connection):
    head = request("/echo", "POST", ["Content-Length: 4", "Expect: 100-continue"])
    connection.send(head)
    assert connection.head() == (100, {})
    assert connection.ask(b"body") == (200, b"body")
    connection.send(head + b"more")  # did not wait for it
    assert connection.head() == (100, {})
    assert connection.answer()[2] == b"more"


# ---- streams ----

def test_a_stream_is_flushed_piece_by_piece(server):
    with Connection(server.port) as reader, Connection(server.port) as writer:
        reader.send(request("/ticks"))
        status, headers = reader.head()
        assert (status, headers["transfer-encoding"], headers["content-type"]) == (200, "chunked", "application/json")
        for i in range(5):
            assert writer.ask(post("/tick", b'{"n":%d}\n' % i)) == (204, b"")
            assert reader.chunk() == b'{"n":%d}\n' % i
        assert writer.ask(post("/tick", b"end")) == (204, b"")
        assert reader.chunk() == b""
        assert reader.ask(request("/counters")) == (200, b"0 0 0")


def test_a_stream_for_http10_ends_with_the_connection(server):
    with Connection(server.port) as connection:
        connection.send(request("/flood?3", version="1.0"))
        assert connection.head() == (200, {"content-type": "application/octet-stream", "connection": "close"})
        assert connection.file.read() == bytes(30000)


def test_a_fast_stream_waits_for_its_reader(server):
    with Connection(server.port, receive_bytes=8192) as connection:
        before = server.resident_bytes()
        connection.send(request("/flood?2000") + request("/hello"))
        connection.head()
        assert Connection(server.port).ask(request("/hello")) == (200, b"hello")
        assert server.resident_bytes() < before + 6000000
        assert sum(len(connection.chunk()) for _ in range(2000)) == 20000000
        assert connection.chunk() == b""
        assert connection.answer()[2] == b"hello"
        assert int(connection.ask(request("/counters"))[1].split()[1]) > 0, "there was no waiting"


def test_a_stream_whose_client_goes_away(server):
    with Connection(server.port) as watcher:
        for path in ("/ticks", "/flood?100000"):
            with Connection(server.port, receive_bytes=8192) as connection:
                connection.send(request(path))
                assert connection.head()[0] == 200
        while watcher.ask(request("/counters"))[1].split()[0] != b"2":
            pass
        assert watcher.ask(post("/tick", b"x")) == (409, b"nobody listens\n")


# ---- as it should not be ----

@pytest.mark.parametrize("data, status, words", [
    (request("/nothing"), 404, "no /nothing"),
    (request("/hello", "POST"), 405, "POST"),
    (request("/hello", "DELETE"), 405, "DELETE"),
    (b"GET /hello HTTP/1.1\r\n\r\n", 400, "Host"),
    (request("/hello", headers=["Expect: magic"]), 417, "magic"),
])
def test_mistakes_that_the_connection_survives(connection, data, status, words):
    got, body = connection.ask(data)
    assert got == status and words in body.decode(), body
    assert connection.ask(request()) == (200, b"hello")


@pytest.mark.parametrize("data, status, words", [
    (b"hello\r\n\r\n", 400, "method"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "HTTP/1.1"),
    (b"GET / HTTP/9.9\r\n\r\n", 505, "HTTP/9.9"),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP/2.0"),
    (b"GET /hello\r\n\r\n", 505, "HTTP/0.9"),
    (b"GET /\0 HTTP/1.1\r\n\r\n", 400, ""),
    (request(headers=["Content-Length : 3"]), 400, "header"),
    (request(headers=["a b: c"]), 400, "header"),
    (request(headers=["a: \0"]), 400, "header"),
    (request(headers=["a: b\0c"]), 400, "header"),
    (request(headers=["Content-Length: 1x"]), 400, "content-length"),
    (request(headers=["Content-Length: -1"]), 400, "content-length"),
    (request(headers=["Content-Length: 3", "Content-Length: 4"]), 400, "content-length"),
    (request(headers=["Content-Length: 99999999999999999999999"]), 400, "content-length"),
    (request("/echo", "POST", ["Content-Length: 3", "Transfer-Encoding: chunked"], b"0\r\n\r\n"), 400, "content-length"),
    (request("/echo", "POST", ["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"), 400, "transfer-encoding"),
    (request("/echo", "POST", ["Transfer-Encoding: chunked"], b"xyz\r\n"), 400, "chunk"),
    (request("/echo", "POST", ["Transfer-Encoding: chunked"], b"fffffffffffffffffff\r\n"), 400, ""),
    (request("/echo", "POST", ["Content-Length: 4194305"]), 413, "4194304"),
    (request("/echo", "POST", ["Content-Length: 4194305", "Expect: 100-continue"]), 413, "4194304"),
    (request("/nothing", "POST", ["Content-Length: 10"]), 404, "/nothing"),
    (request("/" + "a" * 40000), 431, "32768"),
    (request(headers=["a: " + "b" * 40000]), 431, "32768"),
    (request(headers=["a: b"] * 10000), 431, "32768"),
])
def test_mistakes_that_end_the_connection(connection, data, status, words):
    connection.send(data)
    got, headers, body = connection.answer()
    assert got == status and words in body.decode(), body
    assert headers["connection"] == "close"
    connection.socket.shutdown(socket.SHUT_WR)
    assert connection.is_closed()


def test_a_chunked_body_that_is_too_large_is_answered_while_it_comes(connection):
    connection.send(request("/echo", "POST", ["Transfer-Encoding: chunked"]))
    for _ in range(100):
        connection.send(b"%x\r\n%s\r\n" % (100000, bytes(100000)))
    status, _, body = connection.answer()
    assert status == 413 and b"4194304" in body


def test_random_bytes(server):
    rng = random.Random(1)
    words = [b"GET ", b"POST ", b"/echo", b" HTTP/1.1\r\n", b"Host: x\r\n", b"\r\n", b"Content-Length: ", b"3", b"PRI ",
             b"Transfer-Encoding: chunked\r\n", b"\0", b"\xff", b"* HTTP/2.0\r\n\r\nSM\r\n\r\n", b": ", b"0\r\n", b"Expect: "]
    for _ in range(300):
        with Connection(server.port) as connection:
            connection.send(b"".join(rng.choice(words) for _ in range(rng.randrange(1, 30))))
    assert Connection(server.port).ask(request()) == (200, b"hello")


def test_requests_cut_anywhere(server):
    data = post("/echo", b"abc")
    for cut in range(1, len(data)):
        with Connection(server.port) as connection:
            connection.send(data[:cut])
            connection.socket.shutdown(socket.SHUT_WR)
            assert connection.is_closed()
    assert Connection(server.port).ask(request()) == (200, b"hello")


# ---- those who take their time ----

def test_a_request_must_come_whole(start):
    server = start("request=1000")
    for part in (b"GET /hello HT", post("/echo", b"abc")[:-1]):
        with Connection(server.port) as connection:
            connection.send(part)
            status, headers, body = connection.answer()
            assert (status, headers["connection"]) == (408, "close") and b"1000 ms" in body
            assert connection.is_closed()


def test_an_idle_connection_is_closed(start):
    server = start("idle=1000")
    with Connection(server.port) as connection:
        assert connection.ask(request()) == (200, b"hello")
        assert connection.is_closed()


def test_who_does_not_read_is_left(start):
    server = start("unread=1000")
    with Connection(server.port, receive_bytes=8192) as connection, Connection(server.port) as watcher:
        connection.send(request("/flood?100000"))
        while watcher.ask(request("/counters"))[1].split()[0] != b"1":
            pass


def test_a_stop_lets_a_request_end(start):
    server = start("grace=60000")
    with Connection(server.port) as idle, Connection(server.port) as connection, Connection(server.port) as half:
        assert idle.ask(request()) == (200, b"hello")
        half.send(post("/echo", b"abc")[:-1])
        connection.send(request("/asked") + request("/later?2000") + request("/hello"))  # time enough to be told to stop
        connection.answer()
        assert half.socket.fileno() >= 0
        server.process.terminate()
        assert idle.is_closed()
        half.send(b"c")
        assert half.answer()[2] == b"abc"
        status, headers, body = connection.answer()
        assert (status, headers["connection"], body) == (200, "close", b"later")
    assert server.process.wait(20) == 0
    server.stopped = True


def test_a_stop_ends_streams(server):
    with Connection(server.port) as connection:
        connection.send(request("/ticks"))
        connection.head()
        server.process.terminate()
        assert connection.is_closed()
    assert server.process.wait(20) == 0
    server.stopped = True


# ---- which protocol it is ----

def test_alone_it_takes_no_http2(start):
    server = start("grpc=0")
    with Connection(server.port) as connection:
        assert connection.ask(request()) == (200, b"hello")
    with Connection(server.port) as connection:
        status, _ = connection.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert status == 400


def test_without_it_the_port_says_so(start):
    server = start("http1=0")
    with Connection(server.port) as connection:
        status, body = connection.ask(request())
        assert status == 505 and b"HTTP/2" in body


def test_a_preface_that_comes_byte_by_byte(server):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5)
    with Connection(server.port) as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in preface:
            connection.send(bytes([byte]))
        assert connection.file.read(9)[3] == 4
    for size in range(1, 5):
        with Connection(server.port) as connection:
            connection.send(b"PRI "[:size])
    with Connection(server.port) as connection:
        connection.send(b"P")
        connection.send(post("/echo", b"abc")[1:])
        assert connection.answer()[2] == b"abc"


def test_many_connections(server):
    connections = [Connection(server.port) for _ in range(500)]
    for connection in connections:
        connection.send(request())
    for connection in connections:
        assert connection.answer()[2] == b"hello"
        connection.socket.close()
    assert os.path.exists(f"/proc/{server.process.pid}")
