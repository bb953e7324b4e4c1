# SPDX-License-Identifier: MIT
"""test_synod_partition.py -- `decree synod` on three hosts whose links are cut, as in test_partition.py."""
import random

import pytest

from test_partition import ADDRESS, hosts, network  # pylint: disable=unused-import
from test_synod import KINDS, Node, PATIENCE_S, Synod
from wait import pass_time, wait_until


class Host(Node):
    def __init__(self, synod, number):
        super().__init__(synod, number)
        self.address = f"{ADDRESS.format(number)}:5001"
        self.others = ",".join(f"{ADDRESS.format(other)}:5001" for other in (1, 2, 3) if other != number)
        self.prefix = ["nsenter", f"--net=/run/netns/h{number}"]


@pytest.fixture
def make_synod(hosts, tmp_path, request):
    made = []

    def make(kind):
        folder = tmp_path / f"synod{len(made)}"
        folder.mkdir()
        made.append(Synod(folder, kind))
        made[-1].nodes = [Host(made[-1], number) for number in hosts]
        return made[-1]

    yield make
    for synod in made:
        for node in synod.nodes:
            node.kill()
            if getattr(request.node, "failed", True):
                print(f"--- {node.address}:\n{node.text()[-3000:]}")


@pytest.mark.parametrize("kind", KINDS)
def test_who_was_cut_off_learns_what_the_others_chose(make_synod, network, kind):
    synod = make_synod(kind)
    network.cut_both(1, 3)
    network.cut_both(2, 3)
    for number, node in enumerate(synod.nodes, 1):
        node.start(first=number, timeout=0.2)
    value = synod.nodes[0].wait_for_value()
    assert value in ("1", "2")
    assert synod.nodes[1].wait_for_value() == value
    wait_until(lambda: len(synod.nodes[2].named("prepare")) > 2, PATIENCE_S, "the third tries")
    assert not synod.nodes[2].values()
    network.heal()
    assert synod.wait_for_values() == value


@pytest.mark.parametrize("kind", KINDS)
def test_who_reaches_one_other_learns_from_it(make_synod, network, kind):
    synod = make_synod(kind)
    network.cut_both(1, 3)
    synod.nodes[0].start(first="x", timeout=0.2)
    synod.nodes[1].start()
    synod.nodes[2].start()
    assert synod.wait_for_values() == "x"


@pytest.mark.parametrize("kind", KINDS)
def test_links_that_come_and_go(make_synod, network, kind):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(2):
        synod = make_synod(kind)
        for number, node in enumerate(synod.nodes, 1):
            node.start(first=number, timeout=0)
        for _ in range(8):
            one, other = draw.sample([1, 2, 3], 2)
            if (one, other) not in network.cuts:
                network.cut(one, other)
            if draw.random() < 0.5:
                draw.choice(synod.nodes).kill()
            pass_time(draw.random() * 0.1)
            if draw.random() < 0.3:
                network.heal()
            for number, node in enumerate(synod.nodes, 1):
                if node.process is None:
                    node.start(first=f"{number} again", timeout=0)
        network.heal()
        value = synod.wait_for_values()
        assert {said for node in synod.nodes for said in node.values()} == {value}
        for node in synod.nodes:
            node.kill()
