# SPDX-License-Identifier: MIT
"""tidy.py CHECK ROOT [LIBRARY...] -- the part of the style that a machine can check.

Each check is a function that yields one sentence per offence. `meson test --suite tidy` runs each as a test of
its own; test_tidy.py shows that each finds what it is for. Nothing but Python's own library is used.
"""
import os
import re
import subprocess
import sys

LINES_MAX = 1000
FUNCTION_LINES_MAX = 70

# Who may include whom: the picture in ARCHITECTURE.md. A folder that is not named here may include every folder.
# 'include' stands for the public headers, <decree/...>.
LAYERS = {
    "include": {"include"},
    "base": {"include", "base"},
    "paxos": {"include", "base", "paxos"},
    "register": {"include", "base", "register"},
    "broadcast": {"include", "base", "broadcast"},
    "log": {"include", "base", "log"},
    "kv": {"include", "base", "kv"},
    "port": {"include", "base", "port"},
    "store": {"include", "base", "port", "store"},
    "rpc": {"include", "base", "port", "rpc"},
    "net": {"include", "base", "port", "proto", "rpc", "net"},
    "node": {"include", "base", "port", "broadcast", "log", "store", "net", "node"},
    "proto": {"proto"},
    "server": {"include", "base", "port", "proto", "rpc", "kv", "log", "node", "server"},
    "client": {"include", "base", "port", "proto", "rpc", "client"},
    "sim": {"include", "base", "port", "proto", "rpc", "paxos", "broadcast", "kv", "store", "net", "node", "sim"},
    "examples": {"include", "examples"},
}
PURE = ("base", "paxos", "register", "broadcast", "log", "kv")

# What the pure folders may include of the system: no clock, no file, no socket, no thread.
PURE_SYSTEM = {"assert.h", "inttypes.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h",
               "stdlib.h", "string.h", "xxhash.h"}

# What the pure libraries may ask of the C library: memory, strings, asserts, and printing into memory.
PURE_SYMBOLS = re.compile(
    r"^(mem(cpy|move|set|cmp|chr)|str(len|nlen|cmp|ncmp|chr|rchr|str|toul|toull)|(m|c|re)alloc|free|abort|qsort|bsearch"
    r"|v?snprintf|XXH\w+|decree_\w+|__assert_fail|__stack_chk_fail|__\w+_chk|_GLOBAL_OFFSET_TABLE_"
    r"|__(popcount|clz|ctz|mul|div|udiv|mod|umod)[dt]i[234]|__(a|ub|t)san_\w+|__asan\w*|__sanitizer_\w+|__tsan_\w+|__ubsan\w*)$")

BANNED = {
    "strcpy": "memcpy with a known size",
    "strcat": "snprintf",
    "strncpy": "memcpy with a known size",
    "strncat": "snprintf",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "fgets or read",
    "scanf": "strtoull and a look at its end",
    "sscanf": "strtoull and a look at its end",
    "atoi": "strtoull and a look at its end",
    "atol": "strtoull and a look at its end",
    "atoll": "strtoull and a look at its end",
    "atof": "strtod and a look at its end",
    "strtok": "strchr or strsep on a copy",
    "rand": "prng.h",
    "srand": "prng.h",
    "random": "prng.h",
    "srandom": "prng.h",
    "drand48": "prng.h",
    "alloca": "malloc, or an array with a bound",
    "tmpnam": "mkdtemp",
    "mktemp": "mkdtemp",
    "system": "uv_spawn",
    "popen": "uv_spawn",
    "gmtime": "gmtime_r",
    "localtime": "localtime_r",
    "asctime": "strftime",
    "ctime": "strftime",
    "sleep": "a wait for the event",
    "usleep": "a wait for the event",
}
# In tests also the sleeps that a program may have a reason for.
BANNED_IN_TESTS = {"nanosleep": "a wait for the event", "uv_sleep": "a wait for the event"}

LEFTOVERS = re.compile(r"\b(" + "|".join(["FIX" + "ME", "TO" + "DO", "X" + "XX", "HA" + "CK"]) + r")\b")
MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(work|root|home)/\w")

COMMENTED = (".c", ".h", ".py", ".sh", ".proto", ".map")


def tree(root):
    """All of the project's files, by their path from root; build folders and hidden ones are not the project."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders
            if not name.startswith((".", "build", "__")) and not name.endswith(".data")
            and not os.path.exists(os.path.join(folder, name, "meson-private")))
        for name in sorted(files):
            if not name.endswith((".pyc", ".png", ".swp")):
                yield os.path.relpath(os.path.join(folder, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def sources(root, *endings):
    return [path for path in tree(root) if path.endswith(endings)]


def without_comments(text):
    """The code alone: comments and the insides of strings become spaces, lines stay where they are."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_layers(root):
    owner = {os.path.basename(path): path.split("/")[0] for path in sources(root, ".h")
             if not path.startswith(("tests/", "include/"))}
    for path in sources(root, ".c", ".h"):
        folder = path.split("/")[0]
        allowed = LAYERS.get(folder)
        text = read(root, path)
        for match in re.finditer(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', text, re.MULTILINE):
            where = f"{path}:{line_of(text, match.start())}"
            name = match.group(2)
            if match.group(1) == '"':
                target = owner.get(name, folder)
                if allowed is not None and target not in allowed:
                    yield f"{where}: {folder}/ must not know {target}/: {name}"
            elif folder in PURE and not name.startswith("decree/") and name not in PURE_SYSTEM:
                yield f"{where}: {folder}/ is pure and must not know <{name}>"


def check_names(root):
    """Headers are included by their plain names, so a name may exist once."""
    seen = {}
    for path in sources(root, ".h"):
        if path.startswith("include/"):
            continue
        name = os.path.basename(path)
        if name in seen:
            yield f"{path}: {seen[name]} has the same name"
        seen[name] = path


def check_banned(root):
    for path in sources(root, ".c", ".h"):
        text = without_comments(read(root, path))
        banned = dict(BANNED, **BANNED_IN_TESTS) if path.startswith("tests/") else dict(BANNED)
        if path.startswith("bench/"):  # a load generator paces itself
            del banned["usleep"]
        for match in re.finditer(r"(?<![\w.>])(" + "|".join(banned) + r")\s*\(", text):
            name = match.group(1)
            yield f"{path}:{line_of(text, match.start())}: {name}() is banned: use {banned[name]}"
    for path in sources(root, ".py"):
        if path.startswith("tests/") and os.path.basename(path) not in ("wait.py", "tidy.py", "test_tidy.py"):
            for number, line in enumerate(read(root, path).splitlines(), 1):
                if re.search(r"\bsleep\s*\(", line):
                    yield f"{path}:{number}: sleep() is banned in tests: wait for the event, with wait.py"


def check_heads(root):
    """The licence first; in C then an essay that begins with the file's name."""
    for path in tree(root):
        ending = os.path.splitext(path)[1]
        lines = read(root, path).splitlines()
        if ending in COMMENTED or (lines and lines[0].startswith("#!")):
            first = lines[0] if lines and not lines[0].startswith("#!") else "".join(lines[1:2])
            if "SPDX-License-Identifier: MIT" not in first:
                yield f"{path}:1: the SPDX line is missing"
        if ending in (".c", ".h") and not path.startswith("tests/"):
            name = os.path.basename(path)
            if len(lines) < 2 or not re.match(r"/\* " + re.escape(name) + r" -- \S", lines[1]):
                yield f"{path}:2: does not say what it is: '/* {name} -- ...'"


def check_sizes(root):
    for path in sources(root, ".c", ".h", ".py"):
        lines = read(root, path).splitlines()
        if len(lines) > LINES_MAX:
            yield f"{path}: {len(lines)} lines; no file has more than {LINES_MAX}"
    for path in sources(root, ".c", ".h"):
        start = 0
        for number, line in enumerate(read(root, path).splitlines(), 1):
            if line == "{":
                start = number
            if line == "}" and start > 0 and number - start - 1 > FUNCTION_LINES_MAX:
                yield f"{path}:{start}: a function of {number - start - 1} lines; none has more than {FUNCTION_LINES_MAX}"
            if "\t" in line:
                yield f"{path}:{number}: a tab"
            if line != line.rstrip():
                yield f"{path}:{number}: spaces at the end"


def check_leftovers(root):
    for path in tree(root):
        for number, line in enumerate(read(root, path).splitlines(), 1):
            if LEFTOVERS.search(line):
                yield f"{path}:{number}: a leftover: {line.strip()}"
            if MACHINE_PATHS.search(line):
                yield f"{path}:{number}: a path of somebody's machine: {line.strip()}"


def check_dead(root):
    """A source that no build file names, a header that nobody includes, an .md that no other names."""
    builds = "\n".join(read(root, path) for path in sources(root, "meson.build"))
    code = "\n".join(read(root, path) for path in sources(root, ".c", ".h", ".proto"))
    for path in sources(root, ".c", ".proto"):
        name = os.path.basename(path)
        stem = re.sub(r"^test_|_test$", "", os.path.splitext(name)[0])  # tests are often listed by their topic
        if not re.search(r"['/]" + re.escape(name) + "'", builds) and f"'{stem}'" not in builds:
            yield f"{path}: no meson.build names it"
    for path in sources(root, ".h"):
        if not re.search(r'#\s*include\s+["<](decree/)?' + re.escape(os.path.basename(path)) + '[">]', code):
            yield f"{path}: nobody includes it"


def check_public(root):
    """Every public function has a comment, beside it or at the head of its paragraph."""
    for path in sources(root, ".h"):
        if not path.startswith("include/"):
            continue
        text = read(root, path)
        start = 0
        for paragraph in re.split(r"\n[ \t]*\n", text):
            name = re.search(r"^(?!typedef)\w[\w \t*]*?\b(\w+)\([^;{]*\)[^;{]*;", without_comments(paragraph), re.MULTILINE)
            if name is not None and "/*" not in paragraph:
                yield f"{path}:{line_of(text, text.index(paragraph, start))}: {name.group(1)}() has no comment"
            if name is not None and not name.group(1).startswith("decree_"):
                yield f"{path}: {name.group(1)}() does not begin with decree_"
            start = text.index(paragraph, start) + len(paragraph)


def nm(arguments):
    return subprocess.run(["nm"] + arguments, check=True, capture_output=True, text=True).stdout


def check_symbols(root, *libraries):
    """The pure libraries ask the system for nothing but memory, and keep nothing between calls."""
    if not libraries:
        yield "no library was given"
    defined = set()
    for library in libraries:
        defined.update(re.findall(r"^\S+ [A-TV-Z] (\S+)$", nm(["--defined-only", library]), re.MULTILINE))
    for library in libraries:
        sanitized = "san_" in nm([library])
        for name in re.findall(r"^\s+[Uw] (\S+)$", nm(["--undefined-only", library]), re.MULTILINE):
            if name not in defined and not PURE_SYMBOLS.match(name):
                yield f"{os.path.basename(library)}: wants {name}, which is not on the list of a pure library"
        table = subprocess.run(["objdump", "-t", library], check=True, capture_output=True, text=True).stdout
        for section, name in re.findall(r"^\S+ .{7} (\.(?:data|bss)\S*)\t\S+\s+(?:\.hidden )?(\S+)$", table, re.MULTILINE):
            if not sanitized and not section.startswith(".data.rel.ro") and not name.startswith("."):
                yield f"{os.path.basename(library)}: {name} is a variable that lives between calls"


def check_exports(root, shared, archive):
    """The library's users see decree_ and nothing else."""
    for library, arguments in ((shared, ["-D"]), (archive, ["-g"])):
        names = re.findall(r"^\S+ [A-TV-Z] (\S+)$", nm(arguments + ["--defined-only", library]), re.MULTILINE)
        if not names:
            yield f"{library}: exports nothing"
        for name in names:
            if not name.startswith("decree_"):
                yield f"{library}: exports {name}"


def check_format(root):
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    if not re.search(r"version 14\.", version):
        print(f"SKIPPED: .clang-format is written for clang-format 14, here is: {version.strip()}")
        sys.exit(77)
    result = subprocess.run(["clang-format", "--dry-run", "--Werror"] + sources(root, ".c", ".h"), cwd=root,
                            capture_output=True, text=True)
    for line in result.stderr.splitlines():
        match = re.match(r"(\S+?):(\d+):\d+: error", line)
        if match:
            yield f"{match.group(1)}:{match.group(2)}: not as scripts/format would lay it out"


CHECKS = {name[len("check_"):]: function for name, function in list(globals().items()) if name.startswith("check_")}


def main(arguments):
    if len(arguments) < 2 or arguments[0] not in CHECKS:
        print(f"usage: tidy.py {'|'.join(CHECKS)} ROOT [LIBRARY...]", file=sys.stderr)
        return 64
    offences = list(CHECKS[arguments[0]](*arguments[1:]))
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
