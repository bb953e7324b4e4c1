# SPDX-License-Identifier: MIT
"""test_members.py -- members know where clients reach the others, also after a restart; and the leader is moved."""
import json

import rpc
from rpc import messages
from test_etcdctl import etcdctl
from wait import wait_until


def client_urls(node, linearizable=False):
    """By the name of each member, as this node tells."""
    response = node.client.call("/etcdserverpb.Cluster/MemberList", messages.MemberListRequest(linearizable=linearizable),
                                messages.MemberListResponse, 10)
    return {member.name: list(member.clientURLs) for member in response.members}


def all_urls(cluster):
    return {node.name: [f"http://{node.endpoint}"] for node in cluster.nodes}


def all_know(cluster):
    return all(client_urls(node) == all_urls(cluster) for node in cluster.nodes)


def test_every_member_tells_the_client_urls_of_all(cluster):
    wait_until(lambda: all_know(cluster), 30, "all members have told of themselves")
    assert client_urls(cluster.nodes[1], linearizable=True) == all_urls(cluster)
    listed = json.loads(etcdctl(cluster.nodes[2].endpoint, "member", "list", "-w", "json"))["members"]
    assert {member["name"]: member["clientURLs"] for member in listed} == all_urls(cluster)
    applied = [node.client.status().raftAppliedIndex for node in cluster.nodes]
    for node in cluster.nodes:
        node.kill()
    cluster.start()
    cluster.wait_for_leader()
    wait_until(lambda: all_know(cluster), 30, "they still know")
    # A restart tells nothing anew: only elections and the leader's own word on leases are in the log.
    assert max(node.client.status().raftAppliedIndex for node in cluster.nodes) <= max(applied) + 6


def test_who_comes_back_elsewhere_tells_so(cluster):
    wait_until(lambda: all_know(cluster), 30, "all members have told of themselves")
    node = cluster.nodes[0]
    node.kill()
    node.start(cluster.spec, ["--advertise-client-urls", "http://192.0.2.1:2379,http://192.0.2.2:2379"])
    expected = dict(all_urls(cluster), n1=["http://192.0.2.1:2379", "http://192.0.2.2:2379"])
    wait_until(lambda: all(client_urls(other) == expected for other in cluster.nodes[1:]), 30, "the others know of it")


def change_members(node, method, request, response):
    try:
        node.client.call("/etcdserverpb.Cluster/" + method, request, response, 10)
    except rpc.Failure as failure:
        return failure.code.name, failure.text
    return None


def test_changes_are_refused_with_a_reason(cluster):
    for method, request, response in (
            ("MemberAdd", messages.MemberAddRequest(peerURLs=["http://192.0.2.1:2380"]), messages.MemberAddResponse),
            ("MemberRemove", messages.MemberRemoveRequest(ID=1), messages.MemberRemoveResponse),
            ("MemberUpdate", messages.MemberUpdateRequest(ID=1), messages.MemberUpdateResponse),
            ("MemberPromote", messages.MemberPromoteRequest(ID=1), messages.MemberPromoteResponse)):
        code, text = change_members(cluster.nodes[0], method, request, response)
        assert code == "UNIMPLEMENTED" and "cannot be added, removed or changed yet" in text, text
