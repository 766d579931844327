"""One bad row, text or file: it stops only itself, and the log, `check` and `doctor` say so."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from tests.processes.conftest import Bench
from tests.processes.harness import shop

pytestmark = pytest.mark.processes
Make = Callable[..., Bench]
PEOPLE = 30
SENT = "SELECT count(*) FROM message WHERE state = 3"
WITH_IF = """\
journey: asks_{channel}
purpose: care
status: live
enter: {{event: order.paid}}
key: order_id
steps:
  - wait: 1s
    id: rest
  - {{send: thanks, via: {channel}, expires: 30d, if: {{city: {{exists: false}}}}}}
"""
CATALOG = shop.FILES["catalog"].replace("\nevents:", "\nfields: {city: text}\nevents:")


def test_one_bad_row_is_set_aside_and_everybody_else_goes_on(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shop.FILES, "catalog", CATALOG)  # type: ignore[arg-type]
    one = bench(people=PEOPLE, channels=("plain",), entries=(WITH_IF,))
    with one.store.write() as tx:
        tx.run("UPDATE person SET attrs = 'no JSON' WHERE id = 7")
    one.order(*range(1, PEOPLE + 1))
    one.start()
    one.until(SENT, lambda count: count == PEOPLE - 1)
    one.logs("is stuck")
    assert one.store.rows("SELECT r.person_id FROM stuck s JOIN run r ON r.id = s.run_id") == [(7,)]
    said = one.command("doctor", code=1)
    assert "1 person was set aside" in said
    with one.store.write() as tx:
        tx.run("UPDATE person SET attrs = NULL WHERE id = 7")
    one.command("journeys", "retry")
    one.until(SENT, lambda count: count == PEOPLE)


def test_a_journey_file_that_breaks_while_the_engine_runs_changes_nothing(bench: Make) -> None:
    one = bench(people=PEOPLE, channels=("plain",), entries=(shop.SHORT,))
    file = one.shop.folder / "journeys" / "short_plain.yaml"
    good = file.read_text()
    one.start()
    file.write_text(good.replace("wait: 1s", "wiat: 1s"))
    one.logs("short_plain.yaml:")
    one.order(*range(1, PEOPLE + 1))
    one.until(SENT, lambda count: count == 2 * PEOPLE)
    assert "short_plain.yaml" in one.command("check", code=1)
    assert "its last good version runs on" in one.command("doctor", code=1)
    file.write_text(good.replace("points: 10", "points: 11"))
    one.logs("taken into use: short_plain")
    one.order(*range(1, PEOPLE + 1), name="E")
    one.until(SENT, lambda count: count == 4 * PEOPLE)
    assert one.store.value("SELECT count(*) FROM points WHERE delta = 11") == PEOPLE


def test_a_text_that_breaks_while_the_engine_runs_is_sent_as_it_last_was(bench: Make) -> None:
    one = bench(people=PEOPLE, channels=("keyed", "plain"), entries=(shop.SHORT,))
    file = one.shop.folder / "templates" / "advice" / "wechat.yaml"
    good = file.read_text()
    one.start()
    one.order(1, 2)
    one.until(SENT, lambda count: count == 8)
    file.write_text("text: 您好，{{ customer.name\n")
    one.logs("advice/wechat.yaml:")
    one.order(*range(3, PEOPLE + 1))
    one.until(SENT, lambda count: count == 4 * PEOPLE)
    assert "advice/wechat.yaml" in one.command("check", code=1)
    assert "T001" in one.command("doctor", code=1)
    file.write_text(good.replace("您好", "你好"))
    for number in range(1, 61):  # until the engine has looked at its files again
        one.order(1, name=f"E{number} ")
        one.until(SENT, lambda count, number=number: count == 4 * (PEOPLE + number))  # type: ignore[misc]
        if mended := any("你好" in str(entry.body) for entry in one.ledger.entries()):
            break
        time.sleep(0.5)
    assert mended
    one.check()


def test_an_engine_that_starts_over_a_broken_text_still_sends_what_it_can(bench: Make) -> None:
    one = bench(people=PEOPLE, channels=("keyed", "plain"), entries=(shop.SHORT, shop.CHECKED))
    one.forks.stop(one.start())
    (one.shop.folder / "templates" / "hello" / "wechat.yaml").write_text("text: 您好，{{ customer.name\n")
    one.order(*range(1, PEOPLE + 1))
    life = one.start()
    one.until(f"{SENT} AND channel = 'keyed'", lambda count: count == 2 * PEOPLE)
    one.until(f"{SENT} AND channel = 'plain'", lambda count: count == 2 * PEOPLE)
    one.forks.signal(life, signal.SIGTERM)


def test_a_message_that_cannot_be_rendered_stops_only_itself(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shop.FILES, "catalog", CATALOG)  # type: ignore[arg-type]
    one = bench(people=PEOPLE, channels=("keyed",), entries=(shop.SINGLE,))
    text = one.shop.folder / "templates" / "thanks" / "wechat.yaml"
    text.write_text("text: 您好，{{ customer.city }}的朋友\n")
    with one.store.write() as tx:
        tx.run("""UPDATE person SET attrs = '{"city": "X"}' WHERE id <> 5""")
    one.order(*range(1, PEOPLE + 1))
    one.start()
    one.logs("messages cannot be made")
    one.until(SENT, lambda count: count == PEOPLE - 1)
    assert one.store.rows("SELECT person_id FROM message WHERE state = 5") == [(5,)]
    assert len(one.ledger.deliveries()) == PEOPLE - 1


def test_a_catalog_that_breaks_while_the_engine_runs_changes_nothing(bench: Make) -> None:
    one = bench(people=PEOPLE, channels=("plain",), entries=(shop.SHORT,))
    feeder = shop.Feeder(one.shop)
    one.start()
    (one.shop.folder / "journeys" / "policy.yaml").write_text("purposes: 7\n")
    (one.shop.folder / "journeys" / "catalog.yaml").write_text("events: [\n")
    one.logs("catalog.yaml:")
    one.logs("policy.yaml:")
    feeder.happen([(person, "order.paid", f"D{person}") for person in range(1, PEOPLE + 1)])
    feeder.close()
    one.until(SENT, lambda count: count == 2 * PEOPLE)
    assert one.store.value("SELECT count(*) FROM stuck") == 0
    assert "catalog.yaml" in one.command("check", code=1)
    assert "run.py check" in one.command("doctor", code=1)
