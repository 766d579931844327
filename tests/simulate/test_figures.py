"""Lift and its interval against published numbers."""

from __future__ import annotations

import pytest

from automation.simulate.figures import Group, lift


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
        (Group(70, 56), Group(80, 48), 0.0524, 0.3339),
        (Group(10, 9), Group(10, 3), 0.1705, 0.8090),
        (Group(56, 5), Group(29, 0), -0.0381, 0.1926),
        (Group(10, 10), Group(10, 0), 0.6075, 1.0),
    ],
)
def test_the_interval_is_newcombes(treated: Group, control: Group, low: float, high: float) -> None:
    found = lift(treated, control)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.sure == (low > 0)


def test_without_a_control_group_there_is_no_lift() -> None:
    assert lift(Group(50, 5), Group()) is None
