"""Every column that holds sealed values, on all floors: what a new key has to reach. A test holds it to the schema."""

from __future__ import annotations

from typing import Final

from automation.engine.delivery.prepared import body_context
from automation.inbound import making
from automation.people import resealing
from automation.people.resealing import Place
from automation.tracking import targets

PLACES: Final = (
    *resealing.OF_PEOPLE,
    Place("attempt", "body", "idem_key", body_context),
    Place("inbound", "answer", "dedupe", making.context),
    Place("link_target", "sealed", "digest", targets.context),
)
