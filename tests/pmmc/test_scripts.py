# SPDX-License-Identifier: MIT
"""test_scripts.py -- every script in this folder is played by `decree master`, and its logs are what it says they are.

A line that gets a log says behind it what the log is:

    0 get chatLog  # => a,b,c         exactly this
    0 get chatLog  # -> a, b, [c]     a and b, in any order, perhaps c, nothing else, nothing twice
"""
import glob
import itertools
import os
import re
import subprocess

import pytest

DECREE = os.environ["DECREE"]
SCRIPTS = sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "*.script")))


def expectations(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if re.match(r"\d+\s+get\s+chatlog\b", line, re.IGNORECASE):
                yield re.search(r"# ([-=]>) (.*)", line).groups()


def judge(log, kind, wanted):
    if kind == "=>":
        assert log == wanted
        return
    wanted = wanted.split(", ")
    texts = log.split(",") if log else []
    must = {text for text in wanted if not text.startswith("[")}
    may = {text[1:-1] for text in wanted if text.startswith("[")}
    assert len(set(texts)) == len(texts), f"{log}: twice"
    assert must <= set(texts) <= must | may, log


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: os.path.splitext(os.path.basename(path))[0])
def test_script(script, tmp_path):
    done = subprocess.run([DECREE, "master", script], capture_output=True, text=True, timeout=170, check=False,
                          env=dict(os.environ, TMPDIR=str(tmp_path)))
    print(done.stdout + done.stderr)
    assert done.returncode == 0
    logs = done.stdout.splitlines()
    wanted = list(expectations(script))
    assert len(logs) == len(wanted) > 0
    for log, (kind, texts) in zip(logs, wanted):
        judge(log, kind, texts)
    for one, other in itertools.combinations(logs, 2):  # the order is the same in all
        shorter = min(len(one.split(",")), len(other.split(",")))
        assert one.split(",")[:shorter] == other.split(",")[:shorter] or not one or not other
    assert not os.listdir(os.path.join(tmp_path, f"decree-{os.geteuid()}")), "the fresh folder is gone"
