"""The renderer's port: bodies for each kind of channel, failures as values, and nothing from one person to the next."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from automation.rendering.faults import Fault
from automation.rendering.renderer import Failed, Job, LocalRenderer, Rendered, Renderer
from automation.rendering.texts import Texts

Shop = Callable[..., Texts]
FILES = {
    "wish/text.yaml": """
        variants: {vip: {if: {tier: gold}}}
        links:
          shop: "https://shop.example.com/?c={{ coupon.code }}&n={{ customer.name }}"
          page: "{{ entry.url }}"
        """,
    "wish/wechat.yaml": """
        text: |
          {{ customer.name | default('亲爱的会员') }}，生日快乐！
          {% if customer.points > 100 %}
          积分 {{ customer.points }}
          {% endif %}
          {{ links.shop }}
        template:
          key: birthday_notice
          data: {thing1: "{{ customer.name }}的生日礼券已经放进您的账户请查收", time2: "{{ coupon.expires | date }}"}
        """,
    "wish/sms.yaml": """
        template: birthday_sms
        params: {name: "{{ customer.name }}", code: "{{ coupon.code }}"}
        preview: "【旅程】{name}，生日快乐！券码 {code}，{name}别忘了用，拒收请回复R"
        """,
    "wish/email.yaml": 'subject: "生日快乐，{{ customer.name }}"\npreview: 给{{ customer.name }}的礼物\n',
    "wish/email.html": """
        <html><head><title>{{ mail.subject }}</title><style>
        p { color: red; }
        </style></head><body>
        <p>{{ customer.name }}</p>
        <a href="{{ links.shop }}">去</a>
        {{ coupon.code }}
        </body></html>
        """,
    "wish/email.txt": "{{ customer.name }}\n去：{{ links.shop }}\n",
    "wish/vip/sms.yaml": "template: vip_sms\npreview: 【旅程】贵宾您好\n",
    "wish/vip/email.html": "<html><body><h1>{{ customer.name }}</h1></body></html>\n",
    "page/text.yaml": 'links: {page: "{{ entry.url }}"}\n',
    "page/wechat.yaml": "text: \"{{ links.page }} {{ links.unsubscribe | default('') }}\"\n",
    "broken/wechat.yaml": 'text: "{{ x | nothing }}"\n',
}
VALUES: dict[str, Any] = {
    "customer": {"name": "王芳", "points": 120},
    "coupon": {"code": "AB12", "amount": 5000, "expires": "2026-03-31"},
    "entry": {"url": "https://a.example.com/x?y=1"},
}


@pytest.fixture
def renderer(shop: Shop) -> LocalRenderer:
    return LocalRenderer(shop(**FILES), zone="Asia/Shanghai", lunar=lambda day: "八月十五")


def one(renderer: Renderer, kind: str, variant: str = "", text: str = "wish", **values: Any) -> Any:
    [result] = renderer.render([Job(text, variant, kind, {**VALUES, **values})])
    return result.body if isinstance(result, Rendered) else result


def test_wechat_has_a_text_and_the_approved_template_cut_to_the_platforms_limits(renderer: LocalRenderer) -> None:
    assert one(renderer, "wechat") == {
        "text": "王芳，生日快乐！\n积分 120\nhttps://shop.example.com/?c=AB12&n=%E7%8E%8B%E8%8A%B3",
        "template": {
            "key": "birthday_notice",
            "data": {"thing1": "王芳的生日礼券已经放进您的账户请查收", "time2": "3月31日"},
        },
    }
    longer = one(renderer, "wechat", customer={"name": "欧阳上官\n诸葛", "points": 1})
    assert longer["template"]["data"]["thing1"] == "欧阳上官 诸葛的生日礼券已经放进您的账户…"[:19] + "…"
    assert len(longer["template"]["data"]["thing1"]) == 20


def test_sms_has_a_template_parameters_and_a_preview(renderer: LocalRenderer) -> None:
    assert one(renderer, "sms") == {
        "template": "birthday_sms",
        "params": {"name": "王芳", "code": "AB12"},
        "preview": "【旅程】王芳，生日快乐！券码 AB12，王芳别忘了用，拒收请回复R",
    }
    assert one(renderer, "sms", "vip") == {"template": "vip_sms", "params": {}, "preview": "【旅程】贵宾您好"}


def test_text_of_a_customer_is_never_a_template(renderer: LocalRenderer) -> None:
    body = one(renderer, "sms", customer={"name": "{{ coupon.code }}{code}{% raw %}"})
    assert body["params"]["name"] == "{{ coupon.code }}{code}{% raw %}"
    assert "{{ coupon.code }}{code}{% raw %}，生日快乐" in body["preview"]


def test_mail_has_a_subject_inlined_html_with_preheader_and_a_text_part(renderer: LocalRenderer) -> None:
    mail = one(renderer, "email", customer={"name": "<王>\r\nBcc: x"})
    assert mail["subject"] == "生日快乐，<王> Bcc: x"
    assert mail["preview"] == "给<王> Bcc: x的礼物"
    assert '<p style="color: red;">&lt;王&gt;' in mail["html"]
    assert "&lt;王&gt; Bcc: x的礼物</div>" in mail["html"]
    assert "<title>生日快乐，&lt;王&gt; Bcc: x</title>" in mail["html"]
    assert 'href="https://shop.example.com/?c=AB12&amp;n=%3C' in mail["html"]
    assert mail["text"].startswith("<王>")


def test_a_mail_without_a_text_file_gets_one_from_its_html(renderer: LocalRenderer) -> None:
    assert one(renderer, "email", "vip")["text"] == "王芳\n"


def test_a_variant_without_a_file_uses_the_plain_one(renderer: LocalRenderer) -> None:
    assert one(renderer, "wechat", "vip") == one(renderer, "wechat")
    assert one(renderer, "wechat", "unheard_of") == one(renderer, "wechat")


@pytest.mark.parametrize(
    ("kind", "values", "place", "said"),
    [
        ("sms", {"coupon": {}}, "templates/wish/sms.yaml:2", "coupon.code has no value here"),
        ("sms", {"coupon": {"code": None}}, "templates/wish/sms.yaml:2", "has no value here"),
        ("wechat", {"customer": {"name": "王芳"}}, "templates/wish/wechat.yaml:3", "customer.points has no value"),
        ("email", {"coupon": {}}, "templates/wish/text.yaml:3", "coupon.code has no value"),
        ("email", {"customer": {}}, "templates/wish/text.yaml:3", "customer.name has no value"),
    ],
)
def test_a_missing_value_fails_with_its_name_and_line(
    kind: str, values: dict[str, Any], place: str, said: str, renderer: LocalRenderer
) -> None:
    failed = one(renderer, kind, **values)
    assert isinstance(failed, Failed)
    assert failed.reason is Fault.MISSING_VALUE
    assert said in failed.message
    assert failed.place == place


def test_a_failure_in_html_names_the_line_as_it_was_written(shop: Shop) -> None:
    page = (
        "<html><head><style>\np { color: red }\n</style></head>\n<body>\n<p>a</p>\n<p>{{ x.y }}</p>\n</body></html>\n"
    )
    texts = shop(**{"a/email.yaml": "subject: x\npreview: y\n", "a/email.html": page})
    failed = one(LocalRenderer(texts, zone="UTC", lunar=str), "email", text="a")
    assert failed.place == "templates/a/email.html:6"


def test_no_value_of_a_person_is_in_a_failure(renderer: LocalRenderer) -> None:
    failed = one(renderer, "wechat", customer={"name": "秘密姓名", "points": "秘密积分"})
    assert failed.reason is Fault.BAD_VALUE
    assert "秘密" not in repr(failed)


def test_one_bad_person_does_not_touch_the_others(renderer: LocalRenderer) -> None:
    jobs = [
        Job("wish", "", "sms", {**VALUES, "coupon": coupon})
        for coupon in ({"code": "A"}, {}, {"code": "\x00\n"}, {"code": "B"})
    ]
    assert [type(result) for result in renderer.render(jobs)] == [Rendered, Failed, Failed, Rendered]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("nothing", "sms", "no text nothing"),
        ("page", "sms", "no sms.yaml"),
        ("broken", "wechat", "problems"),
        ("page", "fax", "fax"),
    ],
)
def test_a_text_that_is_not_there_is_a_failure_and_says_which(
    text: str, kind: str, said: str, renderer: LocalRenderer
) -> None:
    failed = one(renderer, kind, text=text)
    assert failed.reason is Fault.NO_TEXT
    assert said in failed.message


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://a.example", "/x", "https://", "https://a b", 'https://a"b', "//a.example"]
)
def test_a_link_leads_to_http_or_https_only(url: str, renderer: LocalRenderer) -> None:
    failed = one(renderer, "wechat", text="page", entry={"url": url})
    assert failed.reason is Fault.BAD_VALUE
    assert failed.place == "templates/page/text.yaml:1"


def test_links_given_with_the_job_stand_beside_the_declared_ones(renderer: LocalRenderer) -> None:
    given = {"unsubscribe": "https://shop.example.com/u/1"}
    body = one(renderer, "wechat", text="page", links=given)
    assert body["text"] == "https://a.example.com/x?y=1 https://shop.example.com/u/1"


def test_output_is_capped(renderer: LocalRenderer) -> None:
    failed = one(renderer, "sms", customer={"name": "字" * 70_000})
    assert failed.reason is Fault.TOO_LONG


def test_new_texts_are_used_and_what_did_not_change_is_not_compiled_again(shop: Shop) -> None:
    renderer = LocalRenderer(shop(**FILES), zone="UTC", lunar=str)
    one(renderer, "sms")
    one(renderer, "wechat")
    before = dict(renderer._compiled)
    renderer.use(shop(**{**FILES, "wish/sms.yaml": FILES["wish/sms.yaml"].replace("快乐", "好")}))
    assert "生日好" in one(renderer, "sms")["preview"]
    one(renderer, "wechat")
    assert sum(renderer._compiled.get(digest) is maker for digest, maker in before.items()) == 1


def test_jobs_and_results_can_cross_to_another_process(renderer: LocalRenderer) -> None:
    jobs = [Job("wish", "", "sms", VALUES), Job("wish", "", "sms", {})]
    assert pickle.loads(pickle.dumps(jobs)) == jobs
    results = renderer.render(jobs)
    assert pickle.loads(pickle.dumps(results)) == results


def test_many_threads_do_not_mix_people(renderer: LocalRenderer) -> None:
    def render(number: int) -> bool:
        body = one(renderer, "wechat", customer={"name": f"客户{number}", "points": 1})
        return bool(body["text"].startswith(f"客户{number}，"))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(render, range(400)))
