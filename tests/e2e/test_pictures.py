# SPDX-License-Identifier: MIT
"""test_pictures.py -- the pictures of docs/paxos.md are what the simulator draws now, and all are shown."""
import os
import re
import subprocess

from nodes import DECREE

SOURCE = os.environ["DECREE_SOURCE"]
PICTURES = os.path.join(SOURCE, "docs", "pictures")


def drawings(folder):
    found = {}
    for name in os.listdir(folder):
        if name.endswith(".svg"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found[name] = file.read()
    return found


def test_pictures_are_what_the_simulator_draws(tmp_path):
    subprocess.run([os.path.join(PICTURES, "make"), DECREE, tmp_path], check=True, timeout=120)
    now, then = drawings(tmp_path), drawings(PICTURES)
    assert sorted(now) == sorted(then)
    stale = [name for name in now if now[name] != then[name]]
    assert not stale, f"run docs/pictures/make {DECREE}, look at {stale}, and see what docs/paxos.md says of them"


def test_all_pictures_are_shown_and_there():
    with open(os.path.join(SOURCE, "docs", "paxos.md"), encoding="utf-8") as file:
        shown = re.findall(r"!\[[^]]+\]\(pictures/([^)]+)\)", file.read())
    assert sorted(shown) == sorted(drawings(PICTURES))
