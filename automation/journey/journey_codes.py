"""The codes of everything that can be wrong in a journey, in one table, so that the reference is made from it.

Mere shapes have the S codes, conditions the C codes. W: a warning, which stops nothing. A code never changes its
meaning.
"""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "J001": "journey that is not called like its file",
    "J002": "word that is reserved and not available yet",
    "J003": "unknown purpose",
    "J004": "days of `active` that are none",
    "J005": "again that is missing or does not go with the entry",
    "J006": "number a day that is none",
    "J007": "control group out of range",
    "J008": "unknown member of staff",
    "J010": "entry that is not exactly one kind",
    "J011": "key that the entry does not have",
    "J012": "segment without `existing` or `pace`",
    "J013": "unknown field, or one that is no date",
    "J014": "unknown festival",
    "J015": "time of day, offset or schedule that cannot be read",
    "J016": "unknown segment",
    "J017": "years that are none",
    "J018": "goal without a length, or whose value is no money of the event",
    "J020": "step that is none, or several in one",
    "J021": "step that is never reached",
    "J022": "id that is used twice or is not possible",
    "J023": "message named that is sent in several places",
    "J024": "`as` that is not possible or already taken on this way",
    "J025": "reason of a stop that the engine itself gives",
    "J030": "wait that is neither a duration nor until a moment",
    "J031": "limit that cannot be read",
    "J032": "moment that depends on something that is no date or number there",
    "J033": "branch that is wrong, or too many of them",
    "J034": "shares that are not 100 % together",
    "J040": "unknown text",
    "J041": "text that has problems of its own",
    "J042": "unknown channel",
    "J043": "channel for which the text has no file",
    "J044": "quiet hours ignored by something that is no service",
    "J045": "text that needs what the journey does not provide here",
    "J046": "unknown pool of coupons",
    "J048": "unknown journey",
    "J049": "unknown webhook",
    "J050": "journeys that start one another in a circle without a wait",
    "J051": "file that names things of a file that cannot be read",
    "J052": "file that lies where it is not read, or whose name does not end in .yaml",
    "J053": "text that needs a link, while config.yaml names no web address to make it of",
    "J054": "template expression outside a text",
    "J055": "start of a journey that has an entry of its own",
    "W501": "channel that is not configured",
    "W502": "journey without a step that does anything",
    "W503": "folder of journeys without a file",
    "W504": "condition on a message that its channels never report",
    "W505": "live journey whose days have all passed",
}
