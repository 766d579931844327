"""Addresses that links lead to: each stored once, sealed, and only addresses of the web."""

from __future__ import annotations

import pytest

from automation.people.sealing import Vault
from automation.store.database import Store
from automation.tracking.following import location
from automation.tracking.targets import Targets, is_web
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
        Targets(sqlite_store, Vault(KEY)).numbers([url], 1)


def test_an_address_is_stored_once_and_found_by_every_process(store: Store) -> None:
    vault, urls = Vault(KEY), [f"https://a.cn/{number}?码=券" for number in range(1_200)]
    first = Targets(store, vault).numbers(urls, 1)
    again = Targets(store, vault)
    assert again.numbers([*urls[:3], "https://b.cn"], 2) == {
        **{url: first[url] for url in urls[:3]}, "https://b.cn": store.value("SELECT max(id) FROM link_target"),
    }  # fmt: skip
    assert store.value("SELECT count(*) FROM link_target") == 1_201
    assert again.url(first[urls[7]]) == urls[7]
    assert again.url(99_999) is None


def test_the_database_does_not_tell_where_links_lead(store: Store) -> None:
    Targets(store, Vault(KEY)).numbers(["https://a.cn/?c=BD-00000001"], 1)
    ((digest, sealed),) = store.rows("SELECT digest, sealed FROM link_target")
    assert b"BD-00000001" not in bytes(sealed) and "BD" not in digest


def test_a_location_is_plain_ascii() -> None:
    assert location("https://例子.cn/路 径".replace(" ", "") + "?q=%E4%B8%AD&a=中#尾") == (
        "https://xn--fsqu00a.cn/%E8%B7%AF%E5%BE%84?q=%E4%B8%AD&a=%E4%B8%AD#%E5%B0%BE"
    )
    assert location("https://a.cn/?a=1&b=%20") == "https://a.cn/?a=1&b=%20"
