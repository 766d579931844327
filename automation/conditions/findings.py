"""Collects what is wrong in one file, and reads the plain shapes: mappings with known keys, texts, lists of texts.

Stands apart because every reader of the language's files uses it; it never raises for what a person wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from automation.kernel.document import Document, Loc, nearest
from automation.kernel.errors import Problem, SourceErrors

FEW: Final = 12  # words that a hint still names one by one


class Findings:
    """The problems (which stop) and warnings (which do not) of one document, in the order they were found.

    `forgiven`: codes that stop nothing here.
    """

    def __init__(self, document: Document, forgiven: Collection[str] = ()) -> None:
        self.document, self.forgiven = document, forgiven
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def wrong(self, loc: Loc, code: str, message: str, hint: str = "", key: bool = False) -> None:
        """Note a problem at the value of `loc`, or at its key."""
        kept = self.warnings if code in self.forgiven else self.problems
        kept.append(self.document.problem(loc, code, message, hint, key))

    def warn(self, loc: Loc, code: str, message: str, hint: str = "", key: bool = False) -> None:
        self.warnings.append(self.document.problem(loc, code, message, hint, key))

    def raise_if_any(self) -> None:
        """SourceErrors with all problems, if there are any."""
        if self.problems:
            raise SourceErrors(self.problems)

    def mapping(
        self, value: Any, loc: Loc, known: Collection[str] | None = None, needed: Iterable[str] = ()
    ) -> dict[str, Any]:
        """The mapping without its unknown keys; {} when it is none. Unknown and missing keys are noted.

        `known` None: any key may stand there.
        """
        if not isinstance(value, Mapping):
            self.wrong(loc, "S012", f"key: value pairs are due here, not {said(value)}")
            return {}
        keys = [key for key in value if isinstance(key, str)]
        strange = [key for key in keys if known is not None and key not in known]
        for key in strange:
            self.unknown((*loc, key), "S001", f"unknown key '{short(key)}'", key, known or ())
        guessed = {nearest(key, known or ()) for key in strange}
        for key in needed:
            if key not in value and key not in guessed:
                self.wrong(loc, "S002", f"'{key}' is missing", f"add {key}: ...")
        return {key: value[key] for key in keys if known is None or key in known}

    def unknown(self, loc: Loc, code: str, message: str, word: str, known: Collection[str], key: bool = True) -> None:
        """Note an unknown word with the one that was probably meant, else with the known ones."""
        close = nearest(word, known)
        hint = f"did you mean '{close}'?" if close else _listed(sorted(known))
        self.wrong(loc, code, message, hint, key)

    def text(self, value: Any, loc: Loc) -> str | None:
        """A text that is not empty."""
        if isinstance(value, str) and value.strip():
            return value
        quote = f'quote it: "{value}"' if isinstance(value, int | float) else "write one text"
        self.wrong(loc, "S014", f"a text is due here, not {said(value)}", quote)
        return None

    def texts(self, value: Any, loc: Loc) -> tuple[str, ...]:
        """A text or a list of them."""
        if not isinstance(value, list | tuple):
            found = self.text(value, loc)
            return (found,) if found is not None else ()
        if not value:
            self.wrong(loc, "S011", "the list is empty", "name at least one")
        found_all = [self.text(item, (*loc, place)) for place, item in enumerate(value)]
        return tuple(dict.fromkeys(item for item in found_all if item is not None))

    def word(self, value: Any, loc: Loc, known: Collection[str]) -> str | None:
        """One of a few words."""
        found = self.text(value, loc)
        if found is not None and found not in known:
            self.unknown(loc, "S017", f"'{short(found)}' is not one of the possible words", found, known, key=False)
            return None
        return found

    def truth(self, value: Any, loc: Loc) -> bool | None:
        if isinstance(value, bool):
            return value
        self.wrong(loc, "S015", f"true or false is due here, not {said(value)}", "write true or false")
        return None

    def whole(self, value: Any, loc: Loc, least: int, most: int = 10**9) -> int | None:
        """A whole number within limits."""
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(loc, "S013", f"a whole number is due here, not {said(value)}", "write digits only, such as 7")
            return None
        if not least <= value <= most:
            self.wrong(loc, "S018", f"{value} is outside {least} to {most}")
            return None
        return value


def short(value: object) -> str:
    """A value as shown in a message: never more than 40 characters, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:40] + "..."


def said(value: object) -> str:
    """What stands there, in words: for `not ...` in messages."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "key: value pairs"
    if isinstance(value, list | tuple):
        return "a list"
    return f"'{short(value)}'"


def _listed(known: Sequence[str]) -> str:
    """A hint that names what there is, or where it is long how it begins."""
    if not known:
        return "none is there yet"
    more = f", ... ({len(known)} in all)" if len(known) > FEW else ""
    return f"known are {', '.join(known[: FEW // 2] if more else known)}{more}"
