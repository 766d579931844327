"""One field against a value, by type. Every comparison is NULL or false where the value is missing."""

from __future__ import annotations

from dataclasses import replace

from automation.conditions.tree import Compare, FieldType, Op, Ref
from automation.festivals.durations import Duration
from automation.festivals.moments import Moment
from automation.kernel import errors

from . import attributes, dates, fields, times
from .context import FALSE, Context, Target, complement

SIGNS = {Op.ABOVE: ">", Op.AT_LEAST: ">=", Op.BELOW: "<", Op.AT_MOST: "<="}


def compile_compare(context: Context, ask: Compare) -> str:
    """SQL of a comparison; NOT is the exact complement of IS, and `exists: false` of `exists: true`."""
    if ask.op is Op.NOT:
        return complement(compile_compare(context, replace(ask, op=Op.IS)))
    if ask.op is Op.EXISTS and not ask.value:
        return complement(compile_compare(context, replace(ask, value=True)))
    found = fields.source(context, ask.path, ask.kind)
    if isinstance(found, fields.DateRow):
        return dates.compile_date(context, found, ask)
    if isinstance(found, fields.ComputedRow):
        return _computed(context, found, ask)
    if found.field and found.field.indexed and context.target is Target.BASE and attributes.answers(ask):
        key = attributes.key(context.dialect, "a.attrs", found.field)
        return f"{context.person}.id IN (SELECT a.id FROM person a WHERE {_test(context, key, ask)})"
    return _test(context, found.sql, ask)


def compare_number(context: Context, sql: str, op: Op, value: object) -> str:
    """A number against numbers: what both fields and counts of events use."""
    match op, value:
        case (Op.BETWEEN, (low, high)):
            return f"({sql} >= {_bound(context, low)} AND {sql} <= {_bound(context, high)})"
        case (Op.IS, tuple() as several):
            return f"{sql} IN ({', '.join(_bound(context, one) for one in several)})"
        case (Op.IS, int() | float() as one):
            return f"{sql} = {_bound(context, one)}"
        case (Op.NOT, _):
            return complement(compare_number(context, sql, Op.IS, value))
        case (_, int() | float() as limit) if op in SIGNS:
            return f"{sql} {SIGNS[op]} {_bound(context, limit)}"
    raise errors.Refused(f"'{op}' cannot be asked of a number")


def holds_for_zero(op: Op, value: object) -> bool:
    """Whether a comparison of numbers is true of 0: then also those count of whom there are no rows."""
    match op, value:
        case (Op.BETWEEN, (int() | float() as low, int() | float() as high)):
            return low <= 0 <= high
        case (Op.IS, tuple() as several):
            return 0 in several
        case (Op.NOT, _):
            return not holds_for_zero(Op.IS, value)
        case (_, int() | float() as one):
            return {Op.IS: one == 0, Op.ABOVE: one < 0, Op.AT_LEAST: one <= 0, Op.BELOW: one > 0,
                    Op.AT_MOST: one >= 0}.get(op, False)  # fmt: skip
    return False


def _bound(context: Context, number: object) -> str:
    # PostgreSQL would turn every stored number into a float to compare it with one, and no index serves that. The plus
    # takes the affinity of the cast away, for which SQLite would not use an index either.
    return f"+CAST({context.bind(number)} AS NUMERIC)" if isinstance(number, float) else context.bind(number)


def _computed(context: Context, row: fields.ComputedRow, ask: Compare) -> str:
    if ask.op is Op.EXISTS:
        # For a count or sum: whether anything happened at all.
        return context.has("computed_value c", "c", f"c.name_id = {row.name_id}")
    if context.target is not Target.BASE or isinstance(ask.value, Ref):
        return _test(context, fields.scalar(context, row), ask)
    if row.zero and holds_for_zero(ask.op, ask.value):
        fails = complement(_test(context, f"c.{row.column}", ask))
        return f"NOT {context.has('computed_value c', 'c', f'c.name_id = {row.name_id} AND {fails}')}"
    test = _test(context, f"c.{row.column}", ask)
    return context.has("computed_value c", "c", f"c.name_id = {row.name_id} AND {test}")


def _test(context: Context, sql: str, ask: Compare) -> str:
    if ask.op is Op.EXISTS:
        return f"{sql} IS NOT NULL"
    match ask.kind:
        case FieldType.NUMBER | FieldType.MONEY:
            return _number(context, sql, ask)
        case FieldType.TIME:
            return _time(context, sql, ask)
        case FieldType.DATE:
            return dates.compile_text(context, sql, ask)
        case FieldType.CHOICE if ask.op is not Op.IS:
            return _ranked(context, sql, ask)
        case FieldType.TEXT | FieldType.CHOICE | FieldType.BOOL:
            return _plain(context, sql, ask)
    raise errors.Refused(f"'{ask.path}' is a {ask.kind}: only whether it exists can be asked")


def _number(context: Context, sql: str, ask: Compare) -> str:
    if isinstance(ask.value, Ref):
        sign = "=" if ask.op is Op.IS else SIGNS.get(ask.op)
        if sign is None:
            raise errors.Refused(f"'{ask.op}' takes no reference")
        return f"{sql} {sign} {fields.reference(context, ask.value, ask.kind)}"
    return compare_number(context, sql, ask.op, ask.value)


def _plain(context: Context, sql: str, ask: Compare) -> str:
    """Texts are compared as they are written, capitals and all."""
    match ask.op, ask.value:
        case (Op.IS, Ref() as ref):
            return f"{sql} = {fields.reference(context, ref, ask.kind)}"
        case (Op.IS, tuple() as several):
            return f"{sql} IN ({', '.join(context.bind(one) for one in several)})"
        case (Op.IS, one):
            return f"{sql} = {context.bind(one)}"
        case (Op.CONTAINS, str() | Ref() as part):
            return f"{context.dialect.position(sql, _text(context, part, ask))} > 0"
        case (Op.STARTS_WITH, str() | Ref() as part):
            text = _text(context, part, ask)
            return f"substr({sql}, 1, length({text})) = {text}"
    raise errors.Refused(f"'{ask.op}' cannot be asked of '{ask.path}', which is a {ask.kind}")


def _text(context: Context, part: str | Ref, ask: Compare) -> str:
    if isinstance(part, Ref):
        return fields.reference(context, part, ask.kind)
    return f"CAST({context.bind(part)} AS TEXT)"


def _ranked(context: Context, sql: str, ask: Compare) -> str:
    """An ordered choice: against a literal it is one of the values that lie there."""
    order = ask.order
    if isinstance(ask.value, Ref):
        return f"{_rank(context, sql, order)} {SIGNS[ask.op]} " + _rank(
            context, fields.reference(context, ask.value, ask.kind), order
        )
    bounds = ask.value if isinstance(ask.value, tuple) else (ask.value,)
    if ask.op not in (*SIGNS, Op.BETWEEN) or any(bound not in order for bound in bounds):
        raise errors.Refused(f"'{ask.op}' cannot be asked of '{ask.path}': {bounds} is not in its order")
    low, high = order.index(str(bounds[0])), order.index(str(bounds[-1]))
    lying = {
        Op.ABOVE: order[low + 1 :],
        Op.AT_LEAST: order[low:],
        Op.BELOW: order[:low],
        Op.AT_MOST: order[: low + 1],
        Op.BETWEEN: order[low : high + 1],
    }[ask.op]
    return f"{sql} IN ({', '.join(context.bind(one) for one in lying)})" if lying else FALSE


def _rank(context: Context, sql: str, order: tuple[str, ...]) -> str:
    whens = " ".join(f"WHEN {context.bind(word)} THEN {rank}" for rank, word in enumerate(order))
    return f"(CASE {sql} {whens} END)"


def _time(context: Context, sql: str, ask: Compare) -> str:
    calendar = context.around.calendar
    match ask.op, ask.value:
        case (Op.BEFORE | Op.AFTER | Op.IS, Ref() as ref):
            sign = {Op.BEFORE: "<", Op.AFTER: ">"}.get(ask.op, "=")
            return f"{sql} {sign} {fields.reference(context, ref, ask.kind)}"
        case (Op.BEFORE, Moment() as moment):
            return f"{sql} < {context.bind(times.begins(moment, calendar))}"
        case (Op.AFTER, Moment() as moment):
            return f"{sql} >= {context.bind(times.ends(moment, calendar))}"
        case (Op.BETWEEN, (Moment() as first, Moment() as last)):
            low, high = context.bind(times.begins(first, calendar)), context.bind(times.ends(last, calendar))
            return f"({sql} >= {low} AND {sql} < {high})"
        case (Op.WITHIN, Duration() as length):
            return f"({sql} >= {context.bind(times.ago(length, calendar))} AND {sql} <= :now)"
        case (Op.OLDER_THAN, Duration() as length):
            return f"{sql} < {context.bind(times.ago(length, calendar))}"
        case (Op.IN_NEXT, Duration() as length):
            return f"({sql} >= :now AND {sql} <= {context.bind(times.ahead(length, calendar))})"
    raise errors.Refused(f"'{ask.op}' cannot be asked of the time '{ask.path}'")
