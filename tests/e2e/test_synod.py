# SPDX-License-Identifier: MIT
"""test_synod.py -- `decree synod` as its users run it: one value, whatever they propose, kill and start again."""
import base64
import http.client
import http.server
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from nodes import DECREE, WITH_PARENT, free_ports
from wait import pass_time, wait_until

KINDS = ["http", "grpc", "tcp"]
SETTINGS = [(3, 2, 2), (5, 3, 3), (5, 2, 4), (5, 4, 2)]
PATIENCE_S = 60


class Node:
    """One place in a synod: its address and its path. Processes come and go; what they print stays in one file."""

    def __init__(self, synod, number):
        self.synod = synod
        self.address = f":{synod.ports[number - 1]}"
        self.others = ",".join(f":{port}" for i, port in enumerate(synod.ports) if i != number - 1)
        self.path = f"storage/{number}"
        self.out = os.path.join(synod.folder, f"{number}.out")
        self.prefix = []  # such as what puts it into another network namespace
        self.process = None

    def arguments(self, first=None, timeout=None):
        synod = self.synod
        words = [f"-kind={synod.kind}", f"-self={self.address}", f"-others={self.others}", f"-path={self.path}",
                 f"-prepareNum={synod.prepare}", f"-voteNum={synod.vote}"]
        if first is not None:
            words.append(f"-first={first}")
        if timeout is not None:
            words.append(f"-timeout={timeout}")
        return words

    def start(self, first=None, timeout=None, extra=("--json",)):
        assert self.process is None
        with open(self.out, "ab") as out:
            self.process = subprocess.Popen(
                [*WITH_PARENT, *self.prefix, DECREE, "synod", *self.arguments(first, timeout), *extra],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.synod.folder)
        return self

    def text(self):
        if not os.path.exists(self.out):
            return ""
        with open(self.out, encoding="utf-8", errors="replace") as file:
            return file.read()

    def events(self):
        """What was said on whole lines; a process that was killed may have left half a one."""
        found = []
        for line in self.text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
        return found

    def named(self, name):
        return [event for event in self.events() if event["event"] == name]

    def values(self):
        """Every value that it ever called chosen."""
        return [event["value"] for event in self.events()
                if event["event"] == "chosen" or (event["event"] == "restored" and event["decided"])]

    def wait_for_value(self):
        return wait_until(self.values, PATIENCE_S, f"{self.address} knows the value")[-1]

    def forget_output(self):
        os.unlink(self.out)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, number=signal.SIGTERM):
        """Its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.kill()


class Synod:
    def __init__(self, folder, kind, count=3, prepare=2, vote=2):
        self.folder, self.kind, self.prepare, self.vote = str(folder), kind, prepare, vote
        self.ports = free_ports(count)
        self.nodes = [Node(self, number) for number in range(1, count + 1)]

    def wait_for_values(self):
        values = {node.wait_for_value() for node in self.nodes}
        assert len(values) == 1
        return values.pop()


@pytest.fixture
def make_synod(tmp_path, request):
    made = []

    def make(*arguments, **named):
        folder = tmp_path / f"synod{len(made)}"
        folder.mkdir()
        made.append(Synod(folder, *arguments, **named))
        return made[-1]

    yield make
    for synod in made:
        for node in synod.nodes:
            node.kill()
            if getattr(request.node, "failed", True):
                print(f"--- {node.address}:\n{node.text()[-3000:]}")


def run(*words, folder=None):
    return subprocess.run([DECREE, "synod", *words], capture_output=True, text=True, cwd=folder, timeout=PATIENCE_S,
                          check=False)


# ---- one value ----

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count,prepare,vote", SETTINGS)
def test_all_settings_of_the_original_choose_one_value(make_synod, kind, count, prepare, vote):
    synod = make_synod(kind, count, prepare, vote)
    for number, node in enumerate(synod.nodes, 1):
        node.start(first=number, timeout=0.3, extra=())
    for node in synod.nodes:
        wait_until(lambda: "chosen: " in node.text(), PATIENCE_S, f"{node.address} prints the value")
    values = {node.text().split("chosen: ")[1].splitlines()[0] for node in synod.nodes}
    assert len(values) == 1
    assert values <= {str(number) for number in range(1, count + 1)}
    for node in synod.nodes:
        assert node.stop() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_duelling_proposers_settle(make_synod, kind):
    synod = make_synod(kind, 5, 3, 3)
    for number, node in enumerate(synod.nodes):
        node.start(first=f"value of {number}", timeout=0)
    assert synod.wait_for_values().startswith("value of ")


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_no_first_only_helps(make_synod, kind):
    synod = make_synod(kind)
    synod.nodes[0].start()
    synod.nodes[1].start()
    wait_until(lambda: synod.nodes[0].named("start") and synod.nodes[1].named("start"), PATIENCE_S, "both run")
    pass_time(0.5)
    assert not synod.nodes[0].named("prepare")
    synod.nodes[2].start(first="x", timeout=0)
    assert synod.wait_for_values() == "x"
    assert not synod.nodes[0].named("propose") and not synod.nodes[1].named("propose")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", [None, "another"])
def test_a_late_node_learns_the_value_without_a_new_round(make_synod, kind, first):
    synod = make_synod(kind)
    synod.nodes[0].start(first="x", timeout=0)
    synod.nodes[1].start()
    assert synod.nodes[0].wait_for_value() == "x"
    assert synod.nodes[1].wait_for_value() == "x"
    ballots = len(synod.nodes[0].named("prepare")) + len(synod.nodes[1].named("promise"))
    late = synod.nodes[2].start(first=first, timeout=PATIENCE_S)
    assert late.wait_for_value() == "x"
    wait_until(lambda: synod.nodes[0].named("told"), PATIENCE_S, "every node has it")
    assert not late.named("prepare") and not late.named("promise") and not late.named("propose")
    assert len(synod.nodes[0].named("prepare")) + len(synod.nodes[1].named("promise")) == ballots


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_any_bytes(make_synod, kind):
    synod = make_synod(kind)
    value = " spaces, \"quotes\", \\, h\u00e9llo \U0001f600 and\n a line " + "x" * 100000
    for node in synod.nodes:
        node.start(first=value, timeout=0)
    assert synod.wait_for_values() == value


def test_one_node_decides_alone(make_synod):
    synod = make_synod("tcp", 1, 1, 1)
    synod.nodes[0].start(first="x", timeout=0)
    assert synod.wait_for_values() == "x"


# ---- kill -9 ----

@pytest.mark.parametrize("kind", KINDS)
def test_each_node_alone_still_knows_the_value(make_synod, kind):
    synod = make_synod(kind)
    for number, node in enumerate(synod.nodes):
        node.start(first=number, timeout=0.1)
    value = synod.wait_for_values()
    wait_until(lambda: all(node.named("told") for node in synod.nodes), PATIENCE_S, "it is on all disks")
    for node in synod.nodes:
        node.kill()
        node.forget_output()
    for node in synod.nodes:
        node.start(first="quite another", timeout=0)
        assert node.wait_for_value() == value
        assert not node.named("prepare")
        node.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_killed_anywhere_and_started_again_they_agree(make_synod, kind):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    end = time.monotonic() + 20
    rounds = 0
    while rounds < 8 and time.monotonic() < end:
        synod = make_synod(kind)
        for kill in range(25):
            node = draw.choice(synod.nodes)
            if node.process is None:
                node.start(first=f"{synod.nodes.index(node)}.{kill}", timeout=draw.choice([0, 0, 0.02]))
            pass_time(draw.random() * 0.03)
            if draw.random() < 0.7:
                draw.choice(synod.nodes).kill()
        for node in synod.nodes:
            if node.process is None:
                node.start(first="last", timeout=0)
        said = {value for node in synod.nodes for value in node.values()}
        said.add(synod.wait_for_values())
        said |= {value for node in synod.nodes for value in node.values()}
        assert len(said) == 1
        for node in synod.nodes:
            node.kill()
        rounds += 1
    assert rounds >= 1


# ---- wrong use ----

@pytest.mark.parametrize("prepare,vote,words", [
    (2, 2, "prepareNum 2 and voteNum 2 are unsafe with 5 nodes: 2 + 2 is not more than 5"),
    (1, 4, "prepareNum + voteNum > number of nodes"),
    (4, 1, "voteNum must be at least 2"),
    (6, 3, "prepareNum 6 is more than the 5 nodes"),
    (3, 6, "voteNum 6 is more than the 5 nodes"),
])
def test_unsafe_quorums_are_refused_with_the_rule(tmp_path, prepare, vote, words):
    result = run("-self=:5001", "-others=:5002,:5003,:5004,:5005", f"-prepareNum={prepare}", f"-voteNum={vote}",
                 "-first=1", folder=tmp_path)
    assert result.returncode == 78
    assert words in result.stderr
    assert result.stdout == ""
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("words,complaint", [
    (["-kind=udp"], "-kind is http, grpc or tcp"),
    (["-prepareNum=two"], "-prepareNum is a number"),
    (["-timeout=later"], "-timeout is a number of seconds"),
    (["-first="], "-first is empty"),
    (["-self=5001"], "5001"),
    (["-others=:5001"], ":5001 is named twice"),
    (["-colour=blue"], "-colour=blue"),
    (["storage/1"], "'storage/1' is no flag"),
    (["-self"], "requires an argument"),
])
def test_wrong_flags(tmp_path, words, complaint):
    result = run(*words, folder=tmp_path)
    assert result.returncode == 64
    assert complaint in result.stderr
    assert not os.listdir(tmp_path)


def test_help_teaches():
    text = run("--help").stdout
    for word in ("-kind", "-self", "-others", "-path", "-prepareNum", "-voteNum", "-first", "-timeout", "--exit",
                 "decree synod -self=:5001 -others=:5002,:5003 -path=storage/1 -first=1", "(2,2)", "(2,4)"):
        assert word.lstrip("-") in text


def test_a_path_is_used_by_one_process(make_synod):
    synod = make_synod("tcp")
    node = synod.nodes[0].start()
    wait_until(lambda: node.named("start"), PATIENCE_S, "it runs")
    result = run(*node.arguments(), folder=synod.folder)
    assert result.returncode == 75
    assert "another process uses storage/1" in result.stderr


def test_a_path_belongs_to_one_synod(make_synod):
    synod = make_synod("tcp")
    node = synod.nodes[0].start()
    wait_until(lambda: node.named("start"), PATIENCE_S, "it runs")
    assert node.stop() == 0
    result = run(*[word.replace("-voteNum=2", "-voteNum=3") for word in node.arguments()], folder=synod.folder)
    assert result.returncode == 78
    assert "-voteNum must be those that it was made with" in result.stderr


def test_a_busy_port_is_said(make_synod):
    synod = make_synod("tcp")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", synod.ports[0]))
        busy.listen()
        result = run(*synod.nodes[0].arguments(), folder=synod.folder)
    assert result.returncode == 74
    assert "cannot listen" in result.stderr and str(synod.ports[0]) in result.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_nodes_that_disagree_about_who_is_in_say_so(make_synod, kind):
    synod = make_synod(kind)
    one, other = synod.nodes[0], synod.nodes[1]
    other.others = other.others.replace(f":{synod.ports[2]}", f":{synod.ports[2]},:1")
    one.start(first="x", timeout=0, extra=())
    other.start(first="y", timeout=0, extra=("-prepareNum=3", "-voteNum=3"))
    for node in (one, other):
        wait_until(lambda: "may disagree about who is in" in node.text(), PATIENCE_S, f"{node.address} says so")
        assert "chosen" not in node.text()


@pytest.mark.parametrize("one,other", [("http", "tcp"), ("tcp", "grpc")])
def test_nodes_of_different_kinds_say_so(make_synod, one, other):
    synod = make_synod(one)
    synod.nodes[0].start(first="x", timeout=0, extra=())
    synod.nodes[1].start(first="y", timeout=0, extra=(f"-kind={other}",))
    for node, kind in zip(synod.nodes, (one, other)):
        wait_until(lambda: f"-kind (here {kind})" in node.text(), PATIENCE_S, f"{node.address} says so")


def test_http_and_grpc_nodes_understand_each_other(make_synod):
    synod = make_synod("http")
    synod.nodes[0].start(first="x", timeout=0)
    synod.nodes[1].start(extra=("--json", "-kind=grpc"))
    synod.nodes[2].start(extra=("--json", "-kind=grpc"))
    assert synod.wait_for_values() == "x"


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_that_nobody_knows_says_so(make_synod, kind):
    synod = make_synod(kind)
    stranger = synod.nodes[2]
    for node in synod.nodes[:2]:
        node.others = node.others.replace(f",{stranger.address}", "")
        node.start(first="x", timeout=0)
    stranger.start(first="y", timeout=0, extra=())
    wait_until(lambda: "may disagree about who is in" in stranger.text(), PATIENCE_S, "it says so")
    assert {node.wait_for_value() for node in synod.nodes[:2]} == {"x"}
    assert "chosen" not in stranger.text()


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_at_the_port_does_no_harm(make_synod, kind):
    synod = make_synod(kind)
    draw = random.Random(7)
    for node in synod.nodes:
        node.start(first="x", timeout=1)
    node = synod.nodes[0]
    wait_until(lambda: node.named("start"), PATIENCE_S, "it listens")
    for data in [b"", b"G", b"GET ", b"GET /value HTTP/1.1\r\n", b"GET /" + b"x" * 20000, b"POST /handle HTTP/1.1\r\n\r\n",
                 b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100, b"\xc4\xde\x01\x00" + b"\xff" * 500,
                 *[draw.randbytes(draw.randrange(1, 5000)) for _ in range(20)]]:
        with socket.create_connection(("127.0.0.1", synod.ports[0]), timeout=10) as stranger:
            try:
                stranger.sendall(data)
            except OSError:
                pass  # it hung up, rightly
    assert synod.wait_for_values() == "x"


class Impostor(http.server.BaseHTTPRequestHandler):
    """A member that listens, to learn the cluster's id, and will say anything."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard += body if isinstance(body, list) else [body]
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


def test_a_member_that_says_anything_stops_nobody(make_synod):
    synod = make_synod("http")
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    ports = sorted(synod.ports)
    nodes = sorted(synod.nodes, key=lambda node: int(node.address[1:]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", ports[1]), Impostor)
    server.heard, server.daemon_threads = [], True
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def numbers():
        return {"round": draw.choice([0, 1, 2, 3, 1 << 62, (1 << 63) - 1, (1 << 64) - 1, draw.randrange(1 << 64)]),
                "node": draw.choice([0, 1, 2, 2, 3, 4, (1 << 32) - 1])}

    def anything(cluster_id):
        synod_message = {"type": draw.choice(["NONE", "PREPARE", "PROMISE", "ACCEPT", "ACCEPTED", "REFUSED", "ASK", "LEARNED"])}
        for field in ("ballot", "voted"):
            if draw.random() < 0.8:
                synod_message[field] = numbers()
        if draw.random() < 0.6:
            synod_message["value"] = base64.b64encode(draw.randbytes(draw.choice([0, 1, 100]))).decode()
        return {"cluster_id": cluster_id, "sender": draw.choice([2, 2, 2, 1, 3, 9]), "receiver": draw.choice([1, 1, 1, 2]),
                "synod": synod_message}

    try:
        nodes[0].start(first="x", timeout=0)
        wait_until(lambda: server.heard, PATIENCE_S, "the impostor hears of the cluster")
        cluster_id = server.heard[0]["cluster_id"]
        statuses = []
        for _ in range(300):
            connection = http.client.HTTPConnection("127.0.0.1", ports[0], timeout=PATIENCE_S)
            connection.request("POST", "/handle", json.dumps(anything(cluster_id)))
            statuses.append(connection.getresponse().status)
            connection.close()
        assert set(statuses) <= {200, 400, 403, 409}
        assert statuses.count(200) > 50
        assert nodes[0].process.poll() is None
        assert run("get", nodes[0].address).returncode in (0, 1)
        assert nodes[0].stop() == 0
        nodes[0].start()
        wait_until(lambda: len(nodes[0].named("start")) == 2, PATIENCE_S, "what it kept can be read again")
    finally:
        server.shutdown()
        server.server_close()


# ---- what it tells ----

@pytest.mark.parametrize("kind", KINDS)
def test_quiet_prints_the_value_alone(make_synod, kind):
    synod = make_synod(kind)
    for node in synod.nodes:
        node.start(first="x y", timeout=0.2, extra=("--quiet", "--exit"))
    for node in synod.nodes:
        assert node.wait() == 0
        assert node.text() == "x y\n"


def test_exit_leaves_when_all_know_or_after_a_while(make_synod):
    synod = make_synod("tcp")
    for node in synod.nodes[:2]:
        node.start(first="x", timeout=0, extra=("--json", "--exit"))
    for node in synod.nodes[:2]:  # the third never comes
        assert node.wait() == 0
        assert node.values() == ["x"]


def test_exit_stopped_before_the_value_is_a_failure(make_synod):
    synod = make_synod("tcp")
    node = synod.nodes[0].start(extra=("--json", "--exit"))
    wait_until(lambda: node.named("start"), PATIENCE_S, "it runs")
    assert node.stop() == 1
    node.forget_output()
    node.start()
    wait_until(lambda: node.named("start"), PATIENCE_S, "it runs")
    assert node.stop(signal.SIGINT) == 0


def test_the_story_is_told(make_synod):
    synod = make_synod("tcp")
    synod.nodes[0].start(first="x", timeout=0, extra=())
    for node in synod.nodes[1:]:
        node.start(extra=())
    for node in synod.nodes:
        wait_until(lambda: "every node has the value on its disk" in node.text(), PATIENCE_S, "all know it")
    story = synod.nodes[0].text()
    name = f"of {synod.nodes[0].address}"
    for words in (f"start    {synod.nodes[0].address}, one of", "propose  \"x\"", f"{name}: promised here, asks the others",
                  ", which has not voted yet", f"{name}: asks for votes for \"x\"", "vote     ballot ", "chosen   \"x\"",
                  "\nchosen: x\n"):
        assert words in story
    helpers = synod.nodes[1].text() + synod.nodes[2].text()
    assert f"{name}: to {synod.nodes[0].address}, this node has not voted yet" in helpers


# ---- asking for the value ----

@pytest.mark.parametrize("kind", KINDS)
def test_any_node_can_be_asked(make_synod, kind):
    synod = make_synod(kind)
    for node in synod.nodes:
        node.start(timeout=0)
    for node in synod.nodes:
        wait_until(lambda: node.named("start"), PATIENCE_S, "it runs")
        for words in ([], [f"--kind={kind}"]):
            result = run("get", node.address, *words)
            assert (result.returncode, result.stdout) == (1, "")
            assert "not chosen yet" in result.stderr
    waiting = subprocess.Popen([DECREE, "synod", "get", synod.nodes[1].address, "--wait"], stdout=subprocess.PIPE, text=True)
    synod.nodes[2].kill()
    synod.nodes[2].start(first="the value", timeout=0)
    assert waiting.communicate(timeout=PATIENCE_S)[0] == "the value\n"
    synod.wait_for_values()
    for node in synod.nodes:
        assert run("get", node.address).stdout == "the value\n"
        assert run("get", f"127.0.0.1{node.address}", "-kind", kind).stdout == "the value\n"
        assert json.loads(run("get", node.address, "--json").stdout) == {"value": "the value"}


@pytest.mark.parametrize("kind", KINDS)
def test_curl_can_ask(make_synod, kind):
    synod = make_synod(kind, 1, 1, 1)
    node = synod.nodes[0].start()
    url = f"http://127.0.0.1{node.address}/value"
    curl = ["curl", "--silent", "--show-error", "--write-out", " %{http_code}", url]
    wait_until(lambda: node.named("start"), PATIENCE_S, "it runs")
    assert subprocess.run(curl, capture_output=True, text=True, check=True).stdout.split() == ["not", "chosen", "yet", "503"]
    node.kill()
    node.start(first="x y", timeout=0)
    node.wait_for_value()
    assert subprocess.run(curl, capture_output=True, text=True, check=True).stdout == "x y 200"
    assert subprocess.run([*curl[:-1], url + "s"], capture_output=True, text=True, check=True).stdout.endswith(" 404")


def test_who_asks_nobody_is_told(make_synod):
    synod = make_synod("tcp")
    address = synod.nodes[0].address
    result = run("get", address)
    assert result.returncode == 69 and "connection refused" in result.stderr
    assert run("get", address, "--wait", "--timeout=300ms").returncode == 69
    assert run("get").returncode == 64
    assert run("get", "5001").returncode == 64
    assert run("get", address, "-kind=udp").returncode == 64
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert run("get", f":{silent.getsockname()[1]}", "--timeout=300ms").returncode == 69


def test_bytes_that_are_no_text(make_synod):
    synod = make_synod("tcp", 1, 1, 1)
    node = synod.nodes[0]
    words = [os.fsencode(word) for word in [DECREE, "synod", *node.arguments(timeout=0)]] + [b"-first=\xff\x01"]
    result = subprocess.run([*words, b"--json", b"--exit"], capture_output=True, cwd=synod.folder, timeout=PATIENCE_S, check=True)
    assert json.loads(result.stdout.splitlines()[-2])["value_base64"] == "/wE="
    result = subprocess.run([*words, b"--quiet", b"--exit"], capture_output=True, cwd=synod.folder, timeout=PATIENCE_S, check=True)
    assert result.stdout == b"\xff\x01\n"
