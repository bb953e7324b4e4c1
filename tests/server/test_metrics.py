# SPDX-License-Identifier: MIT
"""test_metrics.py -- /metrics of the front: every line by a strict reader, and the numbers after known calls."""
import random

import pytest

import h2
import prometheus
import rpc
from rpc import messages
from test_gateway import Web
from wait import wait_until


def read(server):
    web = Web(server)
    status, answer = web.get("/metrics")
    assert (status, web.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return prometheus.parse(answer.decode())


@pytest.fixture
def client(server):
    client = rpc.Client(f"127.0.0.1:{server.port}")
    yield client
    client.close()


def test_numbers(server, client):
    assert read(server)["etcd_mvcc_put_total"].value() == 0
    client.put(b"a", b"12345")
    client.put(b"b", b"")
    client.range(b"a")
    client.delete(b"a")
    families = read(server)
    for name, number in {"etcd_server_has_leader": 1, "etcd_server_is_leader": 1, "etcd_server_is_learner": 0,
                         "etcd_debugging_mvcc_keys_total": 1,
                         "etcd_server_proposals_failed_total": 0,
                         "etcd_mvcc_db_total_size_in_bytes": 65536, "etcd_mvcc_put_total": 2, "etcd_mvcc_delete_total": 1,
                         "etcd_mvcc_range_total": 1, "etcd_debugging_mvcc_total_put_size_in_bytes": 7,
                         "etcd_debugging_mvcc_current_revision": 4, "etcd_debugging_mvcc_compact_revision": 0,
                         "etcd_server_version": 1}.items():
        assert families[name].value() == number, name
    assert families["etcd_server_proposals_committed_total"].value() >= 3
    assert families["etcd_server_proposals_applied_total"].value() >= 3
    assert families["process_resident_memory_bytes"].value() > 100_000
    assert families["process_virtual_memory_bytes"].value() > families["process_resident_memory_bytes"].value()
    assert 3 < families["process_open_fds"].value() <= families["process_max_fds"].value()
    assert families["process_start_time_seconds"].value() > 1.6e9
    assert families["process_cpu_seconds_total"].value() >= 0


def test_calls(server, client):
    client.put(b"a", b"1")
    client.put(b"a", b"2")
    for _ in range(3):
        with pytest.raises(rpc.Failure):
            client.put(b"", b"")
    families = read(server)
    put = {"grpc_service": "etcdserverpb.KV", "grpc_method": "Put", "grpc_type": "unary"}
    assert families["grpc_server_started_total"].value(**put) == 5
    assert families["grpc_server_handled_total"].value(grpc_code="OK", **put) == 2
    assert families["grpc_server_handled_total"].value(grpc_code="InvalidArgument", **put) == 3
    assert families["grpc_server_handled_total"].value(**put) == 5
    assert families["grpc_server_msg_received_total"].value(**put) == 5
    assert families["grpc_server_msg_sent_total"].value(**put) == 2
    assert families["grpc_server_handling_seconds"].count(**put) == 5
    assert families["etcd_network_client_grpc_received_bytes_total"].value() == 2 * 6
    for method, kind in {"Watch": "bidi_stream", "Snapshot": "server_stream", "LeaseKeepAlive": "bidi_stream",
                         "Range": "unary"}.items():
        assert families["grpc_server_started_total"].value(grpc_method=method, grpc_type=kind) == 0


def test_connections_that_are_broken_off(server, client):
    """By a frame that may not be, a greeting that is none, bytes that are no request; who just goes does not count."""
    def broken():
        return read(server)["decree_client_connections_broken_total"].value()

    client.put(b"a", b"1")
    with h2.Connection(server.port) as connection:
        connection.send(h2.request(1))
    assert broken() == 0
    with h2.Connection(server.port) as connection:
        connection.send(h2.frame(h2.DATA, 0, 0, b"on no stream"))
        wait_until(lambda: broken() == 1, 20, "a frame that may not be")
    with h2.Connection(server.port, greet=False) as connection:
        connection.send(h2.PREFACE[:-2] + b"??" + bytes(64))
        wait_until(lambda: broken() == 2, 20, "a greeting that is none")
    with h2.Connection(server.port, greet=False) as connection:
        connection.send(b"\x16\x03\x01 hello, is this TLS?\r\n\r\n")
        wait_until(lambda: broken() == 3, 20, "no request")


def test_the_gateway_counts_as_a_call(server):
    web = Web(server)
    web.good("/v3/kv/put", {"key": "YQ=="})
    assert web.post("/v3/kv/put", {})[0] == 400
    families = read(server)
    assert families["grpc_server_handled_total"].value(grpc_method="Put", grpc_code="OK") == 1
    assert families["grpc_server_handled_total"].value(grpc_method="Put", grpc_code="InvalidArgument") == 1


def test_streams(server):
    path = "/etcdserverpb.Lease/LeaseKeepAlive"
    with h2.Connection(server.port) as connection:
        connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request_fields(path)))
        for _ in range(3):
            connection.send(h2.frame(h2.DATA, 0, 1, h2.message(b"\x08\x07")))
        wait_until(lambda: read(server)["grpc_server_msg_sent_total"].value(grpc_method="LeaseKeepAlive") == 3, 20, "answers")
        families = read(server)
        assert families["grpc_server_started_total"].value(grpc_method="LeaseKeepAlive") == 1
        assert families["grpc_server_msg_received_total"].value(grpc_method="LeaseKeepAlive") == 3
        assert families["grpc_server_handled_total"].value(grpc_method="LeaseKeepAlive") == 0
    wait_until(lambda: read(server)["grpc_server_handled_total"].value(grpc_method="LeaseKeepAlive", grpc_code="Canceled") == 1,
               20, "the client that went away is counted")


def test_watches(server, client):
    watch = client_watch(client, [b"a", b"b"])
    first = [next(watch), next(watch)]
    assert all(response.created for response in first)
    client.put(b"a", b"1")
    client.put(b"c", b"1")
    assert next(watch).events
    families = read(server)
    assert families["etcd_debugging_mvcc_watcher_total"].value() == 2
    assert families["etcd_debugging_mvcc_watch_stream_total"].value() == 1
    assert families["etcd_debugging_mvcc_slow_watcher_total"].value() == 0
    assert families["etcd_debugging_mvcc_events_total"].value() == 1
    watch.cancel()
    wait_until(lambda: read(server)["etcd_debugging_mvcc_watch_stream_total"].value() == 0, 20, "the stream is gone")


def client_watch(client, keys):
    client.put(b"warm", b"up")
    call = client.channel.stream_stream("/etcdserverpb.Watch/Watch", request_serializer=lambda m: m.SerializeToString(),
                                        response_deserializer=messages.WatchResponse.FromString)
    return call(iter([messages.WatchRequest(create_request={"key": key}) for key in keys] + []))


def test_leases(server):
    web = Web(server)
    for number in (1, 2, 3):
        web.good("/v3/lease/grant", {"ID": number, "TTL": 100})
    web.good("/v3/lease/revoke", {"ID": 1})
    families = read(server)
    assert families["etcd_debugging_lease_granted_total"].value() == 3
    assert families["etcd_debugging_lease_revoked_total"].value() == 1
    assert families["etcd_debugging_server_lease_expired_total"].value() == 0


def test_failed_proposals(start):
    server = start("held=1", "timeout=200")
    client = rpc.Client(f"127.0.0.1:{server.port}")
    with pytest.raises(rpc.Failure):
        client.put(b"a", b"1", timeout=20)
    with pytest.raises(rpc.Failure):
        client.range(b"a", timeout=20)
    client.close()
    families = read(server)
    assert families["etcd_server_proposals_failed_total"].value() == 1
    assert families["etcd_server_read_indexes_failed_total"].value() == 1


def test_health_is_counted(start):
    server = start()
    web = Web(server)
    assert web.get("/health")[0] == 200
    assert read(server)["etcd_server_health_success"].value() == 1
    assert read(server)["etcd_server_health_failures"].value() == 0
    server = start("leaderless=1")
    assert Web(server).get("/health")[0] == 503
    assert read(server)["etcd_server_health_failures"].value() == 1


# ---- what strangers say of their version ----

def put_with(connection, stream, version):
    connection.send(h2.request(stream, more=[("client-api-version", version)]))
    return connection.wait_for_end(stream)


def test_versions(server):
    with h2.Connection(server.port) as connection:
        assert put_with(connection, 1, "3.5")["grpc-status"] == "0"
        assert put_with(connection, 3, "3.5")["grpc-status"] == "0"
        assert put_with(connection, 5, 'a"b\\c')["grpc-status"] == "0"
        assert put_with(connection, 7, "\u00e9".encode())["grpc-status"] == "0"
        refused = put_with(connection, 9, b"\xff")
        assert (refused["grpc-status"], refused["grpc-message"]) == ("3", "etcdserver: invalid client api version")
        connection.put(11)
    requests = read(server)["etcd_server_client_requests_total"]
    assert requests.value(type="unary", client_api_version="3.5") == 2
    assert requests.value(client_api_version='a\\"b\\\\c') == 1
    assert requests.value(client_api_version="\u00e9") == 1
    assert requests.value(client_api_version="unknown") == 2


def test_versions_without_end(server):
    choice = random.Random(1)
    with h2.Connection(server.port) as connection:
        for stream in range(1, 401, 2):
            put_with(connection, stream, str(choice.random()) + "x" * choice.choice([0, 10, 5000]))
    requests = read(server)["etcd_server_client_requests_total"]
    assert len(requests.samples) <= 16
    assert requests.value(client_api_version="other") > 100


@pytest.mark.parametrize("method, status", [("POST", 405), ("GET", 200)])
def test_methods(server, method, status):
    assert Web(server).ask(method, "/metrics")[0] == status
