"""The words of a test's file by the place where they may stand, with what they mean: read, and documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KEYS: Final[Mapping[str, str]] = {
    "test": "what is tested, in your own words",
    "journey": "whose test it is; a draft is tested as if it were live",
    "at": "when it begins, in the customer's time",
    "customer": "fields of the one customer, and the words below; fields that are not said have the catalog's examples",
    "holdout": "`true`: the customer falls into the control group",
    "paths": "which path of a split the customer is dealt: `{offer: coupon}`",
    "empty": "pools of imported coupon codes that have none; all others have enough",
    "happens": "a list of what happens, see below",
    "expect": "a list of messages, see below; others may come, too",
    "never": "steps or texts that must not be sent",
    "ends": "how the run ends: `{at: …, reason: …}`",
}
"""Keys of a test's file, with what they mean."""
CUSTOMER: Final[Mapping[str, str]] = {
    "can": "kinds of channels that reach them; without it all that the shop has",
    "consent": "`false`, or the kinds of channels they agreed to get marketing on; without it all",
    "tags": "tags they have",
    "without": "fields they do not have",
}
HAPPENS: Final[Mapping[str, str]] = {
    "event": "an event; its properties stand beside it, those that are not said have the catalog's examples;"
    " `code: {from: coupon.code}` takes a value from what the run knows by then: `coupon`, or a name given by `as`",
    "delivered": "the newest message of this step arrived",
    "opened": "it was opened",
    "clicked": "its link was followed",
    "tag": "the customer gets a tag",
    "untag": "the customer loses it",
    "set": "fields of the customer change",
    "engine": "`down`, with `from` and `to`: nothing runs meanwhile",
}
EXPECT: Final[Mapping[str, str]] = {
    "send": "step or text of a message that leaves",
    "skipped": "step or text of one that does not",
    "coupon": "the pool of which a code is given",
    "tag": "a tag that is given",
    "points": "how many are booked",
    "notify": "the staff that is told",
    "webhook": "the web hook that is called",
    "at": "the minute, or only the day",
    "via": "of `send`: the kind of channel it leaves by",
    "text": "of `send`: what its text contains",
    "reason": "of `skipped`: how the reason begins",
}
