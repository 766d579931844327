from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automation.kernel import errors
from automation.people import consents, happenings, identities, merge_tables, merging, profiles, suppression, tags
from automation.people.consents import Consent
from automation.people.happenings import Happening
from automation.people.registry import Registry
from automation.people.tags import Tagging
from automation.store.database import Store, Transaction

NOW = 1_767_225_600


@pytest.fixture
def pair(shop: Registry, person: Callable[..., int]) -> tuple[int, int]:
    """Two people with something of everything."""
    one, two = person(("phone", "13800000001")), person(("openid", "oABC", "wechat_main"))
    tag = shop.names.ensure("tag", ["a", "b", "c"])
    shop.names.ensure("computed", ["orders"])
    name = shop.names.find("computed", "orders")
    with shop.store.write() as tx:
        profiles.set_fields(shop, tx, NOW, one, {"name": "王芳", "tier": "gold", "birthday": "03-08"})
        profiles.set_fields(
            shop, tx, NOW, two, {"name": "芳芳", "tier": "basic", "city": "上海", "birthday": "农历八月十五"}
        )
        tags.add(tx, NOW, Tagging(tag["a"], "cli"), [one])
        tags.add(tx, NOW, Tagging(tag["b"], "cli", NOW + 5), [one])
        tags.add(tx, NOW - 9, Tagging(tag["b"], "import", NOW + 9), [two])
        tags.add(tx, NOW, Tagging(tag["c"], "import"), [two])
        consents.put(tx, [Consent(one, "sms", "marketing", True, "form", NOW)])
        consents.put(tx, [Consent(two, "sms", "marketing", False, "reply", NOW - 50)])
        consents.put(tx, [Consent(two, "email", "marketing", True, "form", NOW - 50)])
        for who in (one, two):
            tx.run("UPDATE person SET points = 100 * id WHERE id = :id", id=who)
            tx.run(
                "INSERT INTO computed_value (name_id, person_id, num) VALUES (:name, :id, :id)", name=name, id=who
            )  # fmt: skip
            tx.run("INSERT INTO points (person_id, delta, reason, at) VALUES (:id, 100 * :id, 'x', 0)", id=who)
            happenings.add(tx, NOW, happenings.checked(shop, NOW, Happening(who, "store.visited", {"store": "S1"})))
        scored = "UPDATE person SET recency = :r, frequency = :f, monetary = :m WHERE id = :id"
        tx.run(scored, id=one, r=1, f=4, m=2)
        tx.run(scored, id=two, r=2, f=1, m=5)
        _journeys(tx, one, two)
        lookup = suppression.address(shop, "openid", "oABC", "wechat_main")
        suppression.add(tx, NOW, "openid", lookup, "blocked")
    return one, two


def _journeys(tx: Transaction, one: int, two: int) -> None:
    for journey in (1, 2, 3):
        tx.run("INSERT INTO journey (name, status) VALUES (:name, 'live')", name=f"j{journey}")
    run = """
        INSERT INTO run (journey_id, version_id, node, person_id, key, episode, due, clock, node_at, entered_at, state)
        VALUES (:journey, 1, 1, :who, '', :episode, :due, 0, 0, 0, :state)"""
    for who, journey, episode, state in (
        (one, 1, "", 0), (two, 1, "x", 0),  # both live in one journey
        (one, 2, "", 1), (two, 2, "", 1),  # both were in it once
        (two, 3, "", 0),
    ):  # fmt: skip
        tx.run(run, who=who, journey=journey, episode=episode, due=NOW + 60 if state == 0 else None, state=state)
    message = """
        INSERT INTO message (run_id, step, visit, person_id, version_id, purpose, priority, state, due, scheduled_at,
            expires_at, counted_at)
        SELECT id, 1, 0, person_id, 1, 1, 50, :state, :due, 0, 0, :counted
        FROM run WHERE person_id = :who AND state = 0"""
    tx.run(message, state=0, due=NOW + 60, counted=None, who=two)


TABLES = sorted({*merge_tables.MOVED, *(keyed.name for keyed in merge_tables.KEYED), "run", "message"})


def state(store: Store) -> dict[str, list[Any]]:
    found = {name: sorted(map(repr, store.rows(f"SELECT * FROM {name}"))) for name in TABLES}
    columns = "id, uid, seed, name, stage, recency, frequency, monetary, points, attrs, merged_into, created_at"
    people = store.rows(f"SELECT {columns} FROM person ORDER BY id")
    return found | {"person": people, "suppression": store.rows("SELECT kind, reason FROM suppression")}


def merge(shop: Registry, one: int, two: int) -> int:
    with shop.store.write() as tx:
        return merging.merge(tx, NOW + 10, one, two, "a test")


def test_everything_goes_to_the_one_who_is_kept(shop: Registry, pair: tuple[int, int]) -> None:
    one, two = pair
    merge(shop, one, two)
    store = shop.store
    for name in TABLES:
        assert store.value(f"SELECT count(*) FROM {name} WHERE person_id = :id", id=two) == 0, name
    row = store.row("SELECT name, points, attrs FROM person WHERE id = :id", id=one)
    assert row is not None
    assert row[:2] == ("王芳", 100 * one + 100 * two)
    assert row[2] == '{"tier": "gold", "city": "上海"}'
    scored = store.rows("SELECT recency, frequency, monetary FROM person ORDER BY id")
    assert scored == [(2, 4, 5), (None, None, None)]
    assert store.row("SELECT merged_into, name, points, attrs FROM person WHERE id = :id", id=two) == (
        one,
        None,
        0,
        None,
    )
    assert store.value("SELECT count(*) FROM person_tag WHERE person_id = :id", id=one) == 3
    assert store.rows("SELECT since, until FROM person_tag WHERE until IS NOT NULL") == [(NOW - 9, NOW + 9)]
    assert store.rows("SELECT calendar, month FROM person_date") == [(0, 3)]
    assert store.value("SELECT count(*) FROM suppression") == 1


@pytest.mark.parametrize("first", ["kept", "gone"])
def test_who_is_kept_has_been_a_customer_since_the_earlier_of_the_two(
    shop: Registry, pair: tuple[int, int], first: str
) -> None:
    one, two = pair
    since = {one: NOW - 90, two: NOW - 30} if first == "kept" else {one: NOW - 30, two: NOW - 90}
    with shop.store.write() as tx:
        for person, at in since.items():
            tx.run("UPDATE person SET created_at = :at WHERE id = :id", id=person, at=at)
    number = merge(shop, one, two)
    created = "SELECT id, created_at FROM person ORDER BY id"
    assert shop.store.rows(created) == [(one, NOW - 90), (two, since[two])]
    with shop.store.write() as tx:
        merging.unmerge(tx, NOW + 20, number)
    assert dict(shop.store.rows(created)) == since


def test_of_two_words_the_refusal_is_kept_though_it_is_older(shop: Registry, pair: tuple[int, int]) -> None:
    merge(shop, *pair)
    found = shop.store.rows("SELECT channel, granted FROM consent WHERE person_id = :id ORDER BY channel", id=pair[0])
    assert found == [("email", 1), ("sms", 0)]


def test_of_two_live_runs_the_second_ends_and_its_messages_are_withdrawn(shop: Registry, pair: tuple[int, int]) -> None:
    one, two = pair
    merge(shop, one, two)
    live = shop.store.rows("SELECT journey_id FROM run WHERE person_id = :id AND state = 0 ORDER BY journey_id", id=one)
    assert [journey for (journey,) in live] == [1, 3]
    ended = shop.store.rows("SELECT state, due, reason, ended_at FROM run WHERE reason IS NOT NULL")
    assert ended == [(1, None, "merged", NOW + 10)]
    assert shop.store.rows("SELECT state, reason FROM message ORDER BY state") == [(0, None), (8, "merged")]


def test_a_claimed_message_that_is_withdrawn_uses_nothing_up(shop: Registry, pair: tuple[int, int]) -> None:
    with shop.store.write() as tx:
        tx.run("UPDATE message SET state = 1, counted_at = :now, lease_until = :now, token = 7", now=NOW)
    merge(shop, *pair)
    columns = "due, counted_at, lease_until, token, done_at"
    found = shop.store.rows(f"SELECT {columns} FROM message WHERE reason = 'merged'")
    assert found == [(None, None, None, None, NOW + 10)]


def test_a_merge_is_taken_back_as_if_it_had_not_been(shop: Registry, pair: tuple[int, int]) -> None:
    before = state(shop.store)
    number = merge(shop, *pair)
    assert state(shop.store) != before
    with shop.store.write() as tx:
        assert merging.unmerge(tx, NOW + 20, number) == pair
    after = state(shop.store)
    withdrawn = [row for row in after.pop("message") if "merged" in row]
    assert len(withdrawn) == 1
    before.pop("message")
    assert after == before
    assert identities.search(shop, f"#{pair[1]}") == [pair[1]]


def test_what_came_after_the_merge_stays_when_it_is_taken_back(shop: Registry, pair: tuple[int, int]) -> None:
    one, two = pair
    number = merge(shop, one, two)
    tag = shop.names.ensure("tag", ["d"])["d"]
    with shop.store.write() as tx:
        profiles.set_fields(shop, tx, NOW + 15, one, {"tier": "silver", "visits": 7, "name": "王小芳"})
        tags.add(tx, NOW + 15, Tagging(tag, "cli"), [one])
        consents.put(tx, [Consent(one, "sms", "marketing", True, "form", NOW + 15)])
        event = happenings.add(
            tx, NOW + 15, happenings.checked(shop, NOW + 15, Happening(two, "store.visited", {"store": "S2"}))
        )
    with shop.store.write() as tx:
        merging.unmerge(tx, NOW + 20, number)
    assert shop.store.row("SELECT name, attrs FROM person WHERE id = :id", id=one) == (
        "王小芳", '{"tier": "silver", "visits": 7}',
    )  # fmt: skip
    assert shop.store.value("SELECT person_id FROM person_tag WHERE tag_id = :tag", tag=tag) == one
    granted = dict(shop.store.rows("SELECT person_id, granted FROM consent WHERE channel = 'sms'"))
    assert granted == {one: 1, two: 0}
    assert shop.store.value("SELECT person_id FROM event WHERE id = :id", id=event) == one


def granted(store: Store, channel: str) -> dict[int, int]:
    return dict(
        store.rows(
            "SELECT person_id, granted FROM consent WHERE channel = :channel ORDER BY person_id", channel=channel
        )
    )


@pytest.mark.parametrize("channel", ["email", "wechat", "*"])
def test_what_was_refused_between_holds_for_both_and_stands_in_the_history_of_both(
    shop: Registry, pair: tuple[int, int], channel: str
) -> None:
    one, two = pair
    number = merge(shop, one, two)
    with shop.store.write() as tx:
        consents.put(tx, [Consent(one, channel, "marketing", False, "page", NOW + 15)])
        merging.unmerge(tx, NOW + 20, number)
    assert granted(shop.store, channel) == {one: 0, two: 0}
    told = "SELECT person_id, source, at FROM consent_log WHERE channel = :channel AND granted = 0 ORDER BY id"
    assert shop.store.rows(told, channel=channel) == [(one, "page", NOW + 15), (two, "page", NOW + 15)]


def test_a_refusal_holds_for_the_other_though_it_was_taken_back_between(shop: Registry, pair: tuple[int, int]) -> None:
    one, two = pair
    number = merge(shop, one, two)
    with shop.store.write() as tx:
        consents.put(tx, [Consent(one, "email", "marketing", False, "page", NOW + 15)])
        consents.put(tx, [Consent(one, "email", "marketing", True, "form", NOW + 16)])
        merging.unmerge(tx, NOW + 20, number)
    assert granted(shop.store, "email") == {one: 1, two: 0}


def test_a_refusal_that_is_heard_of_late_gives_way_only_to_a_newer_yes(shop: Registry, pair: tuple[int, int]) -> None:
    one, two = pair
    with shop.store.write() as tx:
        consents.put(tx, [Consent(one, "wecom", "marketing", True, "form", NOW - 90)])
        consents.put(tx, [Consent(two, "wecom", "marketing", False, "reply", NOW - 50)])
    number = merge(shop, one, two)
    with shop.store.write() as tx:
        consents.put(tx, [Consent(one, "wecom", "marketing", False, "import", NOW - 70)])
        consents.put(tx, [Consent(one, "email", "marketing", False, "import", NOW - 70)])
        merging.unmerge(tx, NOW + 20, number)
    assert granted(shop.store, "wecom") == {one: 0, two: 0}
    assert granted(shop.store, "email") == {one: 0, two: 1}


def test_what_was_refused_before_the_merge_stays_with_whoever_refused(shop: Registry, pair: tuple[int, int]) -> None:
    one, two = pair
    number = merge(shop, one, two)
    with shop.store.write() as tx:
        merging.unmerge(tx, NOW + 20, number)
    assert granted(shop.store, "sms") == {one: 1, two: 0}


def test_merges_are_undone_in_the_reverse_order(
    shop: Registry, pair: tuple[int, int], person: Callable[..., int]
) -> None:
    one, two = pair
    zero = person(("email", "a@example.com"))
    first = merge(shop, one, two)
    second = merge(shop, zero, one)
    assert identities.search(shop, f"#{two}") == [zero]
    with pytest.raises(errors.Refused, match=f"merge {second} came after"), shop.store.write() as tx:
        merging.unmerge(tx, NOW + 20, first)
    for number in (second, first):
        with shop.store.write() as tx:
            merging.unmerge(tx, NOW + 20, number)
    assert [identities.search(shop, f"#{who}") for who in (zero, one, two)] == [[zero], [one], [two]]
    with pytest.raises(errors.Refused, match="no merge"), shop.store.write() as tx:
        merging.unmerge(tx, NOW + 20, first)


def test_nobody_is_merged_with_themselves_or_twice(
    shop: Registry, pair: tuple[int, int], person: Callable[..., int]
) -> None:
    other = person(("email", "a@example.com"))
    merge(shop, *pair)
    for one, two in ((pair[0], pair[0]), (other, pair[1]), (pair[1], other), (other, 99)):
        with pytest.raises(errors.Refused):
            merge(shop, one, two)


def test_two_words_for_one_customer_are_told_of_the_merge_that_made_them_one(
    shop: Registry, pair: tuple[int, int]
) -> None:
    one, two = pair
    with pytest.raises(errors.Refused, match=f"^both are customer #{one}, who cannot be merged with themselves$"):
        merge(shop, one, one)
    number = merge(shop, one, two)
    with pytest.raises(errors.Refused, match=f"themselves; #{two} was merged into them \\(merge {number}\\)$"):
        merge(shop, one, *identities.search(shop, f"#{two}"))
    with shop.store.write() as tx:
        merging.unmerge(tx, NOW + 20, number)
    with pytest.raises(errors.Refused, match=r"with themselves$"):
        merge(shop, one, one)


@pytest.mark.parametrize("keyed", merge_tables.KEYED, ids=lambda keyed: keyed.name)
def test_every_column_of_what_is_combined_is_kept(sqlite_store: Store, keyed: merge_tables.Keyed) -> None:
    columns = sqlite_store.rows(f"SELECT name FROM pragma_table_info('{keyed.name}')")
    assert sorted(name for (name,) in columns) == sorted(("person_id", *keyed.key, *keyed.values))


def test_every_table_that_speaks_of_people_is_merged(sqlite_store: Store) -> None:
    tables = [name for (name,) in sqlite_store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    of_people = {
        name for name in tables
        if "person_id" in [row[0] for row in sqlite_store.rows(f"SELECT name FROM pragma_table_info('{name}')")]
    }  # fmt: skip
    assert of_people == {*merge_tables.MOVED, *(keyed.name for keyed in merge_tables.KEYED), "run", "message"}
