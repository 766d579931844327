"""`test`: the shop's own tests of its journeys, one customer each, a database of its own, a clock that jumps."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
from pydantic import SecretStr

from automation.app import App
from automation.inbound.inbox import Inbox
from automation.journey import graph
from automation.journey.project import Project
from automation.kernel import errors
from automation.kernel.clock import FixedClock
from automation.kernel.document import nearest
from automation.kernel.errors import Problem
from automation.people import registry
from automation.simulate.cases import judging, playing, reading, seeds
from automation.simulate.cases.case import Case
from automation.simulate.cases.pretend import Pretend
from automation.simulate.world import World

from . import options, show
from .session import Session

KEY: Final = SecretStr(
    ",".join(f"{n}:{base64.b64encode(bytes([n]) * 32).decode()}" for n in (0, 1))
)  # of a database that holds a made-up customer for a second


@dataclass(frozen=True, slots=True)
class Tested:
    """`title` and `journey` None: the file does not say, or cannot be read. `told`: what happened, a line each."""

    path: str
    title: str | None
    journey: str | None
    problems: Sequence[Problem]
    told: Sequence[str] = ()


@click.command(epilog=options.example("run.py test", "run.py test birthday_care -v", "run.py test --json"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-v", "--verbose", is_flag=True, help="Tell what happened in tests that pass, too.")
@options.as_json
@click.pass_obj
def test(session: Session, names: tuple[str, ...], verbose: bool, as_json: bool) -> None:
    """Test journeys: a made-up customer walks through, and what had to come is compared with what came.

    NAME: a test, or a journey for all of its tests; without one all in the folder of tests. Nothing leaves this
    machine, and the shop's database is not opened. Exit code 1 where a test fails.
    """
    found: list[Tested] = []
    for path in _paths(session):
        one = _tested(session, path, names)
        if one is None:
            continue
        found.append(one)
        if not as_json:  # each as it ends: many tests take a while
            _tell(one, verbose)
    if names and not found:
        known = {path.stem for path in _paths(session)}
        near = nearest(names[0], known)
        meant = f"did you mean {near}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
        raise errors.Refused(f"no test or tested journey is called {names[0]}: {meant}")
    failed = sum(bool(one.problems) for one in found)
    if as_json:
        show.document([_plain(one) for one in found])
    else:
        click.echo(_summary(session, len(found), failed))
    if failed:
        raise click.exceptions.Exit(errors.SourceErrors.exit_code)


def _paths(session: Session) -> list[Path]:
    return reading.files(session.settings.folders.tests)


def _tested(session: Session, path: Path, names: Sequence[str]) -> Tested | None:
    """One file; None where others were asked for."""
    try:
        case = reading.read(path, session.app.project, session.settings)
    except errors.SourceErrors as wrong:
        title, journey = reading.called(path)
        wanted = not names or path.stem in names or journey in names
        return Tested(wrong.problems[0].path, title, journey, wrong.problems) if wanted else None
    if names and path.stem not in names and case.journey not in names:
        return None
    try:
        return _played(session, case)
    except errors.SourceErrors as wrong:
        return Tested(case.document.path, case.title, case.journey, wrong.problems)


def _played(session: Session, case: Case) -> Tested:
    project = session.app.project
    seed = seeds.find(case, project.journeys[case.journey], session.settings)
    if isinstance(seed, Problem):
        return Tested(case.document.path, case.title, case.journey, [seed])
    with _world(session, case, project) as world:
        played = playing.play(world, case, seed)
    wrong = judging.judge(case, played)
    return Tested(case.document.path, case.title, case.journey, wrong, judging.timeline(case, played))


@contextmanager
def _world(session: Session, case: Case, project: Project) -> Iterator[World]:
    """The shop with a database that is thrown away, channels that only pretend, and no journeys but the tested one and
    those it starts, all live."""
    with tempfile.TemporaryDirectory(prefix="lucheng-test-") as folder:
        settings = session.settings.model_copy(
            update={
                "store": session.settings.store.model_copy(update={"url": SecretStr(f"sqlite:{folder}/test.db")}),
                "key": session.settings.key.model_copy(update={"value": KEY}),
            }
        )
        fixed = FixedClock(case.at)
        app = App(settings, session.build, fixed)
        live = reading.reached(project, case.journey)
        app.project = replace(
            project, journeys={name: replace(one, status=graph.Status.LIVE) for name, one in live.items()}
        )
        app.channels = {name: Pretend(real) for name, real in session.app.channels.items()}
        app.renderer = session.app.renderer
        try:
            app.store.rows("PRAGMA synchronous = OFF")
            people = registry.opened(app.store, app.vault, app.project.catalog, settings.shop.timezone)
            inbox = Inbox(app.parts, app.vault, app.channels)
            yield World(app.parts, people, app.delivery, inbox, fixed)
        finally:
            app.delivery.close()
            app.store.close()


def _tell(one: Tested, verbose: bool) -> None:
    title = f"{one.title}  " if one.title else ""
    click.echo(f"{'FAILED' if one.problems else 'ok':7} {title}{one.path}")
    for problem in one.problems:
        click.echo(f"        {problem}")
    if one.told and (one.problems or verbose):
        click.echo("        what happened:" if one.problems else "", nl=bool(one.problems))
        for line in one.told:
            click.echo(f"          {line}")


def _summary(session: Session, count: int, failed: int) -> str:
    if not count:
        folder = session.settings.folders.tests
        return f"there are no tests: write one in {folder}, see docs/journeys.md"
    return f"{show.counted(count, 'test')}, {f'{failed} failed' if failed else 'all passed'}"


def _plain(one: Tested) -> dict[str, Any]:
    return {
        "file": one.path,
        "test": one.title,
        "journey": one.journey,
        "passed": not one.problems,
        "problems": [asdict(problem) for problem in one.problems],
        "happened": list(one.told),
    }
