"""The email channel: one lane over SMTP. It composes a message and hands it to the relay, once; and what comes back
in the mailbox for bounces it reads."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from automation.kernel import clock, errors
from automation.kernel import options as kinds
from automation.kernel.hooks import Happening, Unreadable
from automation.kernel.ports import Denied, Finding, Lane, Message, Outcome, Quota, Reason
from bots import batches
from bots.mail import mime
from bots.mail.options import KEY, MailOptions
from bots.mail.pictures import BadContent, Pictures
from bots.mail.relay import Relay

log = logging.getLogger(__name__)
# SMTP knows no key, so nothing repeated is dropped (RFC 1047), and tells nothing after the relay's answer; what comes
# back later comes by mail or from the mail service.
UNREACHED: Final = {
    "refused": "nothing listens there", "no_such_host": "no such host", "timeout": "no answer in time",
    "connection_lost": "the connection broke",
}  # fmt: skip
LANES = (
    Lane(
        "smtp",
        address="email",
        purposes=frozenset({"marketing", "service"}),
        receipts=frozenset({"delivered", "opened", "clicked"}),
        unsubscribe=True,
    ),
)


class MailChannel:
    """Sends `{"subject", "text", "html"?, "unsubscribe"?, "images"?}` to email addresses. Safe for many threads."""

    kind = "email"
    lanes: Sequence[Lane] = LANES

    def __init__(self, name: str, options: MailOptions, now: clock.Clock | None = None) -> None:
        address = mime.address(options.from_address)
        if address is None:
            raise ValueError("from_address is not an email address")
        self.name = name
        self.every = options.bounces.every if options.bounces else 0
        self._options = options
        self._clock = now or clock.SystemClock()
        reply_to = mime.address(options.reply_to) if options.reply_to else None
        self._sender = mime.Sender(address, options.from_name, reply_to)
        self._return = _sent_from(options.return_path) if options.return_path else address
        self._pictures = Pictures()
        self._relay = Relay(options, helo=self._sender.domain)
        # Their libraries are loaded where they are used: most processes only send.
        self._mailbox: object | None = None

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One mail. Its Message-ID is the idempotency key at the sender's domain, and the provider id of `Accepted`.

        Blocks at most for the relay's `timeout` a step and `data_timeout` after the mail.
        """
        if messages:
            batches.lane_of(self.lanes, messages)
        return [self._send_one(message) for message in messages]

    def pull(self, open_ids: Sequence[str], now: int) -> Sequence[Happening]:
        """What unread bounces and complaints say. Raises ServiceAway where the mailbox is."""
        if self._options.bounces is None:
            return []
        from bots.mail.mailbox import Mailbox

        if not isinstance(self._mailbox, Mailbox):
            self._mailbox = Mailbox(self._options.bounces)
        happened: list[Happening] = []
        for mail in self._mailbox.unread():
            try:
                happened += self.returned(mail, now)
            except Unreadable as error:
                log.warning("a mail for bounces of %s was left out: %s", self.name, error)
        return happened

    def returned(self, mail: bytes, now: int) -> Sequence[Happening]:
        """What one mail says that came back to us, as a mail server pipes it. Raises Unreadable."""
        from bots.mail.bounces import Reports

        found = Reports(self._sender.domain, self._return).read(mail, now)
        return [found] if found else []

    def check(self, now: int) -> Sequence[Finding]:
        """Logs in at the relay and the mailbox and asks DNS about the sender's domain; sends nothing."""
        from bots.mail.domain import Domain

        refused = self._relay.check()
        found = [_relay(refused)]
        if self._options.bounces is not None:
            found.append(self._check_mailbox())
        if kinds.is_loopback(self._options.host) and self._options.dkim is None:
            return [*found, Finding("domain", None, "not looked at: a relay on this machine signs or forwards",
                                    "name its selector in `dkim` to have SPF, DKIM and DMARC checked")]  # fmt: skip
        return [*found, *Domain(self._sender.domain, self._options.dkim).findings()]

    def quotas(self, now: int) -> Sequence[Quota]:
        """SMTP tells of none."""
        return []

    def close(self) -> None:
        self._relay.close()

    def _check_mailbox(self) -> Finding:
        from bots.mail.mailbox import Mailbox

        assert self._options.bounces is not None
        try:
            waiting = Mailbox(self._options.bounces).check()
        except errors.ServiceAway as away:
            return Finding("mailbox for bounces", False, str(away), "see `bounces` of this channel")
        return Finding("mailbox for bounces", True, f"{waiting} unread")

    def _send_one(self, message: Message) -> Outcome:
        to = mime.address(message.address)
        if to is None:
            return Denied(Reason.BAD_ADDRESS, "malformed")
        message_id = f"{message.idem_key}@{self._sender.domain}"
        try:
            pictures = self._pictures.parts(message.body.get("images"))
            mail = self._sender.compose(mime.letter(to, message_id, self._clock.now(), message.body, pictures))
        except BadContent as error:
            return Denied(Reason.BAD_CONTENT, error.code)
        return self._relay.deliver(self._return.replace(KEY, message.idem_key), to, mail, message_id)


def _sent_from(return_path: str) -> str:
    """The form that goes on the wire; a key to come stays where it stands."""
    local, _, domain = return_path.rpartition("@")
    wire = mime.address(f"bounces@{domain}")
    if wire is None:
        raise ValueError("return_path is not an email address")
    return f"{local}@{wire.rpartition('@')[2]}"


def _relay(refused: Denied | None) -> Finding:
    if refused is None:
        return Finding("relay", True, "connected")
    if refused.code in UNREACHED:
        hint = "do host and port of this channel name a relay that runs (a sandbox?), and does the network reach it?"
        return Finding("relay", False, f"not reached: {UNREACHED[refused.code]}", hint)
    return Finding("relay", False, f"refused: {refused.code}", "see host, port, tls, user and password of this channel")
