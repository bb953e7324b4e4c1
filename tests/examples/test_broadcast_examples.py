# SPDX-License-Identifier: MIT
"""test_broadcast_examples.py HELLO KV OWN_TRANSPORT CONSENSUS -- runs the examples of broadcast, transport and synod."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from ports import free_ports

HELLO, KV, OWN_TRANSPORT, CONSENSUS = map(os.path.abspath, sys.argv[1:5])
TIMEOUT = 60


def start(command, folder):
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def ask(process, line):
    process.stdin.write(line + "\n")
    return process.stdout.readline().rstrip("\n")


class BroadcastExamplesTest(unittest.TestCase):
    def run_one(self, command, given=""):
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def stop(self, processes):
        for process in processes:
            process.stdin.close()
        for process in processes:
            self.assertEqual(process.wait(TIMEOUT), 0)
            process.stdout.close()

    def test_hello(self):
        lines = self.run_one([HELLO]).splitlines()
        heard = {name: [line.split(": ", 1)[1] for line in lines if line.startswith(name)] for name in ("ann", "bob")}
        self.assertEqual(sorted(heard["ann"]), ["hello, paxos!", "hello, peer!"])
        self.assertEqual(heard["ann"], heard["bob"])

    def test_kv_in_memory(self):
        given = "put a 1\nget a\nput a two words\nget a\nget b\nhm\n"
        self.assertEqual(self.run_one([KV], given).splitlines(),
                         ["stored", "1", "stored", "two words", "no such key", "write: put KEY VALUE, or get KEY"])

    def test_kv_over_tcp(self):
        cluster = ",".join(f"n{i + 1}=127.0.0.1:{port}" for i, port in enumerate(free_ports(3)))
        commands = [[KV, f"n{i}", cluster] for i in (1, 2, 3)]
        with tempfile.TemporaryDirectory() as folder:
            stores = [start(command, folder) for command in commands]
            for i, store in enumerate(stores):
                self.assertEqual(ask(store, f"put key value {i}"), "stored")
                for other in stores:
                    self.assertEqual(ask(other, "get key"), f"value {i}")
            self.stop(stores[2:])
            self.assertEqual(ask(stores[0], "put key later"), "stored")
            stores[2] = start(commands[2], folder)
            self.assertEqual(ask(stores[2], "get key"), "later")
            self.stop(stores)

    def test_own_transport(self):
        names = ["n1", "n2", "n3"]
        with tempfile.TemporaryDirectory() as folder:
            members = [start([OWN_TRANSPORT, name, ",".join(names), folder], folder) for name in names]
            said = []
            for turn in range(4):
                for i, member in enumerate(members):
                    member.stdin.write(f"line {turn}\n")
                    said.append(f"{i + 1}: line {turn}")
            heard = [[member.stdout.readline().rstrip("\n") for _ in said] for member in members]
            self.assertEqual(sorted(heard[0]), sorted(said))
            self.assertEqual(heard[1:], [heard[0], heard[0]])
            self.stop(members[1:2])  # the others go on, and what it missed comes when it is back
            members[0].stdin.write("meanwhile\n")
            self.assertEqual(members[0].stdout.readline(), "1: meanwhile\n")
            members[1] = start([OWN_TRANSPORT, "n2", ",".join(names), folder], folder)
            again = [members[1].stdout.readline().rstrip("\n") for _ in range(len(said) + 1)]
            self.assertEqual(again, heard[0] + ["1: meanwhile"])
            self.stop(members)

    def test_a_member_that_is_killed_while_it_broadcasts(self):
        """All deliver the same, and of what the killed one broadcast a prefix."""
        names = ["n1", "n2", "n3"]
        with tempfile.TemporaryDirectory() as folder:
            members = [start([OWN_TRANSPORT, name, ",".join(names), folder], folder) for name in names]
            said = [f"line {i}" for i in range(500)]
            members[1].stdin.write("\n".join(said) + "\n")
            members[1].stdout.readline()
            members[1].kill()
            members[1].wait(TIMEOUT)
            members[1].stdin.close()
            members[1].stdout.close()
            members[0].stdin.write("without it\n")
            members[1] = start([OWN_TRANSPORT, "n2", ",".join(names), folder], folder)
            heard = [[] for _ in names]
            while heard[0][-1:] != ["1: without it"]:
                heard[0].append(members[0].stdout.readline().rstrip("\n"))
            members[1].stdin.write("back\n")
            for i, member in enumerate(members):
                while heard[i][-1:] != ["2: back"]:
                    heard[i].append(member.stdout.readline().rstrip("\n"))
            self.assertEqual(heard[1:], [heard[0], heard[0]])
            before = [line for line in heard[0] if line not in ("1: without it", "2: back")]
            self.assertGreater(len(before), 0)
            self.assertEqual(before, [f"2: {line}" for line in said[:len(before)]])
            self.stop(members)

    def test_own_transport_is_short(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        with open(os.path.join(root, "examples", "own_transport.c"), encoding="utf-8") as file:
            self.assertLess(len(file.readlines()), 100)

    def test_consensus(self):
        for seed in range(1, 21):
            text = self.run_one([CONSENSUS, str(seed)])
            decided = re.findall(r" (\d) decides (\w+)$", text, re.MULTILINE)
            self.assertEqual(sorted(member for member, _ in decided), ["1", "2", "3"], text)
            self.assertEqual(len({value for _, value in decided}), 1, text)
            self.assertIn(decided[0][1], ("red", "green", "blue"))
        self.assertEqual(self.run_one([CONSENSUS, "5"]), self.run_one([CONSENSUS, "5"]))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
