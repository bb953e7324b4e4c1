# SPDX-License-Identifier: MIT
"""test_examples.py COUNTER CLUSTER_IN_MEMORY -- runs the examples and reads what they print."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from ports import free_ports

COUNTER, CLUSTER_IN_MEMORY = map(os.path.abspath, sys.argv[1:3])  # tests run in folders of their own
TIMEOUT = 60


def sums(text):
    return [int(line.split()[0]) for line in text.splitlines()]


class ExamplesTest(unittest.TestCase):
    def run_counter(self, folder, given):
        done = subprocess.run([COUNTER], input=given, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return sums(done.stdout)

    def test_counter_alone_remembers(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.run_counter(folder, "5\n-2\n\n"), [5, 3, 3])
            self.assertEqual(self.run_counter(folder, "\n10\n"), [3, 13])

    def test_counter_says_what_is_wrong(self):
        done = subprocess.run([COUNTER, "n9", "n1=h:1,n2=h:2"], capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "n9")

    def test_three_counters_agree(self):
        ports = free_ports(3)
        cluster = ",".join(f"n{i + 1}=127.0.0.1:{port}" for i, port in enumerate(ports))
        with tempfile.TemporaryDirectory() as folder:
            counters = [
                subprocess.Popen([COUNTER, f"n{i + 1}", cluster], cwd=folder, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, bufsize=1)
                for i in range(3)]
            try:
                total = 0
                for amount, counter in enumerate(counters, start=1):
                    total += amount
                    counter.stdin.write(f"{amount}\n")
                    self.assertEqual(sums(counter.stdout.readline()), [total])
                for counter in counters:
                    counter.stdin.write("\n")
                    self.assertEqual(sums(counter.stdout.readline()), [total])
            finally:
                for counter in counters:
                    counter.stdin.close()
                for counter in counters:
                    self.assertEqual(counter.wait(TIMEOUT), 0)
                    counter.stdout.close()

    def test_cluster_in_memory(self):
        done = subprocess.run([CLUSTER_IN_MEMORY], capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        words = re.findall(r"^\w+: (.*)$", done.stdout, re.MULTILINE)
        self.assertEqual(words, ["the same words in the same order "] * 3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
