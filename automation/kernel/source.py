"""Reads the files of a shop: strict YAML with a position for every key and value, and all problems of a file at once.

The only user of PyYAML, and only of its events: aliases, merge keys and huge numbers make bombs of small files (a
merge-key bomb under 1 KB keeps PyYAML 6.0.3's loaders busy for seconds), so limits are guarded before it is built.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from automation.kernel import scalars, slips, syntax
from automation.kernel.document import Document, Loc, Mark, nearest
from automation.kernel.errors import Problem, SourceErrors

MOST_BYTES: Final = 256 * 1024
MOST_DEPTH: Final = 20
MOST_NODES: Final = 20_000
MOST_SCALAR: Final = 64 * 1024
MOST_LINES: Final = 10_000

# Slips after which the rest of the file still says what its writer meant, so that it can be looked at as well.
HARMLESS: Final = frozenset({"Y011", "Y012", "Y013", "Y014", "Y023", "Y024", "Y030", "Y034", "Y036", "Y041"})

T = TypeVar("T")

__all__ = ["Document", "Legible", "Loc", "Mark", "nearest", "parse", "read", "read_as"]

# Control characters, line ends only YAML 1.1 knows, zero-width and direction marks; not the joiner of emoji.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
REFUSED: Final = "\x00"  # begins the keys that were refused; no file can write it
FOLDED = re.compile(rf"[{WIDE}]\s*\n\s*[{WIDE}]")


class Legible(SourceErrors):
    """What is wrong with the file as YAML leaves the rest of it clear: `document`, without keys that are refused."""

    def __init__(self, problems: list[Problem], document: Document) -> None:
        super().__init__(problems)
        self.document = document

    def besides(self, look: Callable[[Document], object]) -> SourceErrors:
        """These problems, and those that `look` finds on other lines: on the same ones they follow from these."""
        try:
            look(self.document)
        except SourceErrors as wrong:
            lines = {problem.line for problem in self.problems}
            return SourceErrors([*self.problems, *(one for one in wrong.problems if one.line not in lines)])
        return self


def read_as(path: Path, make: Callable[[Document], T], shown: str | None = None) -> T:
    """What `make` makes of a file. Raises SourceErrors with the problems of the YAML and those `make` finds, at once
    wherever the file is legible."""
    try:
        document = read(path, shown)
    except Legible as slips:
        raise slips.besides(make) from None
    return make(document)


def read(path: Path, shown: str | None = None) -> Document:
    """Read one file. Raises SourceErrors with all its problems; never reads more than MOST_BYTES."""
    name = shown if shown is not None else _shown(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a possible name"
        raise _refused(name, "Y007", f"the file cannot be read: {reason}") from None
    if len(raw) > MOST_BYTES:
        raise _too_large(name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8 (in Windows programs: UTF-8, not ANSI or GBK)"
        raise SourceErrors([Problem(name, line, 1, "Y002", "the file is not UTF-8", hint)]) from None
    return parse(text, name)


def parse(text: str, path: str) -> Document:
    """Read one text; `path` is what problems are reported under. Raises SourceErrors with all problems."""
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise _too_large(path)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MOST_LINES:
        raise _too_large(path)
    unseen = list(_unseen(text, path))
    if unseen:
        raise SourceErrors(unseen)
    builder = Builder(path, text.split("\n"))
    builder.build(text)
    problems = builder.problems
    if not builder.bomb:
        problems = _join(problems, slips.find(text, broken=builder.syntax is not None), path, builder.syntax)
    if not problems:
        return Document(path, builder.root, builder.marks, text)
    if builder.bomb or builder.syntax or any(problem.code not in HARMLESS for problem in problems):
        raise SourceErrors(problems)
    raise Legible(problems, Document(path, _without_refused(builder.root), builder.marks, text))


def _without_refused(data: Any) -> Any:
    """The data without what stands under a key that was refused. Never deeper than MOST_DEPTH."""
    if isinstance(data, dict):
        return {key: _without_refused(value) for key, value in data.items() if not key.startswith(REFUSED)}
    return [_without_refused(item) for item in data] if isinstance(data, list) else data


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError, OSError, RuntimeError):  # the last where a link leads to itself
        return path.resolve().relative_to(Path.cwd()).as_posix()
    return path.as_posix()


def _refused(path: str, code: str, message: str, hint: str = "") -> SourceErrors:
    return SourceErrors([Problem(path, 1, 1, code, message, hint)])


def _too_large(path: str) -> SourceErrors:
    message = f"the file is larger than {MOST_BYTES // 1024} KB or {MOST_LINES} lines"
    return _refused(path, "Y001", message, "split it; lists of people belong in an import")


def _unseen(text: str, path: str) -> Iterator[Problem]:
    for count, found in enumerate(UNSEEN.finditer(text)):
        if count >= slips.MOST:
            return
        start = text.rfind("\n", 0, found.start()) + 1
        line = text.count("\n", 0, start) + 1
        column = found.start() - start + 1
        yield Problem(path, line, column, "Y003", _invisible(found[0]), "delete it; it often comes with copied text")


def _invisible(character: str) -> str:
    return f"character U+{ord(character):04X} cannot be seen and is not allowed"


def _join(problems: list[Problem], found: list[slips.Slip], path: str, syntax: Problem | None) -> list[Problem]:
    """One list: a slip on the line of a problem of the tree explains it better, so the tree's is dropped."""
    kept = [slip for slip in found if syntax or not slip.structural]
    lines = {slip.line + 1 for slip in kept}
    dashes = {slip.line for slip in kept if slip.code == "Y025"}  # what stands below the key before them
    joined = [
        problem for problem in problems
        if not (problem.line in lines and problem.code in EXPLAINED)
        and not (problem.line in dashes and problem.code == "Y034")
    ]  # fmt: skip
    if syntax and not lines & {syntax.line, syntax.line - 1}:
        joined.append(syntax)
    return joined + [Problem(path, s.line + 1, s.column + 1, s.code, s.message, s.hint) for s in kept]


EXPLAINED: Final = frozenset({"Y012", "Y013", "Y014", "Y017", "Y034"})


class Bomb(Exception):
    """Stops the walk where a limit is reached."""


@dataclass(slots=True)
class Frame:
    """A mapping or list that is being filled. `key` waits for its value."""

    container: dict[str, Any] | list[Any]
    loc: Loc
    key: str | None = None
    key_mark: Mark | None = None
    spare: int = 0  # numbers the keys that were refused, so that what is below them still has a place


class Builder:
    """Walks parser events, guards every limit, and builds data and marks without recursion."""

    def __init__(self, path: str, lines: list[str]) -> None:
        self.path = path
        self.lines = lines
        self.root: Any = None
        self.marks: dict[Loc, tuple[Mark, Mark]] = {}
        self.problems: list[Problem] = []
        self.syntax: Problem | None = None
        self.bomb = False
        self.stack: list[Frame] = []
        self.nodes = 0
        self.documents = 0

    def build(self, text: str) -> None:
        try:
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                self._event(event)
        except Bomb:
            self.bomb = True
        except yaml.MarkedYAMLError as error:
            self.syntax = self._syntax(error)
        except yaml.YAMLError:
            self.syntax = Problem(self.path, 1, 1, "Y010", "the file cannot be read as YAML")

    def _event(self, event: yaml.Event) -> None:
        mark = self._mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self._document(event, mark)
        elif isinstance(event, yaml.NodeEvent):
            self._count(mark)
            self._properties(event, mark)
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event, mark)
            elif isinstance(event, yaml.AliasEvent):
                self._put(None, mark)
            else:
                self._open({} if isinstance(event, yaml.MappingStartEvent) else [], mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()

    def _document(self, event: yaml.DocumentStartEvent, mark: Mark) -> None:
        self.documents += 1
        if event.version or event.tags:
            self._say(mark, "Y018", "a %YAML or %TAG line is not allowed", "delete it")
        if self.documents > 1:
            self._say(
                mark,
                "Y016",
                "a second document begins here",
                "one file, one document: delete the --- or make a second file",
            )
            raise Bomb

    def _count(self, mark: Mark) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            self._say(mark, "Y005", f"the file holds more than {MOST_NODES} values", "split it")
            raise Bomb
        if len(self.problems) > slips.MOST:
            raise Bomb

    def _properties(self, event: yaml.NodeEvent, mark: Mark) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._say(
                mark,
                "Y013",
                "an alias (*name) is not allowed",
                'write the value again; a text that begins with * is quoted: "*重要*"',
            )
            return
        if event.anchor:
            self._say(
                mark,
                "Y012",
                "an anchor (&name) is not allowed",
                'delete it; a text that begins with & is quoted: "&..."',
            )
        if getattr(event, "tag", None):
            self._say(
                mark, "Y014", "a tag (!name) is not allowed", 'delete it; a text that begins with ! is quoted: "!注意"'
            )

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        if len(event.value) > MOST_SCALAR:
            self._say(
                mark, "Y006", f"one text is longer than {MOST_SCALAR // 1024} KB", "put long texts into templates/"
            )
            raise Bomb
        unseen = UNSEEN.search(event.value)
        if unseen:  # written as an escape, such as "\u202e": the text itself has been looked through
            self._say(mark, "Y003", _invisible(unseen[0]), "delete its escape, which begins with a backslash")
        plain = bool(event.implicit[0]) and event.style not in ("'", '"', "|", ">")
        if event.style != "|" and not event.value.isascii() and self._folds(event):
            hint = "use | instead, or keep it on one line"
            self._say(mark, "Y041", "Chinese text over several lines gets a space at each line end", hint)
        frame = self.stack[-1] if self.stack else None
        if frame and isinstance(frame.container, dict) and frame.key is None:
            self._key(frame, scalars.value(event.value) if plain else event.value, event.value, mark)
            return
        if plain and event.value == "" and not event.tag and not event.anchor:
            self._nothing(frame, mark)
            self._put(None, mark)
            return
        self._put(scalars.value(event.value) if plain else event.value, mark)

    def _folds(self, event: yaml.ScalarEvent) -> bool:
        first, last = self._mark(event.start_mark), self._mark(event.end_mark)
        lines = self.lines[first.line - 1 : last.line]
        lines[-1] = lines[-1][: last.column - 1]
        lines[0] = lines[0][first.column - 1 :]
        return FOLDED.search("\n".join(lines)) is not None

    def _nothing(self, frame: Frame | None, mark: Mark) -> None:
        if frame is None:
            return
        if isinstance(frame.container, dict):
            self._say(
                frame.key_mark or mark,
                "Y034",
                f"'{_short(frame.key or '')}' has nothing after it",
                "give it a value or delete the line",
            )
        else:
            self._say(mark, "Y034", "a list item has nothing after it", "give it a value or delete the dash")

    def _key(self, frame: Frame, value: Any, written: str, mark: Mark) -> None:
        frame.key_mark = mark
        frame.spare += 1
        frame.key = f"{REFUSED}{frame.spare}"  # a refused key; its value is still walked for its problems
        if written == "<<":
            self._say(mark, "Y015", "a merge key (<<) is not allowed", "write the keys out")
        elif not isinstance(value, str) or not value:
            self._say(
                mark,
                "Y017",
                f"the key {_short(written) or '(empty)'} is not a text",
                f'quote it: "{_short(written)}"' if written else "",
            )
        elif value in frame.container:
            first = self.marks[(*frame.loc, value)][0].line
            self._say(
                mark,
                "Y011",
                f"'{_short(value)}' is written twice here",
                f"first on line {first}: delete one or rename it",
            )
        else:
            frame.key = value

    def _open(self, container: dict[str, Any] | list[Any], mark: Mark) -> None:
        if len(self.stack) >= MOST_DEPTH:
            self._say(
                mark, "Y004", f"nested more than {MOST_DEPTH} levels deep", "check the brackets and the indentation"
            )
            raise Bomb
        frame = self.stack[-1] if self.stack else None
        if frame and isinstance(frame.container, dict) and frame.key is None:
            self._say(
                mark,
                "Y017",
                "a key must be a text, not a list or a mapping",
                'quote a text that begins with { or [: "{{ ... }}"',
            )
            frame.spare += 1
            self.stack.append(Frame(container, (*frame.loc, f"{REFUSED}{frame.spare}")))
            frame.key, frame.key_mark = f"{REFUSED}{frame.spare}", mark
            return
        self.stack.append(Frame(container, self._put(container, mark)))

    def _put(self, value: Any, mark: Mark) -> Loc:
        """Set the value where it belongs and note its marks; returns its place."""
        if not self.stack:
            self.root, self.marks[()] = value, (mark, mark)
            return ()
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            loc: Loc = (*frame.loc, len(frame.container))
            frame.container.append(value)
            self.marks[loc] = (mark, mark)
            return loc
        if frame.key is None:  # an alias as a key
            frame.key, frame.key_mark = f"{REFUSED}*", mark
            return (*frame.loc, frame.key)
        loc = (*frame.loc, frame.key)
        frame.container[frame.key] = value
        self.marks[loc] = (frame.key_mark or mark, mark)
        frame.key = None
        return loc

    def _syntax(self, error: yaml.MarkedYAMLError) -> Problem:
        at_context, message, hint = syntax.explain(str(error.problem))
        mark = self._mark((error.context_mark if at_context else None) or error.problem_mark)
        return Problem(self.path, mark.line, mark.column, "Y010", message, hint)

    def _mark(self, mark: Any) -> Mark:
        """Our mark for the parser's, which may lie behind the end of the file."""
        if mark is None or mark.line >= len(self.lines):
            return Mark(len(self.lines), len(self.lines[-1]) + 1)
        return Mark(mark.line + 1, mark.column + 1)

    def _say(self, mark: Mark, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.path, mark.line, mark.column, code, message, hint))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "..."
