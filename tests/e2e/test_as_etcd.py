# SPDX-License-Identifier: MIT
"""test_as_etcd.py -- decree where an etcd was: under its name, with its flags, its variables and its unit file.

It runs with all ports to itself, so members listen on those of etcd.
"""
import base64
import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from nodes import DECREE, WITH_PARENT
from test_etcdctl import etcdctl
from wait import wait_until

UNIT = "/lib/systemd/system/etcd.service"
STATE = "/var/lib/etcd"
TIMEOUT = 30
# Not a number, or nothing, where etcd's own help shows the default of a flag that wants a number.
DEFAULTS = {"max-concurrent-streams": "4294967295", "backend-batch-interval": "1s"}

# What the help of etcd 3.6 shows.
ETCD_3_6 = """
advertise-client-urls auth-token auth-token-ttl auto-compaction-mode auto-compaction-retention auto-tls
backend-batch-interval backend-batch-limit backend-bbolt-freelist-type bcrypt-cost
bootstrap-defrag-threshold-megabytes cert-file cipher-suites client-cert-allowed-hostname client-cert-auth
client-cert-file client-crl-file client-key-file compact-hash-check-time compaction-batch-limit
compaction-sleep-interval corrupt-check-time cors data-dir discovery discovery-cacert discovery-cert
discovery-dial-timeout discovery-endpoints discovery-fallback discovery-insecure-skip-tls-verify
discovery-insecure-transport discovery-keepalive-time discovery-keepalive-timeout discovery-key discovery-password
discovery-proxy discovery-request-timeout discovery-srv discovery-srv-name discovery-token discovery-user
distributed-tracing-address distributed-tracing-instance-id distributed-tracing-sampling-rate
distributed-tracing-service-name downgrade-check-time election-timeout enable-distributed-tracing enable-grpc-gateway
enable-log-rotation enable-pprof experimental-bootstrap-defrag-threshold-megabytes
experimental-compact-hash-check-enabled experimental-compact-hash-check-time experimental-compaction-batch-limit
experimental-compaction-sleep-interval experimental-corrupt-check-time experimental-distributed-tracing-address
experimental-distributed-tracing-instance-id experimental-distributed-tracing-sampling-rate
experimental-distributed-tracing-service-name experimental-downgrade-check-time
experimental-enable-distributed-tracing experimental-enable-lease-checkpoint
experimental-enable-lease-checkpoint-persist experimental-initial-corrupt-check experimental-memory-mlock
experimental-peer-skip-client-san-verification experimental-snapshot-catchup-entries
experimental-stop-grpc-service-on-defrag experimental-txn-mode-write-with-shared-buffer
experimental-warning-apply-duration experimental-warning-unary-request-duration
experimental-watch-progress-notify-interval feature-gates force-new-cluster grpc-keepalive-interval
grpc-keepalive-min-time grpc-keepalive-timeout heartbeat-interval host-whitelist initial-advertise-peer-urls
initial-cluster initial-cluster-state initial-cluster-token initial-election-tick-advance key-file
listen-client-http-urls listen-client-urls listen-metrics-urls listen-peer-urls log-format log-level log-outputs
log-rotation-config-json logger max-concurrent-streams max-learners max-request-bytes max-snapshots max-txn-ops
max-wals memory-mlock metrics name peer-auto-tls peer-cert-allowed-cn peer-cert-allowed-hostname peer-cert-file
peer-client-cert-auth peer-client-cert-file peer-client-key-file peer-crl-file peer-key-file
peer-skip-client-san-verification peer-trusted-ca-file pre-vote quota-backend-bytes raft-read-timeout
raft-write-timeout self-signed-cert-validity snapshot-catchup-entries snapshot-count socket-reuse-address
socket-reuse-port strict-reconfig-check tls-max-version tls-min-version trusted-ca-file unsafe-no-fsync v2-deprecation
wal-dir warning-apply-duration warning-unary-request-duration watch-progress-notify-interval
""".split()


def clean_environment(**variables):
    return {**{name: value for name, value in os.environ.items() if not name.startswith("ETCD")}, **variables}


@pytest.fixture
def etcd(tmp_path):
    """The program under etcd's name."""
    path = tmp_path / "etcd"
    path.symlink_to(DECREE)
    return str(path)


@pytest.fixture
def start(tmp_path):
    """Starts members; all are gone at the end, and what they said is printed."""
    processes, logs = [], []

    def run(words, **variables):
        log = tmp_path / f"log{len(logs)}"
        with open(log, "wb") as file:
            process = subprocess.Popen([*WITH_PARENT, *words], stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=tmp_path,
                                       env=clean_environment(**variables))
        processes.append(process)
        logs.append(log)
        process.log = log
        return process

    yield run
    for process, log in zip(processes, logs):
        process.kill()
        process.wait()
        print(f"--- {process.args}:\n{log.read_text()}")


def ready(process):
    def said():
        assert process.poll() is None, process.log.read_text()
        return "ready " in process.log.read_text()
    wait_until(said, TIMEOUT, "the member is ready")


def refusal(*words, **variables):
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, env=clean_environment(**variables))
    assert done.returncode == 64, done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()[0]


# ---- flags ----

def flags_of_etcd():
    """Name and default of each flag that the installed etcd's help shows."""
    done = subprocess.run(["etcd", "--help"], capture_output=True, text=True, timeout=TIMEOUT)
    found = re.findall(r"^  --([a-z0-9-]+) *(?:'([^']*)'|(\d+))?$", done.stdout + done.stderr, re.MULTILINE)
    flags = {name: quoted or number for name, quoted, number in found}
    assert len(flags) > 75, done.stdout + done.stderr
    return {**flags, **{name: value for name, value in DEFAULTS.items() if name in flags}}


def test_each_flag_of_etcd_is_known_and_its_default_is_taken(etcd):
    flags = flags_of_etcd()
    all_flags = [f"--{name}={value}" for name, value in flags.items()]
    assert refusal(etcd, *all_flags, "--no-such-flag") == "etcd: unrecognized option '--no-such-flag'"
    for name in flags:
        assert "unrecognized option '--no-such-flag'" in refusal(etcd, f"-{name}={flags[name]}", "--no-such-flag")


def test_each_flag_of_a_newer_etcd_is_known(etcd):
    for name in ETCD_3_6:
        said = refusal(etcd, f"--{name}=no/such/value", "--no-such-flag")
        assert f"--{name} " in said or "'--no-such-flag'" in said, said
        assert f"'--{name}" not in said, said


def test_what_decree_can_not_do_is_refused_by_name(etcd):
    for flag, words in {"--cert-file=a.pem": "TLS", "--peer-auto-tls": "TLS", "--unsafe-no-fsync": "on disk",
                        "--force-new-cluster": "taken out", "--discovery-srv=example.com": "--initial-cluster",
                        "--listen-client-urls=https://127.0.0.1:2379": "TLS", "--proxy=on": "proxy",
                        "--initial-cluster-state=existing": "no data"}.items():
        said = refusal(etcd, *flag.split("=", 1)) if "=" in flag else refusal(etcd, flag)
        assert flag.split("=")[0] in said and words in said, said
    assert "ETCD_KEY_FILE" in refusal(etcd, ETCD_KEY_FILE="a.key")
    assert "ETCD_MAX_TXN_OPS must be a number from 1" in refusal(etcd, ETCD_MAX_TXN_OPS="0")
    assert "gateway can not be had" in refusal(etcd, "gateway", "start")
    assert "unrecognized option '--initial-clusters'" in refusal(DECREE, "serve", "--initial-clusters", "x")


def test_the_version_that_is_spoken(etcd):
    done = subprocess.run([etcd, "--version"], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    assert re.match(r"etcd Version: 3\.\d+\.\d+\n", done.stdout)


def test_flags_alone_start_an_etcd(start):
    member = start([DECREE, "--name", "solo", "-data-dir=solo.data", "--pre-vote", "--enable-v2=false", "-logger", "zap"],
                   ETCD_NAME="other", ETCD_SNAPSHOT_COUNT="10", ETCD_NONSENSE="1")
    ready(member)
    assert etcdctl("127.0.0.1:2379", "put", "a", "b") == "OK\n"
    wait_until(lambda: "ready to serve client requests" in member.log.read_text(), TIMEOUT, "the cluster works")
    said = member.log.read_text()
    assert "ready name=solo clients=localhost:2379 peers=localhost:2380 data=solo.data" in said
    for line in ("flag_without_effect flag=--pre-vote", "flag_without_effect flag=ETCD_SNAPSHOT_COUNT",
                 "flag_without_effect flag=--logger", "variable_overridden variable=ETCD_NAME flag=--name",
                 "variable_unknown variable=ETCD_NONSENSE"):
        assert line in said, said


def test_the_client_takes_etcdctls_words(etcd, start):
    ready(start([etcd, "--listen-client-urls", "http://127.0.0.5:2399", "--advertise-client-urls", "http://127.0.0.5:2399"]))

    def decree(*words, **variables):
        done = subprocess.run([DECREE, *words], capture_output=True, text=True, timeout=TIMEOUT, env=clean_environment(**variables))
        return done.stdout or done.stderr

    there = {"ETCDCTL_ENDPOINTS": "http://127.0.0.5:2399"}
    assert decree("put", "a", "b", "--command-timeout=20s", "--dial-timeout", "1m30s", **there) == "OK\n"
    assert decree("get", "a", "--endpoints=127.0.0.5:2399", ETCDCTL_ENDPOINTS="127.0.0.6:1") == "a\nb\n"
    assert decree("get", "a", DECREE_ENDPOINTS="127.0.0.5:2399", ETCDCTL_ENDPOINTS="127.0.0.6:1") == "a\nb\n"
    assert "is not a time" in decree("get", "a", "--dial-timeout", "never", **there)


def test_a_configuration_file(etcd, start, tmp_path):
    (tmp_path / "etcd.yml").write_text("# as in etcd.conf.yml.sample\n"
                                       "name: 'by-file'\n"
                                       "data-dir: by-file.data\n"
                                       "wal-dir:\n"
                                       "snapshot-count: 10000\n"
                                       "listen-client-urls: http://127.0.0.1:2399, http://127.0.0.1:2398\n"
                                       "cors:\n"
                                       "client-transport-security:\n"
                                       "  cert-file:\n"
                                       "  client-cert-auth: false\n"
                                       "log-outputs: [stderr]\n")
    member = start([etcd, "--config-file", "etcd.yml", "--name", "by-flag"], ETCD_DATA_DIR="by-variable")
    ready(member)
    assert "name=by-file clients=127.0.0.1:2399,127.0.0.1:2398 peers=localhost:2380 data=by-file.data" in member.log.read_text()
    assert etcdctl("127.0.0.1:2398", "put", "a", "b") == "OK\n"
    (tmp_path / "etcd.yml").write_text("name: x\npeer-transport-security:\n  auto-tls: true\n")
    done = subprocess.run([etcd, "--config-file", str(tmp_path / "etcd.yml")], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 64 and "line 3: 'auto-tls' can not be had" in done.stderr, done.stderr
    done = subprocess.run([etcd, "--config-file", "/nowhere/etcd.yml"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 74 and "cannot read /nowhere/etcd.yml" in done.stderr, done.stderr


def test_the_data_of_an_etcd_are_not_passed_over(etcd, start, tmp_path):
    (tmp_path / "was" / "member" / "wal").mkdir(parents=True)
    done = subprocess.run([etcd, "--data-dir", str(tmp_path / "was")], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 78 and "was holds the data of an etcd, which decree can not read" in done.stderr, done.stderr
    assert os.listdir(tmp_path / "was") == ["member"]


# ---- as Debian starts it ----

def unit_of_debian():
    variables = {}
    with open(UNIT, encoding="utf-8") as file:
        text = file.read()
    for line in re.findall(r"^Environment=(.*)$", text, re.MULTILINE):
        name, value = line.split("=", 1)
        variables[name] = value.replace("%H", socket.gethostname())
    kind = re.search(r"^Type=(.*)$", text, re.MULTILINE).group(1)
    words = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE).group(1).split()
    return kind, words, variables


@pytest.fixture
def state_folder(tmp_path):
    """Something of ours in place of etcd's folder, in this namespace alone."""
    folder = tmp_path / "state"
    folder.mkdir()
    subprocess.run(["mount", "--bind", str(folder), STATE], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", STATE], check=True)


def test_the_unit_of_debian_starts_decree(etcd, start, state_folder, tmp_path):
    kind, words, variables = unit_of_debian()
    assert kind == "notify"
    assert words == ["/usr/bin/etcd", "$DAEMON_ARGS"]
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(TIMEOUT)
    member = start([etcd, *variables["DAEMON_ARGS"].split()], NOTIFY_SOCKET=str(tmp_path / "notify"), **variables)
    assert manager.recv(100) == b"READY=1"
    assert etcdctl("localhost:2379", "put", "city", "Paris") == "OK\n"
    members = etcdctl("127.0.0.1:2379", "member", "list")
    assert f"started, {socket.gethostname()}, http://localhost:2380, http://localhost:2379" in members
    member.terminate()
    assert manager.recv(100) == b"STOPPING=1"
    assert member.wait(TIMEOUT) == 0
    assert (state_folder / "default" / "identity").exists()
    member = start([etcd], NOTIFY_SOCKET=str(tmp_path / "notify"), ETCD_INITIAL_CLUSTER_STATE="existing", **variables)
    assert manager.recv(100) == b"READY=1"
    assert etcdctl("127.0.0.1:2379", "get", "city", "--print-value-only") == "Paris\n"
    manager.close()


def test_a_manager_in_the_abstract_namespace(etcd, start):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind("\0decree-test")
    manager.settimeout(TIMEOUT)
    start([etcd], NOTIFY_SOCKET="@decree-test")
    assert manager.recv(100) == b"READY=1"
    manager.close()


# ---- as etcd's documentation bootstraps three ----

def bootstrap(start, etcd, *arguments):
    hosts = ["127.0.1.10", "127.0.1.11", "127.0.1.12"]
    urls = [f"infra{i}=http://{host}:2380" for i, host in enumerate(hosts)]
    members = []
    for i, host in enumerate(hosts):
        in_another_order = ",".join(urls[i:] + urls[:i])
        members.append(start([etcd, "--name", f"infra{i}", "--initial-advertise-peer-urls", f"http://{host}:2380",
                              "--listen-peer-urls", f"http://{host}:2380",
                              "--listen-client-urls", f"http://{host}:2379,http://{host}:4001",
                              "--advertise-client-urls", f"http://{host}:2379", "--initial-cluster-token", "etcd-cluster-1",
                              "--initial-cluster", in_another_order, "--initial-cluster-state", "new", *arguments]))
    for member in members:
        ready(member)
    return hosts, members


def test_the_static_bootstrap_of_etcds_documentation(etcd, start):
    hosts, members = bootstrap(start, etcd)
    assert etcdctl(f"{hosts[0]}:2379", "put", "city", "Paris") == "OK\n"
    for host in hosts:
        for port in (2379, 4001):
            assert etcdctl(f"{host}:{port}", "get", "city") == "city\nParis\n"
    listed = etcdctl(f"{hosts[1]}:2379", "member", "list")
    for i, host in enumerate(hosts):
        assert f"infra{i}, http://{host}:2380" in listed
    for member in members:
        member.send_signal(signal.SIGTERM)
    for member in members:
        assert member.wait(TIMEOUT) == 0


def test_members_that_listen_elsewhere_than_they_are_told(etcd, start):
    member = start([etcd, "--name", "a", "--listen-peer-urls", "http://0.0.0.0:2380", "--listen-client-urls",
                    "http://0.0.0.0:2379", "--initial-advertise-peer-urls", "http://127.0.1.1:2380",
                    "--initial-cluster", "a=http://127.0.1.1:2380"])
    ready(member)
    assert "http://127.0.1.1:2380, http://127.0.1.1:2379" in etcdctl("127.0.0.1:2379", "member", "list")
    with socket.create_connection(("127.0.0.9", 2380), TIMEOUT):
        pass


def http(url, data=None):
    try:
        with urllib.request.urlopen(url, data, TIMEOUT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_at_a_port_of_their_own(etcd, start):
    member = start([etcd, "--listen-metrics-urls", "http://127.0.0.1:2381,http://127.0.0.2:2381"])
    ready(member)
    for address in ("127.0.0.1:2381", "127.0.0.2:2381", "127.0.0.1:2379"):
        status, text = http(f"http://{address}/metrics")
        assert status == 200 and "etcd_server_has_leader" in text
        wait_until(lambda: http(f"http://{address}/health")[0] == 200, TIMEOUT, "the member is healthy")
        assert http(f"http://{address}/readyz") == (200, "ok\n")
    assert http("http://127.0.0.1:2381/v3/kv/range", b'{"key": "YQ=="}')[0] == 404
    assert http("http://127.0.0.1:2379/v3/kv/range", b'{"key": "YQ=="}')[0] == 200
    with socket.create_connection(("127.0.0.2", 2381), TIMEOUT):  # who says nothing holds nobody up
        member.terminate()
        assert member.wait(TIMEOUT) == 0


# ---- limits and compaction ----

def test_large_requests_if_that_is_wanted(etcd, start, tmp_path):
    hosts, _ = bootstrap(start, etcd, "--max-request-bytes", "10485760", "--max-txn-ops", "200")
    large = tmp_path / "large"
    large.write_text("x" * 9_000_000)
    with open(large, encoding="utf-8") as file:
        done = subprocess.run(["etcdctl", "--endpoints", f"{hosts[0]}:2379", "--command-timeout", "20s", "put", "large"],
                              stdin=file, capture_output=True, text=True, timeout=TIMEOUT, env=dict(os.environ, ETCDCTL_API="3"))
    # etcdctl 3.4 itself sends no more than 2 MiB; decree's own client has no such bound
    assert "trying to send message larger than max" in done.stderr, done.stderr
    with open(large, encoding="utf-8") as file:
        done = subprocess.run([DECREE, "put", "large", "--endpoints", f"{hosts[0]}:2379", "--timeout", "20s"], stdin=file,
                              capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stdout == "OK\n", done.stderr
    for host in hosts:
        done = subprocess.run([DECREE, "get", "large", "--endpoints", f"{host}:2379", "--timeout", "20s"], capture_output=True,
                              text=True, timeout=TIMEOUT)
        assert len(done.stdout) == 9_000_000 + len("large\n\n"), done.stderr
    body = json.dumps({"key": "bGFyZ2U=", "value": base64.b64encode(b"y" * 9_000_000).decode()}).encode()
    status, text = http(f"http://{hosts[2]}:2379/v3/kv/put", body)
    assert status == 200, text
    requests = "\n" + "".join(f"put k{i} v\n" for i in range(200)) + "\n\n"
    done = subprocess.run(["etcdctl", "--endpoints", f"{hosts[1]}:2379", "txn"], input=requests, capture_output=True, text=True,
                          timeout=TIMEOUT, env=dict(os.environ, ETCDCTL_API="3"))
    assert done.stdout.startswith("SUCCESS"), done.stderr
    requests = "\n" + "".join(f"put k{i} v\n" for i in range(201)) + "\n\n"
    done = subprocess.run(["etcdctl", "--endpoints", f"{hosts[1]}:2379", "txn"], input=requests, capture_output=True, text=True,
                          timeout=TIMEOUT, env=dict(os.environ, ETCDCTL_API="3"))
    assert "too many operations in txn request" in done.stderr


def test_the_past_is_given_up_by_itself(etcd, start):
    hosts, _ = bootstrap(start, etcd, "--auto-compaction-mode=periodic", "--auto-compaction-retention=1s")
    for i in range(5):
        etcdctl(f"{hosts[0]}:2379", "put", "key", str(i))

    def compacted():
        done = subprocess.run(["etcdctl", "--endpoints", f"{hosts[2]}:2379", "get", "key", "--rev", "5"], capture_output=True,
                              text=True, timeout=TIMEOUT, env=dict(os.environ, ETCDCTL_API="3"))
        return "required revision has been compacted" in done.stderr
    wait_until(compacted, TIMEOUT, "revision 5 is compacted, on every member")
    assert etcdctl(f"{hosts[1]}:2379", "get", "key") == "key\n4\n"
