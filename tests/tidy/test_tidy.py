# SPDX-License-Identifier: MIT
"""Shows that each check of tidy.py finds what it is for, and that a clean tree passes."""
import os
import subprocess
import tempfile
import unittest

import tidy

HEAD = "/* SPDX-License-Identifier: MIT */\n/* %s -- a file of this test. */\n"
CLEAN = {
    "base/bytes.h": HEAD % "bytes.h" + "int bytes_count(void);\n",
    "base/bytes.c": HEAD % "bytes.c" + '#include "bytes.h"\n\nint bytes_count(void)\n{\n    return 0;\n}\n',
    "node/host.h": HEAD % "host.h" + '#include "bytes.h"\n',
    "node/host.c": HEAD % "host.c" + '#include "host.h"\n#include <uv.h>\n',
    "include/decree/paxos.h": HEAD % "paxos.h" + "/* Opens it. */\nint decree_open(void);\n",
    "node/meson.build": "node_lib = static_library('node', 'host.c')\nx = library('base', '../base/bytes.c')\n",
}


class TidyTest(unittest.TestCase):
    def offences(self, check, changes=None):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**CLEAN, "base/use.h": HEAD % "use.h", **(changes or {})}.items():
                if path != "base/use.h" or changes and "base/use.h" in changes:
                    os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                    with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                        file.write(text)
            return list(tidy.CHECKS[check](root))

    def assert_finds(self, check, changes, words):
        found = self.offences(check, changes)
        self.assertTrue(any(words in offence for offence in found), f"{check} found {found}, not {words!r}")

    def test_clean_tree_passes(self):
        with_header = {"node/more.c": HEAD % "more.c" + "#include <decree/paxos.h>\n",
                       "node/meson.build": CLEAN["node/meson.build"] + "'more.c'\n"}
        for check in ("layers", "names", "banned", "heads", "sizes", "leftovers", "dead", "public"):
            self.assertEqual(self.offences(check, with_header), [], check)

    def test_layers(self):
        self.assert_finds("layers", {"base/bytes.c": '#include "host.h"\n'}, "base/ must not know node/")
        self.assert_finds("layers", {"kv/kv.c": "#include <time.h>\n"}, "must not know <time.h>")

    def test_names(self):
        self.assert_finds("names", {"kv/bytes.h": ""}, "same name")

    def test_banned(self):
        self.assert_finds("banned", {"kv/kv.c": "void f(void)\n{\n    strcpy(a, b);\n}\n"}, "kv/kv.c:3: strcpy()")
        self.assert_finds("banned", {"tests/kv/t.c": "nanosleep(&a, 0);\n"}, "nanosleep() is banned")
        self.assert_finds("banned", {"tests/e2e/t.py": "time." + "sleep(1)\n"}, "wait for the event")
        self.assertEqual(self.offences("banned", {"kv/kv.c": '/* strcpy() */ f("gets(x)"); my_rand(); a.rand();\n'}), [])

    def test_heads(self):
        self.assert_finds("heads", {"kv/kv.c": "int a;\n"}, "SPDX line is missing")
        self.assert_finds("heads", {"kv/kv.c": "/* SPDX-License-Identifier: MIT */\nint a;\n"}, "does not say what it is")

    def test_sizes(self):
        self.assert_finds("sizes", {"kv/kv.c": "\n" * 1001}, "1001 lines")
        self.assert_finds("sizes", {"kv/kv.c": "int a;\t\n"}, "a tab")
        self.assert_finds("sizes", {"kv/kv.c": "int f(void)\n{\n" + "    g();\n" * 71 + "}\n"}, "a function of 71 lines")

    def test_leftovers(self):
        self.assert_finds("leftovers", {"kv/kv.c": "/* TO" + "DO: this */\n"}, "a leftover")
        self.assert_finds("leftovers", {"docs/a.md": "see /ho" + "me/me/tree\n"}, "somebody's machine")

    def test_dead(self):
        self.assert_finds("dead", {"kv/kv.c": ""}, "no meson.build names it")
        self.assert_finds("dead", {"base/use.h": ""}, "nobody includes it")

    def test_public(self):
        self.assert_finds("public", {"include/decree/log.h": HEAD % "log.h" + "\nint decree_log(void);\n"}, "no comment")
        self.assert_finds("public", {"include/decree/log.h": "/* Opens. */\nint log_open(void);\n"}, "begin with decree_")

    def compile(self, folder, text):
        source, library = os.path.join(folder, "a.c"), os.path.join(folder, "liba.a")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["cc", "-c", "-o", source + ".o", source], check=True)
        subprocess.run(["ar", "rcs", library, source + ".o"], check=True)
        return library

    def test_symbols(self):
        with tempfile.TemporaryDirectory() as folder:
            clean = self.compile(folder, "#include <string.h>\nsize_t f(const char *a) { return strlen(a); }\n")
            self.assertEqual(list(tidy.check_symbols(folder, clean)), [])
            clock = self.compile(folder, "#include <time.h>\nlong f(void) { return (long)time(0); }\n")
            self.assertIn("wants time", "".join(tidy.check_symbols(folder, clock)))
            state = self.compile(folder, "static int calls;\nint f(void) { return ++calls; }\n")
            self.assertIn("calls is a variable", "".join(tidy.check_symbols(folder, state)))

    def test_exports(self):
        with tempfile.TemporaryDirectory() as folder:
            library = self.compile(folder, "int decree_f(void) { return 0; }\nint helper(void) { return 1; }\n")
            shared = os.path.join(folder, "liba.so")
            subprocess.run(["cc", "-shared", "-fPIC", "-o", shared, os.path.join(folder, "a.c")], check=True)
            found = list(tidy.check_exports(folder, shared, library))
            self.assertEqual(sum("exports helper" in offence for offence in found), 2, found)


if __name__ == "__main__":
    unittest.main()
