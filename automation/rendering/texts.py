"""The texts of a shop as values: what templates/ became. `catalogue.load` makes it; checks and renderer read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from automation.kernel import document, errors
from automation.rendering.fields import Field, Use

BASE = ""  # the variant of the files that stand directly in the text's folder


class Kind(StrEnum):
    """Kinds of channel that have their own file; the word `via` uses."""

    WECHAT = "wechat"
    WECOM = "wecom"
    SMS = "sms"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Template:
    """One text for one kind of channel. `links` are the declared links it uses.

    Field names: for wechat and wecom the place in the body, such as `news.title` or `template.data.thing1`; sms
    `params.NAME`; email `subject`, `preview`, `html`, `text`. `parts`: the members at the top of its body, by which
    lanes choose. `keys`: part -> the shop's name of the provider's approved template; `key` is that of an SMS.
    `images`: of a mail, the word after `cid:` and the path of the file; of wechat the place in the body and that path.
    """

    kind: Kind
    path: str
    fields: tuple[Field, ...]
    digest: str
    key: str = ""
    preview: str = ""  # sms: the approved text with {param} in it
    links: tuple[Field, ...] = ()
    uses: tuple[Use, ...] = ()
    parts: frozenset[str] = frozenset()
    keys: tuple[tuple[str, str], ...] = ()
    images: tuple[tuple[str, str], ...] = ()

    def key_of(self, part: str) -> str:
        """The shop's name of the approved template that this part uses, "" where it uses none."""
        return next((key for name, key in self.keys if name == part), "")


@dataclass(frozen=True, slots=True)
class Variant:
    """A variation chosen by a condition on the person; `raw_if` is its data, found at `loc` of the text's document."""

    name: str
    raw_if: Any
    loc: document.Loc


@dataclass(frozen=True, slots=True)
class Text:
    """A text with all its variants. `needs`: what every journey that sends it must provide, such as `coupon.code`."""

    name: str
    title: str
    document: document.Document
    channels: Mapping[tuple[str, Kind], Template] = field(repr=False)
    variants: tuple[Variant, ...] = ()
    needs: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()

    def template(self, variant: str, kind: str) -> Template | None:
        """The template for a variant, or the plain one where the variant has none for this kind."""
        try:
            wanted = Kind(kind)
        except ValueError:
            return None
        return self.channels.get((variant, wanted)) or self.channels.get((BASE, wanted))

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of channel it can be sent through, whatever the variant."""
        return frozenset(kind for variant, kind in self.channels if variant == BASE)

    @property
    def uses(self) -> tuple[Use, ...]:
        return tuple(use for template in self.channels.values() for use in template.uses)

    @property
    def variables(self) -> frozenset[str]:
        """Every variable any of its files uses, dotted: `customer.name`, `customer.cart.items[].name`."""
        return frozenset(use.name for use in self.uses)


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts of a shop. A text with a problem in its files is not in `texts`; its name is in `broken`."""

    texts: Mapping[str, Text]
    problems: tuple[errors.Problem, ...] = ()
    broken: frozenset[str] = frozenset()

    def or_as_in(self, last: Texts) -> Texts:
        """The same, where what is broken counts as it was in `last`; the problems stay."""
        kept = {name: last.texts[name] for name in self.broken if name in last.texts}
        return Texts({**self.texts, **kept}, self.problems, self.broken - kept.keys())
