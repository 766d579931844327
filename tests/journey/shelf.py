"""A small shop that the tests of journeys name things of, and a way to read one journey against it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from automation.conditions.tree import Compare, FieldType, Op
from automation.journey import catalog, graph, head
from automation.journey.shop import Shop
from automation.kernel import source
from automation.kernel.errors import Problem, SourceErrors
from automation.rendering import catalogue
from automation.rendering.texts import Texts

CATALOG = """
fields:
  tier: {type: choice, order: [basic, silver, gold]}
  birthday: {type: date}
  size: {type: text}
  cycle_days: {type: number}
events:
  order.paid: {key: order_id, properties: {order_id: text, amount: {type: money, unit: fen}, category: text}}
  cart.updated: {properties: {total: {type: money, unit: fen}}}
  phone.bound: {properties: {source: text}}
computed:
  last_order_at: {latest: order.paid, take: at}
  cart: {latest: cart.updated}
"""
HEAD = """\
journey: wake
purpose: promo
enter: {event: order.paid}
again: finished
"""


def write_texts(folder: Path) -> None:
    """Texts `hello`, `gift` (wants coupon.code), `about_order` (wants entry.order_id), and one that is broken."""
    for name, text in {
        "hello": "您好 {{ customer.size | default('') }}",
        "gift": "券 {{ coupon.code }}",
        "about_order": "订单 {{ entry.order_id }}",
        "typo": "尺码 {{ customer.sise }}",
        "basket": "购物车 {{ customer.cart.total | money }}",
        "broken": "{{ customer.size | no_such_filter }}",
    }.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "wechat.yaml").write_text(f'text: "{text}"\n', encoding="utf-8")
    (folder / "hello" / "sms.yaml").write_text(
        "template: hello_sms\npreview: 【旅程】您好，拒收请回复R\n", encoding="utf-8"
    )


def shop(texts: Texts | None = None, **changes: object) -> Shop:
    known = catalog.load(source.parse(CATALOG, "journeys/catalog.yaml"))
    values: dict[str, object] = {
        "segments": {"vip": Compare("tier", Op.AT_LEAST, "gold", FieldType.CHOICE, ("basic", "silver", "gold"))},
        "purposes": {"promo": "marketing", "marketing": "marketing", "service": "service"},
        "titles": {"促销": "promo"},
        "channels": {"wechat_main": "wechat", "sms_main": "sms"},
        "via": ("wechat", "sms"),
        "journeys": frozenset({"wake", "other"}),
        "festivals": frozenset({"spring_festival", "double_11"}),
        "pools": frozenset({"birthday_50", "wakeup_30"}),
        "roles": frozenset({"ops"}),
        "webhooks": frozenset({"crm"}),
    }
    return Shop(known, texts or Texts({}), **{**values, **changes})  # type: ignore[arg-type]


def with_texts(tmp_path: Path) -> Shop:
    write_texts(tmp_path / "templates")
    return shop(catalogue.load(tmp_path / "templates"))


def read(text: str, known: Shop, name: str = "wake") -> graph.Journey:
    text = textwrap.dedent(text)
    document = source.parse(text, f"journeys/{name}.yaml")
    return head.read(document, text, name, known)[0]


def problems(text: str, known: Shop) -> list[Problem]:
    """What is wrong, in the order of the file; [] when it can be read."""
    try:
        read(text, known)
    except SourceErrors as wrong:
        return list(wrong.problems)
    return []


def steps(text: str) -> str:
    """A journey with these steps: they begin on line 6."""
    return HEAD + "steps:\n" + textwrap.indent(textwrap.dedent(text).strip("\n"), "  ") + "\n"
