# SPDX-License-Identifier: MIT
"""test_like_etcd.py -- the same random requests to our server and to etcd itself: the same answers, errors too.

What may differ: who answers (ids, terms), and the order of what etcd leaves open.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

import pytest

import rpc
from rpc import messages
from wait import wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from ports import free_ports

SEEDS = range(1, 6)
STEPS = 300
KEYS = [b"a", b"b", b"bb", b"c", b"ca", b"d", b"\xff"]
Range, Put, Delete, Txn = (messages.RangeRequest, messages.PutRequest, messages.DeleteRangeRequest, messages.TxnRequest)


def serves(client):
    try:
        return client.range(b"x")
    except rpc.Failure:
        return None


@pytest.fixture(scope="module")
def etcd():
    program = shutil.which("etcd")
    assert program, "etcd is not installed: scripts/install-deps test"
    clients, peers = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [program, "--data-dir", os.path.join(folder, "data"), "--listen-client-urls", clients,
             "--advertise-client-urls", clients, "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
             "--initial-cluster", f"default={peers}", "--unsafe-no-fsync"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = rpc.Client(clients.removeprefix("http://"))
        try:
            wait_until(lambda: serves(client), 60, "etcd serves")
            yield client
        finally:
            client.close()
            process.kill()
            process.wait()


@pytest.fixture
def client(server):
    client = rpc.Client(f"127.0.0.1:{server.port}")
    yield client
    client.close()


class Draw:
    """Random requests; revisions are relative to a base, since etcd's store is older than ours."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def once_in(self, count):
        return self.random.randrange(count) == 0

    def span(self):
        key = self.random.choice(KEYS)
        return key, self.random.choice([b"", b"", b"\0", b"c", b"\xff", self.random.choice(KEYS)])

    def range(self, now):
        key, end = self.span()
        request = dict(key=key, range_end=end, keys_only=self.once_in(5), count_only=self.once_in(8))
        if self.once_in(3):
            request["limit"] = self.random.randrange(4)
        if self.once_in(3):
            request["revision"] = ("revision", self.random.randrange(0, now + 1))
        if self.once_in(3):
            request["sort_order"] = self.random.randrange(3)
            request["sort_target"] = self.random.randrange(5)
        if self.once_in(6):
            request[self.random.choice(["min_mod_revision", "max_mod_revision", "min_create_revision",
                                        "max_create_revision"])] = ("revision", self.random.randrange(0, now + 1))
        return ("range", request)

    def put(self):
        request = dict(key=self.random.choice(KEYS), prev_kv=self.once_in(2), ignore_value=self.once_in(8))
        if not request["ignore_value"] or self.once_in(4):
            request["value"] = bytes(self.random.choices(b"xyz", k=self.random.randrange(3)))
        if self.once_in(30):
            request["lease"] = 12345
        return ("put", request)

    def delete(self):
        key, end = self.span()
        if end == b"\0":  # etcd lets it pass beside puts of what it deletes, and may fall over it
            end = b""
        return ("delete", dict(key=key, range_end=end, prev_kv=self.once_in(2)))

    def compare(self, now):
        key, end = self.span()
        target = self.random.randrange(5)
        compare = dict(key=key, result=self.random.randrange(4), target=target)
        if self.once_in(3):
            compare["range_end"] = end
        value = self.random.choice(["version", "create_revision", "mod_revision", "value", "lease"]) if self.once_in(20) else [
            "version", "create_revision", "mod_revision", "value", "lease"][target]
        if value == "value":
            compare[value] = self.random.choice([b"", b"x", b"y", b"zz"])
        elif value in ("version", "lease"):
            compare[value] = self.random.randrange(4)
        else:
            compare[value] = self.random.choice([0, ("revision", self.random.randrange(0, now + 1))])
        return compare

    def op(self, now, depth):
        kind = self.random.randrange(10 if depth < 3 else 8)
        if kind < 3:
            return self.range(now)
        if kind < 6:
            return self.put()
        return self.delete() if kind < 8 else self.txn(now, depth + 1)

    def txn(self, now, depth=0):
        return ("txn", dict(compare=[self.compare(now) for _ in range(self.random.randrange(3))],
                            success=[self.op(now, depth) for _ in range(self.random.randrange(4))],
                            failure=[self.op(now, depth) for _ in range(self.random.randrange(4))]))

    def request(self, now):
        kind = self.random.randrange(20)
        if kind < 4:
            return self.range(now)
        if kind < 8:
            return self.put()
        if kind == 8:
            return self.delete()
        if kind == 9:
            return ("compact", dict(revision=("revision", self.random.randrange(1, now + 2))))
        return self.txn(now)


def absolute(value, base):
    """Relative revisions are of the history that began at base."""
    if isinstance(value, tuple) and value[0] == "revision":
        return base + value[1] if value[1] > 0 else value[1]
    return value


def build(request, base):
    kind, fields = request
    if kind == "txn":
        return Txn(compare=[messages.Compare(**{name: absolute(value, base) for name, value in compare.items()})
                            for compare in fields["compare"]],
                   **{branch: [operation(op, base) for op in fields[branch]] for branch in ("success", "failure")})
    fields = {name: absolute(value, base) for name, value in fields.items()}
    return {"range": Range, "put": Put, "delete": Delete, "compact": messages.CompactionRequest}[kind](**fields)


def operation(request, base):
    name = {"range": "request_range", "put": "request_put", "delete": "request_delete_range", "txn": "request_txn"}[request[0]]
    return messages.RequestOp(**{name: build(request, base)})


def answer(client, request, base):
    path, response = {
        "range": ("/etcdserverpb.KV/Range", messages.RangeResponse), "put": ("/etcdserverpb.KV/Put", messages.PutResponse),
        "delete": ("/etcdserverpb.KV/DeleteRange", messages.DeleteRangeResponse),
        "txn": ("/etcdserverpb.KV/Txn", messages.TxnResponse),
        "compact": ("/etcdserverpb.KV/Compact", messages.CompactionResponse)}[request[0]]
    try:
        return relative(client.call(path, build(request, base), response, 30), base)
    except rpc.Failure as failure:
        return str(failure)


def relative(message, base):
    """The message with revisions as counted from base, and without what says who answered."""
    for name in ("cluster_id", "member_id", "raft_term"):
        if name in message.DESCRIPTOR.fields_by_name:
            message.ClearField(name)
    for field, value in message.ListFields():
        if field.name in ("revision", "create_revision", "mod_revision"):
            setattr(message, field.name, value - base)
        elif field.message_type and field.label == field.LABEL_REPEATED:
            for one in value:
                relative(one, base)
        elif field.message_type:
            relative(value, base)
    return message


@pytest.mark.parametrize("seed", SEEDS)
def test_random_requests(client, etcd, seed):
    for one in (client, etcd):
        one.delete(b"\0", b"\0")
    bases = {one: one.put(b"begin", b"").header.revision for one in (client, etcd)}
    for one in (client, etcd):
        one.delete(b"begin")
    draw = Draw(seed)
    for step in range(STEPS):
        now = client.range(b"x").header.revision - bases[client]
        request = draw.request(now)
        ours, theirs = (answer(one, request, bases[one]) for one in (client, etcd))
        assert ours == theirs, f"seed {seed}, step {step}: {request}"


def outcome(client, path, request, response):
    """The answer without its header, or the refusal."""
    try:
        answered = client.call("/etcdserverpb." + path, request, response, 10)
    except rpc.Failure as failure:
        return failure.code.name, failure.text
    answered.ClearField("header")
    return answered


def test_the_leader_is_moved_to_itself_or_nowhere(client, etcd):
    for target in (lambda one: 0, lambda one: 12345, lambda one: one.status().leader):
        ours, theirs = (outcome(one, "Maintenance/MoveLeader", messages.MoveLeaderRequest(targetID=target(one)),
                                messages.MoveLeaderResponse) for one in (client, etcd))
        assert ours == theirs


def test_leases_tell_the_same(client, etcd):
    leases = ((9, 500), (3, 100), (7, 100), (5, 300))
    for one in (client, etcd):
        for lease, seconds in leases:
            outcome(one, "Lease/LeaseGrant", messages.LeaseGrantRequest(ID=lease, TTL=seconds), messages.LeaseGrantResponse)
        one.put(b"leased", b"v", lease=9)
    told = []
    for one in (client, etcd):
        answers = [outcome(one, "Lease/LeaseTimeToLive", messages.LeaseTimeToLiveRequest(ID=lease, keys=True),
                           messages.LeaseTimeToLiveResponse) for lease, _ in (*leases, (12345, 0))]
        for answered in answers:
            assert answered.TTL <= answered.grantedTTL <= answered.TTL + 9
            answered.TTL = round(answered.TTL, -1) if answered.TTL > 0 else answered.TTL
        told.append((answers, outcome(one, "Lease/LeaseLeases", messages.LeaseLeasesRequest(), messages.LeaseLeasesResponse),
                     [outcome(one, "Lease/LeaseRevoke", messages.LeaseRevokeRequest(ID=lease), messages.LeaseRevokeResponse)
                      for lease in (9, 3, 7, 5, 9)]))
    assert told[0] == told[1]


def test_physical_compactions(client, etcd):
    told = []
    for one in (client, etcd):
        base = one.put(b"k", b"1").header.revision
        one.put(b"k", b"2")
        told.append([outcome(one, "KV/Compact", messages.CompactionRequest(revision=revision, physical=True),
                             messages.CompactionResponse) for revision in (base + 5, base, base, base + 1, base - 1)])
    assert told[0] == told[1]


def test_negative_revisions(client, etcd):
    """A range of its own takes one as the current revision; a range of a txn and a compaction do not."""
    told = []
    for one in (client, etcd):
        revision = one.put(b"n", b"1").header.revision
        outcome(one, "KV/Compact", messages.CompactionRequest(revision=revision), messages.CompactionResponse)
        answers = [outcome(one, "KV/Range", Range(key=b"n", revision=-1, count_only=True), messages.RangeResponse).count]
        for negative in (-1, -2, -2 ** 63):
            answers.append(outcome(one, "KV/Compact", messages.CompactionRequest(revision=negative), messages.CompactionResponse))
            ranges = messages.RequestOp(request_range=Range(key=b"n", revision=negative))
            puts = messages.RequestOp(request_put=Put(key=b"n", value=b"2"))
            answers += [outcome(one, "KV/Txn", Txn(success=ops), messages.TxnResponse) for ops in ([ranges], [puts, ranges])]
        told.append(answers)
    assert told[0] == told[1]
