"""A shop's folders as a whole: the shop that is shipped, and shops in which something is broken."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from automation.conditions.scope import FieldInfo
from automation.conditions.tree import FieldType
from automation.journey import graph, project
from automation.kernel.errors import SourceErrors
from automation.settings.model import Settings
from tests.journey import shelf

ROOT = Path(__file__).parents[2]
CHANNELS = {"wechat_main": "wechat", "sms_main": "sms", "mail_main": "email"}
BY_HAND = "{manual: true}"
STAFF = dict.fromkeys(("ops", "complaint_lead", "owner"))


def settings(folder: Path) -> Settings:
    """What loading reads of the settings."""
    folders = SimpleNamespace(journeys=folder / "journeys", templates=folder / "templates")
    web = SimpleNamespace(public_url=None)
    read = SimpleNamespace(
        folders=folders, channels={}, via=("wechat", "sms", "email"), staff=dict(STAFF), webhooks={}, web=web
    )
    return cast(Settings, read)


def journey(name: str, enter: str = "{event: order.paid}", steps: str = "[{tag: a}]") -> str:
    return f"journey: {name}\npurpose: promo\nenter: {enter}\nagain: finished\nsteps: {steps}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "journeys").mkdir()
    files = {
        "catalog": shelf.CATALOG,
        "segments": "vip: {if: {tier: gold}}\n",
        "coupons": "ten: {amount: 10, codes: import, valid: 7d}\n",
        "festivals": "our_day: {title: 店庆, solar: 09-09}\n",
        "policy": "purposes: {promo: {kind: marketing, caps: {all: 1 per 7d}}}\n",
        "fine": journey("fine"),
    }
    for name, text in files.items():
        write(tmp_path, name, text)
    shelf.write_texts(tmp_path / "templates")
    for path in (tmp_path / "templates" / "broken").iterdir():
        path.unlink()
    (tmp_path / "templates" / "broken").rmdir()
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / "journeys" / f"{name}.yaml").write_text(text, encoding="utf-8")


def load(folder: Path) -> project.Project:
    return project.load(settings(folder), CHANNELS)


def test_the_journeys_we_ship_are_in_order() -> None:
    shipped = load(ROOT)
    assert shipped.problems == ()
    assert set(shipped.journeys) >= {
        "onboarding", "birthday_care", "festival_promotion", "dormant_wakeup", "complaint_followup",
    }  # fmt: skip
    for one in shipped.journeys.values():
        assert one.status == "live" and one.title != one.name
        assert all(send.expires for send in one.sends.values())
        assert all(len(node.go.leaves) <= 8 for node in one.nodes.values())


def test_the_shipped_texts_have_their_variants() -> None:
    assert [name for name, _ in load(ROOT).variants["birthday_wish"]] == ["vip", "zh_tw"]


def test_everything_of_a_shop_is_there(folder: Path) -> None:
    found = load(folder)
    assert found.problems == ()
    assert set(found.segments) == {"vip"} and set(found.coupons) == {"ten"} and "our_day" in found.festivals
    assert found.policy.purposes["promo"].kind == "marketing" and "hello" in found.texts.texts
    assert found.journeys["fine"].path.endswith("journeys/fine.yaml")


def test_an_empty_folder_is_a_shop_without_journeys(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert (found.journeys, found.problems) == ({}, ())
    assert "order.paid" not in found.catalog.events and "coupon.redeemed" in found.catalog.events


def test_a_broken_journey_disables_only_itself(folder: Path) -> None:
    write(folder, "bad", journey("bad", steps="[{tga: a}]"))
    write(folder, "unreadable", "journey: [\n")
    found = load(folder)
    assert set(found.journeys) == {"fine"}
    assert {Path(one.path).stem for one in found.problems} == {"bad", "unreadable"}


def test_what_is_wrong_besides_a_slip_of_yaml_is_told_with_it(folder: Path) -> None:
    text = journey("bad", enter="{event: order.payd}") + "title: a\ntitle: b\n"
    write(folder, "bad", text)
    loaded = load(folder)
    assert [(one.line, one.code) for one in loaded.problems] == [(3, "C020"), (text.count("\n"), "Y011")]
    assert "bad" not in loaded.journeys


def test_a_journey_may_name_one_that_is_broken(folder: Path) -> None:
    write(folder, "bad", "journey: [\n")
    write(folder, "starter", journey("starter", steps="[{start: bad}]"))
    assert set(load(folder).journeys) == {"fine", "starter"}


def test_a_broken_text_is_a_problem_of_the_journeys_that_send_it(folder: Path) -> None:
    (folder / "templates" / "hello" / "sms.yaml").write_text("templat: x\n", encoding="utf-8")
    write(folder, "greeter", journey("greeter", steps="[{send: hello}]"))
    found = load(folder)
    assert set(found.journeys) == {"fine"}
    assert [one.code for one in found.problems if one.path.endswith("greeter.yaml")] == ["J041"]


@pytest.mark.parametrize(
    ("name", "broken", "user"),
    [
        ("segments", "vip: {iff: {tier: gold}}\n", journey("user", "{segment: vip, existing: skip}")),
        ("coupons", "ten: {amount: 10}\n", journey("user", steps="[{coupon: ten}]")),
        ("festivals", "our_day: {solar: 99-99}\n", journey("user", "{festival: our_day}")),
        ("policy", "purposes: {promo: {kind: spam}}\n", journey("user")),
        ("catalog", "fields: {tier: {typ: text}}\n", journey("user", steps="[{tag: a, if: {tier: gold}}]")),
    ],
)
def test_what_only_follows_from_a_broken_file_is_not_said_again(
    folder: Path, name: str, broken: str, user: str
) -> None:
    write(folder, name, broken)
    write(folder, "user", user)
    found = load(folder)
    assert "user" not in found.journeys
    said = {(Path(one.path).stem, one.code == "J051") for one in found.problems}
    assert (name, False) in said and ("user", True) in said and ("user", False) not in said
    paths = [Path(one.path).stem for one in found.problems]
    assert paths[0] == name and paths[-1] == "user"
    follows = [one for one in found.problems if one.code == "J051"]
    assert all(f"{name}.yaml" in one.message and f"mend {name}.yaml" in one.hint for one in follows)
    if name == "catalog":
        assert [Path(one.path).stem for one in follows] == ["segments", "fine", "user"]


def test_journeys_in_a_circle_without_a_wait_are_all_shown(folder: Path) -> None:
    write(folder, "one", journey("one", BY_HAND, "[{tag: a}, {tag: b, if: {tag: a}}, {start: two}]"))
    write(folder, "two", journey("two", BY_HAND, "[{if: {tier: gold}, then: [{start: one}]}]"))
    found = load(folder)
    assert set(found.journeys) == {"fine"}
    assert [(Path(one.path).stem, one.line, one.code) for one in found.problems] == [
        ("one", 5, "J050"),
        ("two", 5, "J050"),
    ]
    assert "one -> two -> one" in found.problems[0].message


def test_a_circle_with_a_wait_is_fine(folder: Path) -> None:
    write(folder, "one", journey("one", BY_HAND, "[{wait: 1d}, {start: one}]"))
    assert load(folder).problems == ()


def test_who_names_a_webhook_or_staff_before_there_is_any_is_told_where_they_belong(folder: Path) -> None:
    write(folder, "caller", journey("caller", steps="[{webhook: crm}]"))
    assert [one.hint for one in load(folder).problems] == ["none is there yet: add it to webhooks: of config.yaml"]
    bare = settings(folder)
    bare.staff.clear()
    write(folder, "caller", journey("caller", steps="[{notify: ops}]") + "owner: ops\n")
    hints = [one.hint for one in project.load(bare, CHANNELS).problems]
    assert hints == ["none is there yet: add it to staff: of config.yaml"] * 2


def test_a_journey_with_an_entry_of_its_own_is_not_started(folder: Path) -> None:
    write(folder, "starter", journey("starter", steps="[{start: fine}]"))
    found = load(folder)
    assert set(found.journeys) == {"fine"}
    assert [(Path(one.path).stem, one.code) for one in found.problems] == [("starter", "J055")]


def test_what_is_handed_to_a_journey_can_be_asked_there(folder: Path) -> None:
    start = "{start: later, with: {paid: {from: order.amount}}}"
    steps = f"[{{wait_for: {{event: order.paid}}, up_to: 1d, as: order, then: [{start}]}}]"
    write(folder, "starter", journey("starter", steps=steps))
    write(folder, "later", journey("later", "{manual: true, if: {entry.paid: {above: 100}}}"))
    found = load(folder)
    assert found.problems == ()
    assert found.shop.started["later"] == {"paid": FieldInfo(FieldType.MONEY)}


ASKS = journey("later", "{manual: true, if: {entry.paid: {above: 100}}}")
GIVES = "[{start: later, with: {paid: 300}}]"


@pytest.mark.parametrize("slip", ["steps:\n", "colour: red\nsteps:\n", "title: a\ntitle: b\nsteps:\n"])
def test_what_a_broken_journey_hands_to_another_is_known_as_far_as_it_can_be_read(folder: Path, slip: str) -> None:
    write(folder, "starter", journey("starter", steps=GIVES).replace("steps: [", f"{slip}  - {{tagg: x}}\n  - ")[:-2])
    write(folder, "later", ASKS)
    found = load(folder)
    assert {Path(one.path).stem for one in found.problems} == {"starter"} and "later" in found.journeys


def test_what_an_illegible_journey_may_hand_over_is_not_held_against_the_other(folder: Path) -> None:
    write(folder, "starter", journey("starter", steps=GIVES))
    write(folder, "later", ASKS)
    before = load(folder)
    write(folder, "starter", journey("starter", steps=GIVES + "]"))
    assert [one.code for one in load(folder).problems if one.path.endswith("later.yaml")] == ["J051"]
    after = project.load(settings(folder), CHANNELS, before)
    assert {Path(one.path).stem for one in after.problems} == {"starter"} and "later" in after.journeys


def test_what_else_is_wrong_with_the_other_is_told_beside_a_broken_starter(folder: Path) -> None:
    write(folder, "starter", journey("starter", steps=GIVES + "]"))
    write(folder, "later", journey("later", "{manual: true, if: {tire: gold}}"))
    write(folder, "fine", journey("fine", "{event: order.paid, if: {entry.amuont: 5}}", "[{tag: starter}]"))
    assert ("later", "C001") in {(Path(one.path).stem, one.code) for one in load(folder).problems}
    write(folder, "starter", journey("starter", steps="[{start: fine}]]"))
    assert ("fine", "C001") in {(Path(one.path).stem, one.code) for one in load(folder).problems}


def test_what_a_healthy_journey_no_longer_hands_over_is_missed_at_once(folder: Path) -> None:
    write(folder, "starter", journey("starter", steps=GIVES))
    write(folder, "later", ASKS)
    before = load(folder)
    write(folder, "starter", journey("starter", steps="[{start: later}]"))
    after = project.load(settings(folder), CHANNELS, before)
    assert [(Path(one.path).stem, one.code) for one in after.problems] == [("later", "C001")]


def test_variants_are_checked_against_the_entries_that_send_the_text(folder: Path) -> None:
    hello = folder / "templates" / "hello"
    (hello / "text.yaml").write_text("variants: {big: {if: {entry.amount: {above: 100}}}}\n", encoding="utf-8")
    (hello / "big").mkdir()
    (hello / "big" / "wechat.yaml").write_text("text: 大单\n", encoding="utf-8")
    write(folder, "greeter", journey("greeter", steps="[{send: hello, via: [wechat]}]"))
    assert load(folder).problems == ()
    write(folder, "greeter", journey("greeter", "{event: phone.bound}", "[{send: hello, via: [wechat]}]"))
    found = load(folder)
    assert [(one.code, Path(one.path).name) for one in found.problems] == [
        ("C001", "text.yaml"),
        ("J041", "greeter.yaml"),
    ]
    assert set(found.journeys) == {"fine"}


def test_an_older_version_is_compiled_from_its_text(folder: Path) -> None:
    found = load(folder)
    old = project.load_source(journey("fine", steps="[{wait: 1d}]"), "fine", found)
    assert list(old.nodes) == ["start", "wait:1d#1"] and old.hash != found.journeys["fine"].hash
    live = found.journeys["fine"]
    assert project.load_source(live.source, "fine", found, live.path) == live
    with pytest.raises(SourceErrors):
        project.load_source(journey("fine", steps="[{wiat: 1d}]"), "fine", found)


def test_warnings_stop_nothing(folder: Path) -> None:
    write(folder, "quiet", journey("quiet", steps="[]"))
    found = load(folder)
    assert isinstance(found.journeys["quiet"], graph.Journey)
    assert [(one.code, Path(one.path).stem) for one in found.warnings] == [("W502", "quiet")]


def test_a_file_that_lies_where_it_is_not_read_is_a_problem(folder: Path) -> None:
    below = folder / "journeys" / "more"
    below.mkdir()
    (below / "dormant.yaml").write_text(journey("dormant"), encoding="utf-8")
    (folder / "journeys" / "onboarding.yml").write_text(journey("onboarding"), encoding="utf-8")
    (folder / "journeys" / ".kept").mkdir()
    (folder / "journeys" / ".kept" / "old.yaml").write_text("", encoding="utf-8")
    (folder / "journeys" / "notes.txt").write_text("", encoding="utf-8")
    found = {Path(one.path).name: one for one in load(folder).problems if one.code == "J052"}
    assert set(found) == {"dormant.yaml", "onboarding.yml"}
    assert found["onboarding.yml"].hint == "call it onboarding.yaml"


def test_a_link_to_itself_is_a_problem_of_that_file_alone(folder: Path) -> None:
    (folder / "journeys" / "loop.yaml").symlink_to("loop.yaml")
    found = load(folder)
    assert [(Path(problem.path).name, problem.code) for problem in found.problems] == [("loop.yaml", "Y007")]
    assert "fine" in found.journeys


def test_a_folder_without_any_file_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "journeys").mkdir()
    assert [one.code for one in load(tmp_path).warnings] == ["W503"]


def test_a_file_of_a_later_release_says_so(folder: Path) -> None:
    write(folder, "surveys", "csat: {title: 满意度, ask: 满意吗？, scale: 1-5}\n")
    found = load(folder).problems
    assert [(Path(one.path).name, one.code) for one in found] == [("surveys.yaml", "J002")]
    assert "not available yet" in found[0].message
