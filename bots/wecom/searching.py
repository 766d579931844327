"""Looks for the tasks of a maker who was killed before WeCom's answer came.

`add_msg_template` knows no key of ours, and a second task would be a second message. But tasks are listed with their
texts, and their results name the customers: one with the same text, made at that time, for none but customers who are
in doubt, may be that maker's. Whether it is another message's the engine knows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from automation.kernel.hooks import Sighting, Sought
from automation.kernel.ports import Accepted, Json
from bots import http
from bots.wecom import bodies
from bots.wecom.tasks import Tasks

SLACK: Final = 10  # seconds by which WeCom's clock may differ from ours


def tasks(known: Tasks, lane: str, sought: Sequence[Sought]) -> list[list[Sighting]]:
    """One list each, in order. Raises Refusal or ServiceAway."""
    found: list[list[Sighting]] = [[] for _ in sought]
    texts: dict[bytes, dict[str, Json]] = {}
    places: dict[bytes, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, one in enumerate(sought):
        if one.message.lane != lane or one.missed:
            continue
        try:
            members = bodies.for_customers(one.message.body)
        except bodies.BadContent:
            continue
        text = http.encoded(members)
        texts[text] = members
        places[text][one.message.address].append(place)
    for text, by_customer in places.items():
        asked = [sought[place] for some in by_customer.values() for place in some]
        made = min(one.since for one in asked) - SLACK, max(one.until for one in asked) + SLACK
        for task, customers in known.of_text(texts[text], set(by_customer), made):
            for customer in customers:
                for place in by_customer[customer]:
                    found[place].append(Sighting(Accepted(f"{task}|{customer}", awaiting=True)))
    return found
