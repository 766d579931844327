from __future__ import annotations

from automation.audience.parameters import Parameters


def test_each_value_gets_a_name_of_its_own() -> None:
    parameters = Parameters()
    assert [parameters.add(5), parameters.add(5), parameters.add(lambda now: now)] == [":p1", ":p2", ":p3"]
    assert parameters.values(100) == {"now": 100, "p1": 5, "p2": 5, "p3": 100}


def test_a_deferred_value_is_worked_out_at_each_execution() -> None:
    parameters = Parameters("x")
    name = parameters.add(lambda now: now - 60)
    assert name == ":x1"
    assert [parameters.values(now)["x1"] for now in (100, 200)] == [40, 140]


def test_true_and_false_are_numbers_as_in_the_store() -> None:
    parameters = Parameters()
    parameters.add(True)
    value = parameters.values(0)["p1"]
    assert value == 1
    assert type(value) is int
