# SPDX-License-Identifier: MIT
"""registers.py -- clients of decree.v1.Register and of paxoskv's service, made of Google's gRPC and protobuf; a proposer
as paxoskv has one; and writers that keep a book of what was acknowledged."""
import importlib
import itertools
import subprocess
import sys
import tempfile
import threading

import rpc
from wait import wait_until


def load_messages(*names):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"--proto_path={rpc.PROTO}", f"--python_out={folder}", *(f"{name}.proto" for name in names)],
                       check=True)
        sys.path.insert(0, folder)
        try:
            return [importlib.import_module(f"{name}_pb2") for name in names]
        finally:
            sys.path.remove(folder)


register, paxoskv = load_messages("register", "paxoskv")


class Registers:
    """The registers through one node. A call raises rpc.Failure with the gRPC code when it fails."""

    def __init__(self, node):
        self.client = node.client if hasattr(node, "client") else rpc.Client(node)

    def call(self, name, timeout, **fields):
        request = getattr(register, f"Register{name}Request")(**{k: v for k, v in fields.items() if v is not None})
        return self.client.call(f"/decree.v1.Register/{name}", request, getattr(register, f"Register{name}Response"), timeout)

    def set(self, key, value, version=None, timeout=20):
        return self.call("Set", timeout, key=key, value=value, version=version).version

    def get(self, key, version=None, timeout=20):
        found = self.call("Get", timeout, key=key, version=version).found
        return found.version, found.value

    def compare_and_set(self, key, expected, value, timeout=20):
        return self.call("CompareAndSet", timeout, key=key, expected=expected, value=value)

    def history(self, key, start=0, limit=0, timeout=20):
        pairs = []
        while True:
            page = self.call("History", timeout, **{"key": key, "from": start, "limit": limit})
            pairs += [(one.version, one.value) for one in page.versions]
            if limit or not page.versions or pairs[-1][0] >= page.latest:
                return pairs
            start = pairs[-1][0] + 1

    def compact(self, key, version, timeout=20):
        self.call("Compact", timeout, key=key, version=version)


class NoQuorum(Exception):
    def __init__(self, highest):
        super().__init__(f"refused because of {highest}")
        self.highest = highest  # (N, ProposerId)


class Proposer:
    """Asks the acceptors that it is given, one after the other, as paxoskv's proposer does."""

    def __init__(self, key, version, number, proposer):
        self.id = paxoskv.PaxosInstanceId(Key=key, Ver=version)
        self.ballot = (number, proposer)

    def ask(self, nodes, name, value=None):
        request = paxoskv.Proposer(Id=self.id, Bal=paxoskv.BallotNum(N=self.ballot[0], ProposerId=self.ballot[1]))
        if value is not None:
            request.Val.Vi64 = value
        replies, highest = [], self.ballot
        for node in nodes:
            try:
                reply = node.client.call(f"/paxoskv.PaxosKV/{name}", request, paxoskv.Acceptor, timeout=5)
            except rpc.Failure:
                continue
            assert reply.HasField("LastBal")  # paxoskv's proposer follows these pointers without a look
            assert reply.HasField("VBal")
            last = (reply.LastBal.N, reply.LastBal.ProposerId)
            if last > self.ballot:
                highest = max(highest, last)
            else:
                replies.append(reply)
        return replies, highest

    def phase1(self, nodes, quorum=2):
        """The value with the highest vote, or None."""
        replies, highest = self.ask(nodes, "Prepare")
        if len(replies) < quorum:
            raise NoQuorum(highest)
        voted = [reply for reply in replies if reply.HasField("Val")]
        return max(voted, key=lambda r: (r.VBal.N, r.VBal.ProposerId)).Val.Vi64 if voted else None

    def phase2(self, nodes, value, quorum=2):
        replies, highest = self.ask(nodes, "Accept", value)
        if len(replies) < quorum:
            raise NoQuorum(highest)

    def run(self, nodes, value=None):
        """The value that is chosen, None if there is none and none was given."""
        for _ in range(100):
            try:
                found = self.phase1(nodes)
                chosen = value if found is None else found
                if chosen is not None:
                    self.phase2(nodes, chosen)
                return chosen
            except NoQuorum as refusal:
                self.ballot = (refusal.highest[0] + 1, self.ballot[1])
        raise AssertionError("no round of a hundred came through")


class RegisterLoad:
    """Threads that append to a few registers through whichever node answers, and keep what was acknowledged."""

    def __init__(self, cluster, threads=4, keys=3):
        self.cluster = cluster
        self.keys = [f"shared/{number}".encode() for number in range(keys)]
        self.must_stop = threading.Event()
        self.acknowledged = {}  # (key, version): value
        self.sent = set()
        self.lock = threading.Lock()
        self.errors = []
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.must_stop.set()
        for thread in self.threads:
            thread.join()

    def count(self):
        with self.lock:
            return len(self.acknowledged)

    def run(self, number):
        nodes = [Registers(node.endpoint) for node in self.cluster.nodes]
        at = number % len(nodes)
        try:
            for count in itertools.count():
                if self.must_stop.is_set():
                    return
                key, value = self.keys[count % len(self.keys)], f"{number}/{count}".encode()
                self.sent.add(value)
                try:
                    version = nodes[at].set(key, value, timeout=2)
                except rpc.Failure as failure:
                    assert failure.code.name in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"), failure
                    at = (at + 1) % len(nodes)
                    self.must_stop.wait(0.01)
                    continue
                with self.lock:
                    assert (key, version) not in self.acknowledged, f"two sets were told {key} version {version}"
                    self.acknowledged[key, version] = value
        except Exception as error:  # a thread's exception would be lost
            self.errors.append(error)
        finally:
            for node in nodes:
                node.client.close()

    def agreed(self, key):
        """The history of the key, as soon as all tell the same; what its writer gave up may still come. No version may differ."""
        histories = [dict(Registers(node).history(key, timeout=20)) for node in self.cluster.nodes if node.is_running()]
        for version in set.intersection(*map(set, histories)):
            assert len({history[version] for history in histories}) == 1, f"the nodes differ about {key} version {version}"
        return histories[:1] if all(history == histories[0] for history in histories) else None

    def check(self):
        """Every acknowledged version is there as it was set; all nodes tell the same history, without holes, and in it
        nothing that nobody sent, and nothing twice."""
        assert not self.errors, self.errors
        assert self.acknowledged, "no set was acknowledged: the test shows nothing"
        for key in self.keys:
            found, = wait_until(lambda at=key: self.agreed(at), 60, f"the nodes tell the same about {key}")
            assert sorted(found) == list(range(len(found))), f"{key} has holes: {sorted(found)}"
            assert len(set(found.values())) == len(found), f"{key} has a value twice"
            assert set(found.values()) <= self.sent
            for (written, version), value in self.acknowledged.items():
                if written == key:
                    assert found.get(version) == value, f"{key} version {version} was {value}, is {found.get(version)}"
