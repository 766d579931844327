"""Mass messages: to lists of openids, one call for each different text, where nobody pays for another's bad address;
or gathered first and then sent to a tag.

WeChat refuses a whole list for one openid that it does not know. Trying the list in halves would cost the account's
hundred mass calls of a day, so the followers are asked about instead, a hundred a call, and those in halves.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from automation.kernel import clock
from automation.kernel.ports import Accepted, Body, Denied, Message, Outcome
from bots.uploads import NotUploaded
from bots.wechat import bodies, limits, reasons
from bots.wechat.calls import Answer, Calls, encoded

SEND: Final = "/cgi-bin/message/mass/send"
SEND_TO_TAG: Final = "/cgi-bin/message/mass/sendall"
WHO: Final = "/cgi-bin/user/info/batchget"
ROUNDS: Final = limits.FOLLOWERS_DETAILS.bit_length() + 1  # halvings until one openid of a page stands alone

Group: TypeAlias = Sequence[tuple[int, Message]]
Say: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Mass:
    """Serves many threads. `say`: what a body becomes, without its recipients; `seconds`: for asking about them."""

    def __init__(self, calls: Calls, say: Say, seconds: int) -> None:
        self._calls, self._say, self._seconds = calls, say, seconds

    def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """One outcome each. One that has a single recipient is refused for good: WeChat takes two or more (40130), the
        wait for a second could last for ever, and the next of `via` reaches them."""
        found: dict[int, Outcome] = {}
        groups = self._groups(messages, found)
        refused: list[tuple[bytes, Group]] = []
        for (said, group), answer in zip(groups, self._call(groups), strict=True):
            if answer.is_refused and reasons.is_of_one(answer.code):
                refused.append((said, group))
            found |= dict.fromkeys((number for number, _ in group), _outcome(answer))
        if refused:
            self._again(refused, found)
        return [found[number] for number in range(len(messages))]

    def gather(self, messages: Sequence[Message]) -> list[Outcome]:
        """Takes them without sending: those that say the same have the same provider id."""
        found: list[Outcome] = []
        for message in messages:
            try:
                self._say(message.body)  # what cannot be said, or shown, is told now
                found.append(Accepted(_sameness(message.body), awaiting=True))
            except (bodies.BadBody, NotUploaded) as error:
                found.append(error.outcome)
        return found

    def to_tag(self, number: int, body: Body, key: str) -> Outcome:
        """One call for everybody who has the tag. `key`: a clientmsgid; WeChat drops a repeat for a day."""
        try:
            said = encoded(self._say(body))
        except (bodies.BadBody, NotUploaded) as error:
            return error.outcome
        head = encoded({"filter": {"is_to_all": False, "tag_id": number}, "clientmsgid": key})
        (answer,) = self._calls.post(SEND_TO_TAG, [head[:-1] + b"," + said[1:]])
        return _outcome(answer)

    def _groups(self, messages: Sequence[Message], found: dict[int, Outcome]) -> list[tuple[bytes, Group]]:
        """By what they say, and by the turn of a follower: named twice in one call they would get one message, and two
        would be called accepted."""
        groups: dict[tuple[bytes, int], list[tuple[int, Message]]] = {}
        turns: Counter[tuple[bytes, str]] = Counter()
        for number, message in enumerate(messages):
            try:
                said = encoded(self._say(message.body))
            except (bodies.BadBody, NotUploaded) as error:
                found[number] = error.outcome
                continue
            groups.setdefault((said, turns[said, message.address]), []).append((number, message))
            turns[said, message.address] += 1
        return [(said, group) for (said, _), group in groups.items() if _is_enough(group, found)]

    def _call(self, groups: Sequence[tuple[bytes, Group]]) -> list[Answer]:
        if not groups:
            return []
        payloads = []
        for said, group in groups:
            to = [message.address for _, message in group]
            head = encoded({"touser": to, "clientmsgid": call_key([message.idem_key for _, message in group])})
            payloads.append(head[:-1] + b"," + said[1:])
        return self._calls.post(SEND, payloads)

    def _again(self, refused: Sequence[tuple[bytes, Group]], found: dict[int, Outcome]) -> None:
        """Those who are known to WeChat once more, without those who are not. A call that is refused again says nothing
        about anybody."""
        bad = self._strangers(sorted({message.address for _, group in refused for _, message in group}))
        rest: list[tuple[bytes, Group]] = []
        for said, group in refused:
            known = [(number, message) for number, message in group if message.address not in bad]
            found |= {number: bad[message.address] for number, message in group if message.address in bad}
            if len(known) < len(group) and _is_enough(known, found):
                rest.append((said, known))
        for (_, group), answer in zip(rest, self._call(rest), strict=True):
            found |= dict.fromkeys((number for number, _ in group), _outcome(answer))

    def _strangers(self, openids: Sequence[str]) -> dict[str, Denied]:
        """Who is no follower, and why. Whoever could not be asked about in time counts as one."""
        bad: dict[str, Denied] = {}
        ends, size = clock.monotonic() + self._seconds, limits.FOLLOWERS_DETAILS
        pieces = [openids[start : start + size] for start in range(0, len(openids), size)]
        for _ in range(ROUNDS):
            if not pieces or clock.monotonic() >= ends:
                break
            asked = [encoded({"user_list": [{"openid": one} for one in piece]}) for piece in pieces]
            halves: list[Sequence[str]] = []
            for piece, answer in zip(pieces, self._calls.post(WHO, asked), strict=True):
                if not answer.is_refused:
                    bad |= dict.fromkeys(_left(answer.found), reasons.NO_FOLLOWER)
                elif reasons.is_of_one(answer.code) and len(piece) > 1:
                    halves += [piece[: len(piece) // 2], piece[len(piece) // 2 :]]
                elif reasons.is_of_one(answer.code):
                    bad[piece[0]] = reasons.refused(answer.code or 0)
            pieces = halves
        return bad


def call_key(keys: Sequence[str]) -> str:
    """A clientmsgid: the same for the same messages, in any order."""
    return hashlib.sha256(" ".join(sorted(keys)).encode()).hexdigest()[:32]


def _sameness(body: Body) -> str:
    return "same-" + hashlib.sha256(encoded(body.get("mass"))).hexdigest()[:24]


def _is_enough(group: Group, found: dict[int, Outcome]) -> bool:
    if len(group) >= limits.MASS_FEWEST:
        return True
    found |= dict.fromkeys((number for number, _ in group), reasons.TOO_FEW)
    return False


def _outcome(answer: Answer) -> Outcome:
    return reasons.refused_list(answer.code or 0) if answer.is_refused else answer.given


def _left(found: Mapping[str, Any]) -> list[str]:
    listed = found.get("user_info_list")
    known = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [one["openid"] for one in known if one.get("subscribe") == 0 and isinstance(one.get("openid"), str)]
