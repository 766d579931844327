"""What forms are checked against: the shop's catalog as it is now, and whose openids it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from automation.app import App
from automation.audience.computed import ComputedValues
from automation.people import dates, identities
from automation.people.identities import Identity
from automation.people.normalise import Unusable
from automation.people.registry import Registry, opened

from . import forms

SAID = tuple(name for name in forms.Identities.model_fields if name != "account")  # of customers; staff have others


@dataclass(frozen=True, slots=True)
class Shop:
    """One reading of the files. `accounts`: kind of identity -> the channels it may belong to."""

    registry: Registry
    computed: ComputedValues
    zone: ZoneInfo
    accounts: Mapping[str, tuple[str, ...]]

    def identities(self, known: forms.Identities) -> tuple[Identity, ...]:
        """Raises forms.Wrong."""
        found = []
        for kind in SAID:
            text = getattr(known, kind)
            if text is not None:
                try:
                    found.append(identities.identity(kind, text, self._account(kind, known.account)))
                except Unusable as error:
                    raise forms.Wrong(str(error), f"customer.{kind}") from None
        if not found:
            raise forms.Wrong(f"one of these is due: {', '.join(SAID)}", "customer")
        return tuple(found)

    def moment(self, at: int | str | None, where: str) -> int | None:
        """UTC seconds. Raises forms.Wrong."""
        if at is None or isinstance(at, int):
            return at
        try:
            return dates.moment(at, self.zone)
        except Unusable as error:
            raise forms.Wrong(str(error), where) from None

    def _account(self, kind: str, said: str | None) -> str:
        if kind not in ("openid", "wecom_id"):
            return ""
        own = self.accounts.get(kind, ())
        if said is not None:
            if said not in own:
                raise forms.Wrong(f"a channel that has such ids is due: {', '.join(own) or 'there is none'}",
                                  "customer.account")  # fmt: skip
            return said
        if len(own) > 1:
            raise forms.Wrong(f"say whose {kind} it is: {', '.join(own)}", "customer.account")
        return own[0] if own else ""


class Current:
    """The shop as its files say now. `refresh` only where `is_stale`, and not in the loop's thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.shop = self._read()

    @property
    def is_stale(self) -> bool:
        return self.shop.registry.catalog is not self._app.project.catalog

    def refresh(self) -> None:
        self.shop = self._read()

    def _read(self) -> Shop:
        app = self._app
        project = app.project
        registry = opened(app.store, app.vault, project.catalog, app.settings.shop.timezone)
        accounts: dict[str, tuple[str, ...]] = {}
        for name, channel in app.channels.items():
            for kind in dict.fromkeys(lane.address for lane in channel.lanes):
                accounts[kind] = (*accounts.get(kind, ()), name)
        return Shop(registry, app.computed, app.settings.shop.zone, accounts)
