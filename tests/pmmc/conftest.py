# SPDX-License-Identifier: MIT
"""conftest.py -- processes and masters in a temporary folder; none of them outlives its test."""
import os
import re
import socket
import subprocess

import pytest

DECREE = os.environ["DECREE"]
# Whatever is started so is killed when the test's own process ends.
WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]


class Process:
    """A `decree process`, and its text port by hand."""

    def __init__(self, folder, number, count, port=0, arguments=()):
        self.process = subprocess.Popen(
            [*WITH_PARENT, DECREE, "process", str(number), str(count), str(port), "--dir", str(folder), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline()
        found = re.search(r" port=(\d+) ", self.ready)
        self.port = int(found.group(1)) if found else None
        self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=60) if found else None
        self.buffer = b""

    def say(self, *lines):
        self.connection.sendall("".join(line + "\n" for line in lines).encode())

    def hear(self):
        """The next message: its length stands before it."""
        while True:
            found = re.match(rb"(\d+)-", self.buffer)
            if found and len(self.buffer) >= found.end() + int(found.group(1)):
                end = found.end() + int(found.group(1))
                message, self.buffer = self.buffer[found.end():end], self.buffer[end:]
                return message.decode()
            piece = self.connection.recv(65536)
            if not piece:
                raise ConnectionError("it is gone")
            self.buffer += piece

    def ask(self, line):
        self.say(line)
        return self.hear()

    def wait(self, seconds=60):
        """The exit status, and what it wrote to standard error."""
        self.process.wait(seconds)
        return self.process.returncode, self.process.stderr.read()

    def close(self):
        if self.connection is not None:
            self.connection.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def processes(tmp_path):
    """A function that starts process NUMBER of COUNT in the test's folder."""
    started = []

    def start(number, count, **options):
        started.append(Process(options.pop("folder", tmp_path / "run"), number, count, **options))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture
def environment(tmp_path):
    (tmp_path / "tmp").mkdir()
    return dict(os.environ, TMPDIR=str(tmp_path / "tmp"))


@pytest.fixture
def master(environment, tmp_path):
    """A function that plays a script to its end."""

    def play(script, *arguments):
        return subprocess.run([*WITH_PARENT, DECREE, "master", *arguments], input=script, capture_output=True, text=True,
                              timeout=150, check=False, env=environment, cwd=tmp_path)

    return play
