"""Tokens: short, and of no use to whoever did not get them from us."""

from __future__ import annotations

import random
import time

import pytest

from automation.store.database import Store
from automation.tracking.tokens import KINDS, MARK, MOST, Tokens, Use

KEY = b"k" * 32
LARGEST = 2**40


@pytest.fixture
def tokens(store: Store) -> Tokens:
    return Tokens(store, KEY)


def test_numbers_come_back(tokens: Tokens) -> None:
    for numbers in ((0,), (1,), (127,), (128,), (0, 0), (300, 2**31), (LARGEST, 7, 3)):
        assert tokens.read(Use.CLICK, tokens.make(Use.CLICK, *numbers), len(numbers)) == numbers


def test_a_token_fits_a_short_message(tokens: Tokens) -> None:
    assert len(tokens.make(Use.CLICK, 5_000_000, 40)) <= 23
    assert max(len(tokens.make(Use.LEAVE, LARGEST, LARGEST, len(KINDS) - 1)) for _ in range(1)) <= MOST


def test_another_process_reads_it(store: Store) -> None:
    assert Tokens(store, KEY).read(Use.OPEN, Tokens(store, KEY).make(Use.OPEN, 7), 1) == (7,)


def test_a_token_for_one_use_is_none_for_another(tokens: Tokens) -> None:
    token = tokens.make(Use.CLICK, 7, 1, 2)
    assert {use: found for use in Use if (found := tokens.read(use, token, 3))} == {Use.CLICK: (7, 1, 2)}
    assert tokens.read(Use.CLICK, token, 2) is None


def test_another_key_and_another_database_make_other_tokens(store: Store) -> None:
    ours = Tokens(store, KEY)
    token = ours.make(Use.OPEN, 7)
    assert Tokens(store, b"x" * 32).read(Use.OPEN, token, 1) is None
    with store.write() as tx:  # a database made anew, with the key that was kept
        tx.run("DELETE FROM control WHERE name = :name", name=MARK)
    assert Tokens(store, KEY).read(Use.OPEN, token, 1) is None


def test_every_changed_character_is_seen(tokens: Tokens) -> None:
    token = tokens.make(Use.OPEN, 1)  # 13 bytes: the last character has bits that carry nothing
    for at in range(len(token) - 1):
        for char in "Aa0_-~é":
            changed = token[:at] + char + token[at + 1 :]
            assert changed == token or tokens.read(Use.OPEN, changed, 1) is None
    for odd in ("", token[:-1], token + "A", token * 2, token + "=", f" {token}", token + "\n", "🀄" * 20):
        assert tokens.read(Use.OPEN, odd, 1) is None


def test_ten_thousand_forged_tokens_open_nothing_and_cost_next_to_nothing(tokens: Tokens) -> None:
    chance, letters = random.Random(7), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    forged = ["".join(chance.choices(letters, k=chance.randrange(18, 41))) for _ in range(5_000)]
    real = tokens.make(Use.CLICK, 12, 3)
    forged += [real[:6] + "".join(chance.choices(letters, k=len(real) - 6)) for _ in range(5_000)]
    began = time.process_time()
    assert all(tokens.read(use, token, 2) is None for token in forged for use in (Use.CLICK,))
    assert time.process_time() - began < 1
