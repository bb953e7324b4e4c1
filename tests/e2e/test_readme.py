# SPDX-License-Identifier: MIT
"""test_readme.py -- what the documentation shows is run as it stands there.

A block after the line <!-- tested --> is run: ```sh in a shell, all of one page in one folder and one after the other;
```c is compiled against the library and run. A ```text block right after it is what must be printed.
"""
import os
import re
import shutil
import subprocess

import pytest

from nodes import DECREE, WITH_PARENT
from wait import wait_until

SOURCE, BUILD = os.environ["DECREE_SOURCE"], os.environ["DECREE_BUILD"]
PAGES = [page for page in ["README.md", *(os.path.join("docs", name) for name in sorted(os.listdir(os.path.join(SOURCE, "docs"))))]
         if page.endswith(".md")]
BLOCK = re.compile(r"^<!-- tested -->\n```(sh|c)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def blocks(page):
    with open(os.path.join(SOURCE, page), encoding="utf-8") as file:
        return BLOCK.findall(file.read())


def environment(folder):
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    for name, target in (("decree", DECREE), ("include", os.path.join(SOURCE, "include"))):
        if not (tools / name).exists():
            (tools / name).symlink_to(target)
    return dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", ETCDCTL_API="3")


def run_shell(text, folder):
    """Runs a block; servers that it starts in the background go on, with an output of their own, and are waited for."""
    output = folder / f"output-{len(list(folder.glob('output-*')))}"
    with open(output, "wb") as file:
        process = subprocess.Popen([*WITH_PARENT, "bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment(folder), stdout=file,
                                   stderr=file, stdin=subprocess.DEVNULL, start_new_session=True)
        assert process.wait(60) == 0, output.read_text()
    for listen in re.findall(r"--listen (\S+)", text) or (["127.0.0.1:2379"] if "decree serve &" in text else []):
        wait_until(lambda: subprocess.run([DECREE, "get", "x", "--endpoints", listen, "--timeout", "1s"],
                                          capture_output=True).returncode == 0, 60, f"{listen} serves")
    return process.pid, output.read_text()


def run_c(text, folder):
    (folder / "example.c").write_text(text)
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(SOURCE, "include"), "-o", "example", "example.c",
                    os.path.join(BUILD, "libdecree.a"), "-luv", "-lnghttp2", "-lhttp_parser", "-lprotobuf-c",
                    "-ljansson", "-lpthread"], cwd=folder, check=True)
    return subprocess.run(["./example"], cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("page", PAGES)
def test_page(page, tmp_path):
    sessions = []
    try:
        for language, text, expected in blocks(page):
            if language == "c":
                printed = run_c(text, tmp_path)
            else:
                session, printed = run_shell(text, tmp_path)
                sessions.append(session)
            if expected:
                assert printed == expected, text
    finally:
        for session in sessions:
            subprocess.run(["pkill", "-KILL", "-s", str(session)], check=False)


def test_readme_has_tested_blocks():
    languages = [language for language, _, _ in blocks("README.md")]
    assert languages.count("sh") >= 3 and "c" in languages
    assert shutil.which("etcdctl"), "the README's examples use it"


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page):
    """Links, and paths such as `paxos/scout.c`; what follows a path in the same list, such as `leader.c`, is in its folder."""
    with open(os.path.join(SOURCE, page), encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```$", "", file.read(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^):#]+)\)", text)
    missing = [link for link in links if not os.path.exists(os.path.join(SOURCE, os.path.dirname(page), link))]
    for folder, first, rest in re.findall(r"`([a-z/]+/)([\w.]+\.(?:c|h|txt|py|proto))`((?:, `[\w.]+\.(?:c|h|txt|py)`)*)", text):
        for name in [first, *re.findall(r"`([\w.]+)`", rest)]:
            path = folder + name
            if not any(os.path.exists(os.path.join(SOURCE, root, path)) for root in ("", "include")):
                missing.append(path)
    assert not missing
