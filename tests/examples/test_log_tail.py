# SPDX-License-Identifier: MIT
"""test_log_tail.py LOG_TAIL -- three members of a shared log print the same items in the same order."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from ports import free_ports

LOG_TAIL = os.path.abspath(sys.argv[1])
TIMEOUT = 60


def read_items(process, count):
    """The first items that it prints; it says other things in between."""
    items = []
    while len(items) < count:
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"the output ended after {items}")
        if re.match(r"\d+ from \d+: ", line):
            items.append(line)
    return items


class LogTailTest(unittest.TestCase):
    def run_alone(self, folder, given):
        done = subprocess.run([LOG_TAIL], input=given, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_alone_it_remembers(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn('"hello" is item 1', self.run_alone(folder, "hello\n"))
            self.assertIn('"world" is item 2', self.run_alone(folder, "world\n"))

    def test_three_print_the_same(self):
        ports = free_ports(3)
        cluster = ",".join(f"n{i + 1}=127.0.0.1:{port}" for i, port in enumerate(ports))
        with tempfile.TemporaryDirectory() as folder:
            members = [
                subprocess.Popen([LOG_TAIL, f"n{i + 1}", cluster], cwd=folder, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, bufsize=1)
                for i in range(3)]
            try:
                for round_number in range(5):
                    for i, member in enumerate(members):
                        member.stdin.write(f"line {round_number} of {i + 1}\n")
                printed = [read_items(member, 15) for member in members]
                self.assertEqual(printed[0], printed[1])
                self.assertEqual(printed[0], printed[2])
                self.assertEqual([int(line.split()[0]) for line in printed[0]], list(range(1, 16)))
                self.assertEqual(len({line.split(" ", 1)[1] for line in printed[0]}), 15)
            finally:
                for member in members:
                    member.stdin.close()
                for member in members:
                    member.stdout.read()
                    member.stdout.close()
                    self.assertEqual(member.wait(TIMEOUT), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
