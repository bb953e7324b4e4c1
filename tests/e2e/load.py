# SPDX-License-Identifier: MIT
"""load.py -- writers that keep a book of what was acknowledged, and the comparison of that book with every node."""
import itertools
import threading
import time

import rpc
from wait import wait_until


class Load:
    """Threads that each put keys of their own, one after the other, on whichever node answers."""

    def __init__(self, cluster, threads=4, prefix="load/"):
        self.cluster = cluster
        self.prefix = prefix
        self.must_stop = threading.Event()
        self.acknowledged = {}  # key: (value, revision, whether it was sent more than once)
        self.longest_gap = 0.0
        self.last = None
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(threads)]
        self.errors = []

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

    def note(self, key, value, revision, repeated):
        with self.lock:
            now = time.monotonic()
            if self.last is not None:
                self.longest_gap = max(self.longest_gap, now - self.last)
            self.last = now
            self.acknowledged[key] = (value, revision, repeated)

    def run(self, number):
        clients = [rpc.Client(node.endpoint) for node in self.cluster.nodes]
        at = number % len(clients)
        try:
            for count in itertools.count():
                key, value = f"{self.prefix}{number}/{count:06}".encode(), f"value {number} {count}".encode()
                repeated = False
                while not self.must_stop.is_set():
                    try:
                        response = clients[at].put(key, value, timeout=2)
                    except rpc.Failure:
                        repeated = True
                        at = (at + 1) % len(clients)
                        self.must_stop.wait(0.01)
                        continue
                    self.note(key, value, response.header.revision, repeated)
                    break
                if self.must_stop.is_set():
                    return
        except Exception as error:  # a thread's exception would be lost
            self.errors.append(error)
        finally:
            for client in clients:
                client.close()

    def check(self):
        """Every acknowledged write is on every running node, at its revision, and all nodes hold the same. What was given up
        by who wrote it may still be done while they are asked, so all are asked for one revision."""
        assert not self.errors, self.errors
        assert self.acknowledged, "no write was acknowledged: the test shows nothing"
        running = [node for node in self.cluster.nodes if node.is_running()]
        now = brought_up_to_date(running[0])
        contents = {}
        for node in running:
            assert brought_up_to_date(node) >= now
            pairs, key = {}, self.prefix.encode()
            while True:
                response = node.client.range(key, self.prefix.encode()[:-1] + b"0", serializable=True, revision=now, limit=5000)
                pairs.update((pair.key, (pair.value, pair.mod_revision)) for pair in response.kvs)
                if not response.more:
                    break
                key = response.kvs[-1].key + b"\0"
            for written, (value, revision, repeated) in self.acknowledged.items():
                assert written in pairs, f"{node.name} has lost {written}, acknowledged at revision {revision}"
                assert pairs[written][0] == value, f"{node.name}: {written} has another value"
                found = pairs[written][1]
                # A write that was sent again may have been done again, later; one sent once may not have moved.
                assert found >= revision if repeated else found == revision, f"{node.name}: {written} at {found}, not {revision}"
            contents[node.name] = pairs
        first = next(iter(contents))
        for name, pairs in contents.items():
            assert pairs == contents[first], f"{name} and {first} differ"
        self.check_hashes(running, now)

    @staticmethod
    def check_hashes(running, last):
        """All running nodes have the same history, not only the same last values: E#13766."""
        for revision in (last, last * 2 // 3, last // 3):
            hashes = {node.name: node.client.hash_kv(revision, timeout=20).hash for node in running}
            assert len(set(hashes.values())) == 1, f"revision {revision} of {last}: {hashes}"


def brought_up_to_date(node):
    """The revision of a linearizable read; a node that was away or stopped may not answer the first one."""
    def ask():
        try:
            return node.client.range(b"x", timeout=10).header.revision
        except rpc.Failure:
            return None
    return wait_until(ask, 60, f"{node.name} answers a read")
