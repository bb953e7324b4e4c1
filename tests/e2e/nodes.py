# SPDX-License-Identifier: MIT
"""nodes.py -- real `decree serve` processes on free ports in a temporary folder."""
import os
import re
import subprocess
import sys

import rpc
from wait import wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from ports import free_ports

DECREE = os.environ["DECREE"]
# Whatever is started so is killed when the test's own process ends. (To do it between fork and exec upsets gRPC.)
WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]

STEADY = ["--election-ms", "4000"]  # whose process ends is missed at once all the same


class Node:
    def __init__(self, name, folder, client_port, peer_port, host="127.0.0.1", prefix=()):
        self.name = name
        self.prefix = prefix  # such as what puts it into another network namespace
        self.peer = f"{host}:{peer_port}"
        self.data = os.path.join(folder, name)
        self.log = os.path.join(folder, name + ".log")
        self.client_port = client_port
        self.peer_port = peer_port
        self.endpoint = f"{host}:{client_port}"
        self.process = None
        self.client = rpc.Client(self.endpoint)

    def start(self, cluster, arguments=()):
        assert self.process is None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*WITH_PARENT, *self.prefix, DECREE, "serve", "--name", self.name, "--cluster", cluster, "--listen", self.endpoint,
                 "--data", self.data, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def terminate(self, seconds=60):
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.wait(seconds)

    def wait(self, seconds=60):
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def text_of_log(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def ballots(self):
        """(those that this node opened since it was started, the one that it follows), each as (round, node)."""
        text = self.text_of_log().rpartition(" info started ")[2]
        opened = re.findall(r"election_started node=(\S+) round=(\d+)", text)
        followed = re.findall(r"leader_changed node=\S+ leader=(\S+) round=(\d+)", text)
        return [(int(number), name) for name, number in opened], [(int(number), name) for name, number in followed[-1:]]


class Cluster:
    def __init__(self, folder, count=3, arguments=(), nodes=None):
        ports = free_ports(2 * count)
        self.arguments = list(arguments)
        self.nodes = nodes or [Node(f"n{i + 1}", str(folder), ports[2 * i], ports[2 * i + 1]) for i in range(count)]
        self.spec = ",".join(f"{node.name}={node.peer}" for node in self.nodes)
        self.endpoints = ",".join(node.endpoint for node in self.nodes)

    def start(self, *nodes):
        for node in nodes or self.nodes:
            node.start(self.spec, self.arguments)

    def started(self, seconds=60):
        self.start()
        self.wait_for_leader(seconds)
        return self

    def leader(self):
        """The node that all running nodes name as leader, or None."""
        named, leader = set(), None
        for node in self.nodes:
            if not node.is_running():
                continue
            try:
                status = node.client.status(timeout=5)
            except rpc.Failure:
                return None
            named.add(status.leader)
            if status.leader != 0 and status.leader == status.header.member_id:
                leader = node
        return leader if len(named) == 1 else None

    def settled_leader(self):
        """The leader, once no ballot is higher: at a start two nodes may stand, and the second deposes the first."""
        leader = self.leader()
        ballots = [node.ballots() for node in self.nodes if node.is_running()]
        followed = {ballot for _, last in ballots for ballot in last}
        opened = [ballot for own, _ in ballots for ballot in own]
        return leader if len(followed) == 1 and max(followed) >= max(opened, default=(0, "")) else None

    def wait_for_leader(self, seconds=60):
        return wait_until(self.settled_leader, seconds, "all nodes name the same leader, who has the highest ballot")

    def close(self):
        for node in self.nodes:
            node.kill()
            node.client.close()

    def print_logs(self):
        for node in self.nodes:
            if os.path.exists(node.log):
                print(f"--- {node.name}:\n" + node.text_of_log()[-3000:])
