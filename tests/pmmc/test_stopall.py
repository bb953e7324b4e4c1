# SPDX-License-Identifier: MIT
"""test_stopall.py -- stopall ends what is proven to be its own, and nothing else."""
import os
import shutil
import signal
import subprocess
import sys

from conftest import DECREE, WITH_PARENT

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from wait import wait_until  # noqa: E402


def stopall(environment, folder, *arguments):
    return subprocess.run([DECREE, "stopall", *arguments], capture_output=True, text=True, timeout=60, check=False,
                          env=environment, cwd=folder)


def start_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[19]


def test_it_stops_what_runs(processes, environment, tmp_path):
    started = [processes(number, 3, folder=tmp_path / "decree.run") for number in range(3)]
    assert started[0].ask("msg 1 kept") == "ack 1 1"
    done = stopall(environment, tmp_path)
    assert done.returncode == 0
    assert done.stdout == "".join(
        f"stopped process {number} (pid {process.process.pid}) of decree.run\n" for number, process in enumerate(started))
    assert [process.wait()[0] for process in started] == [0, 0, 0]
    assert stopall(environment, tmp_path).stdout == "nothing runs that is to be stopped\n"
    assert not (tmp_path / "decree.run" / "0" / "pid").exists()
    assert (tmp_path / "decree.run" / "0" / "data").exists()


def test_it_stops_what_a_master_has_started(environment, tmp_path):
    with subprocess.Popen([*WITH_PARENT, DECREE, "master"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=environment) as player:
        player.stdin.write("0 start 1 0\n0 msg 1 hello\n-1 waitForAck 1\n0 get chatLog\n")
        player.stdin.flush()
        assert player.stdout.readline() == "hello\n"
        assert "stopped process 0 " in stopall(environment, tmp_path).stdout
        assert "process 0 has ended with status 0" in player.stderr.readline()
        player.stdin.close()
        assert player.wait(60) == 0


def test_only_the_folder_that_is_named(processes, environment, tmp_path):
    one, other = processes(0, 1, folder=tmp_path / "one"), processes(0, 1, folder=tmp_path / "other")
    assert "stopped process 0 " in stopall(environment, tmp_path, "--dir", "one").stdout
    assert one.wait()[0] == 0
    assert other.ask("ping") == "pong "
    environment["DECREE_RUN_DIR"] = str(tmp_path / "other")
    assert "stopped process 0 " in stopall(environment, tmp_path).stdout


def test_one_that_is_frozen_is_killed(processes, environment, tmp_path):
    frozen = processes(0, 1, folder=tmp_path / "decree.run")
    frozen.process.send_signal(signal.SIGSTOP)
    done = stopall(environment, tmp_path)
    assert done.stdout.startswith(f"killed process 0 (pid {frozen.process.pid}) ")
    assert frozen.wait()[0] == -9


def test_what_is_left_of_a_crash_is_cleaned(processes, environment, tmp_path):
    crashed = processes(0, 1, folder=tmp_path / "decree.run")
    crashed.process.kill()
    crashed.wait()
    done = stopall(environment, tmp_path)
    assert done.stdout == f"process 0 (pid {crashed.process.pid}) of decree.run is gone; its pid file is removed\n"
    assert not (tmp_path / "decree.run" / "0" / "pid").exists()


def test_nobody_is_stopped_on_somebody_elses_word(processes, environment, tmp_path):
    """Files that name a stranger, a decree process with another start, or one that wrote another file."""
    mine = processes(0, 1, folder=tmp_path / "mine")
    run = tmp_path / "decree.run"
    stranger = subprocess.Popen([*WITH_PARENT, "sleep", "1000"])
    try:
        for number, claim in enumerate([f"{stranger.pid} {start_of(stranger.pid)} 1\n", f"{mine.process.pid} 1 1\n",
                                        f"{mine.process.pid} {start_of(mine.process.pid)} 1\n", "nonsense\n", "",
                                        "99999999999999999999 1 1\n", "0 0 0\n", "-1 0 0\n", "1 1 1\n"]):
            (run / str(number)).mkdir(parents=True)
            (run / str(number) / "pid").write_text(claim)
        done = stopall(environment, tmp_path)
        assert "stopped process" not in done.stdout + done.stderr
        assert "killed process" not in done.stdout + done.stderr
        assert stranger.poll() is None
        assert mine.ask("ping") == "pong "
    finally:
        stranger.kill()
        stranger.wait()


def test_another_program_that_holds_the_lock_is_left_alone(environment, tmp_path):
    """Everything is right but the program."""
    own = tmp_path / "decree.run" / "0"
    own.mkdir(parents=True)
    stranger = subprocess.Popen([*WITH_PARENT, "flock", str(own / "pid"), "sleep", "1000"], start_new_session=True)
    try:
        wait_until(lambda: subprocess.run(["flock", "-n", str(own / "pid"), "true"], check=False).returncode != 0, 60,
                   "it holds the lock")
        (own / "pid").write_text(f"{stranger.pid} {start_of(stranger.pid)} 1\n")
        done = stopall(environment, tmp_path)
        assert done.returncode == 1
        assert "left alone" in done.stderr
        assert stranger.poll() is None
    finally:
        os.killpg(stranger.pid, signal.SIGKILL)
        stranger.wait()


def test_a_program_that_was_replaced_is_still_its_own(environment, tmp_path):
    """As after an update: the file is gone, the process runs on."""
    program = tmp_path / "decree"
    shutil.copy(DECREE, program)
    process = subprocess.Popen([*WITH_PARENT, program, "process", "0", "1", "0"], stdout=subprocess.PIPE, text=True,
                               cwd=tmp_path)
    try:
        assert process.stdout.readline().startswith("ready ")
        program.unlink()
        assert f"stopped process 0 (pid {process.pid})" in stopall(environment, tmp_path).stdout
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
