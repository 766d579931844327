"""`run.episode`: the word for the occasion that a run is of, and behind a mark what tells it from others of the same.

A person has one run of a word, but several may be of one occasion: by an edit they begin anew, and merges bring
together what two people had. A new tail takes the place of the old one, so that words stay short.
"""

from __future__ import annotations

from .dialect import Dialect

MARK = " # "
MERGED = "merged"  # why a run ended whose person has another of the same stay
RESTARTED = "restarted"  # why a run ended that a new one took the place of
NO_STAY = f"('{MERGED}', '{RESTARTED}')"  # reasons of runs that are no stay of their own
ANEW = f"{MARK}restart of "


def occasion(dialect: Dialect, word: str) -> str:
    """SQL of the word without its tail."""
    end = dialect.position(f"({word} || '{MARK}')", f"'{MARK}'")
    return f"substr({word}, 1, {end} - 1)"


def merged(word: str, merge_id: int, run: int) -> str:
    """The word for a run whose person has another of the same word since this merge."""
    return f"{word.split(MARK)[0]}{MARK}{MERGED} {merge_id}.{run}"


def anew(run: str) -> str:
    """SQL of the tail for what takes the place of this run, as long as it stands in the version it is asked out of."""
    return f"'{ANEW}' || CAST({run}.id AS TEXT) || '.' || CAST({run}.version_id AS TEXT)"


def is_anew(word: str) -> str:
    """SQL: whether somebody begins anew by this word."""
    return f"{word} LIKE '%{ANEW}%'"


def takes_place_of(word: str, run: str) -> str:
    """SQL: whether this run is the one to begin anew by the word."""
    return f"{word} LIKE '%' || {anew(run)}"
