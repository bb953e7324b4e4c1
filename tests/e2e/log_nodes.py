# SPDX-License-Identifier: MIT
"""log_nodes.py -- real `decree log` processes, and a client of their line protocol."""
import json
import os
import re
import socket
import subprocess

from nodes import DECREE, WITH_PARENT, free_ports
from wait import wait_until

TIMEOUT = 60


class LineClient:
    """A telnet for tests: whole lines, and answers read as far as they are understood."""

    def __init__(self, port, timeout=TIMEOUT):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.socket.makefile("rb")

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        line = self.file.readline()
        assert line.endswith(b"\n"), f"the connection ended in {line!r}"
        return line[:-1].decode("utf-8", "surrogateescape")

    def bytes(self, count):
        data = self.file.read(count)
        assert len(data) == count, f"{count} bytes were announced, {len(data)} came"
        return data

    def ask(self, text):
        self.send(text + "\n")
        return self.line()

    def value(self, rest):
        """The values that an answer ends with: bytes, or a list of them."""
        if re.fullmatch(r"\*\d+", rest):
            return [self.value(self.line()) for _ in range(int(rest[1:]))]
        if re.fullmatch(r"\$\d+", rest):
            data = self.bytes(int(rest[1:]))
            assert self.bytes(1) == b"\n"
            return data
        return rest.encode("utf-8", "surrogateescape")

    def chosen(self):
        words = self.line().split(" ", 3)
        assert words[0] == "CHOSEN", words
        return int(words[1]), int(words[2]), self.value(words[3])

    def prop(self, request_id, value):
        if isinstance(value, str):
            self.send(f"PROP {request_id} {value}\n")
        else:
            self.send(b"PROP %d $%d\n%s\n" % (request_id, len(value), value))
        return self.chosen()

    def get(self, index, count=1):
        """[(index, request id, member, value)] and the last index."""
        self.send(f"GET {index} {count}\n")
        words = self.line().split(" ")
        assert words[0] == "ITEMS", words
        items = []
        for _ in range(int(words[1])):
            item = self.line().split(" ", 4)
            assert item[0] == "ITEM", item
            items.append((int(item[1]), int(item[2]), item[3], self.value(item[4])))
        return items, int(words[2])

    def status(self):
        line = self.ask("STATUS")
        assert line.startswith("STATUS "), line
        return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))

    def at_end(self):
        return self.file.read(1) == b""

    def close(self):
        self.file.close()
        self.socket.close()


class LogNode:
    def __init__(self, folder, index, peer_ports, port):
        self.port = port
        self.index = index
        self.log = os.path.join(folder, f"n{index}.log")
        self.config = os.path.join(folder, f"config{index}.json")
        self.process = None
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump({"selfid": index,
                       "groups": [{"id": i + 1, "ip": "127.0.0.1", "port": p} for i, p in enumerate(peer_ports)],
                       "path": os.path.join(folder, f"data{index}"),
                       "stimeout": {"heartbeat": 100, "instimeoutbase": 200, "instimeoutrange": 30}}, file)

    def start(self, environment=None):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*WITH_PARENT, DECREE, "log", "--log-level", "info", self.config, f"127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(environment or {})})

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def connect(self):
        def try_it():
            assert self.is_running(), self.text_of_log()
            try:
                return LineClient(self.port)
            except OSError:
                return None
        return wait_until(try_it, TIMEOUT, f"n{self.index} accepts connections")

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def terminate(self):
        self.process.terminate()
        try:
            return self.process.wait(TIMEOUT)
        finally:
            self.kill()

    def text_of_log(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()


class LogCluster:
    def __init__(self, folder, count=3):
        ports = free_ports(2 * count)
        self.nodes = [LogNode(str(folder), i + 1, ports[:count], ports[count + i]) for i in range(count)]

    def __enter__(self):
        for node in self.nodes:
            node.start()
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.kill()
