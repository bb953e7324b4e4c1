# SPDX-License-Identifier: MIT
"""rpc.py -- a client of the etcd v3 API made of Google's gRPC and protobuf, so nothing of ours checks itself."""
import importlib
import os
import subprocess
import sys
import tempfile

import grpc

PROTO = os.path.join(os.environ["DECREE_SOURCE"], "proto")


def load_messages(*names):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"--proto_path={PROTO}", f"--python_out={folder}", "auth.proto", "kv.proto", "rpc.proto",
                        "lock.proto", "election.proto"], check=True)
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = True
        try:
            return [importlib.import_module(name + "_pb2") for name in names]
        finally:
            sys.path.remove(folder)


messages, locks, elections = load_messages("rpc", "lock", "election")


class Failure(Exception):
    def __init__(self, error):
        super().__init__(f"{error.code().name}: {error.details()}")
        self.code = error.code()
        self.text = error.details()


class Client:
    """One endpoint, no retries. Every call raises Failure with the gRPC code when it fails."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.channel = None

    def close(self):
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def call(self, path, request, response, timeout):
        if self.channel is None:
            self.channel = grpc.insecure_channel(self.endpoint, options=[
                ("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)])
        method = self.channel.unary_unary(path, request_serializer=lambda message: message.SerializeToString(),
                                          response_deserializer=response.FromString)
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                self.close()  # a channel without a call under way connects to nothing: the next call makes a new one
            raise Failure(error) from None

    def put(self, key, value, timeout=20, **options):
        return self.call("/etcdserverpb.KV/Put", messages.PutRequest(key=key, value=value, **options),
                         messages.PutResponse, timeout)

    def range(self, key, end=b"", timeout=20, **options):
        return self.call("/etcdserverpb.KV/Range", messages.RangeRequest(key=key, range_end=end, **options),
                         messages.RangeResponse, timeout)

    def delete(self, key, end=b"", timeout=20, **options):
        return self.call("/etcdserverpb.KV/DeleteRange", messages.DeleteRangeRequest(key=key, range_end=end, **options),
                         messages.DeleteRangeResponse, timeout)

    def status(self, timeout=20):
        return self.call("/etcdserverpb.Maintenance/Status", messages.StatusRequest(), messages.StatusResponse, timeout)

    def hash_kv(self, revision, timeout=20):
        return self.call("/etcdserverpb.Maintenance/HashKV", messages.HashKVRequest(revision=revision),
                         messages.HashKVResponse, timeout)

    def member_list(self, timeout=20):
        return self.call("/etcdserverpb.Cluster/MemberList", messages.MemberListRequest(), messages.MemberListResponse,
                         timeout)
