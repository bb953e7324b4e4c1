# SPDX-License-Identifier: MIT
"""run.py BUILD ROOT TABLE SEEDS [NAME...] -- break the code on purpose and see whether the simulator notices.

Each mutant of the table is compiled from the broken copy of its files alone and linked before the libraries, so
that its functions win over theirs; a broken header takes all files of its folder with it. BUILD is the Meson build
folder, from whose compile_commands.json the flags come. Exit status 0: each mutant was found.
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

LIBRARIES = ["sim/libsim.a", "node/libengine.a", "paxos/libpaxos.a", "broadcast/libbroadcast.a",
             "register/libregister.a", "store/libstore.a", "net/libnet.a", "rpc/librpc.a", "proto/libproto.a",
             "port/libport.a", "base/libbase.a"]
SYSTEM_LIBRARIES = ["-ljansson", "-luv", "-lnghttp2", "-lhttp_parser", "-lprotobuf-c", "-lxxhash", "-lpthread"]
TIMEOUT_S = 240


def parse(table):
    """The table as a list of mutants: name, why, and a list of changes (file, old lines, new lines)."""
    mutants = []
    for number, line in enumerate(open(table, encoding="utf-8").read().split("\n"), 1):
        word, _, rest = line.partition(" ")
        if line.startswith("#") or not line:
            continue
        if word == "mutant":
            mutants.append({"name": rest, "why": "", "changes": []})
            file, last = None, None
        elif word == "why":
            mutants[-1]["why"] = rest
        elif word == "file":
            file, last = rest, None
        elif word == "<":
            if last != "<":
                mutants[-1]["changes"].append((file, [], []))
            mutants[-1]["changes"][-1][1].append(rest)
        elif word == ">":
            mutants[-1]["changes"][-1][2].append(rest)
        else:
            sys.exit(f"{table}:{number}: what is '{word}'?")
        last = word
    return mutants


def mutate(root, mutant):
    """Path to text of each changed file. Fails loudly when a place is not there exactly once. How the source is laid
    out does not matter: a space in the table stands for any white space."""
    texts = {}
    for file, old, new in mutant["changes"]:
        text = texts.get(file) or open(os.path.join(root, file), encoding="utf-8").read()
        before, after = "\n".join(old), "\n".join(new)
        pattern = re.compile(r"\s+".join(re.escape(word) for word in before.split()))
        if len(pattern.findall(text)) != 1:
            raise LookupError(f"{mutant['name']}: not exactly once in {file}:\n{before}")
        texts[file] = pattern.sub(lambda _: after, text)
    return texts


def compile_commands(build):
    commands = {}
    for entry in json.load(open(os.path.join(build, "compile_commands.json"), encoding="utf-8")):
        source = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        commands.setdefault(source, entry["command"])
    return commands


def compile_one(build, command, source, target):
    words = shlex.split(command)
    output, text = words.index("-o"), words.index("-c")
    words[output + 1], words[text + 1] = target, source
    for flag in ("-MF", "-MQ"):
        if flag in words:
            words[words.index(flag) + 1] = target + (".d" if flag == "-MF" else "")
    words += ["-Wno-error"]  # a sabotage need not look well
    return subprocess.run(words, cwd=build, capture_output=True, text=True)


def sources_of(root, texts):
    """The sources to compile: the broken ones, and, for a broken header, those of its folder."""
    sources = {file for file in texts if file.endswith(".c")}
    for file in texts:
        if file.endswith(".h"):
            folder = os.path.dirname(file)
            sources |= {f"{folder}/{name}" for name in os.listdir(os.path.join(root, folder)) if name.endswith(".c")}
    return sorted(sources)


def headers_of(root, texts):
    """A header that is beside the one that includes it wins over every path, so all of a folder come along."""
    folders = {os.path.dirname(file) for file in texts}
    return sorted(f"{folder}/{name}" for folder in folders for name in os.listdir(os.path.join(root, folder))
                  if name.endswith(".h"))


def build_mutant(build, root, mutant, commands, folder):
    texts = mutate(root, mutant)
    objects, sanitize = [], set()
    for file in sources_of(root, texts) + headers_of(root, texts):
        with open(os.path.join(folder, os.path.basename(file)), "w", encoding="utf-8") as out:
            out.write(texts.get(file) or open(os.path.join(root, file), encoding="utf-8").read())
    for file in sources_of(root, texts):
        command = commands[os.path.realpath(os.path.join(root, file))]
        sanitize |= set(re.findall(r"-fsanitize=\S+", command))
        target = os.path.join(folder, os.path.basename(file) + ".o")
        result = compile_one(build, command, os.path.join(folder, os.path.basename(file)), target)
        if result.returncode != 0:
            raise RuntimeError(f"{mutant['name']}: {file} does not compile:\n{result.stderr}")
        objects.append(target)
    program = os.path.join(folder, "simulate")
    result = subprocess.run(
        ["cc", *sorted(sanitize), "-o", program, *objects, "-Wl,--whole-archive", "tests/sim/libsimulate_main.a",
         "-Wl,--no-whole-archive", "-Wl,--start-group", *LIBRARIES, "-Wl,--end-group", *SYSTEM_LIBRARIES],
        cwd=build, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{mutant['name']} does not link:\n{result.stderr}")
    return program


def judge(program, mutant, seeds):
    """How it was found, or None."""
    registers = ["--registers"] if all(file.startswith("register/") for file, _, _ in mutant["changes"]) else []
    result = subprocess.run([program, *registers, "--seeds", seeds], capture_output=True, text=True, timeout=TIMEOUT_S)
    if result.returncode == 0:
        return None
    seed = re.search(r"FAILED seed (\d+)", result.stdout)
    checker = re.search(r"checker:\s+(\S+)", result.stdout)
    if seed and checker:
        return f"seed {seed.group(1)}, {checker.group(1)}"
    replay = re.search(r"replay:.*--seed (\d+)", result.stdout)
    assertion = re.search(r"Assertion `(.*)' failed", result.stderr)
    if replay and assertion:
        return f"seed {replay.group(1)}, assertion {assertion.group(1)}"
    return f"exit status {result.returncode}"


def run_one(build, root, mutant, commands, seeds):
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="decree-mutant-") as folder:
        found = judge(build_mutant(build, root, mutant, commands, folder), mutant, seeds)
    return found, time.monotonic() - begun


def main():
    os.nice(10)
    build, root, table, seeds, names = *sys.argv[1:5], sys.argv[5:]
    mutants = [mutant for mutant in parse(table) if not names or mutant["name"] in names]
    commands = compile_commands(build)
    missed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [(mutant, pool.submit(run_one, build, root, mutant, commands, seeds)) for mutant in mutants]
        for mutant, run in runs:
            try:
                found, seconds = run.result()
            except (LookupError, RuntimeError, subprocess.TimeoutExpired) as error:
                found, seconds, mutant["why"] = None, 0, str(error)
            missed += found is None
            print(f"{'found ' if found else 'MISSED'} {mutant['name']:26} {seconds:5.1f} s  {found or mutant['why']}",
                  flush=True)
    print(f"{len(mutants) - missed} of {len(mutants)} mutants found within seeds {seeds}")
    return 1 if missed or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
