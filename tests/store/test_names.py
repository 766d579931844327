from __future__ import annotations

import threading

import pytest

from automation.store.database import Store
from automation.store.names import Names, zone_id


def test_a_word_has_one_id_for_ever_in_its_kind(store: Store) -> None:
    names = Names(store)
    first = names.ensure("tag", ["vip", "流失风险", "vip"])
    assert len(set(first.values())) == 2
    assert names.ensure("tag", ["流失风险"]) == {"流失风险": first["流失风险"]}
    assert Names(store).ensure("tag", ["vip"]) == {"vip": first["vip"]}
    assert names.ensure("event", ["vip"])["vip"] != first["vip"]


def test_a_word_nobody_used_is_not_made_by_asking(store: Store) -> None:
    names = Names(store)
    assert names.find("tag", "vip") is None
    assert store.value("SELECT count(*) FROM name") == 0
    Names(store).ensure("tag", ["vip"])
    assert names.find("tag", "vip") is not None


def test_an_id_leads_back_to_its_word(store: Store) -> None:
    number = Names(store).ensure("tag", ["vip"])["vip"]
    assert Names(store).word(number) == "vip"
    with pytest.raises(KeyError):
        Names(store).word(number + 1)


def test_threads_that_meet_a_new_word_agree(store: Store) -> None:
    found: list[dict[str, int]] = []

    def work() -> None:
        found.append(Names(store).ensure("event", [f"e{n}" for n in range(10)]))
        store.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[1:] == found[:-1]
    assert store.value("SELECT count(*) FROM name") == 10


def test_a_zone_is_found_by_name(store: Store) -> None:
    with store.write() as tx:
        tx.run("INSERT INTO zone (id, name) VALUES (5, 'Asia/Shanghai')")
    assert zone_id(store, "Asia/Shanghai") == 5
    assert zone_id(store, "Asia/Tokyo") is None
