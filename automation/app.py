"""The bag of parts: settings, clock, store, keys, channels and journeys, each made when it is first needed.

The composition root hands over the settings, how channels are built and the clock; everything else follows from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from automation.audience import attributes
from automation.audience.compiler import Compiler, ShopCalendar
from automation.audience.computed import ComputedValues
from automation.engine import install, registry
from automation.engine.delivery.effects import Webhooks
from automation.engine.delivery.facade import Delivery
from automation.engine.parts import Parts
from automation.engine.zones import Zones
from automation.festivals import keys
from automation.festivals.workdays import Workdays
from automation.journey import project, workdays_file
from automation.kernel import errors
from automation.kernel.clock import Clock
from automation.kernel.hooks import Hook
from automation.kernel.ports import Cache, Channel
from automation.people import keyring
from automation.people.cache import SharedCache
from automation.people.sealing import Vault
from automation.rendering.child_renderer import ChildRenderer
from automation.settings import Settings
from automation.store import indexes, schema
from automation.store.database import Store
from automation.store.names import Names
from automation.tracking import making

Build = Callable[[str, Settings, Cache], Channel]
MakeHook = Callable[[str, Settings, Cache], Hook | None]
SAY_LUNAR = "automation.festivals.lunar:say_day"


class App:
    """One process's parts. Making it opens nothing; `store` opens the database and brings it to this schema."""

    def __init__(
        self,
        settings: Settings,
        build: Build,
        clock: Clock,
        webhooks: Callable[[], Webhooks] | None = None,
        hook: MakeHook | None = None,
    ) -> None:
        """`webhooks` makes what posts to web hooks; without it their work waits for a process that has one. `hook`
        makes a channel's way in, None where it has none."""
        self.settings, self.clock = settings, clock
        self._build, self._webhooks, self._hook = build, webhooks, hook

    @cached_property
    def store(self) -> Store:
        return schema.opened(self.settings.store.url.get_secret_value())

    @cached_property
    def names(self) -> Names:
        return Names(self.store)

    @cached_property
    def keyring(self) -> keyring.Keyring:
        value = self.settings.key.value
        return keyring.load(self.settings.key.file, value.get_secret_value() if value else None)

    @cached_property
    def project(self) -> project.Project:
        """The shop's files, read once; `reload` reads them again."""
        return project.load(self.settings)

    @cached_property
    def calendar(self) -> Workdays:
        return workdays_file.load(self.settings.calendar.workdays)

    @cached_property
    def compiler(self) -> Compiler:
        return self._compiler()

    @cached_property
    def shop_calendar(self) -> ShopCalendar:
        chosen = self.settings.calendar
        leap_day = keys.LeapDay.AFTER if chosen.leap_day == "mar1" else keys.LeapDay.BEFORE
        rules = keys.Rules(leap_day, chosen.leap_month == "leap", chosen.lunar_missing_day == "skip")
        return ShopCalendar(self.settings.shop.zone, self.calendar, rules)

    @cached_property
    def parts(self) -> Parts:
        """The engine's surroundings, with the versions that the store knows."""
        zones = Zones(self.settings.shop.timezone)
        zones.refresh(self.store)
        loaded = registry.load(self.store, self.names, self.project)
        return Parts(
            self.store, self.names, self.settings, self.project, self.compiler, self.computed, zones, self.calendar,
            loaded,
        )  # fmt: skip

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        return {name: self._build(name, self.settings, self.cache) for name in self.settings.channels}

    @cached_property
    def hooks(self) -> Mapping[str, Hook]:
        """The ways in, by the name of their channel."""
        if self._hook is None:
            return {}
        made = {name: self._hook(name, self.settings, self.cache) for name in self.settings.channels}
        return {name: hook for name, hook in made.items() if hook is not None}

    @cached_property
    def vault(self) -> Vault:
        return Vault(self.keyring)

    @cached_property
    def cache(self) -> Cache:
        """Opens the store and asks for the key only when something is kept in it or looked for."""
        return SharedCache(lambda: self.store, lambda: self.vault, self.clock)

    @cached_property
    def delivery(self) -> Delivery:
        webhooks = self._webhooks() if self._webhooks else None
        links = making.Maker(self.parts, self.vault) if self.settings.web.public_url else None
        return Delivery(
            self.parts, self.channels, self.keyring, self.renderer, self.clock, make_links=links, webhooks=webhooks
        )

    @cached_property
    def renderer(self) -> ChildRenderer:
        return ChildRenderer(self.project.texts, zone=self.settings.shop.timezone, lunar=SAY_LUNAR)

    def reload(self) -> list[str]:
        """Reads the shop's files again and takes what is good into use; returns the journeys that changed.

        What is broken stays as it was when last read. Refused where the files are not there at all.
        """
        self.require_files()
        fresh = project.load(self.settings, last=self.project)
        self.project = fresh
        self.compiler = self._compiler()
        self.computed = self._computed()
        self.parts.project, self.parts.compiler, self.parts.computed = fresh, self.compiler, self.computed
        self.renderer.use(fresh.texts)
        now = self.clock.now()
        if stale := self.computed.stale(self.store):
            self.computed.rebuild(self.store, now, only=stale)
        return install.install(self.parts, now)

    def require_files(self) -> None:
        """Refused where journeys run and their files are not there, or texts were there and their folder is not."""
        install.require_files(self.store, self.settings)
        folder = self.settings.folders.templates
        if self.project.texts.texts and not folder.is_dir():
            raise errors.Refused(f"{folder} is not there: nothing is taken into use until it is back")

    def index(self, tell: indexes.Tell = indexes.log.info) -> None:
        """Makes and drops indexes of attributes as the catalog says; while it cannot be read, they stay."""
        if self.to_index():
            attributes.bring(self.store, self.project.catalog, tell)

    def to_index(self) -> bool:
        """Whether `index` has something to do."""
        broken = any(problem.path.rsplit("/", 1)[-1] == "catalog.yaml" for problem in self.project.problems)
        return not broken and attributes.differ(self.store, self.project.catalog)

    @cached_property
    def computed(self) -> ComputedValues:
        return self._computed()

    def _computed(self) -> ComputedValues:
        return ComputedValues(self.names, self.project.catalog, self.shop_calendar)

    def _compiler(self) -> Compiler:
        return Compiler(self.store.dialect, self.names, self.project.catalog, self.shop_calendar)

    def close(self) -> None:
        for channel in self.__dict__.get("channels", {}).values():
            channel.close()
        if "renderer" in self.__dict__:
            self.renderer.close()
        if "store" in self.__dict__:
            self.store.close()
