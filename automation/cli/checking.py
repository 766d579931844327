"""`check`: everything that can be known about the shop's files without running them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from automation.journey import over, project
from automation.journey.rules import RULES
from automation.kernel import errors
from automation.kernel.errors import Problem
from automation.simulate.cases import reading as cases

from . import config_check, options, show, wechat_menu
from .session import Session


@click.command(epilog=options.example("run.py check", "run.py check --rules", "run.py check --json"))
@options.as_json
@click.option("--strict", is_flag=True, help="Warnings count as problems.")
@click.option("--rules", "list_rules", is_flag=True, help="List the rules of platforms and the law instead.")
@click.pass_obj
def check(session: Session, as_json: bool, strict: bool, list_rules: bool) -> None:
    """Check every file: structure, names, references, and the rules of platforms and the law.

    Each problem is told with file, line and column, a code and what to do. Exit code 1 where there is one.
    """
    if list_rules:
        _show_rules(session, as_json)
        return
    found, problems, warnings = _load(session)
    if as_json:
        counts = _counts(found) if found else {}
        show.document({"problems": _plain(problems), "warnings": _plain(warnings), "checked": counts})
    else:
        for one in problems:
            click.echo(str(one))
        for one in warnings:
            click.echo(f"{one} [warning]")
        click.echo(_summary(found, len(problems), len(warnings)))
    if problems or (strict and warnings):
        raise click.exceptions.Exit(errors.SourceErrors.exit_code)


def _show_rules(session: Session, as_json: bool) -> None:
    found = _load(session)[0]
    aside = found.policy.overrides if found is not None else {}
    if as_json:
        show.document({"rules": [{**asdict(rule), "set_aside": aside.get(rule.id)} for rule in RULES.values()]})
        return
    for rule in RULES.values():
        warns = ", only told" if rule.warns else ""
        click.echo(f"{rule.id}: {rule.what} [{', '.join(rule.when)}{warns}; {rule.grade}]")
        if rule.id in aside:
            click.echo(f"    set aside: {aside[rule.id]}")


def _load(session: Session) -> tuple[project.Project | None, tuple[Problem, ...], tuple[Problem, ...]]:
    """The project, None where config.yaml already is wrong; problems and warnings."""
    try:
        found = project.load(session.settings)
    except errors.SourceErrors as wrong:
        return None, wrong.problems, ()
    problems = list(found.problems)
    try:
        _ = session.app.calendar
    except errors.SourceErrors as wrong:
        problems[:0] = wrong.problems  # the calendar is a cause of others, too
    catalog = session.settings.folders.journeys / "catalog.yaml"
    if catalog.exists() and not any(one.path.endswith("/catalog.yaml") for one in problems):
        problems[:0] = config_check.check(session.config, session.settings, found.catalog)
    folder = session.config.parent
    try:
        _ = (folder / wechat_menu.FILE).exists() and wechat_menu.read(folder)
    except errors.SourceErrors as wrong:
        problems += wrong.problems
    if not problems:  # what a test names is there only where everything else is right
        problems += cases.problems(found, session.settings)
    days = over.warnings(found.journeys, session.settings.folders.journeys, session.now, session.settings.shop.zone)
    return found, tuple(problems), (*found.warnings, *days)


def _counts(found: project.Project) -> dict[str, int]:
    return {
        "journeys": len(found.journeys),
        "texts": len(found.texts.texts),
        "segments": len(found.segments),
        "coupons": len(found.coupons),
        "events": len(found.catalog.events),
        "fields": len(found.catalog.fields),
    }


def _summary(found: project.Project | None, problems: int, warnings: int) -> str:
    counted = "config.yaml must be mended before the other files are read"
    if found is not None:
        counted = ", ".join(
            f"{count} {noun.removesuffix('s') if count == 1 else noun}" for noun, count in _counts(found).items()
        )
    noted = f", {show.counted(warnings, 'warning')}" if warnings else ""
    return f"{show.counted(problems, 'problem')}{noted} ({counted})"


def _plain(problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
    return [asdict(one) for one in problems]
