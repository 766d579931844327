"""What a command has at hand: the parts of the application, opened when first asked for and closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from automation.kernel import errors
from automation.kernel.clock import Clock, SystemClock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pydantic import BaseModel

    from automation.app import App, Build, MakeHook
    from automation.engine.delivery.effects import Webhooks
    from automation.people.registry import Registry
    from automation.people.sealing import Vault
    from automation.settings import Settings
    from automation.store.database import Store


class Providers(Protocol):
    """Pretend providers on this machine: where they listen."""

    @property
    def url(self) -> str: ...

    @property
    def smtp_port(self) -> int: ...

    def approve(self, texts: Mapping[str, tuple[str, Sequence[str]]]) -> None:
        """SMS templates by the shop's name: text with {parameter} in it, and the parameters in order."""
        ...


Sandboxes: TypeAlias = "Callable[[Path], AbstractContextManager[Providers]]"
"""Starts pretend providers that keep their books in a file."""


class Session:
    """One run of a command. `config`: where config.yaml is; `debug`: tracebacks are shown."""

    def __init__(
        self,
        kinds: Callable[[], Mapping[str, type[BaseModel]]],
        build: Build,
        clock: Clock | None = None,
        sandbox: Sandboxes | None = None,
        webhooks: Callable[[], Webhooks] | None = None,
        hook: MakeHook | None = None,
    ) -> None:
        self._kinds, self.build = kinds, build
        self.clock: Clock = clock or SystemClock()
        self._sandbox, self._webhooks, self._hook = sandbox, webhooks, hook
        self.config = Path("config.yaml")
        self.debug = False

    @property
    def now(self) -> int:
        """UTC seconds."""
        return self.clock.now()

    @cached_property
    def settings(self) -> Settings:
        """Raises Refused where there is no config.yaml, SourceErrors where it is wrong."""
        import os

        from automation.settings import load

        self._require_config()
        return load(self.config, os.environ, self._kinds())

    @contextmanager
    def store_alone(self) -> Iterator[Store]:
        """The database, for what must work whatever else is wrong with config.yaml or missing in the environment."""
        import os

        from automation.settings import load_store
        from automation.store import schema

        self._require_config()
        store = schema.opened(load_store(self.config, os.environ).url.get_secret_value())
        try:
            yield store
        finally:
            store.close()

    @cached_property
    def app(self) -> App:
        from automation.app import App

        return App(self.settings, self.build, self.clock, self._webhooks, self._hook)

    @cached_property
    def vault(self) -> Vault:
        """The keys at work. Refused where the key file is missing or is another shop's."""
        from automation.people import sealing

        if not sealing.fits(self.app.store, self.app.vault):
            raise errors.Refused(
                "the key does not open the contacts of this database: restore the key file it began with"
            )
        return self.app.vault

    @cached_property
    def people(self) -> Registry:
        """The registry of people. Refused as the vault is."""
        from automation.people import registry

        self.require("catalog")
        return registry.opened(self.app.store, self.vault, self.app.project.catalog, self.settings.shop.timezone)

    def elsewhere(self, config: Path, clock: Clock) -> Session:
        """A session on another shop, with a clock of its own. Who opens it closes it."""
        other = Session(self._kinds, self.build, clock, self._sandbox)
        other.config, other.debug = config, self.debug
        return other

    def sandbox(self, ledger: Path) -> AbstractContextManager[Providers]:
        """Running pretend providers; `ledger` is the file of their books."""
        if self._sandbox is None:
            raise errors.Refused("this installation brings no sandbox")
        return self._sandbox(ledger)

    def _require_config(self) -> None:
        if not self.config.exists():
            raise errors.Refused(
                f"there is no {self.config}: name one with --config PATH, or make a new shop with `run.py init DIR`"
            )

    def require(self, *files: str) -> None:
        """Raises SourceErrors where one of these files of the shop (catalog, segments, ...) is wrong."""
        wanted = {f"{name}.yaml" for name in files}
        wrong = [one for one in self.app.project.problems if one.path.rsplit("/", 1)[-1] in wanted]
        if wrong:
            raise errors.SourceErrors(wrong)

    def close(self) -> None:
        """Closes what was opened. Where no engine runs, what was written is copied into the database file."""
        app = self.__dict__.pop("app", None)
        if app is None:
            return
        if "store" in app.__dict__ and app.store.path is not None and app.store.wal_pages:
            from automation.runtime import leader

            try:
                with leader.leading(app.store):
                    app.store.checkpoint("TRUNCATE")
            except errors.Busy:
                pass  # the engine copies
        app.close()
