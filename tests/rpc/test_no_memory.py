# SPDX-License-Identifier: MIT
"""test_no_memory.py -- each allocation of the server fails in turn: one call or connection is lost, the server is not."""
import h2
from h2 import Connection, DATA, END_STREAM, HEADERS, RST_STREAM
from test_http1 import Connection as Http1, chunked, post, request


def ask(connection, data):
    """The status of the answer; None if the connection was lost."""
    try:
        connection.send(data)
        return connection.answer()[0]
    except (AssertionError, ConnectionResetError, ValueError):
        return None


def use_http1(port):
    outcomes = []
    with Http1(port) as connection:
        for data in (post("/echo", bytes(30000)), request("/echo", "POST", ["Transfer-Encoding: chunked"], chunked(b"a", b"b")),
                     request("/asked?" + "x" * 3000, headers=["X-Test: a"]), request("/later?1"), request("/later?1") + request()):
            outcomes.append(ask(connection, data))
        if outcomes[-1]:
            outcomes.append(ask(connection, b""))
    with Http1(port) as connection:
        connection.send(request("/flood?200", version="1.0"))
        try:
            outcomes.append(len(connection.file.read()) > 2000000)
        except ConnectionResetError:
            outcomes.append(False)
    return outcomes


def use_streams(port):
    """What became of the three calls: the status of each, "reset", or nothing more if the connection was lost."""
    outcomes = []
    with Connection(port, greet=False) as connection:
        connection.send(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0) + h2.frame(h2.SETTINGS, h2.ACK, 0))
        echo = h2.message(b"x" * 5000)
        connection.send(h2.frame(HEADERS, 4, 1, h2.request_fields("/test.Test/Echo")) + h2.frame(DATA, 0, 1, echo) +
                        h2.frame(DATA, 0, 1, echo) + h2.frame(DATA, END_STREAM, 1, h2.message(b"fail")) +
                        h2.request(3, path="/test.Test/Flood", body=h2.message(b"3")) +
                        h2.request(5, path="/test.Test/Refuse", body=h2.message(b"")))
        while len(outcomes) < 3:
            got = connection.next_frame()
            if got is None or got[0] == h2.GOAWAY:
                break
            if got[0] == HEADERS and got[1] & END_STREAM:
                outcomes.append(got[3]["grpc-status"])
            elif got[0] == RST_STREAM:
                outcomes.append("reset")
    return outcomes


def each_fails(start, use, well, allowed):
    """Until ten numbers in a row change nothing: so many allocations there are not."""
    number, in_a_row, lost = 0, 0, 0
    while in_a_row < 10:
        number += 1
        server = start(f"fail={number}")
        outcomes = use(server.port)
        assert set(outcomes) <= allowed, outcomes
        if outcomes == well:
            in_a_row += 1
            continue
        in_a_row, lost = 0, lost + 1
        assert use(server.port) == well
    assert number < 1000 and lost > 5


def test_http1(start):
    each_fails(start, use_http1, [200, 200, 200, 200, 200, 200, True], {200, 503, None, True, False})


def test_streams(start):
    each_fails(start, use_streams, ["7", "15", "0"], {"7", "15", "0", "8", "reset"})
