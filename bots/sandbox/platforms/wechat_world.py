"""What the sandbox's WeChat knows: accounts with their tokens, followers, windows, grants and quotas.

Nothing of it outlives the server: it is a stage, set with /wechat/_... and played on by /wechat/_act.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

LIVES = 7200  # seconds of a token
OVERLAP = 300  # seconds in which an old and a new token both hold
MASS_A_MONTH = 4
DAILY = {
    "/cgi-bin/message/custom/send": 500_000,
    "/cgi-bin/message/template/send": 100_000,
    "/cgi-bin/message/subscribe/bizsend": 1_000_000,
    "/cgi-bin/message/mass/send": 100,
    "/cgi-bin/message/mass/sendall": 100,
    "/cgi-bin/user/get": 500,
}


class Fail(Exception):
    """An official error; `more` are further members of its answer."""

    def __init__(self, code: int, said: str, **more: Any) -> None:
        super().__init__(said)
        self.code, self.said, self.more = code, said, more


@dataclass(slots=True)
class Follower:
    """One openid that the account has ever seen."""

    openid: str
    unionid: str
    follows: bool = True
    since: int = 0
    scene: str = ""
    tags: set[int] = field(default_factory=set)
    grants: dict[str, int] = field(default_factory=dict)  # template id -> messages
    mass: dict[str, int] = field(default_factory=dict)  # month -> mass messages got
    blocked: bool = False  # takes no messages from us
    until: int = 0  # of the reply window
    left: int | None = 0  # answers left in it, None: any number


@dataclass(slots=True)
class Account:
    """One official account. Its secret is the first one that somebody came with."""

    appid: str
    secret: str
    service: bool = True
    token: str = ""
    tokens: dict[str, int] = field(default_factory=dict)  # every token that holds -> until when
    ends: int = 0
    fetched: int = 0  # token calls
    followers: dict[str, Follower] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    templates: set[str] | None = None  # None until told: any id but those that begin with `unknown`
    subscriptions: set[str] | None = None
    menu: list[Any] | None = None
    used: dict[str, int] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=lambda: dict(DAILY))
    mass_left: int | None = None  # None: any number
    mass_a_month: int = MASS_A_MONTH
    seen: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)  # keys -> id, seconds
    media: dict[str, int | None] = field(default_factory=dict)  # id -> until when it is kept, None: it stays
    mass_days: dict[str, int] = field(default_factory=dict)  # day -> mass messages of a subscription account
    codes: dict[str, str] = field(default_factory=dict)  # of page visits -> openid, "" once used
    viewer: str = ""  # whose telephone opens pages
    page: int = 10_000  # openids of a page of user/get
    everybody: bool = False  # every openid there could be follows, has a window open and grants
    number: int = 0

    def next(self) -> int:
        self.number += 1
        return 2_000_000_000 + self.number

    def stable_token(self, now: int) -> tuple[str, int]:
        """The token and its seconds; another one only shortly before the end of the last."""
        self.fetched += 1
        if not self.token or self.tokens.get(self.token, 0) <= now or self.ends - now <= OVERLAP:
            self.issue(now)
        return self.token, self.ends - now

    def issue(self, now: int) -> str:
        """Another token, in the place of the last, which holds five minutes more."""
        if self.tokens.get(self.token, 0) > now + OVERLAP:
            self.tokens[self.token] = now + OVERLAP
        seed = f"{self.appid} {self.secret} {self.next()} {now}"
        self.token, self.ends = "sandbox_" + hashlib.sha256(seed.encode()).hexdigest(), now + LIVES
        self.tokens[self.token] = self.ends
        return self.token

    def revoke(self) -> None:
        """Every token is refused from now on."""
        self.tokens, self.token = {}, ""

    def follow(self, openid: str, now: int, scene: str = "") -> Follower:
        known = self.followers.get(openid)
        if known is None:
            union = hashlib.sha256(openid.encode()).hexdigest()[:24]
            known = self.followers[openid] = Follower(openid, f"sandbox_union_{union}", since=now, scene=scene)
        if not known.follows:
            known.follows, known.since, known.scene = True, now, scene or known.scene
        return known

    def unfollow(self, openid: str) -> None:
        known = self.followers.get(openid)
        if known is not None:
            known.follows, known.left, known.until = False, 0, 0
            known.tags.clear()

    def open(self, openid: str, messages: int | None, seconds: int, now: int) -> None:
        """An interaction: windows do not add up, the greater number and the later end hold."""
        known = self.follow(openid, now)
        closed = known.until <= now
        if messages is None or (known.left is None and not closed):
            known.left = None
        else:
            known.left = messages if closed else max(messages, known.left or 0)
        known.until = max(known.until, now + seconds)

    def whom(self, openid: object) -> Follower:
        """The follower a message is for. Fail where there is none."""
        if not isinstance(openid, str) or not openid:
            raise Fail(40003, "invalid openid")
        known = self.followers.get(openid)
        if known is None and self.everybody:
            known = self.follow(openid, 0)
            known.until, known.left = 1 << 40, None
        if known is None:
            raise Fail(40003, "invalid openid")
        if not known.follows:
            raise Fail(43004, "require subscribe")
        if known.blocked:
            raise Fail(48002, "user block api message")
        return known

    def spend(self, path: str) -> None:
        """One call of the day."""
        used = self.used.get(path, 0)
        if used >= self.limits.get(path, 10_000_000):
            raise Fail(45009, "reach max api daily quota limit")
        self.used[path] = used + 1


@dataclass(slots=True)
class World:
    accounts: dict[str, Account] = field(default_factory=dict)

    def account(self, appid: str) -> Account:
        """The account of this appid, made when it is first named."""
        return self.accounts.setdefault(appid, Account(appid, ""))

    def entered(self, appid: object, secret: object) -> Account:
        """The account these credentials open. Fail where they are wrong."""
        if not isinstance(appid, str) or not appid:
            raise Fail(41002, "appid missing")
        if not isinstance(secret, str) or not secret:
            raise Fail(41004, "appsecret missing")
        account = self.account(appid)
        account.secret = account.secret or secret
        if account.secret != secret:
            raise Fail(40125, "invalid appsecret")
        return account

    def by_token(self, token: str, now: int) -> Account:
        if not token:
            raise Fail(41001, "access_token missing")
        for account in self.accounts.values():
            ends = account.tokens.get(token)
            if ends is not None:
                if ends <= now:
                    raise Fail(42001, "access_token expired")
                return account
        raise Fail(40001, "invalid credential, access_token is invalid or not latest")
