# SPDX-License-Identifier: MIT
"""test_patroni.py -- Patroni, Debian's own, with two PostgreSQL servers, on three members of decree in the place of etcd."""
import urllib.error
import urllib.request

import pytest

from patroni_nodes import TTL_SECONDS, Folder, PatroniNode
from wait import holds_for, wait_until

SECONDS = 180


@pytest.fixture
def pair(members, request):
    """Two PostgreSQL servers of which one leads and the other follows it."""
    folder, nodes = Folder(), []
    try:
        nodes += [PatroniNode(name, folder, members.endpoints) for name in ("pg1", "pg2")]
        for node in nodes:
            node.start()
        yield nodes
    finally:
        for node in nodes:
            node.kill()
        if getattr(request.node, "failed", True):
            for node in nodes:
                node.print_log()
        folder.remove()


def leads(node):
    """It is the leader, and the other one streams from it."""
    return node.answers("leader") and node.sql("SELECT state FROM pg_stat_replication") == "streaming"


def leader_and_replica(pair):
    """Both, once there is one leader that the other one follows."""
    def found():
        leaders = [node for node in pair if leads(node)]
        return leaders[0] if len(leaders) == 1 else None
    leader = wait_until(found, SECONDS, "one PostgreSQL leads and the other streams from it")
    return leader, next(node for node in pair if node is not leader)


def write(node, text):
    return node.sql(f"INSERT INTO streets VALUES ('{text}') RETURNING name") == text


def streets(node):
    return (node.sql("SELECT name FROM streets ORDER BY name") or "").splitlines()


def is_role(asked, node, role):
    return asked.listed().get(node.name, ("", ""))[0] == role


def test_a_leader_dies_and_the_other_is_promoted(members, pair):
    leader, replica = leader_and_replica(pair)
    assert leader.sql("CREATE TABLE streets (name text)") == ""
    assert write(leader, "Akersgata")
    wait_until(lambda: streets(replica) == ["Akersgata"], SECONDS, "the row is at the replica")

    leader.kill()
    wait_until(lambda: replica.answers("leader"), SECONDS, "the replica is promoted")
    assert streets(replica) == ["Akersgata"]
    wait_until(lambda: write(replica, "Bogstadveien"), SECONDS, "the new leader takes writes")
    leader.start()
    assert leader_and_replica(pair) == (replica, leader)
    assert streets(leader) == ["Akersgata", "Bogstadveien"]


def test_a_member_of_decree_dies_and_patroni_does_not_notice(members, pair):
    leader, replica = leader_and_replica(pair)
    timeline = leader.sql("SELECT timeline_id FROM pg_control_checkpoint()")
    member = members.leader()
    member.kill()
    holds_for(lambda: leader.sql("SELECT pg_is_in_recovery()") == "f", TTL_SECONDS + 10, "the leader stays the leader")
    assert leader.answers("leader") and leads(leader)
    members.start(member)
    members.wait_for_leader(60)
    assert leader.listed() == {leader.name: ("Leader", "running"), replica.name: ("Replica", "running")}
    assert leader.sql("SELECT timeline_id FROM pg_control_checkpoint()") == timeline


def test_a_switchover(members, pair):
    leader, replica = leader_and_replica(pair)
    assert leader.sql("CREATE TABLE streets (name text)") == ""
    said = leader.patronictl("switchover", "--leader", leader.name, "--candidate", replica.name, "--force")
    assert f'Successfully switched over to "{replica.name}"' in said, said
    wait_until(lambda: is_role(leader, replica, "Leader"), SECONDS, "patronictl names the new leader")
    assert leader_and_replica(pair) == (replica, leader)
    assert write(replica, "Collettsgate")
    wait_until(lambda: streets(leader) == ["Collettsgate"], SECONDS, "the old leader follows the new one")


def test_the_api_of_etcd_v2_is_not_there(members):
    """Patroni's section `etcd:` asks for it; `etcd3:` is the one to write."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://{members.nodes[0].endpoint}/v2/machines", timeout=10)
    assert caught.value.code == 404
