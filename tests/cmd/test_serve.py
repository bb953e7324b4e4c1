# SPDX-License-Identifier: MIT
"""test_serve.py DECREE -- what `decree serve` says and how it exits when it cannot start, and how it stops."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from ports import free_ports

DECREE = os.path.abspath(sys.argv[1])
TIMEOUT = 60


def http2_frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def text(value):
    return bytes([len(value)]) + value.encode()


def leave_a_put_open(connection):
    """Asks for a write that nobody can decide, and returns when the server has taken it in."""
    headers = (b"\x83\x86" + b"\x04" + text("/etcdserverpb.KV/Put") + b"\x01" + text("test")
               + b"\x0f\x10" + text("application/grpc") + b"\x00" + text("te") + text("trailers"))
    put = b"\x0a\x01a\x12\x01b"
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0, b"")
                       + http2_frame(1, 4, 1, headers)
                       + http2_frame(0, 1, 1, b"\0" + len(put).to_bytes(4, "big") + put)
                       + http2_frame(6, 0, 0, b"are you "))
    stream = connection.makefile("rb")
    while True:
        head = stream.read(9)
        stream.read(int.from_bytes(head[:3], "big"))
        if head[3] == 6:
            return


class ServeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, *arguments):
        """A member that is ready; returns it with the port for clients."""
        (peers,) = free_ports(1)
        words = [DECREE, "serve", "--listen", "127.0.0.1:0"]
        if "--cluster" not in arguments:
            words += ["--cluster", f"n1=127.0.0.1:{peers}"]
        process = subprocess.Popen(words + list(arguments), cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, TIMEOUT)
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        self.assertRegex(line, r"^ready name=n1 clients=127\.0\.0\.1:\d+ ")
        return process, int(line.split("clients=127.0.0.1:")[1].split()[0])

    def refused(self, status, words, *arguments):
        (peers,) = free_ports(1)
        given = list(arguments)
        if "--cluster" not in arguments:
            given += ["--cluster", f"n1=127.0.0.1:{peers}"]
        if "--listen" not in arguments:
            given += ["--listen", "127.0.0.1:0"]
        done = subprocess.run([DECREE, "serve"] + given, cwd=self.folder, capture_output=True, text=True,
                              timeout=TIMEOUT)
        said = [line for line in done.stderr.splitlines() if line.startswith("decree serve:")]
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(said), 1, done.stderr)
        self.assertIn(words, said[0])
        self.assertEqual(done.stdout, "")

    def test_command_lines_that_make_no_sense(self):
        self.refused(64, "unrecognized option", "--bogus")
        self.refused(64, "options only", "extra")
        self.refused(64, "--heartbeat-ms must be a number", "--heartbeat-ms", "0")
        self.refused(64, "must be longer than the heartbeat", "--heartbeat-ms", "100", "--election-ms", "100")
        self.refused(64, "--log-level must be", "--log-level", "loud")
        self.refused(64, "--log-format must be", "--log-format", "xml")
        self.refused(64, "there is no ':'", "--listen", "somewhere")
        self.refused(64, "there is no '='", "--cluster", "n1")
        self.refused(64, "twice", "--cluster", "n1=h:1,n1=h:2")
        self.refused(64, "say with --name", "--cluster", "a=h:1,b=h:2")
        self.refused(64, "not in --cluster", "--cluster", "a=h:1,b=h:2", "--name", "c")

    def test_unsafe_quorums(self):
        self.refused(78, "are unsafe with", "--cluster", "n1=h:1,n2=h:2,n3=h:3", "--vote-quorum", "1")

    def test_disk_and_ports_that_cannot_be_had(self):
        self.refused(74, "/proc/none", "--data", "/proc/none")
        self.refused(74, "nowhere.invalid", "--listen", "nowhere.invalid:1")
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            port = busy.getsockname()[1]
            self.refused(74, "address already in use", "--listen", f"127.0.0.1:{port}")
            self.refused(74, "address already in use", "--cluster", f"n1=127.0.0.1:{port}")

    def test_data_of_somebody_else(self):
        process, _ = self.start("--data", "mine")
        self.refused(75, "another process uses mine", "--data", "mine")
        process.terminate()
        self.assertEqual(process.wait(TIMEOUT), 0)
        self.refused(78, "mine belongs to", "--data", "mine", "--cluster-token", "other")

    def test_logs_are_json_if_wanted(self):
        process, _ = self.start("--log-format", "json")
        events = []
        for line in process.stderr:
            events.append(json.loads(line)["event"])
            if events[-1] == "leader_changed":
                process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(TIMEOUT), 0)
        self.assertEqual(events[0], "replayed")
        self.assertEqual(events[-1], "stopped")

    def test_a_second_signal_ends_it_at_once(self):
        ports = free_ports(2)
        process, port = self.start("--cluster", f"n1=127.0.0.1:{ports[0]},n2=127.0.0.1:{ports[1]}")
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
            leave_a_put_open(connection)
            process.terminate()
            for line in process.stderr:
                if "draining" in line:
                    break
            process.terminate()
            self.assertEqual(process.wait(TIMEOUT), 128 + signal.SIGTERM)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
