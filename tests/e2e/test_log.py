# SPDX-License-Identifier: MIT
"""test_log.py -- `decree log` as people and programs use it: telnet, pipelines, kills, garbage, sockets that hang."""
import os
import random
import re
import socket
import subprocess
import threading

import pytest

from log_nodes import LineClient, LogCluster, TIMEOUT
from nodes import Cluster, DECREE
from wait import pass_time, wait_until

SOURCE = os.environ["DECREE_SOURCE"]


@pytest.fixture
def alone(tmp_path):
    with LogCluster(tmp_path, 1) as cluster:
        yield cluster.nodes[0]


@pytest.fixture
def three(tmp_path):
    with LogCluster(tmp_path) as cluster:
        yield cluster


def everything(node):
    client = node.connect()
    items, _ = client.get(1, 10 ** 9)
    client.close()
    return items


def test_the_session_of_the_manual(alone):
    with open(os.path.join(SOURCE, "docs", "log-protocol.md"), encoding="utf-8") as file:
        session = re.search(r"```session\n(.*?)```", file.read(), re.S).group(1)
    client = alone.connect()
    for line in session.splitlines():
        who, text = line[:2], line[3:]
        if who == "C:":
            client.send(text + "\r\n")  # as telnet does
        else:
            assert client.line() == text
    assert client.at_end()


def test_values_of_any_bytes(alone):
    client = alone.connect()
    values = [b"", b" ", b"a\nb", b"\r", b"$5", b"*3", b"$", b"**", bytes(range(256)), "\u00e4\u20ac".encode(), b"x" * 900000]
    for i, value in enumerate(values, start=1):
        assert client.prop(i, value) == (i, i, value)
    items, last = client.get(1, 100)
    assert [item[3] for item in items] == values
    assert last == len(values)
    assert client.prop(99, b"x" * 100) == (12, 99, b"x" * 100)


def test_mistakes_are_answered_and_the_next_request_is_understood(alone):
    client = alone.connect()
    for text, expected in [
            ("PROP", "ERROR syntax the request id is missing"),
            ("PROP 1", "ERROR syntax a value is missing"),
            ("PROP x $3\nabc", "ERROR syntax the request id"),
            ("PROP -1 a", "ERROR syntax"),
            ("PROP 18446744073709551616 a", "ERROR syntax"),
            ("PROP 1 *7", "ERROR syntax a value that looks like"),
            ("PROP 1 $2000000\n" + "y" * 2000000, "ERROR too_large an item may have 1048576 bytes"),
            ("MPROP x 2\na\nb", "ERROR syntax the request id"),
            ("MPROP 1 2\na\n$3000000\n" + "z" * 3000000, "ERROR too_large"),
            ("MPROP 1 2\n\nb", "ERROR syntax a value is missing"),
            ("MPROP 1 2\n" + "l" * 70000 + "\nb", "ERROR too_long"),
            ("GET", "ERROR syntax the index is missing"),
            ("GET 0", "ERROR syntax the index must be"),
            ("GET 1 2 3", "ERROR syntax '3' is too much"),
            ("WAIT soon", "ERROR syntax"),
            ("STATUS now", "ERROR syntax"),
            ("\x00\x01", "ERROR unknown"),
            ("A" * 70000, "ERROR too_long")]:
        assert client.ask(text).startswith(expected), text[:40]
    assert client.prop(1, "fine") == (1, 1, b"fine")
    assert client.ask("status").startswith("STATUS member=n1 leader=n1 last=1 ")


def test_where_the_server_cannot_follow_it_says_so_and_closes(alone):
    for text, expected in [(f"PROP 1 ${2 ** 31}\n", "ERROR too_large"), ("PROP 1 $3\nabcdef\nSTATUS\n", "ERROR syntax"),
                           ("PROP 1 $99999999999999999999999\n", "ERROR too_large"),
                           ("MPROP 1 0\n", "ERROR syntax the number of values"),
                           ("MPROP 1 x\nHELP\n", "ERROR syntax the number of values"),
                           ("MPROP 1 70000\nSTATUS\n", "ERROR syntax the number of values")]:
        client = alone.connect()
        client.send(text)
        assert client.line().startswith(expected)
        assert client.line() == "BYE"
        assert client.at_end()


def test_answers_come_in_the_order_of_the_questions(alone):
    client = alone.connect()
    client.send("WAIT 2\nPROP 1 a\nGET 1\nPROP 2 b\nHELP\nSYNC\nnonsense\nGET 2\nQUIT\nPROP 3 never\n")
    assert client.line().startswith("REACHED ")
    assert client.chosen() == (1, 1, b"a")
    assert client.line().startswith("ITEMS 1 ")
    assert client.line() == "ITEM 1 1 n1 a"
    assert client.chosen() == (2, 2, b"b")
    for _ in range(int(client.line().split()[1])):
        client.line()
    assert client.line() == "SYNCED 2"
    assert client.line().startswith("ERROR unknown")
    assert client.line() == "ITEMS 1 2"
    assert client.line() == "ITEM 2 2 n1 b"
    assert client.line() == "BYE"
    assert client.at_end()


def test_a_client_that_closes_its_side_gets_all_answers(alone):
    client = alone.connect()
    client.send("".join(f"PROP {i} value {i}\n" for i in range(1, 1001)) + "PROP 5000 cut o")
    client.socket.shutdown(socket.SHUT_WR)
    assert [client.chosen()[1] for _ in range(1000)] == list(range(1, 1001))
    assert client.at_end()
    assert len(everything(alone)) == 1000


def send_all(client, count):
    for first in range(0, count, 1000):
        client.send("".join(f"PROP {i + 1} value number {i + 1}\n" for i in range(first, first + 1000)))


def test_a_pipeline_of_100000_lines(three):
    count = 100000
    clients = [node.connect() for node in three.nodes]
    sender = threading.Thread(target=send_all, args=(clients[1], count))
    sender.start()
    chosen = [clients[1].chosen() for _ in range(count)]
    sender.join()
    assert [c[1] for c in chosen] == list(range(1, count + 1))
    assert sorted(c[0] for c in chosen) == list(range(1, count + 1))
    place = {c[0]: c[1] for c in chosen}
    for client in clients:
        assert client.ask(f"WAIT {count}") == f"REACHED {count}"
    items, last = clients[2].get(1, count)
    assert last == count
    assert [(item[0], item[1], item[2]) for item in items] == [(i, place[i], "n2") for i in range(1, count + 1)]
    assert all(item[3] == b"value number %d" % item[1] for item in items)


def test_all_members_have_the_same_and_wait_for_what_comes(three):
    clients = [node.connect() for node in three.nodes]
    waiters = [node.connect() for node in three.nodes]
    for waiter in waiters:
        waiter.send("WAIT 30\n")
    for i in range(10):
        for client in clients:
            client.send(f"PROP {i + 1} from somebody\n")
    for client in clients:
        for _ in range(10):
            client.chosen()
    for waiter in waiters:
        assert waiter.line() == "REACHED 30"
    logs = [everything(node) for node in three.nodes]
    assert logs[0] == logs[1] == logs[2]
    assert sorted(item[2] for item in logs[0]) == sorted(["n1", "n2", "n3"] * 10)


def test_kill_9_anywhere_and_nothing_chosen_is_lost(three):
    chosen = {}
    for round_number in range(6):
        victim = three.nodes[round_number % 3]
        survivor = three.nodes[(round_number + 1) % 3]
        client = survivor.connect()
        other = victim.connect()
        other.send("".join(f"PROP {round_number * 1000 + i} of the victim\n" for i in range(1, 200)))
        other.line()
        victim.kill()
        for i in range(1, 20):
            index, request_id, value = client.prop(round_number * 1000 + i, f"round {round_number}")
            chosen[index] = (request_id, value)
        client.close()
        other.close()
        victim.start()
    last = max(chosen)
    for node in three.nodes:
        client = node.connect()
        assert client.ask(f"WAIT {last}").startswith("REACHED ")
        client.close()
    logs = [everything(node)[:last] for node in three.nodes]
    assert logs[0] == logs[1] == logs[2]
    assert [item[0] for item in logs[0]] == list(range(1, last + 1))
    for index, what in chosen.items():
        assert (logs[0][index - 1][1], logs[0][index - 1][3]) == what
    named = [(item[1], item[2]) for item in logs[0]]
    assert len(named) == len(set(named))


def test_asked_again_after_a_crash_it_is_entered_once(three):
    node = three.nodes[0]
    client = node.connect()
    client.send("".join(f"PROP {i} value {i}\n" for i in range(1, 501)))
    client.chosen()
    node.kill()
    client.close()
    node.start()
    client = node.connect()
    client.send("".join(f"PROP {i} value {i}\n" for i in range(1, 501)))
    chosen = [client.chosen() for _ in range(500)]
    assert len({c[0] for c in chosen}) == 500
    assert client.status()["last"] == "500"


def test_without_a_majority_it_waits_and_goes_on_by_itself(three):
    client = three.nodes[0].connect()
    assert client.prop(1, "a") == (1, 1, b"a")
    for node in three.nodes[1:]:
        node.kill()
    client.send("PROP 2 b\nSYNC\n")
    other = three.nodes[0].connect()
    assert other.get(1, 10)[1] == 1
    for node in three.nodes[1:]:
        node.start()
    assert client.chosen() == (2, 2, b"b")
    assert client.line() == "SYNCED 2"


def cpu_seconds(node):
    with open(f"/proc/{node.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_more_than_fits_without_a_majority_waits_and_does_not_spin(three):
    count = 20000  # more than a node has under way, and than a session may ask for
    node = three.nodes[0]
    client = node.connect()
    assert client.prop(10 ** 6, "a") == (1, 10 ** 6, b"a")
    for other in three.nodes[1:]:
        other.kill()
    sender = threading.Thread(target=send_all, args=(client, count))
    sender.start()
    status = node.connect()
    wait_until(lambda: status.status()["under_way"] == "4096", TIMEOUT, "as many are under way as may be")
    before = cpu_seconds(node)
    pass_time(2)
    assert cpu_seconds(node) - before < 0.3
    for other in three.nodes[1:]:
        other.start()
    assert [client.chosen()[1] for _ in range(count)] == list(range(1, count + 1))
    sender.join()


def test_garbage_half_open_and_idle_connections_do_no_harm(alone):
    draw = random.Random(7)
    idle = [alone.connect() for _ in range(50)]
    cut = alone.connect()
    cut.send("PROP 1 $1000\nnot all of")
    multi = alone.connect()
    multi.send("MPROP 2 3\none\n")
    for i in range(30):
        client = alone.connect()
        noise = bytes(draw.randrange(256) for _ in range(draw.randrange(20000)))
        if i % 2:
            noise = b"".join(b"%s %d $%d\n%s" % (draw.choice([b"PROP", b"GET", b"MPROP"]), draw.randrange(9), draw.randrange(9),
                                                 bytes(draw.randrange(256) for _ in range(draw.randrange(12)))) for _ in range(300))
        try:
            client.send(noise)
        except OSError:
            pass  # it was told that it is not understood
        client.close()
    deaf = alone.connect()  # asks for much, reads nothing
    deaf.socket.settimeout(1)
    big = alone.connect()
    index, _, _ = big.prop(10 ** 6, b"q" * 500000)
    try:
        for _ in range(10000):
            deaf.send(f"GET {index}\n" * 100)
    except socket.timeout:
        pass
    client = alone.connect()
    assert client.prop(10 ** 6 + 1, "still here")[1] == 10 ** 6 + 1
    assert int(client.status()["last"]) > index
    for one in idle:
        assert one.ask("WAIT 1").startswith("REACHED")
    with open(f"/proc/{alone.process.pid}/status", encoding="ascii") as file:
        assert int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) < 400000


def test_who_vanishes_with_proposals_under_way_leaves_no_trace(three):
    node = three.nodes[0]
    for i in range(20):
        client = node.connect()
        client.send("".join(f"PROP {i * 100 + k + 1} x\n" for k in range(100)) + "WAIT 100000\n")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    client = node.connect()
    client.prop(10 ** 6, "after them")
    wait_until(lambda: client.status()["under_way"] == "0", TIMEOUT, "nothing is under way")


def test_a_stopped_member_answers_what_is_under_way(three):
    client = three.nodes[1].connect()
    client.prop(1, "a")
    client.send("PROP 2 b\n")
    assert three.nodes[1].terminate() == 0
    answer = client.file.read()
    assert answer in (b"CHOSEN 2 2 b\n", b"")
    three.nodes[1].start()
    client = three.nodes[1].connect()
    assert client.prop(2, "b") == (2, 2, b"b")


def complaint(*arguments):
    done = subprocess.run([DECREE, "log", *arguments], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stdout == ""
    return done.returncode, done.stderr


CONFIG = '{"selfid":1,"groups":[{"id":1,"ip":"127.0.0.1","port":10001},{"id":2,"ip":"127.0.0.1","port":10002}],"path":"./d"}'


@pytest.mark.parametrize("change,words", [
    (("10001", "x10001"), "line 1, column"),
    (('"selfid":1', '"selfid":7'), "selfid is 7, and no member in groups has this id"),
    (('"selfid":1', '"selfid":"1"'), 'selfid must be a number from 1 to 9223372036854775807, not "1"'),
    (('"selfid":1,', ""), "selfid is missing"),
    (('"id":2', '"id":1'), "groups[1].id is 1, as that of another member"),
    (("10002", "70000"), "groups[1].port must be a number from 1 to 65535, not 70000"),
    (("10002", "10001"), "groups[1] has the address 127.0.0.1:10001, as another member"),
    (('"ip":"127.0.0.1","port":10002', '"port":10002'), "groups[1].ip is missing"),
    (('"port":10002', '"prot":10002'), "groups[1].prot is not known here; there are id, ip, port"),
    (('"path":"./d"', '"path":""'), "path must be a text"),
    (('"path":"./d"', '"path":"./d","stimeout":{"heartbeat":0}'), "stimeout.heartbeat must be a number from 1 to 3600000, not 0"),
    (('"path":"./d"', '"path":"./d","stimeout":[]'), "stimeout must be an object, not a list"),
    ((CONFIG, "[]"), "it must be {"),
    (('[{', '["a",{'), 'groups[0] must be {"id": ..., "ip": ..., "port": ...}, not "a"'),
])
def test_every_mistake_in_the_configuration_is_named(tmp_path, change, words):
    path = tmp_path / "config.json"
    assert change[0] in CONFIG
    path.write_text(CONFIG.replace(*change, 1))
    status, text = complaint(str(path), "127.0.0.1:0")
    assert status == 64
    assert words in text and str(path) in text


def test_the_command_line_is_explained(tmp_path):
    assert complaint()[0] == 64
    status, text = complaint(str(tmp_path / "none.json"), "127.0.0.1:4001")
    assert status == 74 and "none.json: No such file" in text
    path = tmp_path / "config.json"
    path.write_text(CONFIG)
    status, text = complaint(str(path), "127.0.0.1")
    assert status == 64 and "127.0.0.1" in text
    done = subprocess.run([DECREE, "log", "--help"], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0 and "telnet 127.0.0.1 4001" in done.stdout


def test_the_port_is_taken(tmp_path, alone):
    alone.connect()
    path = tmp_path / "other.json"
    path.write_text(CONFIG.replace(',{"id":2,"ip":"127.0.0.1","port":10002}', "").replace("./d", str(tmp_path / "d")))
    status, text = complaint(str(path), f"127.0.0.1:{alone.port}")
    assert status == 74 and "address already in use" in text


def log_port(node, starts=1):
    """The port of the newest of so many starts."""
    def look():
        ports = re.findall(r"^ready .* log=127.0.0.1:(\d+)$", node.text_of_log(), re.M)
        return int(ports[-1]) if len(ports) == starts else None
    return wait_until(look, TIMEOUT, f"{node.name} is ready")


def test_a_cluster_serves_the_store_and_the_log(tmp_path):
    cluster = Cluster(tmp_path, 3, ["--log-listen", "127.0.0.1:0"])
    try:
        cluster.started()
        clients = [LineClient(log_port(node)) for node in cluster.nodes]
        for i in range(60):
            cluster.nodes[i % 3].client.put(b"key%d" % i, b"value")
            assert clients[i % 3].prop(i + 1, f"item {i}") == (i + 1, i + 1, b"item %d" % i)
        for client in clients:
            assert client.ask("WAIT 60").startswith("REACHED")
            items, last = client.get(1, 100)
            assert [item[:3] for item in items] == [(i + 1, i + 1, f"n{i % 3 + 1}") for i in range(60)]
            assert last == 60  # the puts have no index
        assert cluster.nodes[0].terminate() == 0
        cluster.start(cluster.nodes[0])
        client = LineClient(log_port(cluster.nodes[0], 2))
        assert client.ask("WAIT 60") == "REACHED 60"
        assert client.ask("PROP 60 another") == "CHOSEN 61 60 another"  # n3 has used that number, n1 has not
        assert cluster.nodes[1].client.range(b"key59").kvs[0].value == b"value"
    finally:
        cluster.close()
