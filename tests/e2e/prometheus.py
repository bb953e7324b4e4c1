# SPDX-License-Identifier: MIT
"""prometheus.py -- a strict reader of the text form of metrics: what Prometheus would only shrug at fails here."""
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
SAMPLE = re.compile(r"(" + NAME.pattern + r")(?:\{(.*)\})? (\S+)")
TYPES = {"counter", "gauge", "histogram"}


class Family:
    def __init__(self, name, help):
        self.name, self.help, self.type = name, help, None
        self.samples = {}  # (name, labels as a sorted tuple of pairs) -> number

    def value(self, **labels):
        """The sum of the samples that have these labels."""
        found = [number for (name, pairs), number in self.samples.items()
                 if name == self.name and labels.items() <= dict(pairs).items()]
        assert found, (self.name, labels)
        return sum(found)

    def count(self, **labels):
        """Of a histogram: how many numbers there were."""
        return sum(number for (name, pairs), number in self.samples.items()
                   if name == self.name + "_count" and labels.items() <= dict(pairs).items())


def read_labels(text):
    pairs, at = [], 0
    while text and at < len(text):
        found = LABEL.match(text, at)
        assert found, text
        pairs.append((found[1], found[2]))
        at = found.end()
        assert at == len(text) or text[at] == ",", text
        at += 1
    assert len({name for name, _ in pairs}) == len(pairs), text
    return tuple(sorted(pairs))


def check_histogram(family):
    rows = {}
    for (name, pairs), number in family.samples.items():
        labels = dict(pairs)
        bound = labels.pop("le", None)
        row = rows.setdefault(tuple(labels.items()), {"buckets": []})
        suffix = name.removeprefix(family.name)
        assert suffix in ("_bucket", "_sum", "_count"), name
        assert (bound is not None) == (suffix == "_bucket"), name
        if suffix == "_bucket":
            row["buckets"].append((float(bound), number))
        else:
            row[suffix] = number
    for row in rows.values():
        bounds, counts = zip(*row["buckets"])
        assert list(bounds) == sorted(set(bounds)), (family.name, bounds)
        assert list(counts) == sorted(counts), (family.name, counts)
        assert bounds[-1] == math.inf and counts[-1] == row["_count"], family.name
        assert row["_sum"] >= 0


def check(family):
    if family.type == "histogram":
        check_histogram(family)
        return
    assert all(name == family.name for name, _ in family.samples), family.name
    if family.type == "counter":
        assert all(number >= 0 for number in family.samples.values()), family.name


def parse(text):
    """The families by name."""
    assert text.endswith("\n")
    families, family = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, name, help = line.split(" ", 3)
            assert NAME.fullmatch(name) and name not in families and help, line
            family = families[name] = Family(name, help)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert family is not None and name == family.name and family.type is None and not family.samples, line
            assert kind in TYPES, line
            family.type = kind
        else:
            found = SAMPLE.fullmatch(line)
            assert found and family is not None and family.type, line
            name, labels, number = found[1], read_labels(found[2]), float(found[3])
            assert name == family.name or (family.type == "histogram" and name.startswith(family.name + "_")), line
            assert (name, labels) not in family.samples, line
            family.samples[name, labels] = number
    for family in families.values():
        check(family)
    return families
