"""The codes of everything that can be wrong in a condition, in one table, so that the reference is made from it.

A code never changes its meaning. What is wrong with the mere shape of the YAML has the S codes of kernel/codes.py.
"""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "C001": "no field, event property or word of conditions has this name",
    "C002": "reference to something that is not there",
    "C003": "condition with nothing in it",
    "C004": "nothing of an entry or a run is known here",
    "C010": "comparator that does not fit the type",
    "C011": "unknown comparator",
    "C012": "value of another type than the field",
    "C013": "not one of the values a choice has",
    "C014": "limits the wrong way round",
    "C015": "reference to a value of another type",
    "C016": "duration that is none, or not longer than nothing",
    "C017": "moment that is none, or depends on a field",
    "C018": "sealed field or address: it can only be asked whether it exists",
    "C019": "reference where a value must be written out",
    "C020": "unknown event",
    "C021": "event without its time span",
    "C022": "more than one time span",
    "C023": "`same` that the event or the entry does not have",
    "C024": "event without the journey's key",
    "C025": "count that is none",
    "C026": "span or count where the next event is meant",
    "C027": "property that not all of the events have",
    "C030": "step of a message asked for outside its journey",
    "C031": "unknown step, or one that sends nothing",
    "C040": "unknown segment",
    "C041": "unknown stage",
    "C042": "unknown journey",
    "C090": "word that is reserved and not available yet",
}
