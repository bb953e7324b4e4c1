# SPDX-License-Identifier: MIT
"""run_test.py BUILD ROOT TABLE TEST [NAME...] -- as run.py, for what a test of its own has to find, and not the simulator.

TEST is the Meson target of a test program. Each mutant is linked as that program is, with its broken objects put before
the libraries. Exit status 0: the test passes as it is, and fails with each mutant.
"""
import os
import shlex
import subprocess
import sys
import tempfile

from run import TIMEOUT_S, compile_commands, compile_one, headers_of, mutate, parse, sources_of


def link_command(build, test):
    """How Ninja links the program."""
    commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "-s", test], capture_output=True, text=True, check=True)
    return shlex.split(commands.stdout.strip().split("\n")[-1])


def build_mutant(build, root, mutant, commands, link, folder):
    texts = mutate(root, mutant)
    for file in sources_of(root, texts) + headers_of(root, texts):
        with open(os.path.join(folder, os.path.basename(file)), "w", encoding="utf-8") as out:
            out.write(texts.get(file) or open(os.path.join(root, file), encoding="utf-8").read())
    objects = []
    for file in sources_of(root, texts):
        objects.append(os.path.join(folder, os.path.basename(file) + ".o"))
        result = compile_one(build, commands[os.path.realpath(os.path.join(root, file))],
                             os.path.join(folder, os.path.basename(file)), objects[-1])
        if result.returncode != 0:
            raise RuntimeError(f"{file} does not compile:\n{result.stderr}")
    words = list(link)
    at = words.index("-o") + 1
    words[at] = os.path.join(folder, "test")
    words[at + 1:at + 1] = objects
    result = subprocess.run(words, cwd=build, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"does not link:\n{result.stderr}")
    return words[at]


def main():
    os.nice(10)
    build, root, table, test, names = *sys.argv[1:5], sys.argv[5:]
    mutants = [mutant for mutant in parse(table) if not names or mutant["name"] in names]
    commands, link, missed = compile_commands(build), link_command(build, test), 0
    subprocess.run([os.path.join(build, test)], check=True, capture_output=True, timeout=TIMEOUT_S)
    for mutant in mutants:
        with tempfile.TemporaryDirectory(prefix="decree-mutant-") as folder:
            try:
                program = build_mutant(build, root, mutant, commands, link, folder)
                found = subprocess.run([program], capture_output=True, timeout=TIMEOUT_S).returncode != 0
            except subprocess.TimeoutExpired:
                found = True
            except (LookupError, RuntimeError) as error:
                found, mutant["why"] = False, str(error)
        missed += not found
        print(f"{'found ' if found else 'MISSED'} {mutant['name']:46} {'' if found else mutant['why']}", flush=True)
    print(f"{len(mutants) - missed} of {len(mutants)} mutants found by {test}")
    return 1 if missed or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
