"""A shop whose channels speak the platforms' own interfaces, which the sandbox plays, and how its ledger is read.

Not every platform carries a key of ours, so the judge goes by what reached people: each text says its name and the
order it is about, and that pair is due once on a channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automation.people import identities
from automation.people.identities import Identity
from automation.store.database import Store
from bots import http
from tests.processes.harness.shop import TEXTS, Kit

CONFIG = """\
shop: {{name: 旅程良品}}
store: {{url: "sqlite:lucheng.db"}}
key: {{file: lucheng.key}}
channels:
  template:
    {{kind: wechat, sandbox: "{url}", appid: "wxt{mark}", timeout: 4s, in_flight: {in_flight}, templates: {templates}}}
  service: {{kind: wechat, sandbox: "{url}", appid: "wxs{mark}", timeout: 4s, in_flight: {in_flight}}}
  aliyun: {{kind: aliyun_sms, sandbox: "{url}", timeout: 4s, in_flight: {in_flight}}}
  tencent: {{kind: tencent_sms, sandbox: "{url}", timeout: 4s, in_flight: {in_flight}, echo: true}}
  mail:
    {{kind: mail, host: 127.0.0.1, port: {smtp}, tls: none, from_address: shop@example.com, timeout: 4s,
      data_timeout: 4s, in_flight: {in_flight}}}
  wecom: {{kind: wecom, sandbox: "{url}", timeout: 4s, in_flight: {in_flight}, pull: 30s, task_expires: 3d}}
via: [template, service, aliyun, tencent, mail, wecom]
web: {{port: 0}}
engine: {{lease: 5s, drain: 5s, batch: {batch}}}
"""
TEXT = {
    "sms.yaml": 'template: t_{name}\nparams: {order: "{name}-{{ entry.order_id }}"}\n'
    "preview: 【旅程良品】{order}，拒收请回复R\n",
    "wechat.yaml": 'text: "您好，{name}-{{ entry.order_id }}"\n'
    'template: {key: t_{name}, data: {thing1: "{name}-{{ entry.order_id }}"}}\n',
    "email.yaml": 'subject: "{name}-{{ entry.order_id }}"\n',
    "email.html": "<html><body><p>您好，祝您生活愉快</p></body></html>\n",
    "wecom.yaml": 'text: "您好，{name}-{{ entry.order_id }}"\n',
}
UNKEYED = ("service", "aliyun", "tencent", "mail")


def kit(folder: Path, smtp: int) -> Kit:
    """For the shop in this folder: its accounts at the platforms are its own."""
    mark = _mark(folder)
    templates = ", ".join(f"t_{name}: {{id: T-{name}}}" for name in TEXTS)
    known = {"mark": mark, "smtp": smtp, "templates": f"{{{templates}}}"}
    return Kit(CONFIG, TEXT, lambda number: _identities(mark, number), known)


def names(folder: Path) -> Mapping[str, str]:
    """What the ledger calls an account -> our channel."""
    mark = _mark(folder)
    return {f"wxt{mark}": "template", f"wxs{mark}": "service", "aliyun": "aliyun", "tencent": "tencent",
            "smtp": "mail", "wecom": "wecom"}  # fmt: skip


def set_stage(folder: Path, url: str, store: Store) -> None:
    """Everybody follows, and the windows of `service` are open, there and in our books."""
    mark = _mark(folder)
    for appid in (f"wxt{mark}", f"wxs{mark}"):
        ask(url, "wechat/_account", appid=appid, everybody=True)
    ask(url, "wecom/_act", do="reset")
    with store.write() as tx:
        tx.run(
            "INSERT INTO reply_window (channel, identity_id, until, messages) SELECT 'service', id, 99999999999, NULL"
            " FROM identity WHERE kind = 'openid' AND account = 'service'"
        )


def fetched(folder: Path, url: str, channel: str) -> int:
    """How often a token was asked for: of one of the two WeChat accounts, or of WeCom."""
    if channel == "wecom":
        return int(ask(url, "wecom/_act", do="show")["asked"])
    appid = {ours: theirs for theirs, ours in names(folder).items()}[channel]
    return int(ask(url, "wechat/_world", appid=appid)["fetched"])


def revoke(folder: Path, url: str, channel: str) -> None:
    """The platform refuses every token that it gave."""
    if channel == "wecom":
        ask(url, "wecom/_act", do="revoke_tokens")
    else:
        ask(url, "wechat/_revoke", appid={ours: theirs for theirs, ours in names(folder).items()}[channel])


def say_the_same(folder: Path) -> None:
    """From now on an SMS says the same to everybody, so that many leave in one request; the judge goes by the phone."""
    for name in TEXTS:
        text = f'template: t_{name}\nparams: {{word: "{name}-D"}}\npreview: 【旅程良品】{{word}}，拒收请回复R\n'
        (folder / "templates" / name / "sms.yaml").write_text(text, encoding="utf-8")


def ask(base: str, path: str, **order: Any) -> Any:
    """One of the sandbox's own orders below a platform."""
    client = http.Client(timeout=30)
    reply = client.post_json(f"{base}/{path}", order)
    assert reply.status == 200, reply.body
    return reply.json()


def phones(folder: Path, people: int) -> list[str]:
    """Of the first customers, as the platforms write them."""
    return [f"+86{phone(_mark(folder), number)}" for number in range(1, people + 1)]


def phone(mark: str, number: int) -> str:
    """Another shop's customers have other numbers: the sandbox reports on what it remembers of a number."""
    return f"138{int(mark, 16) % 100_000:05d}{number:03d}"


def _mark(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:12]


def _identities(mark: str, number: int) -> list[Identity]:
    return [
        identities.identity("phone", phone(mark, number)),
        identities.identity("email", f"customer{number}@example.com"),
        Identity("openid", f"o-{mark}-t{number}", "template"),
        Identity("openid", f"o-{mark}-s{number}", "service"),
        Identity("wecom_id", f"wm{mark}{number}", ""),
    ]
