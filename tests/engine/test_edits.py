"""Edited files: on_change, broken files, vanished files; the way a run went."""

from __future__ import annotations

import pytest

from automation.engine import overview, registry
from automation.kernel import errors
from automation.store.states import MessageState
from tests.engine.shop import Shop

HEAD = "enter: {event: wechat.followed}\nagain: finished\n"
OLD = HEAD + "steps:\n  - {wait: 5d, id: pause}\n  - {send: old_text}\n"
NEW = HEAD + "steps:\n  - {wait: 2d, id: pause}\n  - {send: new_text}\n"


def follow(shop: Shop, *people: int, at: str = "2026-03-01 09:00") -> None:
    for person in people:
        shop.event(person, "wechat.followed", at)
    shop.tick(at)


@pytest.mark.parametrize(
    ("on_change", "due", "text"),
    [
        ("pin", "2026-03-06 09:00", "old_text"),
        ("follow", "2026-03-06 09:00", "new_text"),
        ("recount", "2026-03-03 09:00", "new_text"),
        ("restart", "2026-03-04 10:00", "new_text"),
    ],
)
def test_what_an_edit_means_for_those_inside(shop: Shop, on_change: str, due: str, text: str) -> None:
    shop.batch = 2
    shop.open("2026-03-01 08:00", wake=OLD)
    people = shop.people(5)
    follow(shop, *people)
    shop.open("2026-03-02 10:00", wake=f"on_change: {on_change}\n" + NEW)
    shop.tick("2026-03-02 10:00")
    inside = [run for run in shop.runs() if run.inside]
    assert {run.due for run in inside} == {due}
    assert sorted(run.person for run in inside) == people
    shop.tick(due)
    assert shop.texts() == [text] * 5


@pytest.mark.parametrize("status", ["closing", "paused"])
def test_restart_sends_nobody_away_from_a_journey_that_lets_nobody_in(shop: Shop, status: str) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    follow(shop, shop.person())
    shop.open("2026-03-02 10:00", wake=f"status: {status}\non_change: restart\n" + NEW)
    shop.tick("2026-03-02 10:00")
    assert [(run.version, run.inside, run.due) for run in shop.runs()] == [(1, True, "2026-03-06 09:00")]
    shop.open("2026-03-02 11:00", wake="on_change: restart\n" + NEW)
    shop.tick("2026-03-02 11:00")
    assert [(run.reason, run.due) for run in shop.runs()] == [("restarted", None), (None, "2026-03-04 11:00")]


def test_restart_lets_back_in_whom_again_never_would_keep_out(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=OLD.replace("finished", "never"))
    ann = shop.person()
    follow(shop, ann)
    shop.open("2026-03-02 10:00", wake="on_change: restart\n" + NEW.replace("finished", "never"))
    shop.tick("2026-03-02 10:00")
    assert [(run.reason, run.inside) for run in shop.runs()] == [("restarted", False), (None, True)]
    shop.tick("2026-03-04 10:00")
    follow(shop, ann, at="2026-03-05 09:00")
    assert len(shop.runs()) == 2


def test_recount_counts_in_the_zone_of_the_customer(shop: Shop) -> None:
    zone = "America/New_York"
    shop.open("2026-03-01 08:00", wake=OLD)
    at = shop.say(shop.ts("2026-03-07 09:00", zone)) or ""
    follow(shop, shop.person(zone=zone), at=at)
    shop.open(at, wake="on_change: recount\n" + NEW)
    assert shop.say(shop.store.value("SELECT due FROM run"), zone) == "2026-03-09 09:00"


def test_recount_leaves_a_held_run_held(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    follow(shop, shop.person())
    shop.pause("wake", "2026-03-01 10:00")
    shop.tick("2026-03-06 09:00")
    shop.open("2026-03-06 10:00", wake="on_change: recount\n" + NEW)
    assert (shop.run().due, shop.run().held) == (None, "2026-03-03 09:00")


def test_who_stands_at_a_step_that_is_gone_goes_to_the_next_that_survives(shop: Shop) -> None:
    three = (
        HEAD + "steps:\n  - {wait: 1d, id: a}\n  - {send: one}\n  - {wait: 1d, id: b}\n"
        "  - {send: two}\n  - {wait: 1d, id: c}\n"
    )
    shop.open("2026-03-01 08:00", wake=three)
    ann = shop.person()
    follow(shop, ann)
    shop.open(
        "2026-03-01 10:00", wake="on_change: follow\n" + three.replace("  - {wait: 1d, id: a}\n  - {send: one}\n", "")
    )
    assert (shop.run().step, shop.run().due) == ("b", "2026-03-02 09:00")
    shop.open("2026-03-01 11:00", wake="on_change: follow\n" + HEAD + "steps: [{send: three}]\n")
    assert (shop.run().inside, shop.run().reason) == (False, "the step is gone")


def test_the_control_group_stays_parked_through_an_edit(shop: Shop) -> None:
    head = "holdout: 50%\n"
    shop.open("2026-03-01 08:00", wake=head + OLD)
    follow(shop, *shop.people(10))
    held = {run.person for run in shop.runs() if run.holdout}
    shop.open("2026-03-02 10:00", wake="on_change: recount\n" + head + NEW)
    shop.tick("2026-03-10 10:00")
    assert {run.person for run in shop.runs() if run.inside} == held
    assert not {message.person for message in shop.messages()} & held


def test_a_pinned_version_is_kept_while_people_are_inside_or_their_messages_wait(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake="purpose: ads\n" + OLD)
    follow(shop, shop.person(), at="2026-03-01 22:00")
    shop.open("2026-03-02 10:00", wake="purpose: ads\n" + NEW)
    retired = "SELECT count(*) FROM version WHERE retired_at IS NOT NULL"
    assert shop.store.value(retired) == 0
    shop.tick("2026-03-06 22:00")
    assert shop.texts() == ["old_text"]
    shop.reload("2026-03-06 22:01")
    assert shop.store.value(retired) == 0
    with shop.store.write() as tx:
        tx.run("UPDATE message SET state = 8, due = NULL")
    shop.reload("2026-03-06 22:02")
    assert shop.store.value(retired) == 1


@pytest.mark.parametrize("state", [MessageState.CLAIMED, MessageState.DISPATCHING, MessageState.AWAITING])
def test_a_version_is_kept_while_one_of_its_messages_is_on_its_way(shop: Shop, state: MessageState) -> None:
    body = "enter: {event: wechat.followed}\nagain: finished\nsteps: [{send: hello}]\n"
    shop.open("2026-03-01 08:00", wake=body)
    follow(shop, shop.person())
    with shop.store.write() as tx:
        tx.run("UPDATE message SET state = :state, due = NULL, lease_until = 1", state=int(state))
    shop.open("2026-03-01 10:00", wake=body.replace("hello", "other"))
    retired = "SELECT count(*) FROM version WHERE retired_at IS NOT NULL"
    assert shop.store.value(retired) == 0
    with shop.store.write() as tx:
        tx.run("UPDATE message SET state = :sent, lease_until = NULL", sent=int(MessageState.SENT))
    shop.reload("2026-03-01 10:01")
    assert shop.store.value(retired) == 1


def test_a_broken_file_keeps_the_last_good_version(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    shop.open("2026-03-01 08:30", wake=OLD.replace("wait: 5d", "wiat: 5d"))
    assert shop.problems()
    follow(shop, shop.person())
    assert shop.run().due == "2026-03-06 09:00"


def test_a_broken_catalog_closes_nothing(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    good = shop.files["catalog"]
    shop.files["catalog"] = "fields: [\n"
    shop.open("2026-03-01 08:30")
    assert shop.store.column("SELECT count(*) FROM journey WHERE status = 'live'")[0] == 1
    shop.files["catalog"] = good
    shop.open("2026-03-01 08:40")
    follow(shop, shop.person())
    assert shop.run().inside


def test_a_vanished_file_closes_its_journey_and_opens_it_when_it_is_back(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    ann, bob = shop.people(2)
    follow(shop, ann)
    shop.open("2026-03-01 10:00", wake="")
    follow(shop, bob, at="2026-03-01 11:00")
    shop.tick("2026-03-06 09:00")
    assert [(run.person, run.reason) for run in shop.runs()] == [(ann, "finished")]
    shop.open("2026-03-06 10:00", wake=OLD)
    follow(shop, bob, at="2026-03-06 11:00")
    assert len(shop.runs()) == 2


def test_nothing_changes_where_no_file_changed(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    count = shop.store.value("SELECT count(*) FROM audit")
    assert shop.reload("2026-03-01 09:00") == []
    assert shop.store.value("SELECT count(*) FROM audit") == count


def test_a_run_says_which_way_it_came(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake=HEAD + "steps:\n  - {wait: 1d, id: pause}\n  - {if: {tier: gold}, then: [{send: a}], else: [{send: b}]}\n"
        "  - {wait: 1d, id: rest}\n",
    )
    follow(shop, shop.person(tier="gold"))
    shop.tick("2026-03-02 09:00", "2026-03-03 09:00")
    keys = dict(shop.store.rows("SELECT id, key FROM step"))
    way = overview.way(shop.run().path, keys)
    assert [(one["step"], shop.say(one["at"])) for one in way] == [
        ("start", "2026-03-01 09:00"),
        ("pause", "2026-03-02 09:00"),
        ("rest", "2026-03-03 09:00"),
    ]


def test_a_way_tells_an_answer_from_a_time_out(shop: Shop) -> None:
    shop.open(
        "2026-03-01 08:00",
        wake=HEAD + "steps:\n  - wait_for: {event: csat.answered}\n    up_to: 1d\n    then: [{send: a}]\n"
        "    else: [{send: b}]\n",
    )
    answers, silent = shop.people(2)
    follow(shop, answers, silent)
    shop.event(answers, "csat.answered", "2026-03-01 10:00")
    shop.tick("2026-03-01 10:00", "2026-03-02 09:00")
    ways = {run.person: overview.way(run.path, {}) for run in shop.runs()}
    assert [one["leaf"] for one in ways[answers]] == [one["leaf"] for one in ways[silent]] == [0, 0]
    assert [one["answered"] for one in ways[answers]] == [False, True]
    assert [one["answered"] for one in ways[silent]] == [False, False]


def test_a_file_in_a_folder_below_or_with_another_ending_closes_nothing(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    path = shop.folder / "journeys" / "wake.yaml"
    path.rename(path.with_suffix(".yml"))
    shop.reload("2026-03-01 09:00")
    assert shop.store.rows("SELECT status FROM journey") == [("live",)]


def test_a_folder_that_is_empty_or_gone_closes_nothing_and_says_so(shop: Shop) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    folder = shop.folder / "journeys"
    kept = folder.rename(shop.folder / "kept")
    for make in (lambda: None, folder.mkdir):
        make()
        with pytest.raises(errors.Refused, match="nothing is closed"):
            shop.reload("2026-03-01 09:00")
        assert shop.store.rows("SELECT status FROM journey") == [("live",)]
    folder.rmdir()
    kept.rename(folder)
    (folder / "wake.yaml").unlink()
    shop.reload("2026-03-01 10:00")
    assert shop.store.rows("SELECT status FROM journey") == [("closing",)], "one file alone was taken away on purpose"


def started_anew(shop: Shop, at: str) -> None:
    """As an engine that starts: of the versions it knows only what the store keeps."""
    shop.parts.replace_journeys(shop.parts.project, registry.load(shop.store, shop.parts.names, shop.parts.project))
    shop.tick(at)


ASKS = "enter: {event: wechat.followed}\nagain: finished\nsteps:\n  - {wait: 1d, id: pause}\n"
ASKS += "  - if: {segment: regulars}\n    then: [{send: hello}]\n    else: [{send: other}]\n"
REGULARS = "regulars: {title: 常客, if: {tag: vip}}\n"


@pytest.mark.parametrize("again", [False, True])
def test_a_text_that_no_longer_suits_a_journey_stops_neither_those_inside_nor_those_who_come(
    shop: Shop, again: bool
) -> None:
    shop.open("2026-03-01 08:00", wake=OLD)
    follow(shop, shop.person())
    text = shop.folder / "templates" / "old_text" / "sms.yaml"
    text.write_text("template: t\nparams: {k: '{{ entry.k }}'}\npreview: 【旅程】{k}，拒收请回复R\n", encoding="utf-8")
    shop.reload("2026-03-02 08:00")
    assert "wake" not in shop.parts.project.journeys
    if again:
        started_anew(shop, "2026-03-02 08:00")
    follow(shop, shop.person(), at="2026-03-02 09:00")
    shop.tick("2026-03-06 09:00", "2026-03-07 09:00")
    assert shop.texts() == ["old_text", "old_text"]
    assert shop.store.value("SELECT count(*) FROM stuck") == 0


@pytest.mark.parametrize(
    "neighbour",
    [
        "enter: {event: order.paid}\nagain: finished\nsteps:\n  - {tagg: x}\n  - {start: callee}\n",
        "enter: {event: order.paid}\nagain: finished\nsteps: [\n",
        "enter: {event: order.paid}\nagain: finished\nsteps:\n  - {start: callee, with: {price: much}}\n",
        "",
    ],
    ids=["broken", "illegible", "changed", "deleted"],
)
def test_whoever_is_inside_goes_on_whatever_becomes_of_the_journey_that_led_there(shop: Shop, neighbour: str) -> None:
    asks = "if: {entry.price: {at_least: 200}}\n    then: [{tag: dear}]"
    shop.open(
        "2026-03-01 08:00",
        caller=HEAD + "steps:\n  - {start: callee, with: {price: 300}}\n",
        callee=f"enter: {{manual: true}}\nagain: finished\nsteps:\n  - {{wait: 2h}}\n  - {asks}\n",
    )
    ann = shop.person()
    follow(shop, ann)
    shop.tick("2026-03-01 09:01")
    shop.open("2026-03-01 10:00", caller=neighbour)
    shop.reload("2026-03-01 10:01")
    shop.tick("2026-03-01 11:01")
    assert shop.parts.registry.unreadable == frozenset()
    assert shop.tags(ann) == {"dear"}


@pytest.mark.parametrize("again", [False, True])
def test_a_segment_that_is_renamed_is_kept_for_those_who_stand_in_a_version_that_names_it(
    shop: Shop, again: bool
) -> None:
    segments = shop.files["segments"]
    shop.files["segments"] = segments + REGULARS
    shop.open("2026-03-01 08:00", wake=ASKS)
    ann = shop.person()
    shop.tag(ann, "vip")
    follow(shop, ann)
    shop.files["segments"] = segments + REGULARS.replace("regulars", "loyal")
    shop.open("2026-03-01 10:00")
    shop.reload("2026-03-01 10:01")  # it is kept however often files are read
    if again:
        started_anew(shop, "2026-03-01 11:00")
    follow(shop, shop.person(), at="2026-03-01 12:00")
    shop.tick("2026-03-02 12:00")
    assert sorted(shop.texts()) == ["hello", "other"]


def test_who_stands_in_a_version_that_cannot_be_read_waits_and_goes_on_when_the_files_are_mended(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = shop.files["catalog"]
    shop.files["catalog"] = catalog.replace("fields:", "fields:\n  mood: text", 1)
    shop.open("2026-03-01 08:00", wake=ASKS.replace("segment: regulars", "mood: good"))
    follow(shop, shop.person())
    shop.files["catalog"] = catalog
    shop.open("2026-03-01 10:00")
    assert "whoever is inside waits, and nobody enters it" in caplog.text
    for at in ("2026-03-02 09:00", "2026-03-02 10:00"):
        shop.tick(at)
    (run,) = shop.runs()
    assert (run.inside, run.due, run.held) == (True, None, "2026-03-02 09:00")
    assert shop.store.value("SELECT count(*) FROM stuck") == 0
    shop.files["catalog"] = catalog.replace("fields:", "fields:\n  mood: text", 1)
    shop.open("2026-03-02 11:00")
    shop.tick("2026-03-02 11:00")
    assert shop.texts() == ["other"]
