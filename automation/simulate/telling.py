"""What customers do, in the words in which providers tell it: everything that reaches the engine through a channel."""

from __future__ import annotations

from typing import Final

from automation.inbound.values import Arrival
from automation.kernel.hooks import Did, Granted, Happening, Opens, Said, Who
from automation.people import identities

from .crowd import Act
from .world import World

# WeChat: five answers in 48 hours after a message, three in a minute after a follow (Customer_Service_Messages).
WROTE: Final = Opens(5, 48 * 3600)
FOLLOWED: Final = Opens(3, 60)
ADDRESSES: Final = {"wechat": "openid", "sms": "phone"}
TOLD: Final = frozenset(("follow", "say", "allow", "leave"))


def told(world: World, act: Act, person: int | None, now: int) -> Arrival | None:
    """The arrival of one act; None for acts that no channel tells of, and where they have no such address."""
    medium = str(act.more.get("medium", "wechat"))
    channel = world.channel(medium)
    if channel is None or act.kind not in TOLD:
        return None
    if act.kind == "follow":
        who = Who("openid", new_openid(act.key))
        props = {"scene": "store_qr"}
        did = Did(who, "wechat.followed", now, _once(act, now), props, FOLLOWED, returns=True)
        return Arrival(channel, [did])
    found = _address(world, person, ADDRESSES[medium]) if person is not None else None
    return Arrival(channel, _said(act, Who(ADDRESSES[medium], found), now)) if found else None


def new_openid(key: str) -> str:
    """Of a follower nobody knew."""
    return f"oNew{key}"


def _said(act: Act, who: Who, now: int) -> list[Happening]:
    once = _once(act, now)
    match act.kind:
        case "say":
            opens = WROTE if who.kind == "openid" else None
            return [Said(who, str(act.more["text"]), now, once, opens)]
        case "allow":
            return [Granted(who, str(one), 1, now, f"{once} {one}") for one in act.more["templates"]]
        case "leave":
            return [Did(who, "wechat.unfollowed", now, once, leaves=True)]
    return []


def _once(act: Act, now: int) -> str:
    return f"{act.key} {act.kind} {now} {act.more.get('text', '')}"


def _address(world: World, person: int, kind: str) -> str | None:
    known = identities.opened(world.people, world.parts.store, person)
    return next((one.text for one, _ in known if one.kind == kind), None)
