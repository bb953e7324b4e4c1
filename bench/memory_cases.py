# SPDX-License-Identifier: MIT
"""What a million keys cost: resident memory per node with one and with ten revisions of each kept, and the time until a
node, or all three, have read them back.

Memory is /proc/PID/status, the mean of the nodes: VmRSS is RssAnon, which the process alone can free, and RssFile, pages of
files that it has mapped and touched, which the kernel takes back when it wants. What else of its files lies in the page
cache is counted for neither system.
"""
import os
import re
import signal
import statistics
import subprocess
import time
import urllib.request

REVISIONS = 10
SETTLE_S = 5


def memory_of(cluster, field="VmRSS"):
    """Bytes, the mean of the nodes."""
    sizes = []
    for process in cluster.processes:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            sizes.append(int(re.search(field + r":\s+(\d+)", file.read()).group(1)) * 1024)
    return statistics.mean(sizes)


def fill(cluster, options, revisions):
    keys = [str(options.keys * revisions), "256", str(options.keys)] if revisions > 1 else [str(options.keys)]
    subprocess.run([os.path.join(options.build, "bench", "load"), "127.0.0.1", str(cluster.clients[cluster.leader()]),
                    "10", "100", *keys], check=False, stdout=subprocess.DEVNULL)
    there = metric(cluster, "etcd_debugging_mvcc_keys_total")
    if there < options.keys * 0.99:  # a busy machine may have refused a few
        raise SystemExit(f"{cluster.name}: only {there:.0f} of {options.keys} keys could be put")


def metric(cluster, name):
    """One of the leader's, which decree and etcd call the same."""
    with urllib.request.urlopen(f"http://{cluster.endpoint(cluster.leader())}/metrics", timeout=30) as answer:
        return float(re.search(rf"^{name} (\S+)$", answer.read().decode(), re.M).group(1))


def measure_memory(cluster, options, results, revisions):
    before = memory_of(cluster)
    fill(cluster, options, revisions)
    time.sleep(SETTLE_S)
    of = f"{options.keys} keys" + (f" of {revisions} revisions" if revisions > 1 else "")
    for field, what in (("VmRSS", "resident"), ("RssAnon", "anonymous"), ("RssFile", "mapped from files")):
        results.append((f"{of}, {what} MB per node", cluster.name, memory_of(cluster, field) / 1e6, "lower"))
    results.append((f"{of}, resident bytes per key", cluster.name, (memory_of(cluster) - before) / options.keys, "lower"))
    size = metric(cluster, "etcd_mvcc_db_total_size_in_bytes")
    results.append((f"{of}, bytes of the store per key", cluster.name, size / options.keys, "lower"))
    if cluster.name == "decree":
        beside = size - metric(cluster, "etcd_mvcc_db_total_size_in_use_in_bytes")
        results.append((f"{of}, of these the index and room", cluster.name, beside / options.keys, "lower"))


def case_memory(cluster, options, results):
    measure_memory(cluster, options, results, 1)


def case_memory_past(cluster, options, results):
    measure_memory(cluster, options, results, REVISIONS)


def wait_for_read(cluster, i):
    """Until node i answers a linearizable read."""
    import grpc
    last_key = b"k%015d" % 1
    while True:
        channel = grpc.insecure_channel(cluster.endpoint(i), options=[("grpc.use_local_subchannel_pool", 1)])
        try:
            channel.unary_unary("/etcdserverpb.KV/Range")(b"\x0a" + bytes([len(last_key)]) + last_key, timeout=5)
            return
        except grpc.RpcError:
            time.sleep(0.02)
        finally:
            channel.close()


def restart(cluster, which):
    """Seconds from the start of these nodes, killed before, until each has answered a read."""
    for i in which:
        cluster.processes[i].send_signal(signal.SIGKILL)
        cluster.processes[i].wait()
    start = time.monotonic()
    for i in which:
        cluster.processes[i] = cluster.start(i)
    for i in which:
        wait_for_read(cluster, i)
    return time.monotonic() - start


def case_restart(cluster, options, results):
    fill(cluster, options, 1)
    time.sleep(SETTLE_S)
    follower = (cluster.leader() + 1) % 3
    of = f"{options.keys} keys, a read after a restart"
    results.append((f"{of} of one node, s", cluster.name, restart(cluster, [follower]), "lower"))
    results.append((f"{of} of all, s", cluster.name, restart(cluster, range(3)), "lower"))
    time.sleep(SETTLE_S)
    results.append((f"{options.keys} keys, resident MB after a restart", cluster.name, memory_of(cluster) / 1e6, "lower"))


MEMORY_CASES = {"memory": case_memory, "memory_past": case_memory_past, "restart": case_restart}
