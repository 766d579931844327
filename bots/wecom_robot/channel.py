"""The WeCom group robot as a channel. The group is the recipient, so its messages have no address."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from automation.kernel.ports import Denied, Lane, Limit, Message, Outcome, Reason
from bots import batches, errcodes, http
from bots.wecom_robot import bodies, reasons
from bots.wecom_robot.options import WecomRobotOptions

# Nothing repeated is dropped, and nothing is told afterwards. Members' groups only, so no marketing.
LANES = (Lane("robot", address="", purposes=frozenset({"service"}), limits=(Limit(20, "minute", "WC-04"),)),)


class WecomRobotChannel:
    """Safe for many threads."""

    kind = "wecom_robot"
    lanes: Sequence[Lane] = LANES

    def __init__(self, name: str, options: WecomRobotOptions) -> None:
        self.name = name
        self._pretends = options.sandbox is not None
        self._url = f"{options.base}/cgi-bin/webhook/send?{urlencode({'key': options.secret_key})}"
        self._http = http.Client(timeout=options.timeout, connect_timeout=min(options.timeout, 5))

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One message."""
        if messages:
            batches.lane_of(self.lanes, messages)
        return [self._send_one(message) for message in messages]

    def close(self) -> None:
        self._http.close()

    def _send_one(self, message: Message) -> Outcome:
        try:
            payload = bodies.payload(message.body)
        except bodies.BadContent as error:
            return Denied(Reason.BAD_CONTENT, error.code)
        # The platform has no word for our key: a header tells the sandbox, so that its books can be compared.
        headers = {"X-Sandbox-Keys": message.idem_key} if self._pretends else {}
        try:
            reply = self._http.post(self._url, http.encoded(payload), headers)
        except http.TransportError as error:
            return error.outcome()
        return errcodes.outcome(reply, reasons.denied)
