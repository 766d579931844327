"""Links made for messages on their way out: to unsubscribe, to see clicks, to see that a mail was opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from automation.engine.delivery.links import Written
from automation.engine.parts import Parts
from automation.kernel.ports import Body, Json
from automation.people.sealing import Vault
from automation.policy.claimed import Door

from . import rewriting
from .targets import Link, Targets, is_web, of_host
from .tokens import KINDS, Tokens, Use

EMAIL: Final = "email"
UNSUBSCRIBE: Final = "unsubscribe"


class Maker:
    """The port `delivery.links.Links` for a shop with a web address. Serves many threads."""

    def __init__(self, parts: Parts, vault: Vault) -> None:
        """Must not be made inside a write transaction. `settings.web.public_url` has to be set."""
        web = parts.settings.web
        if web.public_url is None:
            raise ValueError("links need web.public_url")
        self._base = web.public_url
        self._clicks, self._opens = web.track_clicks, web.track_opens
        self._tokens = Tokens(parts.store, vault.link_key)
        self._targets = Targets(parts.store, vault)

    def given(self, message_id: int, person_id: int, door: Door, used: bool) -> Mapping[str, str]:
        """`unsubscribe`: a page about this person and kind of channel. Mails need it in their header, too."""
        if door.kind not in KINDS or not (used or door.kind == EMAIL):
            return {}
        return {UNSUBSCRIBE: self._url(Use.LEAVE, message_id, person_id, KINDS.index(door.kind))}

    def tracked(self, batch: Sequence[Written], now: int) -> Sequence[Body]:
        """Links led over our address, each address stored first; mails with their header and picture besides."""
        wanted = [self._wanted(one) for one in batch] if self._clicks else [()] * len(batch)
        numbers = self._targets.numbers({link for links in wanted for link in links}, now) if any(wanted) else {}
        return [
            self._body(one, {link.url: numbers[link] for link in links})
            if links or one.door.kind == EMAIL
            else one.body
            for one, links in zip(batch, wanted, strict=True)
        ]

    def _wanted(self, one: Written) -> Sequence[Link]:
        """Links to be tracked, each address once: by the author's name, or, where it was only written out, by its host.
        Our own are not: a link over a link is refused by WeChat as a disguise."""
        page = one.body.get(rewriting.HTML)
        if not one.declared and not isinstance(page, str):
            return ()
        found = {url: Link(url, name) for name, url in reversed(list(one.declared.items()))}
        for url in rewriting.hrefs(page) if isinstance(page, str) else ():
            found.setdefault(url, of_host(url))
        return [link for url, link in found.items() if not self._is_ours(url) and is_web(url)]

    def _is_ours(self, url: str) -> bool:
        return url.startswith(tuple(f"{self._base}/{use}/" for use in Use))

    def _body(self, one: Written, numbers: Mapping[str, int]) -> Body:
        urls = {url: self._url(Use.CLICK, one.message_id, number) for url, number in numbers.items()}
        declared = {url: urls[url] for url in one.declared.values() if url in urls}
        body: dict[str, Json] = rewriting.in_body(one.body, declared)
        page = body.get(rewriting.HTML)
        if one.door.kind != EMAIL:
            return body
        if isinstance(page, str) and page.strip():
            if urls:
                page = rewriting.in_html(page, lambda url: urls.get(url, url))
            if self._opens:
                page = rewriting.with_pixel(page, self._url(Use.OPEN, one.message_id))
            body[rewriting.HTML] = page
        if one.marketing and UNSUBSCRIBE in one.given:
            body[UNSUBSCRIBE] = one.given[UNSUBSCRIBE]
        return body

    def _url(self, use: Use, *numbers: int) -> str:
        return f"{self._base}/{use}/{self._tokens.make(use, *numbers)}"
