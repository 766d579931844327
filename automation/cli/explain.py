"""`explain`: a journey's file read back as Chinese sentences, before a customer notices what is wrong in it."""

from __future__ import annotations

from dataclasses import asdict

import click

from automation.journey import project as shop_files
from automation.journey.project import Project
from automation.journey.telling import explaining
from automation.kernel import errors
from automation.kernel.document import nearest

from . import options, show
from .session import Session


@click.command(epilog=options.example("run.py explain birthday_care", "run.py explain birthday_care --json"))
@click.argument("journey")
@options.as_json
@click.pass_obj
def explain(session: Session, journey: str, as_json: bool) -> None:
    """Read a journey's file back as Chinese sentences: who enters, what happens, who leaves.

    It says what the engine understood, so that a wrong condition, date or limit is noticed before a customer does.
    A journey with problems is not read back: they are told as `check` does, with exit code 1.
    """
    project = shop_files.load(session.settings)
    _refuse(project, journey)
    lines = explaining.tell(journey, project, session.settings)
    if as_json:
        show.document({"journey": journey, "lines": [asdict(line) for line in lines]})
        return
    for line in lines:
        click.echo(f"{'  ' * line.level}{line.text}")


def _refuse(project: Project, journey: str) -> None:
    """Refused where there is no such journey, SourceErrors where its file, or one it may depend on, has problems."""
    known = project.shop.journeys
    if journey not in known:
        near = nearest(journey, known)
        meant = f"did you mean {near}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
        raise errors.Refused(f"no journey is called {journey}: {meant}")
    own = [one for one in project.problems if one.path.endswith(f"/{journey}.yaml")]
    shared = [
        one for one in project.problems if one.path.rsplit("/", 1)[-1].removesuffix(".yaml") in shop_files.RESERVED
    ]
    if own or shared or journey not in project.journeys:
        raise errors.SourceErrors(own or shared or project.problems)
