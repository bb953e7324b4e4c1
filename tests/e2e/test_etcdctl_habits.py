# SPDX-License-Identifier: MIT
"""test_etcdctl_habits.py -- decree's own commands print what etcdctl prints of the same server."""
import functools
import json
import os
import signal
import subprocess

import pytest

from nodes import DECREE, free_ports
from wait import wait_until

TXN = b'mod("a") > "0"\n\nput t 1 --prev-kv\nget a\ndel nothing\n\nget b\n\n'


def run(program, *arguments, data=b"", expect=0, endpoints):
    environment = dict(os.environ, ETCDCTL_API="3", ETCDCTL_ENDPOINTS=endpoints)
    environment.pop("DECREE_ENDPOINTS", None)
    done = subprocess.run([program, *arguments], input=data, capture_output=True, timeout=60, env=environment)
    assert done.returncode == expect, (program, arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if expect == 0 else done.stderr


def both(cluster, *arguments, data=b""):
    """What the two print: of requests that change nothing, or the same each time."""
    return [run(program, *arguments, data=data, endpoints=cluster.endpoints) for program in (DECREE, "etcdctl")]


def without_revisions(answer):
    """JSON without what differs from one request to the next."""
    if isinstance(answer, dict):
        return {name: without_revisions(value) for name, value in answer.items()
                if name not in ("revision", "mod_revision", "version", "ID", "ttl", "TTL")}
    return [without_revisions(element) for element in answer] if isinstance(answer, list) else answer


@pytest.fixture
def filled(single):
    at = dict(endpoints=single.endpoints)
    run(DECREE, "put", "a", 'quo"te\n\x7f', **at)
    run(DECREE, "put", "b", data=b"\xff\x00\xc3\xa9", **at)
    run(DECREE, "put", "a", "again", **at)
    run(DECREE, "put", "c", "", **at)
    return single


@pytest.mark.parametrize("form", ["simple", "json", "fields"])
@pytest.mark.parametrize("words", [
    ("get", "a"), ("get", "nothing"), ("get", "", "--prefix"), ("get", "b", "--from-key"), ("get", "a", "c"),
    ("get", "", "--prefix", "--limit", "1"), ("get", "", "--prefix", "--order", "DESCEND"),
    ("get", "", "--prefix", "--sort-by", "MODIFY"), ("get", "", "--prefix", "--sort-by", "VALUE", "--order", "DESCEND"),
    ("get", "a", "--rev", "2"), ("get", "a", "--consistency", "s"), ("del", "nothing", "--prev-kv"), ("lease", "list"),
    ("lease", "timetolive", "1234", "--keys"), ("lease", "timetolive", "1234"),
])
def test_the_same_words_give_the_same_bytes(filled, words, form):
    ours, theirs = both(filled, *words, "-w", form)
    assert ours == theirs


@pytest.mark.parametrize("words", [("put", "k", "v", "--prev-kv"), ("lease", "grant", "100"), ("txn",)])
def test_changes_are_answered_in_the_same_json(filled, words):
    ours, theirs = [without_revisions(json.loads(text)) for text in both(filled, *words, "-w", "json", data=TXN)][:2]
    if words[0] != "put":  # the first put has no pair before it
        assert ours == theirs or words == ("txn",) and ours["responses"][1] == theirs["responses"][1]
    assert [*ours] == [name for name in theirs if name in ours]


def test_members_in_fields(filled):
    ours, theirs = both(filled, "member", "list", "-w", "fields")
    assert ours == theirs


def test_leases(filled):
    at = dict(endpoints=filled.endpoints)
    granted = run(DECREE, "lease", "grant", "1000", **at).decode()
    lease = granted.split()[1]
    assert granted == f"lease {lease} granted with TTL(1000s)\n" and len(lease) == 16
    run(DECREE, "put", "x", "1", "--lease", lease, **at)
    run(DECREE, "put", "y", "2", "--lease", lease, **at)
    for words in [("lease", "list"), ("lease", "keep-alive", "--once", lease)]:
        for form in ("simple", "json", "fields"):
            ours, theirs = both(filled, *words, "-w", form)
            assert ours == theirs
    told = run(DECREE, "lease", "timetolive", lease, "--keys", **at).decode()
    assert told.startswith(f"lease {lease} granted with TTL(1000s), remaining(") and told.endswith("attached keys([x y])\n")
    answer = json.loads(run(DECREE, "lease", "timetolive", lease, "--keys", "--json", **at))
    assert answer["keys"] == ["eA==", "eQ=="] and answer["granted-ttl"] == 1000
    run(DECREE, "put", "x", "--ignore-value", "--lease", "0", **at)
    run(DECREE, "put", "y", "3", "--ignore-lease", **at)
    assert run(DECREE, "lease", "revoke", lease, **at).decode() == f"lease {lease} revoked\n"
    assert run(DECREE, "get", "x", "z", **at) == b"x\n1\n"
    assert b"lease not found" in run(DECREE, "lease", "revoke", lease, expect=1, **at)
    assert b"expired or revoked" in run(DECREE, "lease", "keep-alive", lease, expect=1, **at)


@pytest.mark.parametrize("words, sentence", [
    (["lease"], b"say what"), (["lease", "frob"], b"not 'frob'"), (["lease", "grant"], b"wants the TTL"),
    (["lease", "grant", "0"], b"not '0'"), (["lease", "grant", "1x"], b"not '1x'"), (["lease", "revoke", "xyz"], b"hexadecimal"),
    (["lease", "revoke", "fffffffffffffffff"], b"hexadecimal"), (["lease", "list", "1"], b"too many arguments"),
    (["lease", "list", "--keys"], b"of timetolive"), (["lease", "revoke", "1", "--once"], b"of keep-alive"),
    (["put", "a", "b", "--lease", "q"], b"hexadecimal"), (["put", "a", "b", "--ignore-value"], b"no value"),
    (["put", "a", "b", "--lease", "1", "--ignore-lease"], b"exclude"), (["get", "a", "--order", "up"], b"ASCEND or DESCEND"),
    (["get", "a", "--sort-by", "SIZE"], b"--sort-by is"), (["get", "a", "--print-value-only", "-w", "json"], b"simple alone"),
    (["completion"], b"which shell"), (["completion", "tcsh"], b"not 'tcsh'"),
])
def test_what_makes_no_sense(words, sentence):
    assert sentence in run(DECREE, *words, expect=64, endpoints="127.0.0.1:1")


@pytest.mark.parametrize("words", [("lease", "list"), ("lease", "grant", "5"), ("lease", "keep-alive", "12"), ("watch", "a")])
def test_no_server(words):
    assert b"Unavailable" in run(DECREE, *words, expect=69, endpoints=f"127.0.0.1:{free_ports(1)[0]}")


@pytest.mark.parametrize("words", [("get", "", "--prefix"), ("put", "k", "v"), ("del", "k"), ("txn",), ("lease", "list"),
                                   ("lease", "grant", "9"), ("member", "list"), ("status",), ("hash",), ("alarm", "list"),
                                   ("compact", "2")])
def test_everything_has_a_table(filled, words):
    lines = run(DECREE, *words, "-w", "table", data=TXN, endpoints=filled.endpoints).decode().splitlines()
    assert len({len(line) for line in lines}) == 1 and lines[0].startswith("+-") and lines[0] == lines[2]


def test_keep_alive_outlives_its_server(cluster):
    lease = run(DECREE, "lease", "grant", "6", endpoints=cluster.endpoints).decode().split()[1]
    process = subprocess.Popen([DECREE, "lease", "keep-alive", lease, "--endpoints", cluster.endpoints], stdout=subprocess.PIPE)
    try:
        line = f"lease {lease} keepalived with TTL(6)\n".encode()
        assert process.stdout.readline() == line
        cluster.nodes[0].kill()
        cluster.wait_for_leader()
        for _ in range(2):
            assert process.stdout.readline() == line
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    rest = ",".join(node.endpoint for node in cluster.nodes[1:])
    wait_until(lambda: b"already expired" in run(DECREE, "lease", "timetolive", lease, endpoints=rest), 60, "the lease ends")


@functools.cache
def completion(shell):
    return run(DECREE, "completion", shell, endpoints="x").decode()


def complete(tmp_path, *words):
    """What bash would offer behind these words."""
    script = tmp_path / "completion"
    script.write_text(completion("bash"))
    line = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _decree; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "--norc", "-c", line, "bash", "decree", *words], capture_output=True, text=True, check=True,
                          timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes(tmp_path):
    assert complete(tmp_path, "wat") == ["watch"]
    assert {"put", "get", "lease", "help"} <= set(complete(tmp_path, ""))
    assert complete(tmp_path, "get", "--li") == ["--limit"]
    assert complete(tmp_path, "lease", "ti") == ["timetolive"]
    assert complete(tmp_path, "get", "a", "-w", "") == ["simple", "json", "fields", "table"]
    assert "--name" in complete(tmp_path, "snapshot", "restore", "--")
    assert set(complete(tmp_path, "alarm", "")) >= {"list", "disarm"}
    assert complete(tmp_path, "get", "--order", "=", "A") == ["ASCEND"]
    assert set(complete(tmp_path, "lease", "")) == {"grant", "revoke", "timetolive", "list", "keep-alive"}


ZSH = """
zmodload zsh/zpty
zpty z zsh -f
zpty -w z "autoload -Uz compinit; fpath=($1 \\$fpath); compinit -u -D; unsetopt beep; echo be''gin"
zpty -r -m z out '*begin*'
while read -r typed wanted; do
    zpty -n -w z $'\\C-u'${typed//_/ }$'\\t'
    zpty -r -m z out "*$wanted*"
    print -r -- $wanted
done
zpty -d z
"""


def test_zsh_completes(tmp_path):
    """In a zsh with a terminal; the file is found as zsh finds it, and each word is waited for."""
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "_decree").write_text(completion("zsh"))
    (tmp_path / "drive").write_text(ZSH)
    pairs = {"decree_move": "move-leader", "decree_lease_ti": "timetolive", "decree_get_k_--or": "--order",
             "decree_get_k_--order_D": "DESCEND", "decree_get_--order=A": "=ASCEND", "decree_help_sna": "snapshot",
             "decree_snapshot_save_fun": "functions"}
    typed = "".join(f"{words} {wanted}\n" for words, wanted in pairs.items())
    done = subprocess.run(["zsh", "-f", str(tmp_path / "drive"), str(folder)], input=typed, capture_output=True, text=True, timeout=60,
                          cwd=tmp_path, env=dict(os.environ, TERM="xterm", COLUMNS="200"))
    assert done.stdout.split() == [*pairs.values()], done.stderr


def test_fish_completes(tmp_path):
    (tmp_path / "decree.fish").write_text(completion("fish"))
    pairs = {"decree mo": {"move-leader"}, "decree lease ": {"grant", "revoke", "timetolive", "list", "keep-alive"},
             "decree get k --order ": {"ASCEND", "DESCEND"}, "decree get k -w ": {"simple", "json", "fields", "table"},
             "decree synod get --kee": set(), "decree snapshot save dec": {"decree.fish"}, "decree get ": set()}
    script = "source decree.fish\n" + "".join(f"complete -C '{words}'; echo .\n" for words in pairs)
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                          env=dict(os.environ, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path)))
    offers = [{line.split("\t")[0] for line in part.splitlines()} for part in ("\n" + done.stdout).split(".\n")[:-1]]
    assert [offer - {""} for offer in offers] == [*pairs.values()], done.stderr


def test_completion_has_every_option_of_the_help():
    for shell in ("bash", "zsh", "fish"):
        text = completion(shell)
        for line in run(DECREE, "watch", "--help", endpoints="x").decode().splitlines():
            for word in line.split():
                if line.startswith("  ") and word.startswith("--") and line.strip().startswith("-") and len(word) > 2:
                    option = word.split("=")[0].rstrip(",")
                    assert (option if shell != "fish" else f"-l {option[2:]}") in text, (shell, option)
