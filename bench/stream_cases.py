# SPDX-License-Identifier: MIT
"""stream_cases.py -- the cases of bench/run that are streams: watches and lease keep-alives.

The load comes from watch_load and lease_load, which check every answer and every event. All goes to the leader; CPU is
that of all nodes.
"""
import os
import subprocess
import time


def values_of(text):
    return {word: float(value) for word, value in map(str.split, text.splitlines())}


def command(cluster, options, program, *arguments):
    port = cluster.clients[cluster.leader()]
    return [os.path.join(options.build, "bench", program), "127.0.0.1", str(port), *map(str, arguments)]


def run(cluster, options, program, *arguments):
    """The values that the program prints, and the CPU seconds of the nodes meanwhile."""
    line = command(cluster, options, program, *arguments)
    before = cluster.cpu_seconds()
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{cluster.name}: {program} {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return values_of(done.stdout), cluster.cpu_seconds() - before


def case_watch_latency(cluster, options, results):
    for connections, watchers in ((1, 1000), (10, 1000), (10, 10000)):
        revision = cluster.revision()
        puts = 60 * options.seconds * 1000 // watchers
        got, cpu = run(cluster, options, "watch_load", connections, watchers, "latency", puts)
        if cluster.revision() - revision != got["puts"]:
            raise SystemExit(f"{cluster.name}: the store did not grow by {got['puts']} revisions")
        case = f"put till {watchers} watchers have it, {connections} conn."
        results.append((f"{case}, p50 us", cluster.name, got["p50_us"], "lower"))
        results.append((f"{case}, p99 us", cluster.name, got["p99_us"], "lower"))
        results.append((f"{case}, CPU s/1000 puts", cluster.name, cpu / got["puts"] * 1000, "lower"))


def case_watch_rate(cluster, options, results):
    for connections in (1, 10):
        got, cpu = run(cluster, options, "watch_load", connections, 1000, "rate", options.seconds, 20)
        case = f"1000 watchers, {connections} connections"
        results.append((f"{case}, events per second", cluster.name, got["events_per_second"], "higher"))
        results.append((f"{case}, CPU s per million events", cluster.name, cpu / got["puts"] * 1000, "lower"))


def case_keepalive(cluster, options, results):
    for streams, leases in ((1, 1), (1, 100), (10, 100)):
        got, cpu = run(cluster, options, "lease_load", streams, leases, options.seconds)
        case = f"keep-alives, {streams} streams x {leases} leases"
        results.append((f"{case}, per second", cluster.name, got["per_second"], "higher"))
        results.append((f"{case}, mean latency us", cluster.name, got["mean_us"], "lower"))
        results.append((f"{case}, CPU s of all nodes per 1000", cluster.name, cpu / got["count"] * 1000, "lower"))


def hold_watches(cluster, options, connections, watches):
    holder = subprocess.Popen(command(cluster, options, "watch_load", connections, watches, "hold"),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if holder.stdout.readline() != "ready 1\n":
        raise SystemExit(f"{cluster.name}: {watches} watches could not be made")
    return holder


def release_watches(cluster, holder):
    holder.stdin.close()
    if holder.wait() != 0:
        raise SystemExit(f"{cluster.name}: a watch that nothing was to be told of was told something")


def leader_rss(cluster):
    with open(f"/proc/{cluster.processes[cluster.leader()].pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def case_watch_memory(cluster, options, results):
    before = leader_rss(cluster)
    begun = time.monotonic()
    holder = hold_watches(cluster, options, 100, 50000)
    took = time.monotonic() - begun
    results.append(("50000 watches over 100 conn., bytes per watch", cluster.name, (leader_rss(cluster) - before) / 50000,
                    "lower"))
    results.append(("50000 watches over 100 conn., made per second", cluster.name, 50000 / took, "higher"))
    release_watches(cluster, holder)
