"""A house with a web address: its messages have links, which are followed as the web edge does."""

from __future__ import annotations

from pathlib import Path

from automation.engine.delivery.facade import Delivery
from automation.store.database import Store, Transaction
from automation.tracking.answering import Answers
from automation.tracking.following import Follower, Seen, Subject, record
from automation.tracking.making import Maker
from automation.tracking.pages import Page
from tests.delivery.house import CONFIG, House

BASE = "https://go.example.com"
NOON = "2026-03-02 12:00"
TEXTS = {
    "wechat.yaml": "text: 您好 {{ customer.name }}，看看 {{ links.shop }}，再见\n",
    "sms.yaml": "template: t\nparams: {url: '{{ links.shop }}'}\npreview: 【旅程】看 {url} 拒收请回复R\n",
    "email.yaml": "subject: 【广告】您好\n",
    "email.html": "<html><head><style>a {color: red}</style></head><body><p>https://shop.example.com/new 见</p>"
    '<a class="x" title="a > b" href="{{ links.shop }}">新品</a> <a href="mailto:a@example.com">信</a>'
    '<a href="https://other.example.com/?a=1&amp;b=2">别处</a>'
    '{% if links.unsubscribe is defined %}<a href="{{ links.unsubscribe }}">退订</a>{% endif %}</body></html>\n',
    "email.txt": "看 {{ links.shop }}\n{% if links.unsubscribe is defined %}{{ links.unsubscribe }}{% endif %}\n",
}
HEAD = 'links:\n  shop: "https://shop.example.com/new"\n'


class Linked(House):
    """A house whose texts have links. `web`: further lines of its section in the settings."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        self.head = HEAD
        self.texts_of = TEXTS
        self.web(f"public_url: '{BASE}'")

    def web(self, *lines: str) -> None:
        self.config = CONFIG + "web:\n" + "".join(f"  {line}\n" for line in lines)

    def _text(self, name: str) -> None:
        super()._text(name)
        for file, text in (("text.yaml", self.head), ("email.txt", TEXTS["email.txt"])):
            (self.folder / "templates" / name / file).write_text(text, encoding="utf-8")

    @property
    def delivery(self) -> Delivery:
        if self._delivery is None:
            self._delivery = self.made(make_links=Maker(self.parts, self.vault))
        return self._delivery

    def sent(self, via: str, **head: object) -> int:
        """One message to one new person over this kind of channel; the person."""
        (person,) = self.send_one(NOON, f"{{send: hello, via: [{via}], expires: 3d}}", **head)
        self.deliver(NOON)
        return person

    @property
    def follower(self) -> Follower:
        return Follower(self.parts, self.vault)

    @property
    def answers(self) -> Answers:
        return Answers(self.parts, [self.wechat, self.sms, self.mail])

    def post(self, subject: Subject, at: int = 60, **form: list[str]) -> Page:
        with self.store.write() as tx:
            return self.answers.act(tx, subject, form, self.ts(NOON) + at)

    def seen(self, *happened: Seen) -> None:
        def write(tx: Transaction) -> None:
            record(self.parts, tx, happened, self.ts(NOON) + 3600)

        with self.store.write() as tx:
            write(tx)
