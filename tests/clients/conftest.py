# SPDX-License-Identifier: MIT
"""conftest.py -- what the tests of this folder share with those of tests/e2e."""
import pytest

from members import members  # noqa: F401, a fixture


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed = report.failed
