# SPDX-License-Identifier: MIT
"""test_every_field.py -- hostile bytes in every field of every method: each call ends, and nobody else is harmed.

What is sent is made from the descriptors of proto/ (fields.py), so a method that is new is attacked without a line here.
"""
import os
import re
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

import fields
import h2
from hostile_calls import Caller

PROTO = os.path.join(os.environ["DECREE_SOURCE"], "proto")
BATCH_BYTES = 1_000_000  # what may be under way without a look at the server's windows
MALFORMED, UNIMPLEMENTED, DEADLINE = 13, 12, 4
SURELY_BAD = re.compile(r"(a tag alone|length cut|open groups?|nothing but ff|field 0|wire type [67]|packed and cut|packed lie"
                        r"|lie \d+|cut [0-9a-f]*)$")


def load_methods(folder):
    """{path: descriptor of the request}"""
    out = os.path.join(folder, "set")
    names = sorted(name for name in os.listdir(PROTO) if name.endswith(".proto"))
    subprocess.run(["protoc", f"--proto_path={PROTO}", f"--descriptor_set_out={out}", *names], check=True)
    with open(out, "rb") as file:
        files = {each.name: each for each in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file}
    pool = descriptor_pool.DescriptorPool()

    def add(name):
        if name in files:
            each = files.pop(name)
            for needed in each.dependency:
                add(needed)
            pool.Add(each)

    for name in names:
        add(name)
    return {f"/{service.full_name}/{method.name}": method.input_type for name in names
            for service in pool.FindFileByName(name).services_by_name.values() for method in service.methods}


@pytest.fixture(scope="module")
def methods(tmp_path_factory):
    return load_methods(str(tmp_path_factory.mktemp("proto")))


@pytest.fixture
def caller(server):
    with Caller(server.port, timeout_ms=100) as caller:
        yield caller


def framings(message):
    """(name, bytes behind the headers): a good message that is told wrongly."""
    good = h2.message(message)
    yield "no message", b""
    yield "half a prefix", good[:3]
    yield "compressed", b"\1" + good[1:]
    yield "flag 2", b"\2" + good[1:]
    yield "flag 255", b"\xff" + good[1:]
    yield "too long", b"\0\xff\xff\xff\xff"
    yield "said longer", b"\0" + (len(message) + 1).to_bytes(4, "big") + message
    yield "one and a half", good + good[:2]
    yield "three", good * 3


def batches(cases):
    batch, size = [], 0
    for case in cases:
        if batch and (size + len(case[1]) > BATCH_BYTES or len(batch) == 1000):
            yield batch
            batch, size = [], 0
        batch.append(case)
        size += len(case[1])
    yield batch


def disarm(caller):
    """Alarms that an attack has raised would keep the next ones off the store."""
    caller.call("/etcdserverpb.Maintenance/Alarm", [h2.message(b"\x08\x02\x18\x01"), h2.message(b"\x08\x02\x18\x02")])


def test_every_field_of_every_method(server, caller, methods):
    assert len(methods) > 55
    count = 0
    for path, request in methods.items():
        seeds = [fields.whole(request, depth) for depth in (1, 2, 3)]
        cases = [(name, h2.message(data)) for name, data in fields.hostile(request)]
        cases += [(name, h2.message(data)) for name, data in fields.mutations(seeds, 50, path)]
        cases += framings(seeds[0])
        count += len(cases)
        for batch in batches(cases):
            for (name, _), (status, text) in zip(batch, caller.call(path, [data for _, data in batch])):
                assert status is not None and 0 <= status <= 16, f"{path}: {name}: {status}: {text}"
                if SURELY_BAD.search(name):
                    assert status in (MALFORMED, UNIMPLEMENTED), f"{path}: {name}: {status}: {text}"
        disarm(caller)
    assert count > 15_000
    assert server.descriptors() < 40
    assert server.resident_bytes() < 400 * 1024 * 1024
    with h2.Connection(server.port) as connection:
        connection.put(1)


def test_messages_within_themselves(server, caller, methods):
    request = methods["/etcdserverpb.KV/Txn"]
    for times, wanted in ((1, {0}), (60, {0}), (128, {0}), (129, {3}), (10_000, {3}), (100_000, {3})):
        for branch in ("success", "failure"):
            data = h2.message(fields.nested(request, [branch, "request_txn"], times))
            assert {status for status, _ in caller.call("/etcdserverpb.KV/Txn", [data])} == wanted, times
