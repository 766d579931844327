"""The codes of everything that can be wrong in a text, in one table, so that the reference is made from it.

A code never changes its meaning.
"""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "T001": "not readable as a template",
    "T002": "too large or nested too deeply",
    "T010": "word of Jinja that texts do not have",
    "T011": "unknown filter",
    "T012": "unknown test",
    "T013": "filter or test with wrong arguments",
    "T014": "name that begins with an underscore, or is taken",
    "T020": "link that is not declared",
    "T021": "link that is not http or https",
    "T022": "link made of other links, or written out where a declared one is due",
    "T030": "placeholder of the preview that is no parameter",
    "T031": "template expression where none may stand",
    "T040": "folder without a text",
    "T041": "file or folder that belongs to no channel and no variant",
    "T042": "variant without a folder",
    "T043": "email.html missing",
    "T044": "file cannot be read",
    "T045": "layout of a mail that is missing",
    "T046": "layout without a place for the mail",
    "T050": "attribute without quotation marks",
    "T051": "class, id or style that depends on a value",
    "T052": "HTML that could run code or load from elsewhere",
    "T053": "CSS that cannot be inlined",
    "T054": "picture that is missing",
    "T055": "picture that is too large, or none",
    "T060": "field that no approved WeChat template has, or a value that does not fit it",
    "T061": "message without a part, or with parts that exclude each other",
}
