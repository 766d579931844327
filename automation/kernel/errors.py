"""Every error a person can meet, in one tree.

    LuchengError                 exit code 1 unless a branch says otherwise
    ├── SourceErrors             the files of a shop are wrong: a list of Problem, printed together
    ├── Refused                  a request that cannot be carried out as asked: says what to do instead
    ├── UsageError               exit code 2: wrong words on the command line
    ├── ServiceAway              exit code 3: a database, provider or file system does not answer
    └── Busy                     exit code 4: another process holds what is needed

An error never carries the text of a message, a phone number, an openid or a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class LuchengError(Exception):
    """Root of all errors that are shown to a person without a traceback."""

    exit_code = 1


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file: where it stands (line and column from 1), a stable code, what is wrong, what to do."""

    path: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}:{self.column} {self.code} {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class SourceErrors(LuchengError):
    """All problems of one or more files, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Refused(LuchengError):
    """The request is understood and not carried out; the text says why and what would work."""


class UsageError(LuchengError):
    """Wrong words on the command line."""

    exit_code = 2


class ServiceAway(LuchengError):
    """Something outside this process does not answer or cannot be reached."""

    exit_code = 3


class Busy(LuchengError):
    """Another process holds what is needed; try again later."""

    exit_code = 4
