# SPDX-License-Identifier: MIT
"""conftest.py -- clusters as fixtures; whatever a test does, no process of it stays."""
import pytest

from nodes import STEADY, Cluster


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed = report.failed


@pytest.fixture
def make_cluster(tmp_path, request):
    clusters = []

    def make(count=3, arguments=()):
        folder = tmp_path / f"cluster{len(clusters)}"
        folder.mkdir()
        clusters.append(Cluster(folder, count, arguments))
        return clusters[-1]

    yield make
    for cluster in clusters:
        if getattr(request.node, "failed", True):
            cluster.print_logs()
        cluster.close()


@pytest.fixture
def cluster(make_cluster):
    return make_cluster().started()


@pytest.fixture
def steady(make_cluster):
    """A cluster whose leader goes on while it lives: the disk or the machine may stand still for seconds."""
    return make_cluster(arguments=STEADY).started()


@pytest.fixture
def single(make_cluster):
    return make_cluster(1).started()
