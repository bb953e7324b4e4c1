# SPDX-License-Identifier: MIT
"""test_demo.py -- decree demo, whole, interrupted, and kept."""
import os
import re
import signal
import subprocess

import rpc
from nodes import DECREE
from wait import wait_until


def demo_environment(tmp_path):
    return dict(os.environ, TMPDIR=str(tmp_path))


def processes_with(text):
    """Which processes have `text` in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if text.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def test_demo_shows_that_nothing_is_lost(tmp_path):
    result = subprocess.run([DECREE, "demo"], env=demo_environment(tmp_path), capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    for words in ("leads", "kill -9 of the leader", "leads now", "has caught up", "nothing was lost"):
        assert words in result.stdout, result.stdout
    assert re.findall(r"n\d has all \d+ acknowledged writes", result.stdout) and result.stdout.count("has all") == 3
    assert "\033" not in result.stdout, "no terminal, no escapes"
    assert os.listdir(tmp_path) == []
    assert processes_with(str(tmp_path)) == []


def test_demo_says_why_it_can_not_run(tmp_path):
    result = subprocess.run([DECREE, "demo"], env=demo_environment(tmp_path / "nowhere"), capture_output=True, text=True,
                            timeout=60)
    assert result.returncode == 1
    assert "cannot make a temporary folder" in result.stdout
    assert "No such file or directory" in result.stdout


def test_interrupted_demo_cleans_up(tmp_path):
    with subprocess.Popen([DECREE, "demo"], env=demo_environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "writes without pause" in line:
                process.send_signal(signal.SIGINT)
                break
        process.stdout.read()
        assert process.wait(20) == 130
    assert os.listdir(tmp_path) == []
    assert processes_with(str(tmp_path)) == []


def test_killed_demo_leaves_no_process(tmp_path):
    with subprocess.Popen([DECREE, "demo"], env=demo_environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "writes without pause" in line:
                break
        process.kill()
        process.wait(20)
    wait_until(lambda: processes_with(str(tmp_path)) == [], 60, "the nodes end with their parent")


def test_kept_demo_can_be_used_and_stopped(tmp_path):
    result = subprocess.run([DECREE, "demo", "--keep"], env=demo_environment(tmp_path), capture_output=True, text=True,
                            timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    endpoints = re.search(r"DECREE_ENDPOINTS=(\S+)", result.stdout).group(1).split(",")
    pids = [int(pid) for pid in re.search(r"^  kill ([\d ]+)$", result.stdout, re.MULTILINE).group(1).split()]
    try:
        assert len(endpoints) == len(pids) == 3
        for endpoint in endpoints:
            client = rpc.Client(endpoint)
            assert client.range(b"demo/", b"demo0", count_only=True).count > 0
            client.close()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: processes_with(str(tmp_path)) == [], 60, "the nodes end on SIGTERM")
