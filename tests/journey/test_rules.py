"""The rules of platforms and the law: each kept breach at its place, and set aside only with a reason."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from automation.journey import catalog, policy_file, project
from automation.journey.policy_file import Policy
from automation.journey.rules import RULES
from automation.kernel import source
from automation.kernel.errors import Problem, SourceErrors
from automation.settings.model import Settings

CHANNELS = {"wechat_main": "wechat", "sms_main": "sms", "mail_main": "email"}
CATALOG = catalog.load(source.parse("", "catalog.yaml"))
SEND = """journey: hi
purpose: {purpose}
enter: {{event: wechat.followed}}
again: finished
steps:
  - {{send: note, via: [{via}], expires: 1d}}
"""
SMS = "template: t\npreview: {}\n"
MAIL = "subject: {}\n"
LEAVE = (
    "<html><body><p>您好</p>{% if links.unsubscribe is defined %}"
    '<a href="{{ links.unsubscribe }}">退订</a>{% endif %}</body></html>\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "journeys").mkdir()
    (tmp_path / "templates").mkdir()
    return tmp_path


def found(
    folder: Path, via: str, files: dict[str, str], purpose: str = "marketing", policy: str = "", **accounts: object
) -> project.Project:
    (folder / "templates" / "note").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / "templates" / "note" / name).write_text(text, encoding="utf-8")
    (folder / "journeys" / "hi.yaml").write_text(SEND.format(purpose=purpose, via=via), encoding="utf-8")
    (folder / "journeys" / "policy.yaml").write_text(policy, encoding="utf-8")
    return loaded(folder, accounts)


def loaded(folder: Path, accounts: dict[str, object]) -> project.Project:
    folders = SimpleNamespace(journeys=folder / "journeys", templates=folder / "templates")
    web = SimpleNamespace(public_url="https://shop.example.com")
    read = SimpleNamespace(
        folders=folders, channels=accounts, via=("wechat", "sms", "email"), staff={}, webhooks={}, web=web
    )
    return project.load(cast(Settings, read), CHANNELS)


def told(problems: tuple[Problem, ...]) -> list[tuple[str, int, int, str]]:
    return [(Path(one.path).name, one.line, one.column, one.code) for one in problems if one.code.startswith("POLICY")]


@pytest.mark.parametrize(
    ("preview", "purpose", "codes"),
    [
        ("【旅程】您好，拒收请回复R", "marketing", []),
        ("【旅程】您好，回T退订。", "marketing", []),
        ("【旅程】您好，退订回TD", "marketing", []),
        ("【旅程】您好，退訂回覆N", "marketing", []),
        ("您好，拒收请回复R", "marketing", ["POLICY SMS-05:"]),
        ("【旅程】您好", "marketing", ["POLICY SMS-02:"]),
        ("【旅程】拒收请回复R，您好", "marketing", ["POLICY SMS-02:"]),
        ("【旅程】您好", "service", []),
        ("您好", "service", ["POLICY SMS-05:"]),
    ],
)
def test_an_sms_says_who_sends_it_and_marketing_how_to_refuse(
    folder: Path, preview: str, purpose: str, codes: list[str]
) -> None:
    read = found(folder, "sms", {"sms.yaml": SMS.format(preview)}, purpose)
    assert told(read.problems) == [("sms.yaml", 2, 10, code) for code in codes]
    assert ("hi" in read.journeys) == (not codes)


@pytest.mark.parametrize(
    ("signature", "fine"),
    [("店", False), ("小店", True), ("H店2", True), ("好" * 12, True), ("好" * 13, False), ("旅程 良品", False),
     ("旅程!", False), ("", False)],
)  # fmt: skip
def test_a_signature_is_as_long_as_providers_approve_and_the_breach_says_so(
    folder: Path, signature: str, fine: bool
) -> None:
    read = found(folder, "sms", {"sms.yaml": SMS.format(f"【{signature}】您好")}, "service")
    assert [one.code for one in read.problems] == ([] if fine else ["POLICY SMS-05:"])
    for one in read.problems:
        assert f"【{signature}】 of {len(signature)} character" in one.message
        assert "2 to 12" in one.hint


@pytest.mark.parametrize(
    ("subject", "fine"),
    [("【广告】您好", True), ("广告：您好", True), ("(AD) Hello", True), ("【廣告】您好", True), ("ADIDAS 上新", False),
     ("您好（广告）", False)],
)  # fmt: skip
def test_marketing_mail_says_so_in_front(folder: Path, subject: str, fine: bool) -> None:
    read = found(folder, "email", {"email.yaml": MAIL.format(subject), "email.html": LEAVE})
    assert told(read.problems) == ([] if fine else [("email.yaml", 1, 10, "POLICY MAIL-02:")])
    assert told(found(folder, "email", {}, "service").problems) == []


def test_marketing_mail_shows_how_to_leave(folder: Path) -> None:
    page = "<html><body><p>您好</p></body></html>\n"
    read = found(folder, "email", {"email.yaml": MAIL.format("广告：您好"), "email.html": page})
    assert told(read.problems) == [("email.html", 1, 1, "POLICY MAIL-03:")]


def test_a_template_message_is_no_marketing(folder: Path) -> None:
    noticed = "text: 您好\ntemplate:\n  key: k\n  data:\n    thing1: 订单已发货\n    thing2: 限时优惠等您来\n"
    read = found(folder, "wechat", {"wechat.yaml": noticed}, "service")
    assert told(read.problems) == [("wechat.yaml", 6, 13, "POLICY WX-01:")]
    only = "template: {key: k, data: {thing1: 订单已发货}}\n"
    assert told(found(folder, "wechat", {"wechat.yaml": only}, "service").problems) == []
    assert told(found(folder, "wechat", {"wechat.yaml": only}).problems) == [("wechat.yaml", 1, 11, "POLICY WX-01:")]


def test_what_only_warns_keeps_nothing_back(folder: Path) -> None:
    preview = "【旅程】参加抽奖，全网最低，拒收请回复R"
    read = found(folder, "sms", {"sms.yaml": SMS.format(preview)})
    assert told(read.problems) == []
    assert [code for *_, code in told(read.warnings)] == ["POLICY AD-02:", "POLICY SMS-07:"]
    assert "hi" in read.journeys
    shared = found(
        folder,
        "wechat",
        {"wechat.yaml": "text: |\n  您好\n  分享给好友就送50积分\n", "sms.yaml": SMS.format("【旅程】好")},
    )
    assert told(shared.warnings) == [("wechat.yaml", 3, 3, "POLICY WX-05:")]


def test_each_absolute_word_is_told_at_its_place(folder: Path) -> None:
    text = "text: |\n  全网最低价，最佳之选\n  只有最佳的，才配独一无二的您\n"
    files = {"wechat.yaml": text, "sms.yaml": SMS.format("【旅程】顶级好茶，史上最低，拒收请回复R")}
    read = found(folder, "wechat, sms", files)
    assert [
        (Path(one.path).name, one.line, one.column, one.message.split("»")[0])
        for one in read.warnings
        if one.code == "POLICY AD-02:"
    ] == [
        ("sms.yaml", 2, 10, "«史上最低"),
        ("sms.yaml", 2, 10, "«顶级"),
        ("wechat.yaml", 2, 3, "«全网最低"),
        ("wechat.yaml", 2, 9, "«最佳"),
        ("wechat.yaml", 3, 11, "«独一无二"),
    ]


def test_fixed_words_that_a_field_would_cut_are_warned_of(folder: Path) -> None:
    fixed = "您在旅程良品预约的到店体验课已经为您保留到本周日"
    lines = {
        "thing1": fixed,
        "thing2": fixed[:20],
        "thing3": f"{{{{ customer.name }}}}{fixed}",
        "thing4": f"{{% if customer.name %}}{fixed}{{% endif %}}",
        "name5": "旅程良品上海淮海中路店",
        "name6": "Lucheng of Huaihai",
        "time7": "15:01",
        "thing8": "您好{{ customer.name | default('朋友') }}",
    }
    data = "".join(f'    {name}: "{value}"\n' for name, value in lines.items())
    read = found(folder, "wechat", {"wechat.yaml": f"subscribe:\n  key: k\n  data:\n{data}"}, "service")
    cut = [one for one in read.warnings if one.code == "W601"]
    assert [(one.line, one.column, one.message[:6]) for one in cut] == [
        (4, 14, "thing1"), (6, 14, "thing3"), (8, 13, "name5 "),
    ]  # fmt: skip
    assert "shows 20 characters, and here stand 24" in cut[0].message
    assert "hi" in read.journeys


@pytest.mark.parametrize(
    ("characters", "purpose", "said"),
    [
        (70, "marketing", ""),
        (71, "marketing", "71 characters, billed as 2 messages"),
        (135, "marketing", "135 characters, billed as 3 messages"),
        (500, "service", ""),
        (501, "service", "501 characters, billed as 8 messages; providers take 500"),
    ],
)
def test_what_a_long_sms_costs_is_told_before_it_is_sent(
    folder: Path, characters: int, purpose: str, said: str
) -> None:
    begin, end = "【旅程】", "，拒收请回复R"
    preview = begin + "好" * (characters - len(begin) - len(end)) + "{name}" + end
    sms = SMS.format(preview) + "params: {name: '{{ customer.name }}'}\n"
    read = found(folder, "sms", {"sms.yaml": sms}, purpose)
    assert bool(said) == bool(told(read.warnings)), read.warnings
    assert all(place == ("sms.yaml", 2, 10, "POLICY SMS-10:") for place in told(read.warnings))
    assert said in " ".join(one.message for one in read.warnings)
    assert "hi" in read.journeys


def test_free_text_alone_reaches_only_who_wrote_lately(folder: Path) -> None:
    read = found(folder, "wechat", {"wechat.yaml": "text: 您好\n"})
    assert [code for *_, code in told(read.warnings)] == ["POLICY WX-02:"]


def test_a_rule_is_set_aside_with_a_reason(folder: Path) -> None:
    files = {"sms.yaml": SMS.format("【旅程】您好")}
    policy = "overrides: {SMS-02: 服务商自动在末尾加退订}\n"
    read = found(folder, "sms", files, policy=policy)
    assert told(read.problems) == []
    assert dict(read.policy.overrides) == {"SMS-02": "服务商自动在末尾加退订"}
    assert "hi" in read.journeys


def load(text: str) -> Policy:
    return policy_file.load(source.parse(text, "policy.yaml"), CATALOG)


@pytest.mark.parametrize(
    ("overrides", "place", "code", "said"),
    [
        ("{SMS-02: '  '}", (1, 21), "K406", "without a reason"),
        ("{SMS-02: 7}", (1, 21), "K406", "without a reason"),
        ("{SMS-20: 没有这条}", (1, 13), "K405", "no rule 'SMS-20' (did you mean"),
        ("{PI-02: 不想理会}", (1, 13), "K407", "PI-02 may not be set aside"),
        ("{WC-03: 用外挂}", (1, 13), "K407", "WC-03 may not be set aside"),
        ("[SMS-02]", (1, 12), "S012", "key: value pairs"),
    ],
)
def test_an_override_that_may_not_be_is_told_at_its_place(
    overrides: str, place: tuple[int, int], code: str, said: str
) -> None:
    with pytest.raises(SourceErrors) as caught:
        load(f"overrides: {overrides}\n")
    (one,) = caught.value.problems
    assert (one.code, said in str(one)) == (code, True), str(one)
    assert one.line == place[0]
    assert abs(one.column - place[1]) <= 1


@pytest.mark.parametrize(
    ("listed", "pretended", "warned"),
    [
        ({"other": object()}, None, True),
        ({}, None, True),
        ({"offers": object()}, None, False),
        ({}, "http://127.0.0.1:8025", False),  # a pretended account knows every name
        ({"other": object()}, "http://127.0.0.1:8025", True),
    ],
)
def test_a_notice_that_the_account_does_not_list_is_warned_of_at_its_name(
    folder: Path, listed: dict[str, object], pretended: str | None, warned: bool
) -> None:
    text = "text: 您好\nsubscribe:\n  key: offers\n  data: {thing1: 您好}\n"
    account = SimpleNamespace(kind="wechat", templates={}, subscriptions=listed, sandbox=pretended)
    read = found(folder, "wechat", {"wechat.yaml": text}, wechat_main=account)
    assert told(read.warnings) == ([("wechat.yaml", 3, 8, "POLICY WX-06:")] if warned else [])
    assert not read.problems


WAITS = """journey: hi
purpose: service
enter: {{event: {event}}}
again: {again}
steps:
{steps}
"""
TALK = {"wechat.yaml": "text: 您好\n"}
LATER = "  - {wait: 3d}\n  - {send: note, via: [wechat], expires: 1d}"
ANSWERED = """  - wait: 3d
  - wait_for: {event: wechat.menu_clicked}
    up_to: 7d
    then:
      - {send: note, via: [wechat], expires: 1d}"""
UNANSWERED = ANSWERED.replace("then:", "then: [{tag: a}]\n    else:")


def waiting(folder: Path, steps: str, files: dict[str, str] | None = None, again: str = "finished") -> project.Project:
    found(folder, "wechat", files or TALK, "service")
    text = WAITS.format(event="wechat.followed", again=again, steps=steps)
    (folder / "journeys" / "hi.yaml").write_text(text, encoding="utf-8")
    return loaded(folder, {})


@pytest.mark.parametrize(
    ("steps", "warned"),
    [
        (LATER, True),
        (LATER.replace("3d", "47h"), False),
        (LATER.replace("{wait: 3d}", "{wait: 25h}\n  - {tag: x}\n  - {wait: 24h}"), True),
        (ANSWERED, False),  # they wrote just now
        (UNANSWERED, True),
        (LATER.replace("3d", "until tomorrow 09:00"), False),
        (LATER.replace("{wait: 3d}", "{if: {tag: x}, then: [{wait: 3d}]}"), False),  # some go at once
    ],
)  # fmt: skip
def test_a_customer_service_text_after_a_wait_longer_than_the_window_is_warned_of(
    folder: Path, steps: str, warned: bool
) -> None:
    read = waiting(folder, steps)
    assert not read.problems, "\n".join(map(str, read.problems))
    assert [code for *_, code in told(read.warnings)] == (["POLICY WX-02:"] if warned else [])
    if warned:
        assert "days or more" in str(read.warnings)
    both = waiting(folder, steps, {**TALK, "sms.yaml": SMS.format("【旅程】您好")})
    assert told(both.warnings) == [], "the other channel carries it"


@pytest.mark.parametrize(
    ("preview", "again", "steps", "codes"),
    [
        ("【旅程】您是否同意接收新品消息？回复Y同意", "finished", "  - {send: note, via: [sms], expires: 1d}", True),
        ("【旅程】您是否同意接收新品消息？回复Y同意", "never", "  - {send: note, via: [sms], expires: 1d}", False),
        ("【旅程】愿意收到活动消息请回复Y", "never",
         "  - {send: note, via: [sms], expires: 1d}\n  - {wait: 30d}\n  - {send: note, via: [sms], expires: 1d}", True),
        ("【旅程】您的包裹已接收，回1查看进度", "finished", "  - {send: note, via: [sms], expires: 1d}", False),
    ],
)  # fmt: skip
def test_a_request_for_consent_is_sent_to_each_person_once(
    folder: Path, preview: str, again: str, steps: str, codes: bool
) -> None:
    read = waiting(folder, steps, {"sms.yaml": SMS.format(preview)}, again)
    assert [code for *_, code in told(read.problems)] == (["POLICY SMS-03:"] if codes else [])


def test_no_statement_forgets_what_shows_consent() -> None:
    """SMS-09: the log of consents only grows; a merge moves its rows to who is kept."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in Path("automation").rglob("*.py"))
    assert "INSERT INTO consent_log" in code
    assert not re.search(r"(?i)(DELETE FROM|TRUNCATE|DROP TABLE|UPDATE) +consent_log", code)


def test_each_rule_says_what_why_and_where_it_is_kept() -> None:
    assert {"SMS-01", "SMS-09", "MAIL-06", "WX-05", "WC-03", "PI-01", "PI-02", "AD-02"} <= set(RULES)
    for rule in RULES.values():
        assert rule.what and rule.why
        assert rule.when and set(rule.when) <= {"check", "send", "import", "channels", "design"}
    assert RULES["PI-02"].fixed and RULES["PI-01"].fixed and RULES["SMS-01"].fixed
