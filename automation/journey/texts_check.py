"""Whether a journey provides what a text needs, where it is sent: said at the send, naming the place in the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automation.conditions.findings import short
from automation.conditions.scope import FieldInfo
from automation.conditions.tree import FieldType
from automation.journey.reading import Context, Flow, Members
from automation.journey.shop import Shop
from automation.kernel.document import Loc, nearest
from automation.rendering.texts import BASE, Kind, Text

OWN: Final = frozenset({"links", "mail"})  # made for each message, and checked with the text
ABOUT_TEXTS: Final = frozenset({"J040", "J041", "J043", "J045"})  # each message that it matters to says so, too
HOLDERS: Final = (FieldType.RECORD, FieldType.LIST)


def check(context: Context, name: str, via: tuple[str, ...], flow: Flow, loc: Loc) -> None:
    """Notes an unknown or broken text, a channel it has no file for, and every variable that is not provided here."""
    texts, findings = context.shop.texts, context.findings
    if name in texts.broken:
        first = next((problem for problem in texts.problems if f"/{name}/" in f"/{problem.path}"), None)
        hint = f"first: {first.path}:{first.line}" if first else ""
        findings.wrong(loc, "J041", f"the text '{short(name)}' has problems of its own", hint)
        return
    text = texts.texts.get(name)
    if text is None:
        findings.unknown(loc, "J040", f"there is no text '{short(name)}'", name, texts.texts, key=False)
        return
    _check_channels(context, text, via, loc)
    provided = {"customer": context.shop.catalog.vocabulary.fields, "entry": context.facts.sure, **flow.sure}
    possible = {"customer": provided["customer"], "entry": context.facts.entry, **flow.maybe}
    wanted = dict.fromkeys(sorted(text.needs), f"needs of templates/{name}/text.yaml")
    wanted |= {use.name: f"{use.path}:{use.line}" for use in text.uses if not use.optional}
    for path, where in wanted.items():
        if path.partition(".")[0] not in OWN and not _leads(context.shop, path, provided):
            _missing(context, path, where, possible, loc)
    for use in text.uses:  # a text may ask for what only some journeys give, not for a field that nobody has
        if use.optional and use.name.startswith("customer.") and not _leads(context.shop, use.name, provided):
            _missing(context, use.name, f"{use.path}:{use.line}", provided, loc)


def _check_channels(context: Context, text: Text, via: tuple[str, ...], loc: Loc) -> None:
    kinds = {context.shop.channels.get(word, word) for word in via}
    have = {kind.value for variant, kind in text.channels if variant == BASE}
    for kind in sorted(kinds - have):
        if kind in context.shop.via and kinds & have and set(via) == set(context.shop.via):
            continue  # by config's order the others carry it
        hint = (
            f"add templates/{text.name}/{kind}.yaml, or take it out of via"
            if kind in tuple(Kind)
            else "take it out of via"
        )
        context.findings.wrong(loc, "J043", f"the text '{text.name}' has nothing for {kind}", hint)


def _missing(context: Context, path: str, where: str, possible: Mapping[str, Members], loc: Loc) -> None:
    root, _, member = path.partition(".")
    if root == "entry" and not context.facts.entered:
        return  # its own problems are the ones to mend
    if root not in ("customer", "entry") and root not in possible:
        hint = f"a step before it has to give it, such as coupon: ... as: {root}"
    elif _leads(context.shop, path, possible):
        hint = "only some of the ways that lead here give it: move the send into that branch"
    else:
        close = nearest(member, possible.get(root, ()))
        hint = f"did you mean {root}.{close}?" if close else _has(root, possible.get(root, {}))
    context.findings.wrong(loc, "J045", f"'{short(path)}' is not known here, and {where} uses it", hint)


def _has(root: str, members: Members) -> str:
    listed = ", ".join(sorted(members)) if len(members) <= 12 else ""
    return (
        f"{root} has {listed}" if listed else f"{root} has nothing of that name" if members else f"{root} is empty here"
    )


def _leads(shop: Shop, path: str, known: Mapping[str, Members]) -> bool:
    """Whether a dotted path of a text (`[]` is an item of a list) ends at something known."""
    root, *steps = path.replace("[]", "").split(".")
    members: Members | None = known.get(root)
    for number, step in enumerate(steps):
        if members is None or step not in members:
            return False
        info = members[step]
        if number < len(steps) - 1:
            members = _below(shop, root, step, info) if info.kind in HOLDERS else None
    return root in known and bool(steps)


def _below(shop: Shop, root: str, name: str, info: FieldInfo) -> Members | None:
    computed = shop.catalog.computed.get(name) if root == "customer" else None
    if info.of or computed is None:
        return info.of
    return shop.catalog.vocabulary.events[computed.of].properties  # `latest` without `take` keeps the whole event
