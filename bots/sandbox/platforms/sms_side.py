"""What the sandbox's two SMS providers share: the account's settings, what was taken, and how reports are pushed.

Control, ours and not the providers': POST _settings, _callback and _act below each provider's path.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from automation.kernel import options
from bots import http
from bots.sandbox import playing
from bots.sandbox.http_edge import Answer, Request

KEPT = 20_000  # messages that can still be reported on
_TIMEOUT = 5.0


class Template(BaseModel):
    """`text` with the provider's own places for parameters; `state`, `type` as its interface writes them."""

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    state: int | None = None
    type: int = 2
    params: list[str] = []


class Settings(BaseModel):
    """`refuse`: phone -> the provider's code. `early`: reports are pushed before the answer to their request.
    `signs` and `templates`: those approved, any where none is listed. `offset`: seconds the clock here is ahead."""

    model_config = ConfigDict(extra="forbid")

    refuse: dict[str, str] = {}
    refuse_all: str = ""
    early: bool = False
    signs: list[str] = []
    templates: dict[str, Template] = {}
    offset: int = 0
    pause: Annotated[float, Field(ge=0, le=60)] = 0.01  # before a push is tried again


class Callback(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str


class Act(BaseModel):
    """`report`: on what was taken for these phones (all: None), `times` over, in reverse or not, and `strangers` more
    of messages that nobody sent. `reply`: the customer writes. `to` queue: kept for who pulls; lost: told only to who
    asks about the phone."""

    model_config = ConfigDict(extra="forbid")

    do: Literal["report", "reply"]
    phones: list[str] | None = None
    success: bool = True
    code: str = ""
    times: Annotated[int, Field(ge=1, le=10)] = 1
    reverse: bool = False
    strangers: Annotated[int, Field(ge=0, le=100)] = 0
    phone: str = ""
    text: str = ""
    at: int | None = None
    to: Literal["callback", "queue", "lost"] = "callback"


@dataclass(frozen=True, slots=True)
class Taken:
    """One accepted message: `request` is what the sender called it, `id` what the provider does."""

    phone: str
    request: str
    id: str
    at: int
    template: str = ""


Write = Callable[[Taken, Act], dict[str, Any]]


@dataclass(slots=True)
class Side:
    """One provider's state. `write`: a report in its words; `say`: a reply; `tries`: how often it pushes in all."""

    write: Write
    say: Callable[[Act, int], dict[str, Any]]
    alone: bool  # a reply is pushed as one object, not in a list
    accepts: Callable[[Any], bool]
    tries: int
    settings: Settings = field(default_factory=Settings)
    url: str = ""
    taken: OrderedDict[str, Taken] = field(default_factory=OrderedDict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)  # id -> the last report on it
    reports: list[dict[str, Any]] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    _http: http.Client = field(default_factory=lambda: http.Client(timeout=_TIMEOUT))

    async def control(self, word: str, request: Request, now: int) -> Answer:
        """Answers a request to a path that begins with _."""
        if request.method != "POST" or request.content_type != "application/json":
            return playing.json_answer(415, {"error": "POST application/json"})
        try:
            match word:
                case "_settings":
                    self.settings = Settings.model_validate_json(request.body)
                case "_callback":
                    self.url = _loopback(Callback.model_validate_json(request.body).url)
                case "_act":
                    return await self._act(Act.model_validate_json(request.body), now)
                case _:
                    return playing.json_answer(404, {"error": "no_such_page"})
        except (ValidationError, ValueError) as error:
            said = error.errors(include_input=False) if isinstance(error, ValidationError) else str(error)
            return playing.json_answer(422, {"error": str(said)[:500]})
        return playing.json_answer(200, {"ok": True})

    async def take(self, taken: Sequence[Taken]) -> None:
        """Remembers what was accepted, and reports on it at once where that is set."""
        for one in taken:
            self.taken[one.id] = one
        while len(self.taken) > KEPT:
            self.told.pop(self.taken.popitem(last=False)[0], None)
        if self.settings.early and self.url:
            await self._push([self.write(one, Act(do="report")) for one in taken])

    def of(self, phone: str) -> list[Taken]:
        """What was accepted for a phone, the newest first."""
        return [one for one in reversed(self.taken.values()) if one.phone == phone]

    async def _act(self, act: Act, now: int) -> Answer:
        if act.do == "reply":
            said = self.say(act, now)
            if act.to == "queue":
                self.replies.append(said)
                return playing.json_answer(200, {"answers": []})
            return playing.json_answer(200, {"answers": [await self._push(said if self.alone else [said])]})
        chosen = [one for one in self.taken.values() if act.phones is None or one.phone in act.phones]
        chosen += [Taken("+8613900000000", f"nobody{n}", f"stranger{n}", now) for n in range(act.strangers)]
        if act.reverse:
            chosen.reverse()
        written = [self.write(one, act) for one in chosen for _ in range(act.times)]
        self.told |= {one.id: self.write(one, act) for one in chosen if one.id in self.taken}
        if act.to == "lost":
            return playing.json_answer(200, {"reports": len(written), "answers": []})
        if act.to == "queue":
            self.reports += written
            return playing.json_answer(200, {"reports": len(written), "answers": []})
        answers = [await self._push(written[start : start + 100]) for start in range(0, len(written), 100)]
        return playing.json_answer(200, {"reports": len(written), "answers": answers})

    async def _push(self, value: Any) -> dict[str, Any]:
        """Posts until it is answered as it should be, at most `tries` times; says how the last try ended."""
        if not self.url:
            return {"tries": 0, "status": 0}
        body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        ended: dict[str, Any] = {}
        for number in range(1, self.tries + 1):
            ended = {"tries": number, **await asyncio.to_thread(self._post, body)}
            if ended["taken"]:
                break
            await asyncio.sleep(self.settings.pause)
        return ended

    def _post(self, body: bytes) -> dict[str, Any]:
        try:
            reply = self._http.post(self.url, body)
            return {"status": reply.status, "taken": reply.status == 200 and self.accepts(reply.json())}
        except (http.TransportError, ValueError):
            return {"status": 0, "taken": False}


def filled(sign: str, template: str, known: Mapping[str, Template], params: Mapping[str, str]) -> str:
    """What the recipient would read, for the page."""
    text = known[template].text if template in known else ""
    if not text:
        listed = "，".join(f"{name}={value}" for name, value in params.items())
        return f"【{sign}】模板 {template}：{listed}" if listed else f"【{sign}】模板 {template}"
    for name, value in params.items():
        text = text.replace(f"${{{name}}}", value).replace(f"{{{name}}}", value)
    return f"【{sign}】{text}"


def _loopback(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "http" or not options.is_loopback(parts.hostname or ""):
        raise ValueError("the sandbox calls back on this machine only")
    return url
