"""Who a campaign goes to: a segment's people, those with a tag, or the customers a file names.

Ids in ascending order, each once.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from automation.audience import segments
from automation.engine.parts import Parts
from automation.journey import built_in
from automation.kernel import errors
from automation.kernel.document import nearest
from automation.people import identities
from automation.people.registry import Registry


@dataclass(frozen=True, slots=True)
class Named:
    """`ids` of the customers a file names; `unknown`: lines (from 1) that name nobody or several."""

    ids: array[int]
    unknown: tuple[int, ...] = ()


def of_segment(parts: Parts, name: str, now: int) -> array[int]:
    """Everybody in a segment now; Refused for a segment that does not exist."""
    known = parts.project.segments
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else "`run.py segment list` shows those of segments.yaml"
        raise errors.Refused(f"there is no segment '{name}'; {hint}")
    return segments.ids(parts.store, parts.compiler, known[name].condition, now)


def of_tag(parts: Parts, tag: str, now: int) -> array[int]:
    """Everybody who has a tag now, such as one that is kept the same at WeChat; Refused for one that nobody has."""
    number = parts.names.find("tag", tag)
    rows = parts.store.rows(
        "SELECT person_id FROM person_tag WHERE tag_id = :tag AND (until IS NULL OR until > :now) ORDER BY person_id",
        tag=number, now=now,
    ) if number is not None else []  # fmt: skip
    if not rows:
        raise errors.Refused(f"nobody has the tag '{tag[:40]}'")
    return array("q", [row[0] for row in rows])


def of_lines(registry: Registry, lines: Iterable[str], accounts: Sequence[str]) -> Named:
    """Each line names one customer: phone, email, openid, member number, uid or #id. Headings are passed over.

    Neither a number without `#` nor the last four digits of a phone: nobody looks at what each line was taken for.
    """
    found: set[int] = set()
    unknown = []
    for number, line in enumerate(lines, 1):
        word = line.split(",")[0].strip().strip('"').lstrip("\ufeff")
        if not word or (number == 1 and _is_heading(word)):
            continue
        people = identities.whole(registry, word, accounts)
        if len(people) == 1:
            found.update(people)
        else:
            unknown.append(number)
    return Named(array("q", sorted(found)), tuple(unknown))


def _is_heading(word: str) -> bool:
    return word.lower() in {*built_in.IDENTITIES, "id", "uid", "手机", "手机号", "邮箱", "会员号", "客户编号"}
