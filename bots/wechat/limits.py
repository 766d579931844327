"""What WeChat allows, in one table: windows, quotas and limits as the platform published them on CHECKED.

They change every year or two. Each can be set in config.yaml under `rules:` of the channel, without a new release.
The provider's own answer always wins: 45015 closes a window that the table calls open.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from automation.kernel import options
from automation.kernel.ports import Limit
from automation.kernel.shapes import Strict

CHECKED: Final = "2026-11-22"

CLIENT_MSG_ID: Final = 600  # seconds a template message's client_msg_id is remembered
MASS_OPENIDS: Final = 10_000  # of one message/mass/send
MASS_FEWEST: Final = 2  # openids of one message/mass/send; fewer: 40130
FOLLOWERS_PAGE: Final = 10_000  # openids of one user/get
FOLLOWERS_DETAILS: Final = 100  # openids of one user/info/batchget
TAGGED_AT_ONCE: Final = 50  # openids of one tags/members/batchtagging
TAG_LETTERS: Final = 30
SCENE_LETTERS: Final = 64  # of the scene_str of a QR code
QR_SECONDS: Final = 2_592_000  # 30 days: the longest life of a QR code that is not for ever
TEXT_BYTES: Final = 2048  # of a customer-service text (45002)
PICTURE_BYTES: Final = 2 << 20  # WeChat takes 10 MB (40006 above); this leaves within one time-out
MEDIA_SECONDS: Final = 3 * 86_400 - 3600  # temporary material is kept three days
MATERIAL_SECONDS: Final = 180 * 86_400  # material that stays: until it is looked for again
TAGS: Final = 100  # of an account (45056)
TOGETHER: Final = 100  # requests for one recipient each that one thread has in the air

Whole = Annotated[int, Field(ge=0, le=10_000_000)]


class Window(Strict):
    """How many answers an interaction allows (none: as many as we like), and for how long."""

    messages: Annotated[int | None, Field(ge=0, le=1000)] = None
    lasts: options.Seconds


class Rules(Strict):
    """Windows by what the follower did; messages of the account a day; mass messages a follower gets.

    doc/service and doc/subscription, Customer_Service_Messages (since 2023-06-12: five in 48 hours after a message,
    three in a minute after a menu click, a follow, a scan), API_Call_Limits, Batch_Sends. Checked on CHECKED.
    """

    said: Window = Window.model_validate({"messages": 5, "lasts": "48h"})
    clicked: Window = Window.model_validate({"messages": 3, "lasts": "1m"})  # not VIEW and mini-program buttons
    followed: Window = Window.model_validate({"messages": 3, "lasts": "1m"})
    scanned: Window = Window.model_validate({"messages": 3, "lasts": "1m"})
    paid: Window = Window.model_validate({"messages": None, "lasts": "48h"})  # service accounts only
    customer_service_daily: Whole = 500_000
    template_daily: Whole = 100_000  # more from 100,000 followers on
    mass_per_month: Whole = 4  # of a service account, for each follower; console and interface count together
    mass_per_day: Whole = 1  # of a subscription account

    def mass(self, service: bool) -> tuple[Limit, ...]:
        """What one follower may get of mass messages (WX-03)."""
        if service:
            return (Limit(self.mass_per_month, "month", "WX-03", CHECKED),)
        return (Limit(self.mass_per_day, "day", "WX-03", CHECKED),)
