"""The catalog: what a shop declares, what every shop has, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.conditions import parse
from automation.conditions.tree import FieldType
from automation.festivals import durations
from automation.journey import built_in, catalog, file_codes
from automation.journey.catalog import Catalog, Home, Property
from automation.kernel import source
from automation.kernel.document import Document
from automation.kernel.errors import SourceErrors

SHOP = Path(__file__).parents[2] / "journeys" / "catalog.yaml"


def load(text: str) -> Catalog:
    return catalog.load(source.parse(text, "catalog.yaml"))


def refused(text: str) -> str:
    """The only problem of a catalog."""
    with pytest.raises(SourceErrors) as caught:
        load(text)
    assert len(caught.value.problems) == 1, str(caught.value)
    return str(caught.value)


def test_an_empty_file_has_the_built_in_fields_and_events() -> None:
    found = load("")
    assert found.fields == built_in.FIELDS
    assert found.events == built_in.EVENTS
    assert not found.computed


def test_fields_know_their_type_and_where_they_are_stored() -> None:
    found = load(
        "fields:\n"
        "  tier: {type: choice, order: [basic, gold], title: 等级}\n"
        "  gender: {type: choice, choices: [f, m]}\n"
        "  city: text\n"
        "  birthday: {type: date}\n"
        "  id_card: {type: text, sealed: true}\n"
    ).fields
    assert (found["tier"].order, found["tier"].choices) == (("basic", "gold"), ("basic", "gold"))
    assert (found["gender"].order, found["gender"].choices) == ((), ("f", "m"))
    assert (found["city"].title, found["city"].home) == ("city", Home.ATTRS)
    assert found["birthday"].home is Home.DATE
    assert found["name"].home is Home.COLUMN
    assert found["phone"].home is Home.IDENTITY
    assert found["id_card"].info().hidden
    assert found["phone"].info().hidden
    assert not found["city"].info().hidden
    assert not found["city"].indexed


def test_attributes_that_are_asked_for_often_can_have_an_index() -> None:
    found = load("fields: {city: {type: text, indexed: true}, language: {type: text, indexed: true}}").fields
    assert [name for name, known in found.items() if known.indexed] == ["language", "city"]


def test_events_know_their_properties_with_items_and_units() -> None:
    found = load(
        "events:\n"
        "  order.paid:\n"
        "    key: order_id\n"
        "    properties:\n"
        "      order_id: text\n"
        "      amount: {type: money, unit: fen, example: 29900}\n"
        "      tip: money\n"
        "      items: {type: list, of: {name: text, price: money}}\n"
    )
    event = found.events["order.paid"]
    assert event.key == "order_id"
    assert event.properties["amount"] == Property("amount", FieldType.MONEY, "fen", 29900)
    assert event.properties["tip"].unit == "yuan"
    assert event.properties["items"].of == {
        "name": Property("name", FieldType.TEXT),
        "price": Property("price", FieldType.MONEY, "yuan"),
    }
    assert set(catalog.entry_of(event)) == {"at", "order_id", "amount", "tip", "items"}
    assert found.vocabulary.events["order.paid"].properties["amount"].kind is FieldType.MONEY


def test_computed_values_have_the_type_of_what_they_take() -> None:
    found = load(
        "events:\n"
        "  order.paid: {properties: {amount: money, level: {type: choice, order: [a, b]}, category: text}}\n"
        "computed:\n"
        "  last_at: {latest: order.paid, take: at}\n"
        "  last_level: {latest: order.paid, take: level}\n"
        "  spent: {sum: amount, of: order.paid, within: 365d}\n"
        "  orders: {count: order.paid}\n"
        "  favourite: {most_frequent: category, of: order.paid}\n"
        "  newest: {latest: order.paid, cleared_by: [wechat.unfollowed]}\n"
    ).computed
    assert {name: value.kind for name, value in found.items()} == {
        "last_at": FieldType.TIME,
        "last_level": FieldType.CHOICE,
        "spent": FieldType.MONEY,
        "orders": FieldType.NUMBER,
        "favourite": FieldType.TEXT,
        "newest": FieldType.RECORD,
    }
    assert found["last_level"].order == ("a", "b")
    assert (found["spent"].how, found["spent"].of, found["spent"].take) == ("sum", "order.paid", "amount")
    assert found["spent"].within == durations.parse("365d")
    assert (found["newest"].take, found["newest"].cleared_by) == (None, ("wechat.unfollowed",))


def test_a_built_in_event_can_get_properties_and_a_built_in_choice_its_values() -> None:
    found = load(
        "fields: {stage: {type: choice, choices: [潜客, 会员]}}\n"
        "events: {coupon.redeemed: {title: 核销, properties: {shop: text}}}\n"
    )
    assert found.fields["stage"].choices == ("潜客", "会员")
    assert found.fields["stage"].home is Home.COLUMN
    event = found.events["coupon.redeemed"]
    assert (event.title, event.key, set(event.properties)) == ("核销", "code", {"code", "shop"})


@pytest.mark.parametrize(
    ("text", "place", "code", "hint"),
    [
        ("fields: {tag: text}", "1:10", "K002", "another name"),
        ("fields: {today: text}", "1:10", "K002", "another name"),
        ("fields: {customer: text}", "1:10", "K002", "another name"),
        ("fields: {a-b: text}", "1:10", "K001", "letters"),
        ("fields: {phone: text}", "1:10", "K003", "delete it"),
        ("fields: {recency: number}", "1:10", "K003", "another name"),
        ("events: {a: {}}\ncomputed: {frequency: {count: a}}", "2:12", "K003", "another name"),
        ("fields: {stage: date}", "1:17", "K005", "choice"),
        ("fields: {tier: {type: choise, order: [a]}}", "1:23", "K004", "did you mean 'choice'?"),
        ("fields: {tier: string}", "1:16", "K004", "did you mean 'text'?"),
        ("fields: {tier: record}", "1:16", "K004", "known are"),
        ("fields: {tier: {typ: text}}", "1:17", "S001", "did you mean 'type'?"),
        ("fields: {tier: {title: 等级}}", "1:16", "S002", "add type"),
        ("fields: {tier: choice}", "1:16", "K006", "order"),
        ("fields: {tier: {type: choice, order: a}}", "1:38", "S011", "[basic, gold]"),
        ("fields: {tier: {type: choice, order: [a, a]}}", "1:38", "K006", ""),
        ("fields: {city: {type: text, order: [a]}}", "1:29", "K005", "type: choice"),
        ("fields: {age: {type: number, example: alt}}", "1:39", "K008", ""),
        ("fields: {day: {type: date, sealed: true}}", "1:28", "K005", "delete"),
        ("fields: {day: {type: date, indexed: true}}", "1:28", "K005", "delete"),
        ("fields: {likes: {type: list, indexed: true}}", "1:30", "K005", "delete"),
        ("fields: {id_card: {type: text, sealed: true, indexed: true}}", "1:46", "K005", "delete"),
        ("fields: {stage: {type: choice, choices: [a], indexed: true}}", "1:46", "K005", "delete"),
        ("fields: {city: {type: text, indexed: often}}", "1:38", "S015", ""),
        ("event: {}", "1:1", "S001", "did you mean 'events'?"),
        ("events: {order paid: {}}", "1:10", "K001", "order.paid"),
        ("events: {a: {properties: {at: time}}}", "1:27", "K002", "another name"),
        ("events: {a: {properties: {x: {type: text, unit: fen}}}}", "1:43", "K005", "money"),
        ("events: {a: {properties: {x: {type: money, unit: cent}}}}", "1:50", "S017", "fen"),
        ("events: {a: {properties: {x: {type: text, of: {y: text}}}}}", "1:43", "K005", "list"),
        ("events: {a: {key: idd, properties: {id: text}}}", "1:19", "K007", "did you mean 'id'?"),
        ("events: {a: {key: id}}", "1:19", "K007", "properties"),
        ("events: {a: {properties: {x: {type: money, unit: fen, example: 1.5元}}}}", "1:64", "K008", ""),
        ("events: {coupon.redeemed: {properties: {code: number}}}", "1:10", "K003", "besides"),
        ("computed: {x: {latest: wechat.folowed}}", "1:24", "K009", "did you mean 'wechat.followed'?"),
        ("computed: {x: {latest: wechat.followed, take: sene}}", "1:47", "K010", "did you mean 'scene'?"),
        ("computed: {x: {sum: scene, of: wechat.followed}}", "1:21", "K011", ""),
        ("computed: {x: {sum: scene}}", "1:15", "S002", "of:"),
        ("computed: {x: {count: wechat.followed, take: at}}", "1:40", "K005", "delete"),
        ("computed: {x: {count: wechat.followed, sum: y}}", "1:15", "K012", ""),
        ("computed: {x: {latest: wechat.followed, cleared_by: y}}", "1:53", "K009", ""),
        ("computed: {phone: {count: wechat.followed}}", "1:12", "K003", "another name"),
    ],
)
def test_a_slip_is_reported_where_it_stands_with_what_to_do(text: str, place: str, code: str, hint: str) -> None:
    problem = refused(text)
    assert problem.startswith(f"catalog.yaml:{place} {code} "), problem
    assert hint in problem


def test_no_word_of_conditions_can_be_a_field() -> None:
    for word in parse.WORDS - {"stage"}:  # stage is both: built in
        assert "K002" in refused(f"fields: {{{word}: text}}")


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(SourceErrors) as caught:
        load("fields: {tag: text, tier: string}\nevents: {a: {key: b}}\ncomputed: {x: {count: c}}")
    assert [problem.code for problem in caught.value.problems] == ["K002", "K004", "K007", "K009"]


def test_the_sample_shop_is_right() -> None:
    found = catalog.load(source.read(SHOP))
    assert {"tier", "gender", "city", "language", "birthday", "member_since", "first_source"} <= set(found.fields)
    assert {"last_order_at", "orders_365d", "spent_365d", "favourite_category", "last_visit_at", "cart"} == set(
        found.computed
    )
    assert found.events["order.paid"].properties["amount"].unit == "fen"


def test_every_code_of_these_files_is_in_the_table_and_used() -> None:
    import re

    folder = Path(catalog.__file__).parent
    files = ("catalog", "catalog_types", "computed", "names", "segments", "coupons", "festivals_file", "policy_file",
             "workdays_file", "cut_check")  # fmt: skip
    used = {code for name in files for code in re.findall(r'"([KW]\d{3})"', (folder / f"{name}.py").read_text("utf-8"))}
    assert used == set(file_codes.CODES)


KEYS = st.sampled_from(
    ["fields", "events", "computed", "type", "order", "choices", "latest", "sum", "of", "take", "key", "properties"]
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["text", "list", "at"])
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(KEYS, st.text(max_size=4)), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(data=ANYTHING)
def test_whatever_stands_in_the_file_only_problems_are_raised(data: Any) -> None:
    try:
        assert isinstance(catalog.load(Document("catalog.yaml", data)), Catalog)
    except SourceErrors as errors:
        assert errors.problems
