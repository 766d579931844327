"""The `where` of an event: a condition whose bare names are the event's own properties.

Apart from compiler.py, which would be imported by what it imports.
"""

from __future__ import annotations

from automation.conditions import tree
from automation.kernel import errors

from .comparing import compile_compare
from .context import FALSE, TRUE, Context, complement


def compile_where(context: Context, condition: tree.Condition) -> str:
    """SQL of a `where`; `context.event` is the alias of the event."""
    match condition:
        case tree.Always():
            return TRUE
        case tree.All(parts):
            return joined(" AND ", [compile_where(context, part) for part in parts], TRUE)
        case tree.AnyOf(parts):
            return joined(" OR ", [compile_where(context, part) for part in parts], FALSE)
        case tree.Not(part):
            return complement(compile_where(context, part))
        case tree.Compare():
            return compile_compare(context, condition)
    raise errors.Refused("a `where` looks at the event's own properties only")


def joined(word: str, parts: list[str], empty: str) -> str:
    """Several tests as one, in brackets."""
    if len(parts) == 1:
        return parts[0]
    return f"({word.join(parts)})" if parts else empty
