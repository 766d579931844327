"""How fast messages leave: claim with policy, render, send, record, on SQLite with synchronous=FULL.

`python -m bench.delivery --messages N`: SMS to a channel that costs nothing, in one process, beside its parts and the
shortest outbox there is in turn with it (`bench/bare_outbox.py`), which says how fast the machine is in this hour; then
HTML mail with a text part to a real SMTP sink in another process. A table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import base64
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from automation import settings
from automation.app import SAY_LUNAR
from automation.audience.compiler import Compiler, ShopCalendar
from automation.audience.computed import ComputedValues
from automation.engine import install, registry
from automation.engine.delivery.facade import Delivery
from automation.engine.parts import Parts
from automation.engine.zones import Zones
from automation.festivals.workdays import Workdays
from automation.journey import project
from automation.kernel.clock import FixedClock, monotonic
from automation.kernel.ports import Accepted, Channel, Lane, Message, Outcome
from automation.people import keyring
from automation.people.sealing import Vault, identity_context, seed_of
from automation.rendering.child_renderer import ChildRenderer
from automation.store import schema
from automation.store.database import Store
from automation.store.names import Names
from bench import measure
from bots import registry as bots

NOON: Final = int(datetime(2026, 6, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())
KEY: Final = keyring.read(f"1:{base64.b64encode(b'k' * 32).decode()}", "the bench")
ANY_OPEN: Final = (  # a look at the ends of two indexes: counting would cost as much as sending
    "SELECT 1 FROM (SELECT id FROM message WHERE due IS NOT NULL LIMIT 1) AS queued"
    " UNION ALL SELECT 1 FROM (SELECT id FROM message WHERE lease_until IS NOT NULL LIMIT 1) AS leased"
)
CONFIG: Final = """
shop: {{name: 旅程良品}}
channels:
  sms_main: {{kind: sandbox, plays: sms, in_flight: {in_flight}, connections: 1}}
  mail_main: {{kind: mail, host: 127.0.0.1, port: {port}, tls: none, from_address: shop@example.com, from_name: 旅程,
    in_flight: {mail_in_flight}, connections: {connections}}}
via: [sms]
web: {{port: off, public_url: "https://crm.example.com"}}
engine: {{batch: {batch}}}
"""
FILES: Final = {
    "journeys/catalog.yaml": "fields:\n  city: {type: text}\n",
    "journeys/policy.yaml": "purposes:\n  promo:"
    " {kind: marketing, caps: {all: 2 per 7d, sms: 4 per 30d}, quiet: 21:00-09:00}\n",
    "journeys/coupons.yaml": "gift: {title: 礼券, amount: 20, codes: import, valid: 30d}\n",
    "journeys/j.yaml": "journey: j\npurpose: promo\nstatus: live\nenter: {manual: true}\nagain: finished\nsteps:\n"
    "  - {coupon: gift}\n"
    "  - {send: hello, via: [sms], expires: 3d}\n  - {send: letter, via: [email], expires: 3d}\n",
    "templates/hello/sms.yaml": "template: wake\nparams: {name: '{{ customer.name | default(\"亲爱的会员\") }}', city:"
    " '{{ customer.city }}', code:"
    " '{{ coupon.code }}'}\npreview: 【旅程】{name}，{city}的老朋友，券码{code}，拒收请回复R\n",
    "templates/letter/email.yaml": "subject: 【广告】给 {{ customer.name }} 的一份礼物\npreview: 一份给您的礼物\n",
    "templates/letter/email.txt": "{{ customer.name }}，您好：\n券码 {{ coupon.code }}，全店可用。\n",
    "templates/letter/email.html": "<html><head><style>p {color: #333; margin: 0 0 12px}</style></head><body>"
    + "<p>{{ customer.name }}，您好：{{ customer.city }} 的春天到了。</p>" * 20
    + '<p>券码 {{ coupon.code }}</p>{% if links.unsubscribe is defined %}<a href="{{ links.unsubscribe }}">退订</a>'
    "{% else %}回信“退订”即可不再接收{% endif %}</body></html>\n",
}


@dataclass
class Null:
    """A channel that accepts everything and costs nothing."""

    name: str = "sms_main"
    kind: str = "sms"
    lanes: Sequence[Lane] = (Lane("sms", "phone", frozenset({"marketing", "service"}), 500, 3600),)
    count: int = 0

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        self.count += len(messages)
        return [Accepted(message.idem_key) for message in messages]

    def close(self) -> None: ...


class Moving(FixedClock):
    """Begins at noon: what had to wait for a moment comes due."""

    def __init__(self) -> None:
        super().__init__(NOON)
        self._began = monotonic()

    def now(self) -> int:
        return super().now() + int(monotonic() - self._began)


@dataclass
class Shop:
    folder: Path
    parts: Parts
    delivery: Delivery
    channels: dict[str, Channel]
    renderer: ChildRenderer
    numbers: dict[str, int] = field(default_factory=dict)


def opened(folder: Path, asked: argparse.Namespace, port: int) -> Shop:
    """A shop with one journey, its files and database in the folder."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG.format(port=port, **vars(asked)), encoding="utf-8")
    chosen = settings.load(folder / "config.yaml", {}, bots.KINDS)
    files = project.load(chosen)
    if files.problems:
        raise SystemExit("\n".join(map(str, files.problems)))
    store = Store(f"sqlite:{folder / 'lucheng.db'}")
    schema.migrate(store)
    names, calendar, zones = Names(store), ShopCalendar(chosen.shop.zone), Zones(chosen.shop.timezone)
    compiler = Compiler(store.dialect, names, files.catalog, calendar)
    computed = ComputedValues(names, files.catalog, calendar)
    loaded = registry.load(store, names, files)
    parts = Parts(store, names, chosen, files, compiler, computed, zones, Workdays(), loaded)
    install.install(parts, NOON)
    channels: dict[str, Channel] = {
        "sms_main": Null(),
        "mail_main": bots.build("mail_main", "mail", chosen.channels["mail_main"]),
    }
    renderer = ChildRenderer(files.texts, zone=chosen.shop.timezone, lunar=SAY_LUNAR)
    renderer.ready()
    return Shop(folder, parts, Delivery(parts, channels, KEY, renderer, Moving()), channels, renderer)


def fill(shop: Shop, count: int) -> None:
    """So many people with a phone, an email and consent, each standing in the journey with a coupon."""
    vault = Vault(KEY)
    numbers = range(1, count + 1)
    kinds = [("phone", f"+86138{n:08d}", n) for n in numbers] + [("email", f"p{n}@example.com", n) for n in numbers]
    lookups = vault.lookups((kind, "", text) for kind, text, _ in kinds)
    sealed = vault.seal_many([text for _, text, _ in kinds], [identity_context(lookup) for lookup in lookups])
    with shop.parts.store.write() as tx:
        tx.many(
            "INSERT INTO person (id, uid, seed, name, attrs, created_at, changed_at) VALUES (:n, :uid, :seed, :name,"
            ' \'{"city":"上海","score":12}\', 1, 1)',
            [{"n": n, "uid": f"u{n}", "seed": seed_of(f"u{n}"), "name": f"客户{n % 997}"} for n in numbers],
        )
        tx.many(
            "INSERT INTO identity (kind, lookup, person_id, sealed, key_id) VALUES (:kind, :lookup, :person, :sealed,"
            " 1)",
            [
                {"kind": kind, "lookup": lookup, "person": person, "sealed": box}
                for (kind, _, person), lookup, box in sorted(
                    zip(kinds, lookups, sealed, strict=True), key=lambda row: row[1]
                )
            ],
        )
        tx.run(
            "INSERT INTO consent (person_id, channel, purpose, granted, source, at) SELECT id, '*', 'marketing', 1,"
            " 'b', 1 FROM person"
        )
        tx.run(
            "INSERT INTO run (journey_id, version_id, node, person_id, clock, node_at, entered_at, state, data)"
            " SELECT v.journey_id, v.id, 1, p.id, :now, :now, :now, 0,"
            ' \'{"entry":{"at":1},"coupon":{"code":"BD-00000001","amount":2000}}\' FROM person p, version v',
            now=NOON,
        )


def queue(shop: Shop, step: str, count: int) -> None:
    """A message of this step for each of the first so many runs, due now."""
    purpose = shop.parts.names.ensure("purpose", ["promo"])["promo"]
    shop.numbers["queued"] = count
    with shop.parts.store.write() as tx:
        tx.run(
            "INSERT INTO message (run_id, step, visit, person_id, version_id, purpose, priority, due, scheduled_at,"
            " expires_at)"
            " SELECT r.id, s.id, 0, r.person_id, r.version_id, :purpose, 5, :now, :now, :now + 90000 FROM run r, step s"
            " WHERE s.key = :step ORDER BY r.id LIMIT :count",
            purpose=purpose, now=NOON, step=step, count=count,
        )  # fmt: skip


def rounds(shop: Shop) -> dict[str, Any]:
    """One thread, round after round until nothing is due."""
    watch, sent = measure.Watch(), 0
    with watch:
        while (done := shop.delivery.step(NOON)).anything:
            sent += done.sent
    return _figures("one thread", sent, watch)


def living(shop: Shop, label: str) -> dict[str, Any]:
    """The pipeline of threads, as the service runs it."""
    stop, watch = threading.Event(), measure.Watch()
    with watch:
        work = threading.Thread(target=shop.delivery.run, args=(stop,))
        work.start()
        while shop.parts.store.row(ANY_OPEN) and work.is_alive():
            time.sleep(0.02)
        seconds = time.perf_counter()
        stop.set()
        work.join()
    watch.seconds -= time.perf_counter() - seconds  # stopping is not sending
    sent = shop.parts.store.value("SELECT count(*) FROM message WHERE state = 3")
    if sent < shop.numbers["queued"]:
        raise SystemExit("messages of the bench were refused: its shop breaks a rule")
    return _figures(label, sent, watch)


def parts_alone(shop: Shop) -> dict[str, float]:
    """Microseconds a message of each part of a round, measured over all rounds, in one thread."""
    delivery, spent, count = shop.delivery, dict.fromkeys(("claim", "prepare", "dispatch", "send", "record"), 0.0), 0
    from automation.engine.delivery import sending

    while True:
        marks = [time.process_time()]
        claimed = delivery.claimer.claim(NOON)
        if not claimed.messages:
            break
        marks.append(time.process_time())
        ready, _ = delivery.preparer.prepare(claimed, NOON)
        marks.append(time.process_time())
        delivery.spool.intended([(one.id, one.token) for one in ready])
        with shop.parts.store.write() as tx:
            admitted = shop.delivery.dispatcher.commit(tx, ready, NOON)
        marks.append(time.process_time())
        results = [
            one
            for request in sending.requests(admitted)
            for one in sending.send(shop.channels, delivery.spool, request)
        ]
        marks.append(time.process_time())
        with shop.parts.store.write() as tx:
            delivery.recorder.write(tx, results, NOON)
        delivery.spool.recorded([(one.message.id, one.message.token) for one in results])
        marks.append(time.process_time())
        for name, begin, end in zip(spent, marks[:-1], marks[1:], strict=True):
            spent[name] += end - begin
        count += len(results)
    return {name: round(seconds * 1e6 / max(1, count), 2) for name, seconds in spent.items()}


def _figures(label: str, count: int, watch: measure.Watch) -> dict[str, Any]:
    return {
        "what": label, "messages": count, "per_second": round(count / watch.seconds),
        "cpu_us": round(watch.cpu * 1e6 / max(1, count), 1),
        "per_cpu_second": round(count / max(watch.cpu, 1e-9)),
    }  # fmt: skip


def sink(port: int) -> None:
    """A minimal SMTP server: it takes everything and keeps nothing."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"220 sink\r\n")
    waiting, in_mail = b"", False
    while data := connection.recv(1 << 18):
        waiting += data
        while True:
            end = b"\r\n.\r\n" if in_mail else b"\r\n"
            at = waiting.find(end)
            if at < 0:
                break
            line, waiting = waiting[:at], waiting[at + len(end) :]
            word = line[:4].upper()
            if in_mail:
                in_mail = False
                connection.sendall(b"250 ok\r\n")
            elif word == b"DATA":
                in_mail = True
                connection.sendall(b"354 go on\r\n")
            elif word == b"EHLO":
                connection.sendall(b"250-sink\r\n250 PIPELINING\r\n")
            else:
                connection.sendall(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--mails", type=int, default=0, help="default: a tenth of the messages")
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--in-flight", type=int, default=2_000)
    parser.add_argument("--mail-in-flight", type=int, default=32)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3, help="of the threads and of the bare loop, in turn")
    parser.add_argument("--sink", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.sink is not None:
        sink(asked.sink)
    if asked.threads is not None:
        print(json.dumps(_threads(asked.threads, asked)))
        return 0
    child = subprocess.Popen([sys.executable, "-m", "bench.delivery", "--sink", "0"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        port = int(child.stdout.readline())
        with tempfile.TemporaryDirectory(dir=Path.cwd() / "var" if (Path.cwd() / "var").is_dir() else None) as folder:
            return _all(Path(folder), asked, port)
    finally:
        child.kill()
        child.wait()


def _threads(place: Path, asked: argparse.Namespace) -> dict[str, Any]:
    shop = opened(place, asked, port=1)  # no mail is sent
    fill(shop, asked.messages)
    queue(shop, "hello", asked.messages)
    found = {**living(shop, "threads"), "in_flight": asked.in_flight}
    shop.delivery.close()
    shop.renderer.close()
    shop.parts.store.close()
    return found


def _all(folder: Path, asked: argparse.Namespace, port: int) -> int:
    found: list[dict[str, Any]] = []
    alone: dict[str, float] = {}
    mails = asked.mails or max(1, asked.messages // 10)
    bare: list[int] = []
    for number, how in enumerate(("parts", "rounds", *["living"] * asked.repeats, "mail")):
        place = folder / str(number)
        place.mkdir()
        if how == "living":
            bare.append(measure.child("bench.bare_outbox", place, asked.messages)["per_second"])
            sizes = ["--messages", asked.messages, "--batch", asked.batch, "--in-flight", asked.in_flight]
            found.append(measure.child("bench.delivery", "--threads", place, *sizes))
            continue
        shop = opened(place, asked, port)
        count = mails if how == "mail" else asked.messages
        fill(shop, count)
        queue(shop, "letter" if how == "mail" else "hello", count)
        if how == "parts":
            alone = parts_alone(shop)
        elif how == "rounds":
            found.append({**rounds(shop), "in_flight": asked.in_flight})
        else:
            found.append({**living(shop, "HTML mail over SMTP"), "in_flight": asked.mail_in_flight})
        shop.delivery.close()
        shop.renderer.close()
        shop.parts.store.close()
    for row in found:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    print("parts, CPU us a message: " + "  ".join(f"{name} {value}" for name, value in alone.items()))
    sms = statistics.median(row["per_second"] for row in found if row["what"] == "threads")
    ratio = round(sms / statistics.median(bare), 2)
    print(f"bare loop: {', '.join(map(str, bare))} a second; threads are {ratio} of its median")
    print(
        json.dumps(
            {
                "bench": "delivery", "rows": found, "parts_cpu_us": alone, "synchronous": "full",
                "bare_per_second": bare, "ratio_bare": ratio,
            },
            ensure_ascii=False,
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
