"""Doing what customers planned: each act reaches the engine the way it would from outside, as an event of the shop's
own systems, through a channel, or by a link that was followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from automation.people import consents, happenings, identities, profiles
from automation.people.consents import Consent
from automation.people.happenings import Happening
from automation.people.identities import Identity
from automation.store.database import Transaction
from automation.tracking import following
from automation.tracking.following import Seen

from . import chance, telling
from .crowd import Act, Crowd
from .world import World

FIRST_NEW_PHONE: Final = 13_800_010_000
AGREES: Final = 0.85  # of new followers, to marketing
HAS_PHONE: Final = 0.35  # of new followers, known from a till
REDEEM: Final = (
    "UPDATE coupon SET redeemed_at = :now WHERE code = :code AND person_id = :person AND redeemed_at IS NULL"
)


def act(world: World, crowd: Crowd, now: int) -> int:
    """Does what is due, in one transaction; returns how many acts there were."""
    acts = crowd.due(now)
    if acts:
        arrivals = [telling.told(world, one, crowd.persons.get(one.key), now) for one in acts]
        write = world.inbox.prepare(now, [one for one in arrivals if one is not None])
        with world.parts.store.write() as tx:
            told: list[Happening] = []
            for one in acts:
                told += _do(world, tx, crowd, one, now)
            happenings.emit(world.people, tx, now, told)
            write(tx)
    return len(acts)


def _do(world: World, tx: Transaction, crowd: Crowd, one: Act, now: int) -> Sequence[Happening]:
    """One act, but for what a channel tells of it; the events of the shop's own systems."""
    if one.kind == "follow":
        _meet(world, tx, crowd, one.key, now)
        return []
    person = crowd.persons.get(one.key)
    if person is None:  # rejected at the import, or not yet a follower
        return []
    match one.kind:
        case "order":
            return _order(tx, crowd, one, person, now)
        case "event":
            return [Happening(person, one.more["name"], one.more["props"])]
        case "click":
            following.record(world.parts, tx, [Seen(one.more["message"], "clicked", now)], now)
        case "bind":
            return _bind(world, tx, one.key, person, now)
    return []


def _order(tx: Transaction, crowd: Crowd, one: Act, person: int, now: int) -> list[Happening]:
    props: dict[str, Any] = dict(one.more)
    code = props.pop("code", None)
    crowd.ordered(one.key, props["order_id"], now)
    found = [Happening(person, "order.paid", props)]
    if code is not None and tx.run(REDEEM, code=code, person=person, now=now):
        found.append(Happening(person, "coupon.redeemed", {"code": code}))
    return found


def _meet(world: World, tx: Transaction, crowd: Crowd, key: str, now: int) -> None:
    """Somebody nobody knew: an openid, sometimes a phone, and what they agreed to when they followed."""
    known = [Identity("openid", telling.new_openid(key), world.channel("wechat") or "")]
    if chance.happens(HAS_PHONE, key, "phone"):
        known.append(_phone(key))
    person = profiles.recognise(world.people, tx, now, known)
    crowd.known(key, person)
    fields = {"city": "上海", "tier": "basic", "first_source": "门店二维码"}
    profiles.set_fields(world.people, tx, now, person, fields)
    agreed = chance.happens(AGREES, key, "agrees")
    consents.put(
        tx,
        [Consent(person, channel, "marketing", agreed, "wechat.followed", now) for channel in ("wechat", "sms")],
    )


def _bind(world: World, tx: Transaction, key: str, person: int, now: int) -> list[Happening]:
    phone = _phone(key)
    lookup = identities.lookups(world.people.vault, [phone])[0]
    if identities.owner(tx, phone.kind, phone.account, lookup) is not None:
        return []
    identities.insert(world.people, tx, person, phone, now)
    return [Happening(person, "phone.bound", {"source": "公众号菜单"})]


def _phone(key: str) -> Identity:
    return identities.identity("phone", str(FIRST_NEW_PHONE + int(key[1:])))
