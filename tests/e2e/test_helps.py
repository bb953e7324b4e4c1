# SPDX-License-Identifier: MIT
"""test_helps.py -- what the helps, the manual page, the completions and the README say of commands and options is the same."""
import functools
import os
import re
import subprocess

import pytest

from nodes import DECREE

SOURCE = os.environ["DECREE_SOURCE"]
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
PARTS = {"snapshot": ["save", "status", "restore"], "register": ["set", "get", "cas", "history", "compact"],
         "endpoint": ["health", "status", "hashkv"], "synod": ["get"]}
PAGES = ["README.md", *sorted("docs/" + name for name in os.listdir(os.path.join(SOURCE, "docs")) if name.endswith(".md"))]


def run(*words):
    return subprocess.run([DECREE, *words], capture_output=True, text=True, check=True, timeout=60).stdout


@functools.cache
def help_of(*words):
    return run(*words, "--help")


@functools.cache
def commands():
    found = re.findall(r"^  ([a-z-]+) ", run("help").split("To begin:")[0], re.MULTILINE)
    assert len(found) > 20
    return [word for word in found if word != "help"]


@functools.cache
def helps():
    return {(command, part) if part else (command,): help_of(command, part) if part else help_of(command)
            for command in commands() for part in [None, *PARTS.get(command, [])]}


@functools.cache
def options(*words):
    """Those that a help lists."""
    return {option for line in help_of(*words).splitlines() if line.strip().startswith("-")
            for option in OPTION.findall(re.split(r"\s{2,}", line.strip())[0])}


def page(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
        return file.read()


def manual():
    """The text of the page, without the marks of roff."""
    return re.sub(r"\\f[A-Z]|\\&", "", re.sub(r"^\.(?:BR|RB|IR|RI|BI|IB|B|I)\s+", "", page("docs/decree.1"), flags=re.MULTILINE)
                  .replace("\\-", "-"))


def unknown_options(line):
    """The options of a line `decree COMMAND ...` that this command does not have."""
    words = line.split("#")[0].split(" -- ")[0].split()
    if not words or words[0] not in commands():
        return []
    part = tuple(word for word in words[1:2] if word in PARTS.get(words[0], []))
    known = {option.lstrip("-") for option in options(words[0], *part)} | {"help"}
    rest = words[1 + len(part):]
    if words[0] == "lock":  # what comes behind its name is another program's
        rest = rest[:2] if rest and rest[0].startswith("-") else []
    if "|" in rest:
        rest = rest[:rest.index("|")]
    return [f"{' '.join(words)}: {option}" for word in rest for option in OPTION.findall(word)[:1]
            if word.startswith("-") and option.lstrip("-") not in known]


def test_every_help_teaches_within_80_columns():
    for words, text in helps().items():
        assert text.startswith("Usage: decree " + (words[0] if len(words) == 1 or words[0] != "endpoint" else "")), words
        assert [line for line in text.splitlines() if len(line) > 80] == [], words
        if words[0] not in ("demo", "endpoint") or len(words) > 1:
            assert re.search(r"^  (?:\$ )?(?:\./|printf .*\| )?(?:decree|etcd) ", text, re.MULTILINE), f"no example: {words}"


def test_what_helps_show_can_be_typed():
    wrong = [fault for text in helps().values() for line in re.findall(r"^  (?:\$ )?decree (.*)", text, re.MULTILINE)
             for fault in unknown_options(line)]
    assert wrong == []


@pytest.mark.parametrize("name", PAGES)
def test_what_pages_show_can_be_typed(name):
    text = page(name)
    lines = re.findall(r"^(?:\$ )?decree (.*)", text.replace("\\\n", " "), re.MULTILINE) + re.findall(r"`decree ([^`]+)`", text)
    assert [fault for line in lines for fault in unknown_options(line)] == []


def test_the_manual_has_every_command_and_no_other_option():
    text = manual()
    synopsis, rest = text.split(".SH DESCRIPTION")
    for command in commands():
        assert re.search(rf"^decree {command}\b", synopsis, re.MULTILINE), command
        assert re.search(rf"^(?:.*, )?{command}\b", rest.split(".SH COMMANDS")[1].split(".SH COMMON")[0], re.MULTILINE), command
    known = {option for words in helps() for option in options(*words)}
    known |= {"-" + option for option in known} | {option[1:] for option in known if option.startswith("--")}
    assert [option for option in OPTION.findall(text) if option not in known and option not in ("-N", "-nc")] == []


def test_completions_have_every_command_and_option():
    for shell, form in (("bash", "{}"), ("zsh", "{}"), ("fish", "-l {0}")):
        text = run("completion", shell)
        assert all(re.search(rf"\b{command}\b", text) for command in commands())
        for words, said in helps().items():
            if words[0] == "synod" and len(words) > 1:
                continue  # what stands behind `synod` is an option more often than not
            for option in options(*words):
                if option.startswith("--"):
                    assert form.format(option[2:] if shell == "fish" else option) in text, (shell, words, option)
