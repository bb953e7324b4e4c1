# SPDX-License-Identifier: MIT
"""test_reflection.py -- health, and reflection as grpcurl uses it, by Google's gRPC: what the server says of itself is enough to
call it. The messages of the questions come from the .proto files here, those of the answers from the server alone."""
import importlib
import os
import subprocess
import sys
import tempfile

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from h2 import Connection, DATA, END_HEADERS, HEADERS, frame, message, request, request_fields

PROTO = os.path.join(os.environ["DECREE_SOURCE"], "proto")
VERSIONS = ["v1", "v1alpha"]
NOT_FOUND = 5


def load(*names):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"--proto_path={PROTO}", f"--python_out={folder}", *(name + ".proto" for name in names)],
                       check=True)
        sys.path.insert(0, folder)
        try:
            return [importlib.import_module(name + "_pb2") for name in names]
        finally:
            sys.path.remove(folder)


health, reflection, reflection_v1alpha = load("health", "reflection", "reflection_v1alpha")
MODULES = {"v1": reflection, "v1alpha": reflection_v1alpha}


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as opened:
        yield opened


def unary(channel, path, question, answer):
    return channel.unary_unary(path, request_serializer=lambda m: m.SerializeToString(),
                               response_deserializer=answer.FromString)(question, timeout=20)


# ---- health ----

def test_check(channel):
    ask = lambda name: unary(channel, "/grpc.health.v1.Health/Check", health.HealthCheckRequest(service=name),
                             health.HealthCheckResponse)
    assert ask("").status == health.HealthCheckResponse.SERVING
    for name in ["etcdserverpb.KV", "x" * 10000]:
        with pytest.raises(grpc.RpcError) as error:
            ask(name)
        assert (error.value.code(), error.value.details()) == (grpc.StatusCode.NOT_FOUND, "unknown service")


def test_list(channel):
    answer = unary(channel, "/grpc.health.v1.Health/List", health.HealthListRequest(), health.HealthListResponse)
    assert {name: row.status for name, row in answer.statuses.items()} == {"": health.HealthCheckResponse.SERVING}


@pytest.mark.parametrize("name, status", [("", "SERVING"), ("other", "SERVICE_UNKNOWN")])
def test_watch(channel, name, status):
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=lambda m: m.SerializeToString(),
                                 response_deserializer=health.HealthCheckResponse.FromString)
    stream = watch(health.HealthCheckRequest(service=name))
    assert next(stream).status == health.HealthCheckResponse.ServingStatus.Value(status)
    assert stream.is_active()
    stream.cancel()


def test_watch_ends_with_the_server(start):
    server = start()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        watch = channel.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=lambda m: m.SerializeToString(),
                                     response_deserializer=health.HealthCheckResponse.FromString)
        stream = watch(health.HealthCheckRequest())
        next(stream)
        server.process.terminate()
        with pytest.raises(grpc.RpcError) as error:
            next(stream)
        assert error.value.code() == grpc.StatusCode.UNAVAILABLE
        server.process.wait(20)
        server.stop = lambda: None  # it has ended well already
        assert server.process.returncode == 0


# ---- reflection ----

class Dialogue:
    def __init__(self, channel, version):
        self.module = MODULES[version]
        self.call = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                                          request_serializer=lambda m: m.SerializeToString(),
                                          response_deserializer=self.module.ServerReflectionResponse.FromString)

    def ask(self, *questions):
        sent = [self.module.ServerReflectionRequest(host="here", **question) for question in questions]
        answers = list(self.call(iter(sent), timeout=20))
        assert len(answers) == len(questions)
        for question, answer in zip(sent, answers):
            assert answer.valid_host == "here"
            assert answer.original_request == question
        return answers


@pytest.fixture(params=VERSIONS)
def dialogue(channel, request):
    return Dialogue(channel, request.param)


def files_of(answer):
    assert answer.WhichOneof("message_response") == "file_descriptor_response", answer
    return [descriptor_pb2.FileDescriptorProto.FromString(data) for data in answer.file_descriptor_response.file_descriptor_proto]


def test_services(dialogue):
    names = [row.name for row in dialogue.ask({"list_services": "*"})[0].list_services_response.service]
    assert names == sorted(names)
    assert {"etcdserverpb.KV", "etcdserverpb.Watch", "etcdserverpb.Lease", "etcdserverpb.Cluster", "etcdserverpb.Maintenance",
            "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= set(names)


def test_each_service_is_described(dialogue):
    names = [row.name for row in dialogue.ask({"list_services": ""})[0].list_services_response.service]
    for name, answer in zip(names, dialogue.ask(*({"file_containing_symbol": name} for name in names))):
        file = descriptor_pb2.FileDescriptorProto.FromString(answer.file_descriptor_response.file_descriptor_proto[0])
        assert name in [f"{file.package}.{service.name}" for service in file.service]


@pytest.mark.parametrize("symbol, file", [
    ("etcdserverpb.KV", "rpc.proto"), ("etcdserverpb.KV.Range", "rpc.proto"), ("etcdserverpb.RangeRequest", "rpc.proto"),
    ("etcdserverpb.RangeRequest.SortOrder", "rpc.proto"), ("etcdserverpb.RangeRequest.key", "rpc.proto"),
    ("etcdserverpb.RangeRequest.DESCEND", "rpc.proto"), ("etcdserverpb.RequestOp.request", "rpc.proto"),
    ("mvccpb.KeyValue", "kv.proto"), ("mvccpb.Event.PUT", "kv.proto"), ("mvccpb.Event.EventType", "kv.proto"),
    ("authpb.User", "auth.proto"), ("grpc.health.v1.HealthListResponse.StatusesEntry.key", "health.proto"),
])
def test_symbols(dialogue, symbol, file):
    assert files_of(dialogue.ask({"file_containing_symbol": symbol})[0])[0].name == file


@pytest.mark.parametrize("question", [
    {"file_containing_symbol": symbol} for symbol in
    ["", ".", "etcdserverpb", "etcdserverpb.", "etcdserverpb.KV.", "etcdserverpb.KV.No", "etcdserverpb.KVRange", "KV",
     "etcdserverpb.RangeRequest.SortOrder.DESCEND", "x" * 100_000, ".".join("x" * 10_000)]
] + [{"file_by_filename": name} for name in ["", "rpc", "rpc.proto/", "../rpc.proto", "/etc/passwd"]]
    + [{"all_extension_numbers_of_type": name} for name in ["", "etcdserverpb.KV", "etcdserverpb.RangeRequest.key", "no"]]
    + [{"file_containing_extension": {"containing_type": "etcdserverpb.RangeRequest", "extension_number": 1}}],
    ids=lambda question: str(question)[:60])
def test_not_found_does_not_end_the_dialogue(dialogue, question):
    answer, after = dialogue.ask(question, {"file_by_filename": "kv.proto"})
    assert answer.error_response.error_code == NOT_FOUND
    assert answer.error_response.error_message != ""
    assert files_of(after)[0].name == "kv.proto"


def test_no_extensions(dialogue):
    answer = dialogue.ask({"all_extension_numbers_of_type": "etcdserverpb.RangeRequest"})[0].all_extension_numbers_response
    assert answer.base_type_name == "etcdserverpb.RangeRequest"
    assert not answer.extension_number


def test_imports_are_sent_once(dialogue):
    first, second, third = dialogue.ask({"file_by_filename": "rpc.proto"}, {"file_by_filename": "rpc.proto"},
                                        {"file_containing_symbol": "mvccpb.KeyValue"})
    assert {file.name for file in files_of(first)} == {"rpc.proto", "kv.proto", "auth.proto"}
    assert [file.name for file in files_of(second)] == ["rpc.proto"]
    assert [file.name for file in files_of(third)] == ["kv.proto"]


def test_all_files_together(dialogue):
    """What imports names is there, so a pool takes all files in."""
    names = [row.name for row in dialogue.ask({"list_services": ""})[0].list_services_response.service]
    files = {}
    for answer in dialogue.ask(*({"file_containing_symbol": name} for name in names)):
        files.update((file.name, file) for file in files_of(answer))
    pool = descriptor_pool.DescriptorPool()
    added = set()
    while len(added) < len(files):
        ready = [file for name, file in files.items() if name not in added and added.issuperset(file.dependency)]
        assert ready, "a file that is imported was not sent"
        for file in ready:
            pool.Add(file)
            added.add(file.name)
    for name in names:
        assert pool.FindServiceByName(name).methods


def test_a_call_made_of_what_the_server_says(channel, dialogue):
    pool = descriptor_pool.DescriptorPool()
    for file in reversed(files_of(dialogue.ask({"file_containing_symbol": "etcdserverpb.KV"})[0])):
        pool.Add(file)
    method = pool.FindMethodByName("etcdserverpb.KV.Put")
    factory = message_factory.MessageFactory(pool)
    put, put_answer = factory.GetPrototype(method.input_type), factory.GetPrototype(method.output_type)
    answer = unary(channel, "/etcdserverpb.KV/Put", put(key=b"city", value=b"Oslo"), put_answer)
    assert answer.header.revision == 2
    method = pool.FindMethodByName("etcdserverpb.KV.Range")
    answer = unary(channel, "/etcdserverpb.KV/Range", factory.GetPrototype(method.input_type)(key=b"city"),
                   factory.GetPrototype(method.output_type))
    assert answer.kvs[0].value == b"Oslo"


def test_no_request(channel):
    dialogue = Dialogue(channel, "v1")
    with pytest.raises(grpc.RpcError) as error:
        list(dialogue.call(iter([reflection.ServerReflectionRequest()]), timeout=20))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_client_that_does_not_read(server):
    """It asks for much and reads nothing: its own dialogue stops, and others are served."""
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    question = message(reflection.ServerReflectionRequest(file_by_filename="rpc.proto").SerializeToString())
    with Connection(server.port) as connection:
        connection.send(frame(HEADERS, END_HEADERS, 1, request_fields(path)))
        for _ in range(2500):
            assert connection.send(frame(DATA, 0, 1, question))
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            assert files_of(Dialogue(channel, "v1").ask({"file_by_filename": "rpc.proto"})[0])
    assert server.resident_bytes() < 200 << 20


@pytest.mark.parametrize("body", [b"\xff", b"\x1a\x05ab", b"\x2a\x02\x08", b"\x00", b"\x1a\x02\xff\xfe"])
def test_malformed(server, body):
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    with Connection(server.port) as connection:
        connection.send(request(1, path=path, body=message(body)))
        connection.wait_for_end(1)
    with Connection(server.port) as connection:
        connection.put(1)
