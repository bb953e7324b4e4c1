# SPDX-License-Identifier: MIT
"""members.py -- a cluster of decree where the others expect one of etcd: started under its name, with its flags."""
import os
import shutil
import subprocess

import pytest

from nodes import DECREE, WITH_PARENT, Cluster, Node
from ports import free_ports

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ETCD")}


def needed(program, package):
    """Its path. What a test needs and does not find is a failure, since a test that does not run tells nothing."""
    path = shutil.which(program)
    assert path, f"{program} is not installed (Debian's package {package}): run scripts/install-deps slow"
    return path


class Member(Node):
    def __init__(self, etcd, *rest):
        super().__init__(*rest)
        self.etcd = etcd

    def start(self, cluster, arguments=()):
        assert self.process is None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*WITH_PARENT, self.etcd, "--name", self.name, "--data-dir", self.data,
                 "--listen-client-urls", f"http://{self.endpoint}", "--advertise-client-urls", f"http://{self.endpoint}",
                 "--listen-peer-urls", f"http://{self.peer}", "--initial-advertise-peer-urls", f"http://{self.peer}",
                 "--initial-cluster-token", "clients", "--initial-cluster-state", "new", "--initial-cluster", cluster,
                 *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENVIRONMENT)


class Members(Cluster):
    def __init__(self, folder, count=3):
        etcd = folder / "etcd"
        etcd.symlink_to(DECREE)
        ports = free_ports(2 * count)
        nodes = [Member(str(etcd), f"infra{i}", str(folder), ports[2 * i], ports[2 * i + 1]) for i in range(count)]
        super().__init__(folder, nodes=nodes)
        self.spec = ",".join(f"{node.name}=http://{node.peer}" for node in nodes)


@pytest.fixture
def members(tmp_path, request):
    cluster = Members(tmp_path)
    try:
        yield cluster.started(60)
    finally:
        if getattr(request.node, "failed", True):
            cluster.print_logs()
        cluster.close()
