# SPDX-License-Identifier: MIT
"""test_svg.py SIMULATE -- message diagrams: well-formed, complete in themselves, the same for the same run."""
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

SIMULATE = os.path.abspath(sys.argv[1])
TIMEOUT = 100
NS = "{http://www.w3.org/2000/svg}"


class SvgTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_simulate(self, *arguments):
        return subprocess.run([SIMULATE, *arguments], capture_output=True, text=True, timeout=TIMEOUT)

    def draw(self, *arguments):
        path = os.path.join(self.folder.name, "run.svg")
        done = self.run_simulate("--svg", path, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(path, "rb") as file:
            return file.read()

    def texts(self, svg):
        root = ElementTree.fromstring(svg)
        self.assertEqual(root.tag, NS + "svg")
        return ["".join(element.itertext()) for element in root.iter(NS + "text")]

    def test_the_same_run_gives_the_same_file(self):
        self.assertEqual(self.draw("--seed", "7"), self.draw("--seed", "7"))
        self.assertNotEqual(self.draw("--seed", "7"), self.draw("--seed", "8"))

    def test_drawing_changes_nothing_of_the_run(self):
        digests = set()
        for arguments in ([], ["--svg", os.path.join(self.folder.name, "a.svg")], ["--trace"]):
            done = self.run_simulate("--seed", "7", *arguments)
            digests.add(re.search(r"digest (\w+)", done.stdout).group(1))
        self.assertEqual(len(digests), 1)

    def test_an_election_and_a_decision_can_be_read(self):
        texts = self.texts(self.draw("--scenario", "returning_node", "--seed", "1", "--events", "300"))
        self.assertIn("decree sim --seed 1 --scenario returning_node", texts)
        for wanted in (r"^n5$", r"^p1a 1\.n\d$", r"^p1b 1\.n\d$", r"LEADS 1\.n\d", r"^p2a 1 \[1\.n\d\]$", r"^vote 1 \[1\.n\d\]$",
                       r"decided 1$", r"^start, log 0", r"^phase 1$", r"^crash$", r"^\d+\.\d{3} ms$"):
            self.assertTrue(any(re.search(wanted, text) for text in texts), f"{wanted} in {texts}")

    def test_lost_messages_and_crashes_are_marked(self):
        root = ElementTree.fromstring(self.draw("--seed", "7", "--events", "200"))
        classes = [element.get("class") for element in root.iter() if element.get("class")]
        self.assertGreater(classes.count("cross"), 1)  # one is in the legend
        self.assertGreater(classes.count("crash"), 1)
        self.assertGreater(classes.count("sync"), 1)
        self.assertTrue(any(name.endswith(" lost") for name in classes))

    def test_everything_is_on_the_page_and_nothing_is_fetched(self):
        svg = self.draw("--seed", "11", "--nodes", "7", "--events", "400")
        root = ElementTree.fromstring(svg)
        width, height = int(root.get("width")), int(root.get("height"))
        for element in root.iter():
            for x, y in (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy")):
                if element.get(x) is not None and element.tag != NS + "svg":
                    self.assertTrue(0 <= int(element.get(x)) <= width, ElementTree.tostring(element))
                    self.assertTrue(0 <= int(element.get(y)) <= height, ElementTree.tostring(element))
        self.assertEqual(re.findall(rb"href|<script|<image|@import|url\((?!#)", svg), [])

    def test_a_title_that_is_too_long_ends_between_two_options(self):
        svg = self.draw("--calm", "--seed", "3", "--nodes", "3", "--heartbeat", "20ms", "--clients", "1", "--delay", "2ms",
                        "--delay-spread", "2ms", "--crash-time", "100ms", "--leader-loss", "100%")
        shown = self.texts(svg)[0]
        self.assertRegex(shown, r"^decree sim --calm --seed 3 .*\w \.\.\.$")
        whole = ElementTree.fromstring(svg).find(NS + "title").text
        self.assertTrue(whole.startswith(shown[:-4] + " --"))
        self.assertIn("--leader-loss 100%", whole)

    def test_the_window_limits_what_is_drawn(self):
        few = self.texts(self.draw("--seed", "7", "--events", "10"))
        many = self.texts(self.draw("--seed", "7", "--events", "100"))
        self.assertLess(len(few), len(many))
        times = [float(text.split()[0]) for text in
                 self.texts(self.draw("--seed", "7", "--from", "500ms", "--to", "520ms", "--events", "1000"))
                 if re.match(r"^\d+\.\d{3} ms$", text)]
        self.assertGreaterEqual(min(times), 500)
        self.assertLess(min(times), 520)  # what is sent in the window may arrive after it

    def test_registers_are_drawn_too(self):
        texts = self.texts(self.draw("--registers", "--seed", "3"))
        for wanted in (r"^prepare ", r"^promise ", r"^accept ", r"^accepted "):
            self.assertTrue(any(re.search(wanted, text) for text in texts), f"{wanted} in {texts}")

    def test_what_cannot_be_drawn_is_refused(self):
        path = os.path.join(self.folder.name, "x.svg")
        for arguments, reason in ((["--seeds", "1..2", "--svg", path], "one run"), (["--events", "5"], "--svg"),
                                  (["--svg", path, "--from", "2s", "--to", "1s"], "later"),
                                  (["--svg", path, "--events", "0"], "number"), (["--svg", path, "--from", "x"], "time")):
            done = self.run_simulate(*arguments)
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertIn(reason, done.stderr)
        done = self.run_simulate("--seed", "7", "--svg", os.path.join(self.folder.name, "no", "x.svg"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
