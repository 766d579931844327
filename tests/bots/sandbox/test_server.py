from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from automation.kernel import errors
from bots import http
from bots.sandbox import ledger, process


def send(url: str, keys: list[str], client: http.Client, **more: Any) -> http.Reply:
    wire = [{"key": key, "lane": "sms", "address": "13800000001", "body": {"text": "生日快乐"}} for key in keys]
    return client.post_json(f"{url}/send", {"channel": "s", "plays": "sms", "keyed": True, "messages": wire, **more})


def test_an_answer_leaves_only_after_the_ledger_holds_the_message(tmp_path: Path, control: http.Client) -> None:
    path = tmp_path / "ledger.jsonl"
    with process.start(path) as server:
        for n in range(20):
            assert send(server.url, [f"k{n}"], control).status == 200
            assert [entry.key for entry in ledger.entries(path)][-1] == f"k{n}"
        server.process.kill()
    assert len(list(ledger.entries(path))) == 20


def test_keys_and_numbers_survive_a_restart(tmp_path: Path, control: http.Client) -> None:
    path = tmp_path / "ledger.jsonl"
    with process.start(path) as server:
        first = send(server.url, ["a", "b"], control).json()
        server.process.kill()
        server.process.wait()
    with path.open("ab") as file:
        file.write(b'{"at": 1, "channel": "s", "ke')
    with process.start(path) as server:
        assert send(server.url, ["a", "b"], control).json() == first
        assert send(server.url, ["c"], control).json() not in (first,)
        control.close()
    assert [entry.key for entry in ledger.deliveries(path)] == ["a", "b", "c"]
    assert [entry.repeat for entry in ledger.entries(path)] == [False, False, True, True, False]
    assert len({entry.id for entry in ledger.deliveries(path)}) == 3


def test_a_server_stops_in_order_and_at_once(tmp_path: Path, control: http.Client) -> None:
    server = process.start(tmp_path / "ledger.jsonl")
    send(server.url, ["a"], control)
    control.post_json(f"{server.url}/faults", {"mode": "slow", "seconds": 2})
    replies: list[http.Reply] = []
    thread = threading.Thread(target=lambda: replies.append(send(server.url, ["b"], control)))
    thread.start()
    time.sleep(1)
    server.process.send_signal(signal.SIGTERM)
    thread.join()
    assert server.process.wait(10) == 0
    assert [reply.status for reply in replies] == [200]
    server.stop()


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    server = process.start(tmp_path / "ledger.jsonl")
    assert server.process.stdin is not None
    server.process.stdin.close()
    assert server.process.wait(30) == 0
    server.stop()


def test_a_taken_port_is_said_in_plain_words(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(errors.ServiceAway, match="ports taken"):
        process.start(tmp_path / "ledger.jsonl", http_port=taken.getsockname()[1])
    assert "Traceback" not in capfd.readouterr().err


def test_it_listens_on_the_loopback_address_and_for_its_own_name_only(
    sandbox: process.Sandbox, control: http.Client
) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    assert [where for where in listening if where.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
    assert control.get(f"{sandbox.url}/", {"Host": f"shop.example.com:{port}"}).status == 403
    assert control.get(f"http://localhost:{port}/").status == 200


def test_a_web_page_cannot_post_to_it_unasked(sandbox: process.Sandbox, control: http.Client) -> None:
    reply = control.post(f"{sandbox.url}/faults", b'{"mode": "hang"}', {"Content-Type": "text/plain"})
    assert reply.status == 415
    assert control.get(f"{sandbox.url}/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"channel": "s", "plays": "sms", "keyed": true, "messages": []}',
        b'{"channel": "s", "plays": "sms", "keyed": true, "messages": [{"key": "13800000001 is no key"}]}',
    ],
)
def test_a_wrong_request_is_explained_without_repeating_it(
    sandbox: process.Sandbox, control: http.Client, body: bytes
) -> None:
    reply = control.post(f"{sandbox.url}/send", body)
    assert reply.status == 422
    assert b"13800000001" not in reply.body
    assert reply.json()


def test_a_request_without_end_is_cut(sandbox: process.Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(5)
        raw.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)
        with contextlib.suppress(ConnectionResetError):
            assert raw.recv(100) == b""


def test_faults_end_by_themselves_and_may_concern_one_channel(sandbox: process.Sandbox, control: http.Client) -> None:
    url = sandbox.url
    control.post_json(f"{url}/faults", {"mode": "429", "times": 2, "channel": "s", "retry_after": 2})
    assert send(url, ["f1"], control, channel="other").status == 200
    replies = [send(url, ["f2"], control) for _ in range(3)]
    assert [reply.status for reply in replies] == [429, 429, 200]
    assert replies[0].retry_after == 2
    assert control.post_json(f"{url}/faults", {"mode": "421"}).status == 422


def test_slow_answers_are_right_answers(sandbox: process.Sandbox, control: http.Client) -> None:
    control.post_json(f"{sandbox.url}/faults", {"mode": "slow", "seconds": 0.1, "times": 1})
    start = time.perf_counter()
    assert send(sandbox.url, ["slow1"], control).status == 200
    assert time.perf_counter() - start >= 0.1


def test_the_summary_counts_and_names_what_was_delivered_twice(sandbox: process.Sandbox, control: http.Client) -> None:
    for _ in range(3):
        send(sandbox.url, ["x1"], control, channel="counted", keyed=False)
    send(sandbox.url, ["x2"], control, channel="counted", keyed=False)
    answer: Any = control.get(f"{sandbox.url}/ledger").json()
    assert answer["channels"]["counted"] == {"accepted": 4, "delivered": 4, "keys": 2, "twice": {"x1": 3}}
    assert "13800000001" not in json.dumps(answer)


def test_the_same_key_in_requests_at_once_is_one_delivery(sandbox: process.Sandbox) -> None:
    client = http.Client(timeout=5)
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(send(sandbox.url, ["race1"], client).json())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answer == answers[0] for answer in answers)
    assert len([entry for entry in ledger.deliveries(sandbox.ledger) if entry.key == "race1"]) == 1
