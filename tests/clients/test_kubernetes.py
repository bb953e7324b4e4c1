# SPDX-License-Identifier: MIT
"""test_kubernetes.py -- Kubernetes' API server, its controllers and kubectl, on three members of decree in the place of etcd."""
import threading

import pytest

from kubernetes_nodes import Kubernetes, definition, street
from wait import wait_until

SECONDS = 180


@pytest.fixture
def kubernetes(members, tmp_path, request):
    it = Kubernetes(str(tmp_path), members)
    try:
        it.server.start()
        wait_until(it.is_ready, SECONDS, "the API server is ready")
        it.controllers.start()
        yield it
    finally:
        it.close()
        if getattr(request.node, "failed", True):
            it.print_logs()


class Writers:
    """Some that make objects, all the time; what was acknowledged must be there for ever."""

    def __init__(self, kubernetes, count=6):
        self.kubernetes, self.acknowledged, self.over = kubernetes, [], False
        self.threads = [threading.Thread(target=self.work, args=(number,), daemon=True) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def work(self, number):
        made = 0
        while not self.over:
            name = f"house-{number}-{made}"
            if self.kubernetes.create(name):
                self.acknowledged.append(name)
            made += 1

    def go_on(self, what):
        some = len(self.acknowledged) + 60
        wait_until(lambda: len(self.acknowledged) >= some, SECONDS, "objects are made " + what)

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join()


def names(text):
    return {line.partition("/")[2] for line in text.splitlines()}


def test_all_that_was_made_is_there_after_its_leader_died(members, kubernetes, tmp_path):
    kubectl = kubernetes.kubectl
    kubectl("create", "namespace", "town")
    kubectl("-n", "town", "create", "deployment", "post", "--image=post", "--replicas=3")
    kubectl("apply", "-f", "-", objects=definition())
    kubectl("wait", "--for=condition=Established", f"--timeout={SECONDS}s", "crd/streets.town.example")
    kubectl("-n", "town", "apply", "-f", "-", objects=street("akersgata"))
    wait_until(lambda: len(kubectl("-n", "town", "get", "pods", "-o", "name").split()) == 3, SECONDS, "the deployment has pods")

    told = tmp_path / "told"
    watching = kubernetes.watching("configmaps", told)
    writers = Writers(kubernetes)
    writers.go_on("while all members run")
    leader = members.leader()
    leader.kill()
    writers.go_on("without the leader")
    members.start(leader)
    wait_until(lambda: set(writers.acknowledged) <= names(told.read_text()), SECONDS, "the watch goes on to tell all")
    assert watching.poll() is None
    # With etcd a watch ends so, and all that was read through it is read anew, if it comes during an election.
    assert "etcdserver: no leader" not in kubernetes.server.text_of_log()
    for member in members.nodes:
        member.kill()
    members.start()
    writers.go_on("after all members died")
    writers.stop()
    watching.kill()
    watching.wait()

    made = names(kubectl("-n", "town", "get", "configmaps", "-o", "name", "--chunk-size=50"))
    assert set(writers.acknowledged) <= made
    assert names(kubectl("-n", "town", "get", "streets", "-o", "name")) == {"akersgata"}
    assert len(kubectl("-n", "town", "get", "pods", "-o", "name").split()) == 3
    kubernetes.controllers.restart()  # they end by themselves when their lease was lost meanwhile
    kubectl("-n", "town", "scale", "deployment", "post", "--replicas=5")
    wait_until(lambda: len(kubectl("-n", "town", "get", "pods", "-o", "name").split()) == 5, SECONDS, "it has more pods")
    kubectl("delete", "namespace", "town", f"--timeout={SECONDS}s")
    assert members.nodes[0].client.range(b"/registry/configmaps/town/", b"/registry/configmaps/town0").count == 0
