# SPDX-License-Identifier: MIT
"""test_transports.py -- whole clusters over http and over grpc, and what strangers may say to their ports."""
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile

import grpc
import pytest

from load import Load
from nodes import DECREE
from wait import wait_until

PROTO = os.path.join(os.environ["DECREE_SOURCE"], "proto")
KINDS = ["http", "grpc"]


def load_messages():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"--proto_path={PROTO}", f"--python_out={folder}", "decree.proto"], check=True)
        sys.path.insert(0, folder)
        try:
            return importlib.import_module("decree_pb2")
        finally:
            sys.path.remove(folder)


peer = load_messages()


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def talking(make_cluster, kind):
    return make_cluster(arguments=["--transport", kind]).started()


def put_and_get(cluster):
    for number, node in enumerate(cluster.nodes):
        if node.is_running():
            node.client.put(f"from {number}".encode(), b"here", timeout=10)
    for node in cluster.nodes:
        if node.is_running():
            assert node.client.range(b"from ", b"from!", timeout=10).count >= 2


def curl(node, path, *arguments):
    out = subprocess.run(["curl", "-s", "-m", "10", "-w", "\n%{http_code}", *arguments, f"http://{node.peer}{path}"],
                         check=True, capture_output=True, text=True).stdout
    body, _, status = out.rpartition("\n")
    return int(status), body


def call(node, path, request, response=peer.Empty):
    """What a gRPC client that is not ours hears: the code's name and the text."""
    with grpc.insecure_channel(node.peer, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        method = channel.unary_unary(path, request_serializer=lambda data: data, response_deserializer=response.FromString)
        try:
            return "OK", method(request, timeout=10)
        except grpc.RpcError as error:
            return error.code().name, error.details()


def test_a_cluster_serves_from_every_member(talking):
    put_and_get(talking)
    for node in talking.nodes:
        assert "link_up" in node.text_of_log()


def test_the_leader_is_killed_under_load(talking):
    with Load(talking) as load:
        for _ in range(3):
            wait_until(lambda: load.count() > 50, 60, "writes are acknowledged")
            leader = talking.wait_for_leader()
            leader.kill()
            before = load.count()
            wait_until(lambda: load.count() > before + 50, 60, "the two others go on")
            talking.start(leader)
            talking.wait_for_leader()
    load.check()


def test_a_frozen_member_is_given_up_and_comes_back(talking):
    leader = talking.wait_for_leader()
    frozen = next(node for node in talking.nodes if node is not leader)
    with Load(talking) as load:
        wait_until(lambda: load.count() > 50, 60, "writes are acknowledged")
        frozen.signal(signal.SIGSTOP)
        try:
            wait_until(lambda: f"link_down peer={talking.nodes.index(frozen) + 1}" in leader.text_of_log(), 60,
                       "its connection is given up")
            before = load.count()
            wait_until(lambda: load.count() > before + 50, 60, "the two others go on")
        finally:
            frozen.signal(signal.SIGCONT)
    load.check()


def test_a_large_value_goes_around(talking):
    value = os.urandom(1 << 20)
    talking.nodes[0].client.put(b"large", value, timeout=20)
    for node in talking.nodes:
        assert node.client.range(b"large", timeout=20).kvs[0].value == value


def test_strangers_hear_what_is_wrong(talking):
    node = talking.nodes[0]
    message = {"cluster_id": "7", "sender": 2, "receiver": 1, "paxos": {"type": "HEARTBEAT"}}
    assert curl(node, "/handle", "-d", "garbage") == (400, "not JSON: line 1, column 7: '[' or '{' expected\n")
    assert curl(node, "/handle", "-d", json.dumps(message))[0] == 409
    message["paxos"]["pvalues"] = [{"slot": "x"}]
    assert curl(node, "/handle", "-d", json.dumps(message)) == (400, "paxos.pvalues[0].slot: not a number\n")
    assert curl(node, "/handle")[0] == 405
    assert curl(node, "/nothing", "-d", "{}")[0] == 404
    assert curl(node, "/value")[0] == 404
    noise = subprocess.run(["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@-",
                            f"http://{node.peer}/handle"], input=os.urandom(100000), check=True, capture_output=True, timeout=20)
    assert noise.stdout in (b"400", b"413")  # it may be nested too deep
    assert node.is_running()
    put_and_get(talking)


def test_strangers_of_grpc_hear_what_is_wrong(talking):
    node = talking.nodes[0]
    handle = "/decree.v1.Peer/Handle"
    message = peer.Message(cluster_id=7, sender=2, receiver=1)
    message.paxos.type = peer.PaxosMessage.P1A
    assert call(node, handle, message.SerializeToString())[0] == "FAILED_PRECONDITION"
    assert call(node, handle, b"\xff\xff\xff\xff")[0] == "INTERNAL"
    assert call(node, "/decree.v1.Peer/Shout", b"")[0] == "UNIMPLEMENTED"
    assert call(node, "/decree.v1.Synod/GetValue", b"", peer.ChosenValue)[0] == "UNIMPLEMENTED"
    assert node.is_running()
    put_and_get(talking)


def test_http_and_grpc_understand_each_other(make_cluster):
    cluster = make_cluster()
    for node, kind in zip(cluster.nodes, ["http", "grpc", "http"]):
        node.start(cluster.spec, ["--transport", kind])
    cluster.wait_for_leader()
    put_and_get(cluster)


def test_who_talks_otherwise_is_named_and_the_others_go_on(make_cluster, kind):
    cluster = make_cluster()
    other = cluster.nodes[2]
    for node in cluster.nodes:
        node.start(cluster.spec, ["--transport", "tcp" if node is other else kind])
    wait_until(lambda: "hint=\"all members need the same --transport\"" in other.text_of_log(), 60, "the third is told")
    for node in cluster.nodes[:2]:
        wait_until(lambda: "peer_does_not_answer peer=3" in node.text_of_log(), 60, "the others tell of the third")
    other.kill()
    cluster.wait_for_leader()
    put_and_get(cluster)


def test_an_unknown_kind_is_refused(tmp_path):
    out = subprocess.run([DECREE, "serve", "--transport", "pigeon", "--data", str(tmp_path / "data")], capture_output=True,
                         text=True, timeout=20)
    assert out.returncode == 64
    assert "--transport must be tcp, http or grpc, not 'pigeon'" in out.stderr
    assert not (tmp_path / "data").exists()


def test_a_taken_port_is_an_error_with_a_sentence(make_cluster, kind):
    cluster = make_cluster(1, ["--transport", kind]).started()
    node = cluster.nodes[0]
    out = subprocess.run([DECREE, "serve", "--transport", kind, "--name", "n1", "--cluster", cluster.spec, "--listen",
                          "127.0.0.1:0", "--data", node.data + "2"], capture_output=True, text=True, timeout=20)
    assert out.returncode == 74
    assert f"cannot listen on 127.0.0.1, port {node.peer_port}" in out.stderr


def test_stopping_is_quick_and_clean(talking):
    for node in talking.nodes:
        assert node.terminate() == 0
