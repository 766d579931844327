"""The SELECT of one computed value: (person_id, num, txt) of the people in the temporary table `touched`.

An event that is followed by one of `cleared_by` no longer counts. Who has nothing left has no row.
"""

from __future__ import annotations

from automation.conditions.tree import FieldType
from automation.journey.catalog_values import Computed
from automation.kernel import errors
from automation.store.dialect import Dialect
from automation.store.names import Names

from . import fields, times
from .context import ShopCalendar
from .parameters import Parameters

NO_NUMBER, NO_TEXT = "CAST(NULL AS NUMERIC)", "CAST(NULL AS TEXT)"
NEWEST = "row_number() OVER (PARTITION BY e.person_id ORDER BY e.at DESC, e.id DESC)"


def select(dialect: Dialect, names: Names, computed: Computed, calendar: ShopCalendar) -> tuple[str, Parameters]:
    """The statement and its parameters."""
    parameters = Parameters()
    source = _source(dialect, names, computed, calendar, parameters)
    if computed.how == "count":
        return f"SELECT e.person_id, count(*), {NO_TEXT} {source} GROUP BY e.person_id", parameters
    if computed.how == "sum":
        amount = dialect.json_number("e.props", [str(computed.take)])
        return f"SELECT e.person_id, coalesce(sum({amount}), 0), {NO_TEXT} {source} GROUP BY e.person_id", parameters
    if computed.how == "latest":
        return _latest(dialect, computed, source), parameters
    if computed.how == "most_frequent":
        return _most_frequent(dialect, computed, source), parameters
    raise errors.Refused(f"'{computed.name}' is computed in an unknown way: {computed.how}")


def _source(dialect: Dialect, names: Names, computed: Computed, calendar: ShopCalendar, parameters: Parameters) -> str:
    event = parameters.add(lambda now: names.find("event", computed.of) or -1)
    people = "(SELECT DISTINCT person_id FROM touched) t"
    source = f"FROM {people} {dialect.join_in_order} event e ON e.person_id = t.person_id WHERE e.name_id = {event}"
    if computed.within is not None:
        source += f" AND e.at >= {parameters.add(times.ago(computed.within, calendar))}"
    if computed.cleared_by:
        ids = ", ".join(parameters.add(_finder(names, word)) for word in computed.cleared_by)
        source += (
            f" AND NOT EXISTS (SELECT 1 FROM event x WHERE x.person_id = e.person_id AND x.name_id IN ({ids})"
            " AND x.at >= e.at AND (x.at > e.at OR x.id > e.id))"
        )
    return source


def _finder(names: Names, word: str) -> object:
    return lambda now: names.find("event", word) or -1


def _latest(dialect: Dialect, computed: Computed, source: str) -> str:
    number, text = _taken(dialect, computed)
    inner = f"SELECT e.person_id, {number} AS num, {text} AS txt, {NEWEST} AS place {source}"
    return (
        f"SELECT person_id, num, txt FROM ({inner}) AS newest WHERE place = 1 AND (num IS NOT NULL OR txt IS NOT NULL)"
    )


def _most_frequent(dialect: Dialect, computed: Computed, source: str) -> str:
    """Of equally frequent values the one that came last, then the smaller one, so that the answer stays."""
    number, text = _taken(dialect, computed)
    taken = f"SELECT e.person_id, e.at, {number} AS num, {text} AS txt {source}"
    ranked = (
        "SELECT person_id, num, txt, row_number() OVER (PARTITION BY person_id"
        " ORDER BY count(*) DESC, max(at) DESC, num, txt) AS place"
        f" FROM ({taken}) AS taken WHERE num IS NOT NULL OR txt IS NOT NULL GROUP BY person_id, num, txt"
    )
    return f"SELECT person_id, num, txt FROM ({ranked}) AS ranked WHERE place = 1"


def _taken(dialect: Dialect, computed: Computed) -> tuple[str, str]:
    """The SQL of the number and of the text of what is taken from the event; one of them is NULL."""
    if computed.take == "at":
        return "CAST(e.at AS NUMERIC)", NO_TEXT
    if computed.take is None:
        return NO_NUMBER, "e.props"
    value = fields.typed(dialect, "e.props", [computed.take], computed.kind)
    if computed.kind in (*fields.NUMBERS, FieldType.BOOL):
        return value, NO_TEXT
    return NO_NUMBER, value
