"""The email channel: one lane over SMTP. It composes a message and hands it to the relay, once."""

from __future__ import annotations

from collections.abc import Sequence

from automation.kernel import clock
from automation.kernel.ports import Denied, Lane, Message, Outcome, Reason
from bots import batches
from bots.mail import mime
from bots.mail.options import MailOptions
from bots.mail.relay import Relay

# SMTP knows no key, so nothing repeated is dropped (RFC 1047), and tells nothing after the relay's answer.
LANES = (Lane("smtp", address="email", purposes=frozenset({"marketing", "service"})),)


class MailChannel:
    """Sends `{"subject", "text", "html"?}` to email addresses. Safe for many threads."""

    kind = "email"
    lanes: Sequence[Lane] = LANES

    def __init__(self, name: str, options: MailOptions, now: clock.Clock | None = None) -> None:
        address = mime.address(options.from_address)
        if address is None:
            raise ValueError("from_address is not an email address")
        self.name = name
        self._clock = now or clock.SystemClock()
        reply_to = mime.address(options.reply_to) if options.reply_to else None
        self._sender = mime.Sender(address, options.from_name, reply_to)
        self._relay = Relay(options, helo=self._sender.domain)

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One mail. Its Message-ID is the idempotency key at the sender's domain, and the provider id of `Accepted`.

        Blocks at most for the relay's `timeout` a step and `data_timeout` after the mail.
        """
        if messages:
            batches.lane_of(self.lanes, messages)
        return [self._send_one(message) for message in messages]

    def close(self) -> None:
        self._relay.close()

    def _send_one(self, message: Message) -> Outcome:
        to = mime.address(message.address)
        if to is None:
            return Denied(Reason.BAD_ADDRESS, "malformed")
        message_id = f"{message.idem_key}@{self._sender.domain}"
        try:
            mail = self._sender.compose(mime.letter(to, message_id, self._clock.now(), message.body))
        except mime.BadContent as error:
            return Denied(Reason.BAD_CONTENT, error.code)
        return self._relay.deliver(self._sender.address, to, mail, message_id)
