"""journeys/festivals.yaml: a shop's own festivals beside the built-in ones."""

from __future__ import annotations

from automation.conditions.findings import Findings
from automation.festivals import feasts
from automation.festivals.feasts import Festival
from automation.journey import names
from automation.kernel.document import Document


def load(document: Document) -> dict[str, Festival]:
    """All festivals by name, built-in and own. Raises SourceErrors with all problems; an empty file is fine."""
    findings = Findings(document)
    found = dict(feasts.BUILT_IN)
    for name, value in findings.mapping({} if document.data is None else document.data, ()).items():
        names.plain(findings, name, (name,))
        if name in feasts.BUILT_IN:
            title = feasts.BUILT_IN[name].title
            findings.wrong((name,), "K302", f"'{name}' is built in: {title}", "give yours another name", key=True)
            continue
        parts = findings.mapping(value, (name,))
        if not isinstance(value, dict):
            continue
        try:
            found[name] = feasts.from_yaml_value(name, parts)
        except ValueError as mistake:
            findings.wrong((name,), "K301", str(mistake))
    findings.raise_if_any()
    return found
