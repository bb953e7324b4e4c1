# SPDX-License-Identifier: MIT
"""test_command_line.py -- the decree program as a user has it: words, output, exit statuses."""
import base64
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from nodes import DECREE, free_ports
from test_members import all_know
from wait import wait_until


def decree(*arguments, endpoints=None, data=b"", expect=0, env=None):
    environment = dict(os.environ, **(env or {}))
    environment.pop("DECREE_ENDPOINTS", None)
    if endpoints is not None:
        environment["DECREE_ENDPOINTS"] = endpoints
    result = subprocess.run([DECREE, *arguments], input=data, capture_output=True, timeout=30, env=environment)
    assert result.returncode == expect, (arguments, result.returncode, result.stdout, result.stderr)
    return result.stdout if expect == 0 else result.stderr


def test_writing_reading_and_deleting(cluster):
    at = dict(endpoints=cluster.endpoints)
    assert decree("put", "city", "Paris", **at) == b"OK\n"
    assert decree("get", "city", **at) == b"city\nParis\n"
    assert decree("put", "city", "Rome", "--prev-kv", **at) == b"OK\ncity\nParis\n"
    assert decree("put", "user/1", "a", **at) == b"OK\n"
    assert decree("put", "user/2", "b", **at) == b"OK\n"
    assert decree("get", "user/", "--prefix", **at) == b"user/1\na\nuser/2\nb\n"
    assert decree("get", "user/", "--prefix", "--keys-only", "--limit", "1", **at) == b"user/1\n"
    assert decree("get", "user/", "--prefix", "--print-value-only", **at) == b"a\nb\n"
    assert decree("get", "", "--prefix", "--count-only", **at) == b"3\n"
    assert decree("get", "user/1", "user/2", "--count-only", **at) == b"1\n"
    assert decree("get", "user/", "--from-key", "--count-only", **at) == b"2\n"
    assert decree("get", "city", "--rev", "2", **at) == b"city\nParis\n"
    assert decree("get", "nothing", **at) == b""
    for node in cluster.nodes:
        assert decree("get", "city", endpoints=node.endpoint) == b"city\nRome\n"
    assert decree("del", "user/", "--prefix", "--prev-kv", **at) == b"2\nuser/1\na\nuser/2\nb\n"
    assert decree("del", "user/1", **at) == b"0\n"


def test_bytes_go_through_as_they_are(single):
    at = dict(endpoints=single.endpoints)
    value = bytes(range(256)) * 40
    decree("put", "bytes", data=value, **at)
    assert decree("get", "bytes", "--print-value-only", **at) == value + b"\n"
    decree("put", "bytes", "-", data=value[:77], **at)
    answer = json.loads(decree("get", "bytes", "--json", **at))
    assert base64.b64decode(answer["kvs"][0]["value"]) == value[:77]
    assert answer["count"] == 1
    decree("put", "empty", "", **at)
    assert decree("get", "empty", **at) == b"empty\n\n"
    decree("put", "--", "-dash", "-value", **at)
    assert decree("get", "--", "-dash", **at) == b"-dash\n-value\n"


def test_status_and_members(steady):
    at = dict(endpoints=steady.endpoints)
    table = decree("status", **at).decode()
    assert table.count("| true ") == 1
    answers = json.loads(decree("status", "--json", **at))
    assert [answer["Endpoint"] for answer in answers] == steady.endpoints.split(",")
    assert len({answer["Status"]["leader"] for answer in answers}) == 1
    lines = decree("member", "list", "-w", "simple", **at).decode().splitlines()
    assert [line.split(", ")[2] for line in lines] == ["n1", "n2", "n3"]
    assert "PEER ADDRS" in decree("member", "list", **at).decode()
    assert [member["name"] for member in json.loads(decree("member", "list", "--json", **at))["members"]] == ["n1", "n2", "n3"]


def test_the_next_endpoint_is_tried(cluster):
    cluster.nodes[0].kill()
    cluster.wait_for_leader()
    decree("put", "a", "b", endpoints=cluster.endpoints)
    assert decree("get", "a", endpoints=cluster.endpoints) == b"a\nb\n"
    assert b"connection refused" in decree("status", endpoints=cluster.endpoints, expect=69)


def test_failures_have_exit_statuses_and_sentences(single):
    at = dict(endpoints=single.endpoints)
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    assert b"Unavailable" in decree("get", "a", endpoints=nobody, expect=69)
    assert b"future revision" in decree("get", "a", "--rev", "999", expect=1, **at)
    assert b"too large" in decree("put", "a", data=bytes(1700 * 1024), expect=1, **at)
    for words in (["status"], ["hash"], ["endpoint", "health"]):
        result = subprocess.run([DECREE, *words, "--json", "--endpoints", "nowhere"], capture_output=True, timeout=30)
        assert (result.returncode, result.stdout) == (64, b""), "nobody was asked, so there is no answer"
    for arguments, words in [
            (["get"], b"the key is missing"),
            (["get", ""], b"the key is empty"),
            (["get", "a", "b", "--prefix"], b"exclude each other"),
            (["get", "a", "--limit", "x"], b"must be a number"),
            (["get", "a", "--rev", "99999999999999999999"], b"must be a number"),
            (["get", "a", "--consistency", "x"], b"l or s"),
            (["get", "a", "-w", "xml"], b"simple, json, fields or table"),
            (["get", "a", "--timeout", "never"], b"is not a time"),
            (["get", "a", "--endpoints", "nowhere"], b"host:port"),
            (["get", "a", "--endpoints", "https://a:1"], b"TLS"),
            (["put"], b"the key is missing"),
            (["put", "a", "b", "c"], b"too many arguments"),
            (["member", "add"], b"list them"),
            (["member"], b"decree member list"),
            (["putt", "a", "b"], b"did you mean 'put'?"),
            ([], b"usage: decree"),
    ]:
        assert words in decree(*arguments, expect=64), arguments


def test_an_answer_that_cannot_be_written_is_a_failure(single):
    decree("put", "a", "b", endpoints=single.endpoints)
    with open("/dev/full", "wb") as full:
        result = subprocess.run([DECREE, "get", "a", "--endpoints", single.endpoints], stdout=full, stderr=subprocess.PIPE,
                                timeout=30)
    assert result.returncode == 1
    assert b"cannot write the answer" in result.stderr


class GoneServer:
    """Says it speaks HTTP/2, reads some of what it is sent, and closes."""

    SETTINGS = bytes.fromhex("000006040000000000" "00047fffffff")
    CONNECTION_WINDOW = bytes.fromhex("000004080000000000" "7fff0000")

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self, size):
        self.listener.settimeout(30)
        connection, _ = self.listener.accept()
        with self.listener, connection:
            connection.sendall(self.SETTINGS + self.CONNECTION_WINDOW)
            while size > 0:
                size -= len(connection.recv(min(size, 65536)))
            connection.shutdown(socket.SHUT_RDWR)


def test_a_server_that_goes_while_it_is_written_to():
    """The error says so; SIGPIPE would end the command without a word."""
    for _ in range(5):
        for size in (100, 60000, 300000):
            server = GoneServer()
            with subprocess.Popen([DECREE, "put", "a", "--endpoints", server.endpoint], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                server_thread = threading.Thread(target=server.serve, args=(size,))
                server_thread.start()
                out, err = process.communicate(1000000 * b"x", timeout=30)
                server_thread.join()
            assert (process.returncode, out) == (69, b"") and b"Unavailable" in err, (process.returncode, out, err)


def test_a_reader_that_goes_ends_a_command_quietly(single):
    at = dict(endpoints=single.endpoints)
    for i in range(20):
        decree("put", f"many/{i}", data=100000 * b"x", **at)
    for arguments in (["get", "many/", "--prefix"], ["get", "many/", "--prefix", "--json"], ["watch", "many/", "--prefix", "--rev=1"]):
        with subprocess.Popen([DECREE, *arguments, "--endpoints", single.endpoints], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdout.read(1)
            process.stdout.close()
            said = process.stderr.read()
            assert (process.wait(30), said) == (-signal.SIGPIPE, b"")


def test_descriptors_that_are_closed(single):
    """They fail; no socket gets their numbers, which libuv would not survive."""
    def closed(redirection, *arguments):
        return subprocess.run(["sh", "-c", f'exec "$0" "$@" {redirection}', DECREE, *arguments, "--endpoints", single.endpoints],
                              capture_output=True, timeout=30)
    decree("put", "a", "b", endpoints=single.endpoints)
    assert closed("<&-", "get", "a").stdout == b"a\nb\n"
    assert closed("2>&-", "get", "a").stdout == b"a\nb\n"
    assert b"cannot read the value" in closed("<&-", "put", "a").stderr
    result = closed(">&-", "get", "a")
    assert result.returncode == 1 and b"cannot write the answer" in result.stderr
    with open("/dev/full", "wb") as full:
        assert subprocess.run([DECREE, "get", "--help"], stdout=full, stderr=subprocess.PIPE, timeout=30).returncode == 1


def test_a_value_from_a_terminal_ends_with_one_end_of_file(single):
    master, slave = os.openpty()
    process = subprocess.Popen([DECREE, "put", "a", "--endpoints", single.endpoints], stdin=slave, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert b"Ctrl-D" in process.stderr.readline()
    os.write(master, b"typed\n\x04")
    assert process.communicate(timeout=30) == (b"OK\n", b"")
    os.close(master)
    os.close(slave)
    assert decree("get", "a", endpoints=single.endpoints) == b"a\ntyped\n\n"


def test_options_may_come_first(single):
    """Many write them so for etcdctl."""
    at = ["--endpoints", single.endpoints]
    assert decree(*at, "put", "a", "b") == b"OK\n"
    assert json.loads(decree("-w", "json", *at, "--timeout=9s", "get", "a"))["count"] == 1
    assert decree(*at, "register", "set", "r", "1") == b"version 0\n"
    assert decree(*at, "lock", "l", "echo", "--json") == b"--json\n"
    assert b"no option '--frob' that goes before" in decree("--frob", "get", "a", expect=64)
    assert b"usage: decree" in decree(*at, expect=64)
    assert b"usage: decree" in decree("--endpoints", expect=64)


def test_words_of_etcdctl(cluster):
    wait_until(lambda: all_know(cluster), 60, "all members have told of themselves")
    one = dict(endpoints=cluster.nodes[0].endpoint)
    healthy = decree("endpoint", "health", "--cluster", **one).decode().splitlines()
    assert [line.split(": took")[0] for line in healthy] == [
        f"{node.endpoint} is healthy: successfully committed proposal" for node in cluster.nodes]
    answers = json.loads(decree("endpoint", "health", "--json", endpoints=cluster.endpoints))
    assert [answer["health"] for answer in answers] == [True, True, True] and [*answers[0]] == ["endpoint", "health", "took"]
    assert decree("endpoint", "health", "-w", "fields", **one).decode().splitlines()[1] == '"Health" : true'
    assert "HEALTH" in decree("endpoint", "health", "-w", "table", **one).decode().splitlines()[1]
    for words in [("endpoint", "status"), ("status",), ("endpoint", "hashkv"), ("hash",)]:
        answers = json.loads(decree(*words, "--cluster", "--json", **one))
        assert [answer["Endpoint"] for answer in answers] == cluster.endpoints.split(",")
    assert b"not 'frob'" in decree("endpoint", "frob", expect=64)
    assert decree("compaction", "1", **one) == b"compacted revision 1\n"
    assert decree("txn", "-i", data=b"\nput a b\n\n", **one) == b"SUCCESS\n\nOK\n"
    assert b"never needed" in decree("defrag", expect=64) and b"no authentication" in decree("user", "list", expect=64)
    for node in cluster.nodes[1:]:
        node.kill()
    told = decree("endpoint", "health", "--timeout", "400ms", endpoints=cluster.endpoints, expect=69).decode()
    assert told.count(" is unhealthy: failed to commit proposal: ") == 3


def test_help_tells_of_every_command():
    text = decree("help").decode()
    words = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and not line.startswith("  decree")]
    assert {"serve", "put", "get", "del", "status", "member", "demo", "sim"} <= set(words)
    for word in words:
        if word != "help":
            one = decree("help", word).decode()
            assert one.lower().startswith(f"usage: decree {word}"), one
            assert one == decree(word, "--help").decode()
    assert decree("--version").decode().startswith("decree ")


@pytest.mark.parametrize("command", ["put", "get", "del", "status", "member"])
def test_help_has_examples(command):
    assert "Examples:" in decree(command, "--help").decode()
