"""The codes of what can be wrong in a shop's own files, in one table, so that the reference is made from it.

K0 catalog, K1 segments, K2 coupons, K3 festivals, K4 policy, K5 workdays; W: a warning, which stops nothing. Conditions
in these files have the C codes, plain shapes the S codes. A code never changes its meaning.
"""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "K001": "name that is not readable as a name",
    "K002": "name that is a word of the language",
    "K003": "name that is built in, or is given twice",
    "K004": "unknown type",
    "K005": "setting that the type does not have",
    "K006": "choice without its values",
    "K007": "key that is none of the event's properties",
    "K008": "example that does not suit the type",
    "K009": "unknown event",
    "K010": "unknown property",
    "K011": "property that cannot be added up or compared",
    "K012": "computed value that is not exactly one of latest, sum, count, most_frequent",
    "K101": "segments that depend on each other in a circle",
    "K201": "codes that are neither imported nor generated",
    "K202": "pattern that cannot make enough different codes",
    "K203": "limit of validity that is none",
    "K301": "festival that cannot be read",
    "K302": "name of a built-in festival",
    "K401": "cap that is not readable as N per DURATION",
    "K402": "quiet hours that cannot be read",
    "K403": "quiet hours that leave marketing open outside 08:00-22:00",
    "K404": "setting that service messages do not have",
    "K405": "override of a rule that does not exist",
    "K406": "override without a reason",
    "K407": "override of a rule that may not be set aside",
    "K501": "file of workdays that is no list of days",
    "K502": "day that is none",
    "K503": "day that is neither work nor free",
    "K504": "year that is none",
    "W401": "cap of 0: nothing will ever be sent",
    "W402": "class of marketing without any cap",
    "W601": "text longer than the field of its approved template shows",
}
