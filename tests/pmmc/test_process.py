# SPDX-License-Identifier: MIT
"""test_process.py -- a process and its text port, as a master of somebody else sees them."""
import os
import signal
import socket

import pytest


def three(processes):
    return [processes(number, 3) for number in range(3)]


def test_the_words_and_their_answers(processes):
    zero, one, two = three(processes)
    assert zero.ask("get chatLog") == "chatLog "
    assert zero.ask("msg 4 hello") == "ack 4 1"
    assert one.ask("msg 1 world wide") == "ack 1 2"
    assert two.ask("msg 9 hello") == "ack 9 1"
    assert two.ask("get chatLog") == "chatLog hello,world wide"
    assert zero.ask("GET chatlog") == "chatLog hello,world wide"
    assert zero.ask("ping") == "pong "
    assert zero.ask("get chatLog 2") == "chatLog hello,world wide"


def test_bytes_on_the_wire(processes):
    alone = processes(0, 1)
    alone.say("msg 1 hello")
    assert alone.connection.recv(9, socket.MSG_WAITALL) == b"7-ack 1 1"
    alone.say("get chatLog")
    assert alone.connection.recv(16, socket.MSG_WAITALL) == b"13-chatLog hello"
    alone.connection.sendall(b"msg 2 telnet\r\n")
    assert alone.hear() == "ack 2 2"


def test_nonsense_is_answered_and_survived(processes):
    alone = processes(0, 1)
    for line in ("what", "msg", "msg 1", "get", "get chatLog x", "get chatLog 1 2", "crash now", "crashP1a 7", "crashP2a x",
                 "crashAfterP1b 1", "msg " + 100 * "x" + " y", "get chatLog -1", "\0", "msg 1 a\0b", "\xff\xfe"):
        assert alone.ask(line).startswith("error "), line
    assert alone.ask("x" * 100000).startswith("error ")
    alone.say("", "   ")
    assert alone.ask("msg 1 " + 30000 * "y") == "ack 1 1"
    assert alone.ask("get chatLog") == "chatLog " + 30000 * "y"


def test_who_sends_no_more_still_gets_his_answers(processes):
    alone = processes(0, 1)
    with socket.create_connection(("127.0.0.1", alone.port), timeout=60) as other:
        other.sendall(b"msg 1 one\nmsg 2 two\n")
        other.shutdown(socket.SHUT_WR)
        got = b""
        while piece := other.recv(4096):
            got += piece
    assert got == b"7-ack 1 17-ack 2 2"


def test_many_at_once_stand_in_their_order(processes):
    zero, one, two = three(processes)
    one.say(*[f"msg {i} text{i}" for i in range(500)])
    assert sorted(one.hear() for _ in range(500)) == sorted(f"ack {i} {i + 1}" for i in range(500))
    assert two.ask("get chatLog 500") == "chatLog " + ",".join(f"text{i}" for i in range(500))


def test_a_crash_is_abrupt_and_what_was_acknowledged_stays(processes):
    zero, one, two = three(processes)
    assert zero.ask("msg 1 kept") == "ack 1 1"
    for process in (zero, one, two):
        process.say("crash")
        assert process.wait()[0] == -signal.SIGKILL
    zero, one, two = three(processes)
    assert two.ask("msg 2 on") == "ack 2 2"
    assert zero.ask("get chatLog 2") == "chatLog kept,on"


def test_it_ends_well_when_told_to(processes, tmp_path):
    alone = processes(0, 1)
    assert alone.ask("msg 1 kept") == "ack 1 1"
    assert os.path.exists(tmp_path / "run" / "0" / "pid")
    alone.process.terminate()
    assert alone.wait()[0] == 0
    assert not os.path.exists(tmp_path / "run" / "0" / "pid")
    assert processes(0, 1).ask("get chatLog") == "chatLog kept"


def test_two_cannot_be_the_same(processes):
    first = processes(0, 2)
    status, said = processes(0, 2).wait()
    assert status == 75
    assert f"runs already, with pid {first.process.pid}" in said


def test_a_folder_is_for_as_many_as_it_was_made_for(processes, tmp_path):
    processes(0, 2)
    status, said = processes(1, 3).wait()
    assert status == 64
    assert "made for 2 processes" in said
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cluster").write_text("something else\n")
    status, said = processes(0, 3, folder=tmp_path / "other").wait()
    assert status == 78
    assert "--dir" in said


def test_groups_do_not_meet(processes, tmp_path):
    groups = [[processes(number, 2, folder=tmp_path / name) for number in range(2)] for name in "ab"]
    for name, (zero, _) in zip("ab", groups):
        assert zero.ask(f"msg 1 {name}") == "ack 1 1"
    for name, (_, one) in zip("ab", groups):
        assert one.ask("get chatLog 1") == f"chatLog {name}"


def test_a_port_that_is_taken(processes):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, said = processes(0, 1, port=port).wait()
        assert status == 74
        assert f"127.0.0.1:{port}" in said
        alone = processes(0, 1, port=port, arguments=["--any-port"])
        assert alone.port != port
        assert alone.ask("msg 1 hello") == "ack 1 1"


@pytest.mark.parametrize("arguments", [("3", "3"), ("0", "0"), ("0", "32"), ("x", "3"), ("-1", "3")])
def test_numbers_that_make_no_sense(processes, arguments):
    status, said = processes(*arguments).wait()
    assert status == 64
    assert "decree process" in said
