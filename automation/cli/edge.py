"""The edge between a command and the shell: errors become one readable line and an exit code, never a traceback.

The only broad `except` of the command line is here. What nobody foresaw is written to var/log/errors.log as its type
and the places in the code, without the message, which might hold personal data; `--debug` shows all of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automation.kernel import errors

if TYPE_CHECKING:
    from .session import Session

INTERRUPTED = 130  # as shells report a Ctrl-C
NOBODY = "this asks before it acts, and nobody answered; `--yes` answers for you"
DATABASES = ("peewee", "apsw", "psycopg")


def run(session: Session, arguments: Sequence[str] | None = None) -> int:
    """One command, from words to exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # Chinese on a terminal that claims ASCII must not end in an error
            stream.reconfigure(encoding="utf-8", errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _invoke(session, words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # the edge
        return _told_as_json(error, _explain(session, error)) if "--json" in words else _explain(session, error)


def _invoke(session: Session, arguments: list[str]) -> int:
    from .root import root

    try:
        with root.make_context("run.py", arguments, obj=session) as context:
            root.invoke(context)
            return 0
    finally:
        session.close()


def _explain(session: Session, error: Exception) -> int:
    if session.debug and not isinstance(error, click.exceptions.Exit | click.ClickException):
        traceback.print_exc()
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        return _no_answer(error)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, errors.SourceErrors):
        from . import show

        _say("\n".join(str(problem) for problem in error.problems))
        _say(f"{show.counted(len(error.problems), 'problem')} in your files")
        return error.exit_code
    if isinstance(error, errors.LuchengError):
        _say(f"Error: {error}")
        return error.exit_code
    if type(error).__module__.split(".")[0] in DATABASES:
        away = _away(error)
        if away is not None:
            _say(f"Error: {away}")
            return away.exit_code
    return _unforeseen(session, error)


def _told_as_json(error: Exception, code: int) -> int:
    """The same as one document on stdout; a command that only ends with a code has written its own already."""
    from . import show

    if isinstance(error, click.exceptions.Exit):
        return code
    told: dict[str, Any] = {"code": code, "kind": type(error).__name__, "message": _message(error), "hint": ""}
    if isinstance(error, errors.SourceErrors):
        told["message"] = f"{show.counted(len(error.problems), 'problem')} in your files"
        told["hint"] = "run.py check"
        told["problems"] = [asdict(one) for one in error.problems]
    elif isinstance(error, click.UsageError) and error.ctx is not None:
        told["hint"] = f"{error.ctx.command_path} --help"
    with contextlib.suppress(BrokenPipeError):
        show.document({"error": told})
    return code


def _message(error: Exception) -> str:
    """For people and programs; what nobody foresaw keeps its words to itself: they might hold personal data."""
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, errors.LuchengError):
        return str(error)
    if isinstance(error, click.Abort):
        return NOBODY
    if type(error).__module__.split(".")[0] in DATABASES and (away := _away(error)) is not None:
        return str(away)
    return f"something unforeseen happened ({type(error).__name__})"


def _no_answer(error: click.Abort) -> int:
    if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
        return INTERRUPTED
    _say(f"Error: {NOBODY}")
    return errors.UsageError.exit_code


def _away(error: Exception) -> errors.ServiceAway | None:
    """What a database error means where it speaks of the machine, None where it speaks of a statement."""
    from automation.store.faults import is_away

    if not is_away(error):
        return None
    text = str(error).lower()
    if "full" in text:
        return errors.ServiceAway("the disk is full: free some space and run the command again; nothing was half done")
    if "readonly" in text:
        return errors.ServiceAway("the database cannot be written: check the owner and mode of its file and folder")
    if "lock" in text or "busy" in text:
        return errors.ServiceAway("the database is locked by another program: close it and run the command again")
    return errors.ServiceAway(f"the database does not answer ({type(error).__name__}); `run.py doctor` looks closer")


def _unforeseen(session: Session, error: Exception) -> int:
    name = type(error).__name__
    try:
        place = _write_down(session, error)
    except OSError:
        place = None
    where = f"; details are in {place}" if place else ""
    _say(f"Error: something unforeseen happened ({name}). Please report it{where}; --debug shows more")
    return errors.LuchengError.exit_code


def _write_down(session: Session, error: BaseException) -> Path:
    from . import logs

    folder = session.config.resolve().parent / "var" / "log"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "errors.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(f"--- {session.clock.now()}\n{logs.places(error)}\n")
    return path


def _reader_left() -> int:
    """`run.py ... | head`: what follows goes nowhere, and Python must not complain about it at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        click.echo(text, err=True)
