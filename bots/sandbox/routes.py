"""The sandbox's HTTP interface: POST /send, POST and GET /faults, GET /ledger, and a page for people at /.

Below /wechat, /wecom, ... stand the interfaces of the real platforms (platforms/).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bots.sandbox import page, platforms
from bots.sandbox.deliveries import Deliveries
from bots.sandbox.faults import Fault, Faults, Mode
from bots.sandbox.http_edge import Answer, Broken, Request
from bots.sandbox.playing import around, json_answer


class Sent(BaseModel):
    """One message of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=r"^[0-9a-z]{1,32}$")]
    lane: Annotated[str, Field(min_length=1, max_length=64)]
    address: Annotated[str, Field(min_length=1, max_length=320)]
    body: dict[str, Any]


class Batch(BaseModel):
    """A request of one channel. `keyed`: a key seen in the last 24 hours is answered and not delivered again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: Annotated[str, Field(min_length=1, max_length=64)]
    plays: Annotated[str, Field(pattern=r"^[a-z]{1,16}$")]
    keyed: bool
    messages: Annotated[list[Sent], Field(min_length=1, max_length=1000)]


class Routes:
    """Answers requests from the deliveries and the faults in force."""

    def __init__(self, deliveries: Deliveries, faults: Faults) -> None:
        self._deliveries = deliveries
        self._faults = faults
        self._platforms = platforms.all_of(deliveries, faults)

    async def __call__(self, request: Request) -> Answer | Broken:
        platform = self._platforms.get(request.path.split("/", 2)[1])
        if platform is not None:
            return await platform(request)
        match request.method, request.path:
            case "GET", "/":
                return page.answer(self._deliveries.inboxes)
            case "GET", "/ledger":
                return json_answer(200, {"channels": self._deliveries.summary()})
            case "GET", "/faults":
                return json_answer(200, {"faults": self._faults.shown()})
            case "POST", "/send" | "/faults" if request.content_type != "application/json":
                return json_answer(415, {"error": "send application/json"})  # which a foreign web page cannot, unasked
            case "POST", "/faults":
                return self._set_fault(request.body)
            case "POST", "/send":
                return await self._send(request.body)
        return json_answer(404, {"error": "no_such_page"})

    def _set_fault(self, body: bytes) -> Answer:
        try:
            self._faults.set(Fault.model_validate_json(body))
        except ValidationError as error:
            return json_answer(422, {"error": _said(error)})
        return json_answer(200, {"faults": self._faults.shown()})

    async def _send(self, body: bytes) -> Answer | Broken:
        try:
            batch = Batch.model_validate_json(body)
        except ValidationError as error:
            return json_answer(422, {"error": _said(error)})
        return await around(self._faults.take("http", batch.channel), lambda fault: self._accept(batch, fault))

    async def _accept(self, batch: Batch, fault: Fault | None) -> Answer:
        every = fault.every if fault is not None and fault.mode is Mode.PARTIAL else 0
        refused = {n for n in range(len(batch.messages)) if every and (n + 1) % every == 0}
        taken = [message.model_dump() for n, message in enumerate(batch.messages) if n not in refused]
        ids = iter(await self._deliveries.take(batch.channel, batch.plays, batch.keyed, taken))
        no = {"error": fault.error, "retry_after": fault.retry_after} if fault is not None else {}
        results = [no if n in refused else {"id": next(ids)} for n in range(len(batch.messages))]
        return json_answer(200, {"results": results})


def _said(error: ValidationError) -> list[str]:
    """Where and what is wrong, without the values: they may be personal."""
    return [f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors(include_input=False)][:20]
