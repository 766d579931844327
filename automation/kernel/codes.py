"""The codes of everything that can be wrong in a YAML file, in one table, so that the reference is made from it.

Y: the text cannot be read as our strict YAML. S: it can, and does not have the shape that is due. A code never
changes its meaning.
"""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "Y001": "file too large",
    "Y002": "not UTF-8",
    "Y003": "control or invisible character",
    "Y004": "nested too deeply",
    "Y005": "too many values",
    "Y006": "one text too long",
    "Y007": "file cannot be read",
    "Y010": "not readable as YAML",
    "Y011": "key written twice",
    "Y012": "anchor, or an unquoted text that begins with &",
    "Y013": "alias, or an unquoted text that begins with *",
    "Y014": "tag, or an unquoted text that begins with !",
    "Y015": "merge key <<",
    "Y016": "several documents in one file",
    "Y017": "key that is not a text",
    "Y018": "YAML directive",
    "Y020": "full-width colon after a key",
    "Y021": "full-width comma between values",
    "Y022": "full-width quotation marks around a value",
    "Y023": "full-width signs or digits in a number, time or duration",
    "Y024": "full-width or hard space where YAML expects a plain one",
    "Y025": "full-width dash before a list item, or full-width space after it",
    "Y030": "# that cuts a text off",
    "Y031": "colon and space inside an unquoted text",
    "Y032": "unquoted text with a template expression or reference",
    "Y033": "unquoted text that begins or ends with a sign of YAML",
    "Y034": "key or list item with nothing after it",
    "Y035": "comparator written as a sign",
    "Y036": "tab",
    "Y041": "Chinese text folded over lines",
    "Y050": "key in a column where no step has its keys",
    "S001": "unknown key",
    "S002": "key missing",
    "S010": "one value is due, not a list",
    "S011": "a list is due, not one value",
    "S012": "key: value pairs are due",
    "S013": "a number is due",
    "S014": "a text is due",
    "S015": "true or false is due",
    "S016": "another kind of value is due",
    "S017": "not one of the possible words",
    "S018": "outside the limits",
    "S019": "not of the form that is due",
    "S020": "refused by a rule",
    "S021": "percent without %",
    "S022": "not a duration",
    "S023": "folder that is not there",
    "S024": "name in config.yaml that the catalog does not have",
    "S030": "secret written out in the file",
    "S031": "environment variable not set",
    "S032": "secret file cannot be read",
}
