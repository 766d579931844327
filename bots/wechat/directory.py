"""What belongs to the account and not to a message: followers, user tags, QR codes with a scene, the menu.

Values go in and out; whoever calls writes them into the shop. Pages are bounded, so that an answer which never ends
does not become a loop that never does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from automation.kernel import errors
from bots import http
from bots.access_tokens import Tokens
from bots.wechat import limits
from bots.wechat.account import AccountClient, ApiError
from bots.wechat.options import WechatOptions

MOST_PAGES: Final = 20_000  # 200 million followers
TOO_MANY_FANS: Final = 45057
OF_ONE: Final = frozenset({40003, 40031, 40032, 49003, 45059})  # an openid's fault; 45059: has twenty tags already
SHOW_QR: Final = "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket="


@dataclass(frozen=True, slots=True)
class Follower:
    """One follower. `tags` by name; `since`: UTC seconds; `scene`: the QR code's word, else how they came."""

    openid: str = field(repr=False)
    unionid: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = ()
    since: int | None = None
    scene: str = ""


@dataclass(frozen=True, slots=True)
class SceneCode:
    """A QR code. `content` is what it encodes, `picture` the address of WeChat's image of it."""

    scene: str
    content: str
    picture: str
    seconds: int | None  # None: for ever


class Directory:
    """One account's, for one thread at a time. Errors: ApiError (a Refused) and ServiceAway."""

    def __init__(self, options: WechatOptions, client: http.Client, tokens: Tokens) -> None:
        self._options = options
        self._account = AccountClient(options, client, tokens)

    @property
    def tag_names(self) -> Sequence[str]:
        """The names that are kept the same here and there."""
        return self._options.tags

    @property
    def scenes(self) -> Mapping[str, str]:
        """The QR codes that the shop names, with their titles."""
        return {name: scene.title for name, scene in self._options.scenes.items()}

    def post(self, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Any interface of the account by its path below /cgi-bin/."""
        return self._account.object(lambda api: api.post(path, data=dict(data)))

    def get(self, path: str) -> dict[str, Any]:
        return self._account.object(lambda api: api.get(path))

    def followers(self) -> Iterator[Sequence[Follower]]:
        """All of them, at most 100 at a time: one call a page of 10,000 openids, one more for each 100 (500 pages a
        day are allowed)."""
        names = {number: name for name, number in self.tags().items()}
        for openids in self._pages(lambda after: self._account.object(lambda api: api.user.get_followers(after))):
            for start in range(0, len(openids), limits.FOLLOWERS_DETAILS):
                piece = openids[start : start + limits.FOLLOWERS_DETAILS]
                found = self._account.call(lambda api, piece=piece: api.user.get_batch(piece))  # type: ignore[misc]
                yield [known for one in _list(found) if (known := _follower(one, names)) is not None]

    def tags(self) -> dict[str, int]:
        """Name -> number of the account's user tags."""
        found = _list(self._account.call(lambda api: api.tag.get()))
        return {one["name"]: one["id"] for one in found if _fits(one, name=str, id=int)}

    def make_tag(self, name: str) -> int:
        number = self._account.object(lambda api: api.tag.create(name)).get("id")
        if type(number) is not int:
            raise errors.ServiceAway("WeChat gave an answer that is none")
        return number

    def tagged(self, number: int) -> set[str]:
        """The openids that have a tag."""
        pages = self._pages(lambda after: self._account.object(lambda api: api.tag.get_tag_users(number, after)))
        return {openid for page in pages for openid in page}

    def tag(self, number: int, openids: Sequence[str]) -> int:
        """Gives a tag to followers, fifty a call; how many were refused, such as those who left meanwhile."""
        return self._in_pieces("tags/members/batchtagging", number, openids)

    def untag(self, number: int, openids: Sequence[str]) -> int:
        return self._in_pieces("tags/members/batchuntagging", number, openids)

    def keep_tag(self, name: str, openids: frozenset[str]) -> set[str]:
        """Gives a tag to exactly these followers, made where it is new; those who could not get it. Raises Refused
        where somebody else keeps it after all."""
        found = self.tags().get(name)
        number = self.make_tag(name) if found is None else found
        there = self.tagged(number)
        self.untag(number, sorted(there - openids))
        self.tag(number, sorted(openids - there))
        there = self.tagged(number)
        if not there <= openids:
            raise errors.Refused(f"the tag {name} is held by {len(there - openids)} who must not have it")
        return set(openids - there)

    def drop_tag(self, name: str) -> None:
        """Takes a tag away from everybody, for good. One that more than 100,000 have is emptied first (45057)."""
        number = self.tags().get(name)
        if number is None:
            return
        try:
            self.post("tags/delete", {"tag": {"id": number}})
        except ApiError as error:
            if error.code != TOO_MANY_FANS:
                raise
            self.untag(number, sorted(self.tagged(number)))
            self.post("tags/delete", {"tag": {"id": number}})

    def scene_code(self, scene: str, seconds: int | None = None) -> SceneCode:
        """A QR code that brings `scene` along when somebody follows through it or scans it again.

        `seconds`: until when (at most 30 days); None: for ever, of which an account has 100,000.
        """
        asked: dict[str, Any] = {"action_name": "QR_LIMIT_STR_SCENE" if seconds is None else "QR_STR_SCENE"}
        asked["action_info"] = {"scene": {"scene_str": scene}}
        if seconds is not None:
            asked["expire_seconds"] = min(seconds, limits.QR_SECONDS)
        found = self._account.object(lambda api: api.qrcode.create(asked))
        if not _fits(found, ticket=str, url=str):
            raise errors.ServiceAway("WeChat gave an answer that is none")
        return SceneCode(scene, found["url"], SHOW_QR + quote(found["ticket"], safe=""), asked.get("expire_seconds"))

    def push_menu(self, buttons: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the menu; followers see it within a day, or when they follow again."""
        self._account.object(lambda api: api.menu.create({"button": list(buttons)}))

    def menu(self) -> Sequence[Mapping[str, Any]]:
        """The menu as it is at WeChat; empty where there is none."""
        found = self._account.call(lambda api: api.menu.get())
        menu = found.get("menu") if isinstance(found, dict) else None
        return _list(menu.get("button")) if isinstance(menu, dict) else []

    def _pages(self, ask: Any) -> Iterator[list[str]]:
        after = None
        for _ in range(MOST_PAGES):
            page = ask(after)
            data = page.get("data")
            openids = data.get("openid") if isinstance(data, dict) else None
            if not isinstance(openids, list) or not openids:
                return
            yield [openid for openid in openids if isinstance(openid, str)]
            following = page.get("next_openid")
            if not isinstance(following, str) or not following or following == after:
                return
            after = following
        raise errors.ServiceAway("WeChat's list of openids has no end")

    def _in_pieces(self, path: str, number: int, openids: Sequence[str]) -> int:
        refused = 0
        for start in range(0, len(openids), limits.TAGGED_AT_ONCE):
            piece = list(openids[start : start + limits.TAGGED_AT_ONCE])
            refused += self._one_by_one(path, number, piece)
        return refused

    def _one_by_one(self, path: str, number: int, piece: list[str]) -> int:
        """One openid that WeChat does not know makes it refuse the whole list: then halves are tried."""
        try:
            self.post(path, {"openid_list": piece, "tagid": number})
        except ApiError as error:
            if error.code not in OF_ONE:
                raise
            if len(piece) == 1:
                return 1
            half = len(piece) // 2
            return self._one_by_one(path, number, piece[:half]) + self._one_by_one(path, number, piece[half:])
        return 0


def _follower(one: Mapping[str, Any], tags: Mapping[int, str]) -> Follower | None:
    if not _fits(one, openid=str, subscribe=int) or not one["subscribe"]:
        return None
    unionid, since = one.get("unionid"), one.get("subscribe_time")
    numbers = one.get("tagid_list")
    named = tuple(tags[n] for n in numbers if n in tags) if isinstance(numbers, list) else ()
    scene = one.get("qr_scene_str") or one.get("subscribe_scene") or ""
    return Follower(
        one["openid"],
        unionid if isinstance(unionid, str) and unionid else None,
        named,
        since if type(since) is int else None,
        scene if isinstance(scene, str) else "",
    )


def _list(found: Any) -> list[Mapping[str, Any]]:
    if not isinstance(found, list):
        raise errors.ServiceAway("WeChat gave an answer that is none")
    return [one for one in found if isinstance(one, dict)]


def _fits(found: Any, **kinds: type) -> bool:
    return isinstance(found, dict) and all(type(found.get(name)) is kind for name, kind in kinds.items())
