"""What the sender's domain says about itself in DNS: who may send for it, and what to do with mails of others.

Large mailboxes refuse mail of domains without these records (Gmail and Yahoo, sender guidelines of 2024). Where DNS
does not answer nothing is known, and that is no fault of the shop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import dns.exception
import dns.resolver

from automation.kernel.ports import Finding

RULE: Final = "MAIL-05"
PATIENCE: Final = 3.0  # seconds for a question with all its repeats


class Domain:
    """Asks about one domain. `selector`: of its DKIM keys, None where the shop did not say."""

    def __init__(self, name: str, selector: str | None, resolver: dns.resolver.Resolver | None = None) -> None:
        self._name, self._selector, self._resolver = name, selector, resolver

    def findings(self) -> Sequence[Finding]:
        return [replace(one, rule=RULE) for one in (self._spf(), self._dkim(), self._dmarc())]

    def _spf(self) -> Finding:
        found = self._texts(self._name, "v=spf1")
        hint = f"add a TXT record for {self._name} that names your relay: v=spf1 include:... -all (RFC 7208)"
        if found is None:
            return _unknown("SPF", hint)
        if len(found) > 1:
            return Finding("SPF", False, f"{len(found)} records, which counts as an error", "keep one of them")
        if found and found[0].rstrip().endswith(("+all", " all")):
            return Finding("SPF", False, "lets everybody send", "end it with -all or ~all")
        return Finding("SPF", bool(found), "record found" if found else "no record", "" if found else hint)

    def _dkim(self) -> Finding:
        if self._selector is None:
            return Finding("DKIM", None, "not looked for", "set `dkim` to the selector your relay signs with")
        name = f"{self._selector}._domainkey.{self._name}"
        found = self._texts(name, "")
        hint = f"add the TXT record {name} that your relay or mail service gives you (RFC 6376)"
        if found is None:
            return _unknown("DKIM", hint)
        keys = [text for text in found if "p=" in text]
        if keys and all(not text.partition("p=")[2].partition(";")[0].strip() for text in keys):
            return Finding("DKIM", False, "the key was withdrawn", hint)
        return Finding("DKIM", bool(keys), "key found" if keys else "no key", "" if keys else hint)

    def _dmarc(self) -> Finding:
        name = f"_dmarc.{self._name}"
        found = self._texts(name, "v=DMARC1")
        hint = f"add the TXT record {name}: v=DMARC1; p=quarantine; rua=mailto:... (RFC 7489)"
        if found is None:
            return _unknown("DMARC", hint)
        if found and "p=none" in found[0].replace(" ", ""):
            return Finding("DMARC", None, "only watches (p=none)", "go on to p=quarantine once reports are clean")
        return Finding("DMARC", bool(found), "record found" if found else "no record", "" if found else hint)

    def _texts(self, name: str, begins: str) -> list[str] | None:
        """The TXT records that begin so; None where DNS does not answer."""
        try:
            resolver = self._resolver or dns.resolver.Resolver()
            answer = resolver.resolve(name, "TXT", lifetime=PATIENCE)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError):
            return None
        texts = [b"".join(row.strings).decode("latin-1") for row in answer]
        return [text for text in texts if text.lower().startswith(begins.lower())]


def _unknown(what: str, hint: str) -> Finding:
    return Finding(what, None, "DNS does not answer from here", hint)
