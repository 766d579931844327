"""What a Chinese keyboard and quick hands do to YAML, found line by line so that it is named even where YAML gives up.

Each rule judges one piece of a line (lines.py) and says what to write instead. The reader (source.py) joins these
problems with its own.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from automation.kernel.lines import Piece, Role, Scanner

MOST: Final = 50  # problems of one file that are worth reading
MOST_PIECES: Final = 3000  # of a broken text


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip at a line and column, both from 0. `structural`: only believed when YAML cannot be read either."""

    line: int
    column: int
    code: str
    message: str
    hint: str
    structural: bool = False


Found = tuple[int, str, str, str]  # offset in the piece, code, message, hint
WORDS = frozenset({Role.VALUE, Role.ITEM})
TEXTS = WORDS | {Role.LOOSE}
NAME = r"[a-z_][a-z0-9_.]*"
ASCII_KEY_COLON = re.compile(rf"{NAME}\s*：")
ANY_COLON = re.compile(r"[^\s：，。！？]{1,20}：")
COMMA_LIST = re.compile(rf"{NAME}(?:\s*，\s*{NAME})+")
COMMA_KEY = re.compile(rf"，\s*{NAME}\s*[:：]")
NUMBER_LIKE = re.compile(r"(?:[\w.]+ )*[+-]?\d[\d:. +%-]*(?:[a-z]{1,8}|%|天|周|月|年|小时|分钟|秒|个工作日)?(?: .*)?")
WIDE_SIGN = re.compile("[\uff01-\uff5e—]")
SIGN: Final = r"(>=|<=|==|!=|=>|=<|>|<|=|≥|≤|≠|＞|＜|＝)=?\s*"
COMPARATOR = re.compile(SIGN + r"(-?\d[\d.]*%?|(?P<length>\d+[a-z]{1,2})|(?P<day>\d{4}-\d\d?-\d\d?))$")
COMPARED_WORD = re.compile(SIGN + r"(\S+)$")
COMPARATOR_WORD: Final = {">": "above", "＞": "above", "<": "below", "＜": "below", "!=": "not", "≠": "not"} | {
    sign: word
    for word, signs in {"at_least": (">=", "=>", "≥"), "at_most": ("<=", "=<", "≤")}.items()
    for sign in signs
}
OF_LENGTH: Final = {"above": "older_than", "at_least": "older_than", "below": "within", "at_most": "within"}
OF_DAY: Final = {"above": "after", "at_least": "after", "below": "before", "at_most": "before"}
OPENING: Final = {
    "&": "Y012",
    "*": "Y013",
    "!": "Y014",
    "@": "Y033",
    "%": "Y033",
    "`": "Y033",
    ">": "Y033",
    "|": "Y033",
}
WRAPPED = re.compile(r"([“”„＂])([^“”＂]*)[“”＂\"]|([‘’＇])([^‘’＇]*)[‘’＇']")


def full_width_colon(piece: Piece) -> Iterator[Found]:
    loose = piece.role is Role.LOOSE and not piece.within
    found = (ANY_COLON if loose else ASCII_KEY_COLON).match(piece.text)
    if found and piece.role is not Role.KEY and (loose or piece.role is Role.ITEM or piece.within):
        key = found[0][:-1].strip()
        yield (
            found.end() - 1,
            "Y020",
            f"full-width colon ： after '{key}'",
            f"write '{key}: ...' with : and a space, or quote the text",
        )


def full_width_comma(piece: Piece) -> Iterator[Found]:
    if piece.role not in WORDS or "，" not in piece.text:
        return
    hint = "write , instead of ，; quote a text that contains ，"
    next_key = COMMA_KEY.search(piece.text) if piece.within else None
    if next_key:
        yield next_key.start(), "Y021", "full-width comma ， before the next key", hint
    elif piece.within == "[" or COMMA_LIST.fullmatch(piece.text):
        yield (
            piece.text.index("，"),
            "Y021",
            "full-width comma ， between values",
            hint.replace("write ,", "write [a, b]", 1) if not piece.within else hint,
        )


def full_width_quotes(piece: Piece) -> Iterator[Found]:
    if WRAPPED.fullmatch(piece.text):
        yield (
            0,
            "Y022",
            "full-width quotation marks around a value would become part of it",
            'write "..." with straight quotation marks',
        )


def full_width_number(piece: Piece) -> Iterator[Found]:
    if len(piece.text) > 60 or piece.role is Role.KEY or not WIDE_SIGN.search(piece.text):
        return
    plain = unicodedata.normalize("NFKC", piece.text.replace("－", "-").replace("—", "-"))
    words = re.sub("天|周|月|年|小时|分钟|秒|个工作日", "", plain)
    if plain != piece.text and words.isascii() and NUMBER_LIKE.fullmatch(plain):
        yield 0, "Y023", "full-width signs or digits in a number, time or duration", f"write {plain}"


def stray_space(piece: Piece) -> Iterator[Found]:
    if piece.role is Role.SPACE:
        if "\t" in piece.text:
            yield 0, "Y036", "tab where YAML expects spaces", "use spaces; set the editor to replace tabs"
        else:
            yield (
                0,
                "Y024",
                "full-width or hard space where YAML expects a plain one",
                "switch the keyboard to half-width and retype the space",
            )
        return
    offset = piece.text.find("\t")
    if offset >= 0 and piece.role is not Role.COMMENT:
        yield offset, "Y036", "tab in an unquoted text", 'use spaces, or quote the text and write "\\t"'
    if piece.text.strip("\u3000\u00a0") != piece.text and (piece.role is Role.KEY or piece.role in TEXTS):
        yield 0, "Y024", "full-width or hard space at the edge of a text", "delete it, or quote the text if it is meant"


def list_dash(piece: Piece) -> Iterator[Found]:
    if piece.role in (Role.LOOSE, Role.KEY) and not piece.item:
        if re.match(r"[－—–一]\s", piece.text):
            yield 0, "Y025", "full-width dash before a list item", "write - and a space"
        elif re.match("-[\u3000\u00a0]", piece.text):
            yield 1, "Y025", "full-width or hard space after the dash of a list item", "write - and a plain space"


def cut_by_hash(piece: Piece) -> Iterator[Found]:
    if piece.role is Role.COMMENT and (
        re.match(r"#[^\s#=-]", piece.text) or re.fullmatch(r"#[^#]*[^#\s]\s*#", piece.text)
    ):
        yield (
            0,
            "Y030",
            "everything from this # on is cut off",
            'quote the text: "领券 #双11#"; for a comment put a space after #',
        )


def colon_in_text(piece: Piece) -> Iterator[Found]:
    if piece.within and COMMA_KEY.search(piece.text):
        return  # the comma is the mistake
    if piece.role in TEXTS and (found := re.search(r":(?=\s|$)", piece.text)):
        yield (
            found.start(),
            "Y031",
            "a colon and a space inside an unquoted text",
            'quote the text: "活动: 双11"; or start a new line for a new key',
        )


def template_expression(piece: Piece) -> Iterator[Found]:
    if piece.role in TEXTS and piece.text.startswith(("{{", "{%")):
        yield (
            0,
            "Y032",
            "an unquoted text begins with " + piece.text[:2],
            'quote it: "{{ customer.name }}"; in journeys write {from: path}',
        )
    elif piece.within and (found := re.search(r"\$\{|\$$", piece.text)):
        yield found.start(), "Y032", "${...} within brackets is not quoted", 'quote it: "${NAME}"'


def comparator_sign(piece: Piece) -> Iterator[Found]:
    if piece.role in WORDS and (found := COMPARATOR.match(piece.text)):
        word = COMPARATOR_WORD.get(found[1])
        if word and found["length"]:
            word = OF_LENGTH.get(word)
        elif word and found["day"]:
            word = OF_DAY.get(word)
        hint = f"write {{{word}: {found[2]}}}" if word else f"write the value alone: {found[2]}"
        yield 0, "Y035", f"a comparator is a word, not the sign {found[1]}", hint


def opening_sign(piece: Piece) -> Iterator[Found]:
    if piece.role is Role.AFTER:
        yield 0, "Y033", "text after a closing bracket or quotation mark", 'quote the whole text: "[限时] 抢购"'
    elif piece.role in TEXTS and piece.text[:1] in OPENING and not COMPARATOR.match(piece.text):
        sign = piece.text[0]
        meant = compared(piece.text) if piece.text.isascii() else None
        hint = 'quote the text: "..."'
        if meant:
            hint = f"to compare write {{{meant[0]}: {meant[1]}}}; else {hint}"
        yield 0, OPENING[sign], f"an unquoted text begins with {sign}, which is a sign of YAML", hint


def compared(text: str) -> tuple[str, str] | None:
    """The comparator and the value that a sign before one word may mean, such as > gold; None for any other text."""
    found = COMPARED_WORD.match(text)
    word = COMPARATOR_WORD.get(found[1]) if found else None
    return (word, found[2]) if found and word else None


RULES: Final[tuple[Callable[[Piece], Iterator[Found]], ...]] = (
    full_width_colon,
    full_width_comma,
    full_width_quotes,
    full_width_number,
    stray_space,
    list_dash,
    cut_by_hash,
    colon_in_text,
    template_expression,
    comparator_sign,
    opening_sign,
)
STRUCTURAL: Final = frozenset({"Y031", "Y050"})
BRANCHING: Final = frozenset({"if", "wait_for", "coupon", "approve", "then"})


@dataclass(slots=True)
class Level:
    """Open keys of one column; `first` names them, `bare`: the last one had nothing after it."""

    column: int
    line: int
    first: str
    bare: bool
    branches: bool = False  # it has a key that then and else go with


ALWAYS: Final = frozenset({Role.COMMENT, Role.SPACE, Role.AFTER})
SUSPECT = re.compile(r"[^ -~]|[:{}$<>=!&*@%`|]")  # no rule speaks of a text without one of these


class Columns:
    """Finds the key that stands in a column where nothing has its keys: a then or else one column off."""

    def __init__(self) -> None:
        self.levels: list[Level] = []

    def key(self, piece: Piece) -> Slip | None:
        level = self._level(piece)
        slip = None
        if level is None:
            level = self._meant(piece)
            slip = Slip(
                *(piece.line, piece.column, "Y050"),
                f"'{piece.text}' is in column {piece.column + 1}, where nothing has its keys",
                f"it seems to belong to '{level.first}' of line {level.line + 1}: move it to column {level.column + 1}",
                structural=True,
            )
        del self.levels[self.levels.index(level) + 1 :]
        level.bare = piece.bare
        level.branches = level.branches or piece.text in BRANCHING
        return slip

    def _meant(self, piece: Piece) -> Level:
        """The nearest column; for then and else one column off, the nearest of a step that takes them."""
        near = [known for known in self.levels if known.branches and abs(known.column - piece.column) <= 2]
        levels = near if near and piece.text in ("then", "else") else self.levels
        return min(levels, key=lambda known: (abs(known.column - piece.column), -known.column))

    def _level(self, piece: Piece) -> Level | None:
        """The level this key belongs to, opened when it may be; None when it is off."""
        above = [known for known in self.levels if known.column <= piece.column]
        if not piece.item:
            if above and above[-1].column == piece.column:
                return above[-1]
            if above and not (above[-1] is self.levels[-1] and above[-1].bare):
                return None
            if not above and self.levels:
                return None
        new = Level(piece.column, piece.line, piece.text, piece.bare)
        self.levels = [known for known in above if known.column < piece.column] + [new]
        return new


def find(text: str, broken: bool = False) -> list[Slip]:
    """All slips of a text with \\n line ends, in order, at most MOST; time proportional to the text.

    In a text that is `broken` beyond YAML, where nothing else bounds the work, only the first pieces are judged.
    """
    slips: list[Slip] = []
    columns = Columns()
    for piece in itertools.islice(Scanner().scan(text), MOST_PIECES if broken else None):
        if piece.role is Role.KEY and not piece.within and (off := columns.key(piece)):
            slips.append(off)
        if piece.role in ALWAYS or (not piece.quoted and SUSPECT.search(piece.text)):
            slips += (
                Slip(piece.line, piece.column + offset, code, message, hint, code in STRUCTURAL)
                for rule in RULES
                for offset, code, message, hint in rule(piece)
            )
        if len(slips) >= MOST:
            break
    return slips
