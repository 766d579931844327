"""Both databases give the same answers where their words differ."""

from __future__ import annotations

import json

import pytest

from automation.store.database import Store

DOCUMENT = json.dumps(
    {
        "n": 10,
        "real": 2.5,
        "text": "10",
        "yes": True,
        "no": False,
        "null": None,
        "in": {"城 市": "上海", "it's": 1},
        "one": 1,
    }
)


@pytest.mark.parametrize(
    ("path", "text", "number"),
    [
        (["n"], "10", 10), (["real"], "2.5", 2.5), (["text"], "10", None), (["null"], None, None),
        (["gone"], None, None), (["in", "城 市"], "上海", None), (["in", "it's"], "1", 1), (["in", "gone"], None, None),
        (["n", "deeper"], None, None),
    ],
)  # fmt: skip
def test_members_of_documents_are_text_or_number_or_nothing(
    store: Store, path: list[str], text: str | None, number: float | None
) -> None:
    place = "CAST(:doc AS TEXT)"
    assert store.value(f"SELECT {store.dialect.json_text(place, path)}", doc=DOCUMENT) == text
    found = store.value(f"SELECT {store.dialect.json_number(place, path)}", doc=DOCUMENT)
    assert (None if found is None else float(found)) == number


@pytest.mark.parametrize(("key", "flag"), [("yes", 1), ("no", 0), ("one", 1), ("text", None), ("null", None)])
def test_true_and_false_are_one_and_nought(store: Store, key: str, flag: int | None) -> None:
    assert store.value(f"SELECT {store.dialect.json_flag('CAST(:doc AS TEXT)', [key])}", doc=DOCUMENT) == flag


@pytest.mark.parametrize(
    ("text", "part", "place"), [("上海市", "海", 2), ("Shanghai", "s", 0), ("100%", "%", 4), ("", "x", 0)]
)
def test_a_part_is_found_with_its_capitals(store: Store, text: str, part: str, place: int) -> None:
    sql = store.dialect.position("CAST(:text AS TEXT)", "CAST(:part AS TEXT)")
    assert store.value(f"SELECT {sql}", text=text, part=part) == place


def test_documents_are_made_and_changed(store: Store) -> None:
    made = store.dialect.json_object(a="CAST(:a AS TEXT)", n="CAST(:n AS BIGINT)")
    assert json.loads(store.value(f"SELECT {made}", a="甲", n=5)) == {"a": "甲", "n": 5}
    put = store.dialect.json_put("CAST(:doc AS TEXT)", "coupon", "CAST(:value AS TEXT)")
    changed = store.value(f"SELECT {put}", doc='{"entry": 1}', value='{"code": "D1"}')
    assert json.loads(changed) == {"entry": 1, "coupon": {"code": "D1"}}
    assert json.loads(store.value(f"SELECT {put}", doc=None, value="5")) == {"coupon": 5}


def test_a_bound_list_is_a_table(store: Store) -> None:
    rows = json.dumps([[1, "甲", None], [2, "乙", 5]])
    table = store.dialect.each("rows", {"id": "BIGINT", "word": "TEXT", "n": "BIGINT"})
    assert store.rows(f"SELECT id, word, n FROM {table} AS given ORDER BY id", rows=rows) == [
        (1, "甲", None),
        (2, "乙", 5),
    ]


def test_the_greatest_and_least_of_values(store: Store) -> None:
    dialect = store.dialect
    assert store.row(f"SELECT {dialect.greatest('1', '3', '2')}, {dialect.least('2', '1')}") == (3, 1)


@pytest.mark.parametrize("numbers", [[], [7], [3, 2**62, -1, 3]])
def test_integers_are_bound_as_an_array(store: Store, numbers: list[int]) -> None:
    with store.write() as tx:
        tx.temporary("numbered", "id BIGINT")
        tx.run(f"INSERT INTO numbered SELECT id FROM {tx.dialect.ids('many')} i", many=tx.dialect.array(numbers))
        assert sorted(tx.column("SELECT id FROM numbered")) == sorted(numbers)
