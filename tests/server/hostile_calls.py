# SPDX-License-Identifier: MIT
"""hostile_calls.py -- sends requests of any bytes, many at a time on one connection, and insists that each call ends."""
import h2
from h2 import DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame

WIDE = (1 << 31) - 1


class Caller:
    def __init__(self, port, timeout_ms=300):
        self.port = port
        self.more = [("grpc-timeout", f"{timeout_ms}m")]
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection is not None:
            self.connection.socket.close()
            self.connection = None

    def connect(self):
        self.connection = h2.Connection(self.port, greet=False)
        self.connection.socket.settimeout(30)
        self.connection.send(h2.PREFACE + frame(SETTINGS, 0, 0, b"\0\4" + WIDE.to_bytes(4, "big")) +
                             frame(WINDOW_UPDATE, 0, 0, (WIDE - 65535).to_bytes(4, "big")))
        self.connection.wait_for(lambda kind, flags, *_: kind == SETTINGS and not flags & h2.ACK)
        self.connection.send(frame(SETTINGS, h2.ACK, 0))
        self.stream = 1

    def call(self, path, bodies):
        """bodies: what follows the headers, each for a call of its own, framing and all. Their (status, message)s in order;
        an unary call that was reset is (None, the code)."""
        if self.connection is None or self.stream > 1 << 29:
            self.close()
            self.connect()
        first, out = self.stream, b""
        head = h2.request_fields(path, more=self.more)
        for body in bodies:
            parts = [body[at:at + 16384] for at in range(0, len(body), 16384)] or [b""]
            out += frame(HEADERS, END_HEADERS, self.stream, head)
            for part in parts[:-1]:
                out += frame(DATA, 0, self.stream, part)
            out += frame(DATA, END_STREAM, self.stream, parts[-1])
            self.stream += 2
        self.connection.send(out)
        results = [None] * len(bodies)
        left = len(bodies)
        while left > 0:
            got = self.connection.next_frame()
            assert got is not None, f"{path}: the connection was closed with {left} calls open"
            kind, flags, stream, payload = got
            if stream < first or results[(stream - first) // 2] is not None:
                continue
            if kind == RST_STREAM:
                result = (None, int.from_bytes(payload, "big"))
            elif kind == HEADERS and flags & END_STREAM:
                result = (int(payload["grpc-status"]), payload.get("grpc-message", ""))
            else:
                continue
            results[(stream - first) // 2] = result
            left -= 1
        return results
