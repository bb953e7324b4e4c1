# SPDX-License-Identifier: MIT
"""test_watch_command.py -- decree watch, beside etcdctl's, and when servers go."""
import json
import os
import signal
import subprocess
import threading

import pytest

from nodes import DECREE
from wait import wait_until


class Watch:
    """A watch under way; what it prints is gathered line by line."""

    def __init__(self, *arguments, program=DECREE, data=None, endpoints):
        environment = dict(os.environ, ETCDCTL_API="3", ETCDCTL_ENDPOINTS=endpoints)
        environment.pop("DECREE_ENDPOINTS", None)
        self.process = subprocess.Popen([program, "watch", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment)
        if data is not None:
            self.process.stdin.write(data)
        self.process.stdin.close()
        self.lines, self.errors = [], []
        self.threads = [threading.Thread(target=self.gather, args=pair)
                        for pair in [(self.process.stdout, self.lines), (self.process.stderr, self.errors)]]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def gather(stream, lines):
        for line in stream:
            lines.append(line.rstrip(b"\n"))

    def wait_for(self, count, seconds=60):
        wait_until(lambda: len(self.lines) >= count, seconds, f"{count} lines")
        return self.lines

    def end(self, number=signal.SIGINT, seconds=30):
        if number is not None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(seconds)
        finally:
            self.process.kill()
            self.process.wait()
            for thread in self.threads:
                thread.join()
        return status


def decree(*arguments, endpoints):
    return subprocess.run([DECREE, *arguments, "--endpoints", endpoints], check=True, capture_output=True, timeout=60).stdout


@pytest.mark.parametrize("form", ["simple", "json", "fields"])
def test_as_etcdctl(single, form):
    at = dict(endpoints=single.endpoints)
    decree("put", "a", 'x"\n', **at)
    decree("put", "b", "other", **at)
    decree("put", "a", "y", **at)
    decree("del", "a", **at)
    words = ("a", "--rev", "2", "--prev-kv", "-w", form)
    watches = [Watch(*words, **at), Watch(*words, program="etcdctl", **at)]
    size = {"simple": 14, "json": 1, "fields": 4 + 3 * 7 + 2 * 6}[form]
    try:
        for watch in watches:
            watch.wait_for(size)
        assert watches[0].lines == watches[1].lines
    finally:
        assert [watch.end(signal.SIGTERM) for watch in watches][0] == 0


def test_new_events_filters_and_ranges(single):
    at = dict(endpoints=single.endpoints)
    decree("put", "k/0", "0", **at)
    watches = [Watch("k/", "--prefix", "--rev", "2", **at), Watch("k/1", "k/3", "--rev", "2", "--filter", "noput", **at),
               Watch("k/2", "--from-key", "--rev", "2", "--filter", "nodelete", "--json", **at)]
    try:
        watches[0].wait_for(3)
        for number in range(1, 4):
            decree("put", f"k/{number}", str(number), **at)
        decree("del", "k/2", **at)
        watches[0].wait_for(15)
        assert watches[0].lines[-3:] == [b"DELETE", b"k/2", b""]
        assert watches[1].wait_for(3) == [b"DELETE", b"k/2", b""]
        wait_until(lambda: sum(len(json.loads(line)["Events"]) for line in watches[2].lines) == 2, 60, "two puts")
    finally:
        assert [watch.end() for watch in watches] == [0, 0, 0]


def test_a_command_is_run_for_each_event(single):
    at = dict(endpoints=single.endpoints)
    decree("put", "a", 'quo"te', **at)
    decree("del", "a", **at)
    script = 'echo "$ETCD_WATCH_REVISION $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE $0"'
    watch = Watch("a", "--rev", "2", "--", "sh", "-c", script, "--json", **at)
    try:
        assert watch.wait_for(8)[6:] == [b'3 "PUT" "a" "quo\\"te" --json', b'3 "DELETE" "a" "" --json']
    finally:
        assert watch.end() == 0
    # It has its own SIGPIPE: who writes into a closed pipe ends by it, as without us.
    pipe = Watch("a", "--rev", "3", "--", "bash", "-c", "yes | true; echo ${PIPESTATUS[0]}", **at)
    try:
        assert pipe.wait_for(4)[3] == b"%d" % (128 + signal.SIGPIPE)
    finally:
        assert pipe.end() == 0
    failing = Watch("a", "--rev", "2", "--", "false", **at)
    assert failing.end(None) == 1
    assert failing.errors == [b"decree watch: 'false' ended with 1"]
    missing = Watch("a", "--rev", "2", "--", "/no/such/program", **at)
    assert missing.end(None) == 1
    assert b"No such file" in missing.errors[0]


def test_lines(single):
    at = dict(endpoints=single.endpoints)
    decree("put", "a b", "1", **at)
    decree("put", "c", "2", **at)
    watch = Watch("-i", data=b"watch 'a b' --rev 2\n\nwatch c --rev 2 -- echo \"it is\" c\n", **at)
    try:
        watch.wait_for(7)
        at_c = watch.lines.index(b"c")
        assert watch.lines[at_c - 1:at_c + 3] == [b"PUT", b"c", b"2", b"it is c"]
        del watch.lines[at_c - 1:at_c + 3]
        assert watch.lines == [b"PUT", b"a b", b"1"]
    finally:
        assert watch.end() == 0
    for text, sentence in [(b"get a\n", b"begins with watch"), (b"watch\n", b"key is missing"), (b"watch 'a\n", b"not closed")]:
        bad = Watch("-i", data=text, **at)
        assert bad.end(None) == 64
        assert sentence in b"\n".join(bad.errors)
    assert Watch("-i", data=b"", **at).end(None) == 0


def test_a_compacted_past(single):
    at = dict(endpoints=single.endpoints)
    for number in range(5):
        decree("put", "a", str(number), **at)
    decree("compact", "4", **at)
    watch = Watch("a", "--rev", "2", **at)
    assert watch.end(None) == 1
    assert b"what is left begins at revision 4" in watch.errors[0]


@pytest.mark.parametrize("words, sentence", [
    ([], b"key is missing"), (["a", "--rev", "x"], b"must be a number"), (["a", "--filter", "x"], b"noput or nodelete"),
    (["a", "b", "c"], b"too many"), (["a", "-i"], b"in the lines"), (["a", "b", "--prefix"], b"exclude"),
])
def test_what_makes_no_sense(words, sentence):
    watch = Watch(*words, endpoints="127.0.0.1:1")
    assert watch.end(None) == 64
    assert sentence in b"\n".join(watch.errors)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_nothing_is_lost_and_nothing_comes_twice_when_the_server_goes(cluster, number):
    """The watched server is killed, or frozen, in the midst of a stream of writes."""
    decree("put", "w", "first", endpoints=cluster.endpoints)
    victim = cluster.nodes[0]
    rest = ",".join(node.endpoint for node in cluster.nodes[1:])
    watch = Watch("w", "--json", "--rev", "2", endpoints=cluster.endpoints)
    try:
        watch.wait_for(1)
        for index in range(60):
            if index == 20:
                victim.signal(number)
            try:
                decree("put", "w", str(index), endpoints=rest)
            except subprocess.CalledProcessError:
                continue  # while there is no leader; it may or may not have been done
        pairs = decree("get", "w", "--json", endpoints=rest)
        last = json.loads(pairs)["kvs"][0]["mod_revision"]

        def revisions():
            return [event["kv"]["mod_revision"] for line in list(watch.lines) for event in json.loads(line)["Events"]]

        wait_until(lambda: revisions() and revisions()[-1] == last, 90, "the last event")
        assert revisions() == list(range(2, last + 1))
        wait_until(lambda: b"the watch goes on at the next server" in b"\n".join(watch.errors), 60, "it says that it went on")
    finally:
        assert watch.end() == 0
        if number == signal.SIGSTOP:
            victim.signal(signal.SIGCONT)


def test_standard_output_that_is_full(single):
    decree("put", "a", "b", endpoints=single.endpoints)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([DECREE, "watch", "a", "--rev", "2", "--endpoints", single.endpoints], stdout=full,
                              stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1 and b"cannot write the answer" in done.stderr
