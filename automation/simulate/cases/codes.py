"""The codes of what can be wrong in a test's file, and of a test that fails. A code never changes its meaning."""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "K601": "journey that there is not",
    "K602": "step, name, split, path, pool, role or hook that the tested journey or the shop does not have",
    "K603": "moment of a test that cannot be read",
    "K604": "kind of channel that the shop does not have",
    "K605": "field that a test cannot set",
    "K606": "none or several things where a test says one",
    "K607": "event or property that the catalog does not have",
    "K608": "something that cannot happen in a test",
    "K609": "what came of a test is not what was expected",
}
