# SPDX-License-Identifier: MIT
"""h2.py -- HTTP/2 frames by hand, so that a test can send what no decent client sends.

Headers go out as literals, never indexed; those that come in are decoded by nghttp2.
"""
import ctypes
import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, REFUSED_STREAM = 0, 1, 2, 3, 7
ENHANCE_YOUR_CALM = 11


def frame(kind, flags, stream, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    if len(value) < 127:
        return bytes([len(value)]) + value
    size, out = len(value) - 127, b"\x7f"
    while size >= 128:
        out += bytes([size % 128 + 128])
        size //= 128
    return out + bytes([size]) + value


def fields(pairs):
    return b"".join(b"\x00" + text(name) + text(value) for name, value in pairs)


def request_fields(path, method="POST", content_type="application/grpc", more=()):
    pairs = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x")]
    return fields(pairs + ([("content-type", content_type)] if content_type else []) + [("te", "trailers")] + list(more))


def message(body):
    return b"\0" + struct.pack(">I", len(body)) + body


PUT = "/etcdserverpb.KV/Put"
PUT_BODY = b"\x0a\x01k\x12\x01v"


def request(stream, path=PUT, body=None, **options):
    return (frame(HEADERS, END_HEADERS, stream, request_fields(path, **options)) +
            frame(DATA, END_STREAM, stream, message(PUT_BODY) if body is None else body))


class HeaderField(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("value", ctypes.c_void_p), ("name_size", ctypes.c_size_t),
                ("value_size", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


class Inflater:
    """The header compression of one direction of a connection."""

    library = ctypes.CDLL("libnghttp2.so.14")
    library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
    library.nghttp2_hd_inflate_hd2.argtypes = [ctypes.c_void_p, ctypes.POINTER(HeaderField), ctypes.POINTER(ctypes.c_int),
                                               ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    library.nghttp2_hd_inflate_end_headers.argtypes = [ctypes.c_void_p]
    library.nghttp2_hd_inflate_del.argtypes = [ctypes.c_void_p]

    def __init__(self):
        self.inflater = ctypes.c_void_p()
        assert self.library.nghttp2_hd_inflate_new(ctypes.byref(self.inflater)) == 0

    def __del__(self):
        self.library.nghttp2_hd_inflate_del(self.inflater)

    def decode(self, block):
        """The fields of a whole block."""
        decoded, field, flags = {}, HeaderField(), ctypes.c_int()
        while True:
            size = self.library.nghttp2_hd_inflate_hd2(self.inflater, ctypes.byref(field), ctypes.byref(flags), block,
                                                       len(block), 1)
            assert size >= 0, "the server's headers are malformed"
            block = block[size:]
            if flags.value & 2:
                decoded[ctypes.string_at(field.name, field.name_size).decode()] = ctypes.string_at(
                    field.value, field.value_size).decode()
            if flags.value & 1:
                self.library.nghttp2_hd_inflate_end_headers(self.inflater)
                return decoded


class Connection:
    """A connection that has greeted, unless told not to."""

    def __init__(self, port, greet=True, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.input = b""
        self.inflater = Inflater()
        if greet:
            self.send(PREFACE + frame(SETTINGS, 0, 0))
            self.wait_for(lambda kind, flags, *_: kind == SETTINGS and not flags & ACK)
            self.send(frame(SETTINGS, ACK, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False when the other side has closed already."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def fill(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.input += data
        return bool(data)

    def next_frame(self):
        """(kind, flags, stream, payload), or None when the connection was closed. The payload of HEADERS is a dict."""
        while len(self.input) < 9 or len(self.input) < 9 + int.from_bytes(self.input[:3], "big"):
            if not self.fill():
                return None
        size = int.from_bytes(self.input[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.input[3:9])
        payload, self.input = self.input[9:9 + size], self.input[9 + size:]
        return kind, flags, stream, self.inflater.decode(payload) if kind == HEADERS else payload

    def wait_for(self, wanted):
        """Frames until the wanted one, which is the last of the list; fails when the connection is closed before."""
        frames = []
        while True:
            got = self.next_frame()
            assert got is not None, f"closed before the frame came: {frames[-3:]}"
            frames.append(got)
            if wanted(*got):
                return frames

    def wait_for_end(self, stream):
        """The headers and trailers of a stream's answer, in one dict."""
        frames = self.wait_for(lambda kind, flags, id, _: id == stream and kind in (DATA, HEADERS) and flags & END_STREAM)
        fields_ = {}
        for kind, _, id, payload in frames:
            if id == stream and kind == HEADERS:
                fields_.update(payload)
        return fields_

    def put(self, stream):
        """A put that must go well."""
        self.send(request(stream))
        answer = self.wait_for_end(stream)
        assert answer == {":status": "200", "content-type": "application/grpc", "grpc-status": "0"}, answer

    def wait_for_close(self):
        """The error code of the GOAWAY that came before the close; None without one."""
        code = None
        while True:
            got = self.next_frame()
            if got is None:
                return code
            if got[0] == GOAWAY:
                code = int.from_bytes(got[3][4:8], "big")
