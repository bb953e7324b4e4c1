# SPDX-License-Identifier: MIT
"""test_no_memory.py -- each allocation of the front fails in turn: one call is lost, the server and the other calls are not."""
import h2
from h2 import Connection, END_STREAM, HEADERS

RANGE, STATUS = "/etcdserverpb.KV/Range", "/etcdserverpb.Maintenance/Status"
SORTED = b"\x0a\x01\0\x12\x01\0\x28\x02\x30\x04"


def use(port):
    """A bit of everything that allocates. Returns what became of each call, as far as that was said."""
    statuses = []
    with Connection(port, greet=False) as connection:
        connection.send(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0) + h2.frame(h2.SETTINGS, h2.ACK, 0))
        large = h2.message(b"\x0a\x01l\x12\xa0\x9c\x01" + bytes(20000))
        connection.send(h2.request(1) + h2.frame(HEADERS, 4, 3, h2.request_fields(h2.PUT)) +
                        h2.frame(h2.DATA, 0, 3, large[:16000]) + h2.frame(h2.DATA, END_STREAM, 3, large[16000:]) +
                        h2.request(5, path=RANGE, body=h2.message(SORTED)) +
                        h2.request(7, path=STATUS, body=h2.message(b"")))
        while len(statuses) < 4:
            got = connection.next_frame()
            if got is None or got[0] == h2.GOAWAY:
                break
            if got[0] == HEADERS and got[1] & END_STREAM:
                statuses.append(got[3]["grpc-status"])
            elif got[0] == h2.RST_STREAM:
                statuses.append("reset")
    return statuses


def test_each_allocation_fails_once(start):
    """Until ten numbers in a row change nothing: so many allocations there are not."""
    seen, number, well = set(), 0, 0
    while well < 10:
        number += 1
        server = start(f"fail={number}")
        statuses = use(server.port)
        seen.add(tuple(statuses))
        assert set(statuses) <= {"0", "8", "reset"}, statuses
        if statuses == ["0"] * 4:
            well += 1
        else:
            well = 0
            assert use(server.port) == ["0"] * 4
    assert 30 < number < 1000
    assert () in seen, "no connection was lost"
    for loss in ("8", "reset"):
        assert any(loss in statuses for statuses in seen), f"no call was lost by {loss}"
