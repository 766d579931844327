"""Addresses that links lead to: each stored once, sealed, and only addresses of the web."""

from __future__ import annotations

import pytest

from automation.people.sealing import Vault
from automation.store.database import Store
from automation.tracking import targets
from automation.tracking.following import location
from automation.tracking.targets import Link, Targets, is_web, of_host
from tests.delivery.house import KEY

BAD = [
    "javascript:alert(1)", "data:text/html,x", "ftp://a.cn/", "//a.cn/", "/path", "", "https://", "https:///x",
    "https://a.cn/\r\nSet-Cookie: x", "https://a.cn/a b", "https://u:p@a.cn/", "https://u@a.cn/", 'https://a.cn/"',
    "https://a.cn/" + "x" * 2048, " https://a.cn/", "https://a.cn\\@b.cn/", "https://a.cn/\u2028",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD)
def test_what_no_browser_should_be_sent_to_is_not_stored(sqlite_store: Store, url: str) -> None:
    assert not is_web(url)
    with pytest.raises(ValueError):
        Targets(sqlite_store, Vault(KEY)).numbers([Link(url, "x")], 1)


def links(*urls: str) -> list[Link]:
    return [of_host(url) for url in urls]


def test_an_address_is_stored_once_and_found_by_every_process(store: Store) -> None:
    vault, made = Vault(KEY), links(*(f"https://a.cn/{number}?码=券" for number in range(1_200)))
    first = Targets(store, vault).numbers(made, 1)
    again = Targets(store, vault)
    (other,) = links("https://b.cn")
    assert again.numbers([*made[:3], other], 2) == {
        **{link: first[link] for link in made[:3]}, other: store.value("SELECT max(id) FROM link_target"),
    }  # fmt: skip
    assert store.value("SELECT count(*) FROM link_target") == 1_201
    assert again.link(first[made[7]]) == made[7]
    assert again.link(99_999) is None


def test_one_address_under_two_names_is_two_links(store: Store) -> None:
    made = [Link("https://a.cn/x", "shop"), Link("https://a.cn/x", "gift")]
    found = Targets(store, Vault(KEY)).numbers(made, 1)
    again = Targets(store, Vault(KEY))
    assert [again.link(found[link]) for link in made] == made


def test_a_link_without_a_name_is_called_by_its_host_and_nothing_else_of_it() -> None:
    assert of_host("https://Shop.example.com:8443/王芳/13800000001?c=BD-1").label == "shop.example.com"


def test_the_database_does_not_tell_where_links_lead(store: Store) -> None:
    Targets(store, Vault(KEY)).numbers(links("https://a.cn/?c=BD-00000001"), 1)
    ((digest, sealed, label),) = store.rows("SELECT digest, sealed, label FROM link_target")
    assert b"BD-00000001" not in bytes(sealed) and "BD" not in digest + label


def pruned(store: Store, now: int) -> int:
    with store.write() as tx:
        return targets.prune(tx, now, 100)


def test_a_link_goes_only_long_after_the_last_message_with_it(store: Store) -> None:
    shop, made = Targets(store, Vault(KEY)), links("https://a.cn/1", "https://a.cn/2")
    first = shop.numbers(made, 1)
    used = 10 * targets.DAY
    assert shop.numbers(made[:1], used) == {made[0]: first[made[0]]}  # a message, made by a process that knows it
    assert pruned(store, targets.KEPT) == 0
    assert pruned(store, targets.KEPT + 2) == 1
    assert Targets(store, Vault(KEY)).link(first[made[0]]) == made[0]
    assert Targets(store, Vault(KEY)).link(first[made[1]]) is None
    assert pruned(store, targets.KEPT + used + 1) == 1


def test_a_link_that_went_is_made_again_under_another_number(store: Store) -> None:
    shop, (made,) = Targets(store, Vault(KEY)), links("https://a.cn/1")
    first = shop.numbers([made], 1)[made]
    later = targets.KEPT + 2
    assert pruned(store, later) == 1
    again = shop.numbers([made], later)[made]
    assert again > first, "an old link never leads to what a new one is for"
    assert Targets(store, Vault(KEY)).link(again) == made


def test_a_location_is_plain_ascii() -> None:
    assert location("https://例子.cn/路 径".replace(" ", "") + "?q=%E4%B8%AD&a=中#尾") == (
        "https://xn--fsqu00a.cn/%E8%B7%AF%E5%BE%84?q=%E4%B8%AD&a=%E4%B8%AD#%E5%B0%BE"
    )
    assert location("https://a.cn/?a=1&b=%20") == "https://a.cn/?a=1&b=%20"


@pytest.mark.parametrize("way", ["made", "followed"])
def test_what_is_kept_in_memory_is_bounded_both_ways(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(targets, "KNOWN", 50)
    vault, made = Vault(KEY), links(*(f"https://a.cn/{number}" for number in range(120)))
    memory = Targets(sqlite_store, vault)
    numbers = {link: Targets(sqlite_store, vault).numbers([link], 1)[link] for link in made}
    for link, number in numbers.items():
        if way == "made":
            assert memory.numbers([link], 1) == {link: number}
        else:
            assert memory.link(number) == link
        assert len(memory._links) <= 50 and len(memory._numbers) <= 50
