# SPDX-License-Identifier: MIT
"""test_master.py -- what is wrong in a script, or goes wrong while it plays, is said with its line, and nothing is left."""
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from conftest import DECREE, WITH_PARENT

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from wait import wait_until  # noqa: E402

THREE = "0 start 3 0\n1 start 3 0\n2 start 3 0\n"


@pytest.mark.parametrize("line, said", [
    ("hello", "'hello'"),
    ("0", "what is process 0 to do"),
    ("0 dance", "'dance'"),
    ("0 start", "0 start"[2:]),
    ("0 start 3", "PORT"),
    ("0 start 3 70000", "PORT"),
    ("0 start 32 0", "from 1 to 31"),
    ("3 start 3 0", "at most 2"),
    ("0 start 3 0 now", "'now'"),
    ("-1 start 3 0", "-1"),
    ("-1 msg 1 hello", "-1"),
    ("-1 get chatLog", "-1"),
    ("-1 crash", "-1"),
    ("-2 waitForAck 1", "'-2'"),
    ("-1 waitForAck", "which message"),
    ("-1 waitForAck 7", "7"),
    ("0 msg 1", "ID msg NAME TEXT"),
    ("0 get lost", "chatLog"),
    ("1 get chatLog", "never started"),
    ("1 msg 1 hello", "never started"),
    ("1 crash", "never started"),
    ("0 crash now", "'now'"),
    ("0 crashP1a x", "'x'"),
    ("0 crashP2a 5", "0 to 0"),
    ("0 start 1 0", "runs already"),
    ("0 start 2 0", "there are 1 processes"),
    ("exit 1", "'1'"),
])
def test_a_line_that_makes_no_sense(master, line, said):
    done = master("# a comment\n0 start 1 0\n\n" + line + "\n0 get chatLog\n")
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.search(r"^decree master: line 4: ", done.stderr, re.MULTILINE)
    assert said in done.stderr


def test_an_ack_that_does_not_come(master):
    done = master(THREE + "0 msg 1 hello\n-1 waitForAck 1\n1 crash\n2 crash\n0 msg 2 world\n-1 waitForAck 2\nexit\n")
    assert done.returncode == 1
    assert "line 9: only 1 of 3 processes run: message 2 is waited for when more do" in done.stderr
    assert "decree master: line 9: no ack for message 2 (world): to the end, fewer than a majority" in done.stderr


def test_patience_ends(environment, tmp_path):
    script = THREE + "0 msg 1 hello\n-1 waitForAck 1\n"
    with subprocess.Popen([*WITH_PARENT, DECREE, "master", "--timeout", "6s", "--dir", "run"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as player:
        player.stdin.write(script + "0 get chatLog\n")
        player.stdin.flush()
        assert player.stdout.readline() == "hello\n"
        pids = [int((tmp_path / "run" / str(i) / "pid").read_text().split()[0]) for i in (1, 2)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        player.stdin.write("0 msg 2 world\n-1 waitForAck 2\n")
        player.stdin.close()
        assert player.wait(100) == 1
        assert "line 8: no ack for message 2 (world) within 6 s; 3 of 3 processes run" in player.stderr.read()
    for pid in pids:
        assert not os.path.exists(f"/proc/{pid}")


def test_a_log_of_who_is_gone(master):
    done = master(THREE + "1 crash\n1 get chatLog\n")
    assert done.returncode == 1
    assert "line 5: process 1 is gone and shows no log; start it again first" in done.stderr


def test_who_crashes_unasked_is_noticed(environment, tmp_path):
    with subprocess.Popen([*WITH_PARENT, DECREE, "master", "--dir", "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as player:
        player.stdin.write(THREE + "0 msg 1 hello\n-1 waitForAck 1\n2 get chatLog\n")
        player.stdin.flush()
        assert player.stdout.readline() == "hello\n"
        os.kill(int((tmp_path / "run" / "2" / "pid").read_text().split()[0]), signal.SIGKILL)
        assert "process 2 has ended by signal 9, and nobody told it to" in player.stderr.readline()
        player.stdin.write("2 start 3 0\n2 get chatLog\nexit\n")
        player.stdin.flush()
        assert player.stdout.readline() == "hello\n"
        assert player.wait(60) == 0


def test_a_port_that_is_taken_is_no_failure(master):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = master(f"0 start 1 {port}\n0 msg 1 hello\n-1 waitForAck 1\n0 get chatLog\n")
    assert done.returncode == 0
    assert done.stdout == "hello\n"
    assert f"port {port} is taken; process 0 listens on " in done.stderr


def test_a_folder_of_ones_own_is_kept(master, tmp_path):
    done = master(THREE + "0 msg 1 hello\n-1 waitForAck 1\n", "--dir", "mine")
    assert done.returncode == 0
    assert (tmp_path / "mine" / "0" / "data").is_dir()
    done = master(THREE + "0 msg 2 again\n-1 waitForAck 2\n1 get chatLog\n", "--dir", "mine")
    assert done.stdout == "hello,again\n"


def test_a_failure_leaves_the_folder_to_look_at(master, environment):
    done = master("0 start 1 0\n0 dance\n")
    folder = re.search(r"stay in (\S+)", done.stderr).group(1)
    assert folder.startswith(environment["TMPDIR"])
    assert os.path.isdir(os.path.join(folder, "0", "data"))


def test_quiet_is_quiet(master):
    done = master(THREE + "1 crashP2a\n1 msg 1 lost\n0 msg 2 hello\n-1 waitForAck 2\n0 get chatLog\n", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_processes_end_with_their_master(environment, tmp_path, number):
    with subprocess.Popen([*WITH_PARENT, DECREE, "master", "--dir", "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as player:
        player.stdin.write(THREE + "0 msg 1 hello\n-1 waitForAck 1\n0 get chatLog\n")
        player.stdin.flush()
        assert player.stdout.readline() == "hello\n"
        pids = [int((tmp_path / "run" / str(i) / "pid").read_text().split()[0]) for i in range(3)]
        player.send_signal(number)
        assert player.wait(60) == (-9 if number == signal.SIGKILL else 130)
    for pid in pids:
        wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), 60, f"process {pid} is gone")


def test_an_endless_line_and_a_missing_script(master):
    assert "more than 65536 bytes" in master("0 msg 1 " + 100000 * "x" + "\n").stderr
    done = master("", "/nowhere/script")
    assert done.returncode == 64
    assert "/nowhere/script" in done.stderr
    assert master("").returncode == 0
    assert master("\0\0\0\n").returncode in (0, 1)


def test_the_example_of_the_help_is_true(master):
    text = subprocess.run([DECREE, "master", "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    lines = [line.strip() for line in text.splitlines()]
    begin, end = lines.index("$ decree master << END"), lines.index("END")
    done = master("\n".join(lines[begin + 1:end]) + "\n")
    wanted = lines[end + 1:lines.index("", end)]
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines() + done.stderr.splitlines()) == sorted(wanted)
