"""Rendering in the child: the same bodies, and whatever a text does there costs one message."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from automation.kernel import clock, errors, json_text
from automation.rendering import child_batch, child_renderer, wire, worker
from automation.rendering.child_renderer import ChildRenderer
from automation.rendering.faults import Fault
from automation.rendering.renderer import Failed, Job, LocalRenderer, Rendered
from automation.rendering.texts import Kind, Texts
from tests.rendering.corpus import BOMBS, ESCAPES
from tests.rendering.corpus import VALUES as CORPUS_VALUES

Shop = Callable[..., Texts]
Open = Callable[..., ChildRenderer]
HOSTILE = "tests.rendering.hostile:act"
FILES = {
    "hello/text.yaml": 'links: {shop: "https://shop.example.com/?n={{ customer.name }}"}\n',
    "hello/wechat.yaml": 'text: "{{ customer.name }}，{{ coupon.amount | money }} {{ links.shop }}"\n',
    "hello/email.yaml": "subject: 给{{ customer.name }}\n",
    "hello/email.html": "<html><body><p>{{ customer.name }}</p></body></html>\n",
    "act/wechat.yaml": 'text: "{{ customer.name }} {{ day | lunar }}"\n',
    "other/wechat.yaml": 'text: "{{ customer.name }}"\n',
    "long/wechat.yaml": 'text: "{% for a in items %}{{ long }}{% endfor %}"\n',
}
VALUES: dict[str, Any] = {"customer": {"name": "王芳"}, "coupon": {"amount": 5000}}


@pytest.fixture
def child(shop: Shop) -> Iterator[Open]:
    made: list[ChildRenderer] = []

    def start(**files: str) -> ChildRenderer:
        texts = shop(**{**FILES, **files})
        assert not texts.problems
        made.append(ChildRenderer(texts, zone="Asia/Shanghai", lunar=HOSTILE))
        return made[-1]

    yield start
    for one in made:
        one.close()


def act(day: int, name: str = "王芳") -> Job:
    return Job("act", "", "wechat", {"customer": {"name": name}, "day": f"2026-01-{day:02d}"})


def hello(number: int = 0, text: str = "hello") -> Job:
    return Job(text, "", "wechat", {**VALUES, "customer": {"name": f"客户{number}"}})


def said(result: Any) -> Any:
    return result.body["text"] if isinstance(result, Rendered) else result


def test_bodies_links_and_failures_are_those_of_the_local_renderer_in_order(child: Open, shop: Shop) -> None:
    jobs = [
        Job(text, "", kind, {**VALUES, "customer": {"name": name}, "day": "2026-01-30"})
        for number in range(200)
        for text, kind in (("hello", "wechat"), ("hello", "email"), ("act", "wechat"), ("none", "sms"))
        for name in (f"客户{number}", None, "a\tb\nc\ud800")
    ]
    local = LocalRenderer(shop(**FILES), zone="Asia/Shanghai", lunar=lambda day: "八月十五")
    found = child().render(jobs)
    assert [one[:2] for one in found] == [one[:2] for one in local.render(jobs)]
    assert len(found) == len(jobs) and isinstance(found[0], Rendered) and isinstance(found[3], Rendered)


def test_a_stream_takes_pieces_and_the_data_of_a_run_as_text(child: Open) -> None:
    with child().stream() as stream:
        for number in range(10):
            stream.add([Job("hello", "", "wechat", {"customer": {"name": f"{number}"}}, '{"coupon":{"amount":700}}')])
        found = stream.results()
    assert [said(one) for one in found] == [f"{n}，¥7 https://shop.example.com/?n={n}" for n in range(10)]


def test_texts_read_again_are_used_at_once_and_the_old_ones_forgotten(child: Open, shop: Shop) -> None:
    renderer = child()
    assert said(renderer.render([hello(1)])[0]).startswith("客户1，¥50")
    renderer.use(shop(**{**FILES, "hello/wechat.yaml": "text: 新的{{ customer.name }}\n"}))
    assert said(renderer.render([hello(1)])[0]) == "新的客户1"
    assert len(renderer._workers[0].known) == 1


@pytest.mark.parametrize(("day", "code"), [(1, Fault.TOO_SLOW), (3, Fault.KILLED), (4, Fault.KILLED)])
def test_who_ends_the_child_fails_alone_and_the_next_renders_at_once(day: int, code: Fault, child: Open) -> None:
    renderer = child()
    renderer.render([act(30)])
    renderer.render([act(30)])  # the second batch starts the spare
    while not renderer._workers[-1].is_ready:
        renderer.render([act(30)])
    begin = clock.monotonic()
    found = renderer.render([act(30, "a"), act(day, "b"), act(30, "c")])
    assert clock.monotonic() - begin < 30
    assert [said(found[0]), said(found[2])] == ["a 八月十五", "c 八月十五"]
    assert isinstance(found[1], Failed) and found[1].reason is code and found[1].place == "templates/act/wechat.yaml"


def test_the_spare_is_ready_when_a_child_dies(child: Open) -> None:
    renderer = child()
    for _ in range(3):
        renderer.render([hello()])
    spare = renderer._workers[1]
    for _ in range(500):
        renderer.render([hello()])
        if spare.is_ready and not spare.due:
            break
        time.sleep(0.01)
    os.kill(renderer._workers[0].pid, signal.SIGKILL)
    assert said(renderer.render([hello(7)])[0]).startswith("客户7")
    assert renderer._workers[0] is spare


@pytest.mark.parametrize("day", [2, 12])
def test_memory_is_bounded_and_the_child_lives_on(day: int, child: Open) -> None:
    renderer = child()
    renderer.ready()
    pid = renderer._workers[0].pid
    found = renderer.render([act(30), act(day), act(30)])
    assert isinstance(found[1], Failed) and found[1].reason is Fault.TOO_BIG
    assert said(found[2]) == "王芳 八月十五"
    assert renderer._workers[0].pid == pid


def test_a_child_killed_from_outside_again_and_again_fails_only_who_is_in_it(child: Open) -> None:
    found = child().render([act(30, "a"), act(8, "b"), act(30, "c")])
    assert [said(found[0]), said(found[2])] == ["a 八月十五", "c 八月十五"]
    assert isinstance(found[1], Failed) and found[1].reason is Fault.KILLED


def test_what_a_child_answered_before_it_ended_is_heard_although_it_takes_nothing_more(shop: Shop) -> None:
    texts = shop(**FILES)
    template = texts.texts["act"].template("", "wechat")
    assert template is not None
    one = worker.Worker("Asia/Shanghai", HOSTILE)
    while not one.is_ready:
        one.pump(1.0)
    one.teach(0, json_text.write([0, wire.template_values(template)]))
    deadly = worker.Item(0, 0, act(3))
    one.ask(wire.jobs([(0, act(3).values)], [None]), [deadly])
    one._write()
    os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
    one.ask(wire.jobs([(0, act(30).values)], [None]), [worker.Item(1, 0, act(30))])
    assert [lines for _, lines in one.pump(1.0)] == [[""]]
    with pytest.raises(worker.Died):
        one.pump(1.0)
    assert one.due[0] == [deadly]


def test_a_text_that_ends_child_after_child_is_off_until_its_files_change(child: Open, shop: Shop) -> None:
    renderer = child()
    begin = clock.monotonic()
    found = renderer.render([act(3, str(number)) for number in range(300)] + [hello(1)])
    assert clock.monotonic() - begin < 60
    assert {one.reason for one in found[:-1] if isinstance(one, Failed)} == {Fault.KILLED}
    assert isinstance(found[200], Failed) and "off until its files change" in found[200].message
    assert said(found[-1]).startswith("客户1")
    assert isinstance(renderer.render([act(30)])[0], Failed)
    renderer.use(shop(**{**FILES, "act/wechat.yaml": 'text: "{{ day | lunar }}"\n'}))
    assert said(renderer.render([act(30)])[0]) == "八月十五"


def test_the_child_holds_no_environment_no_files_and_no_keys(
    child: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CANARY", "canary-7f3a91")
    with (tmp_path / "lucheng.key").open("w"):
        renderer = child()
        environ, files, words, modules = (said(renderer.render([act(day)])[0]) for day in (5, 10, 13, 14))
    assert environ == "王芳 {}"
    assert files == "王芳 ['0', '1', '2', '3']"  # the last is the folder that is listed
    assert "canary" not in words and str(tmp_path) not in words
    assert modules == "王芳 set()"
    assert b"CANARY" not in Path(f"/proc/{renderer._workers[0].pid}/environ").read_bytes()


@pytest.mark.parametrize("day", [7, 9])
def test_the_child_opens_few_files_and_writes_none(day: int, child: Open) -> None:
    found = child().render([act(30), act(day), act(30)])
    assert isinstance(found[1], Failed)
    assert isinstance(found[0], Rendered) and isinstance(found[2], Rendered)
    assert not Path("/tmp/lucheng-canary").exists() or not Path("/tmp/lucheng-canary").read_bytes()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may have as many processes as it likes")
def test_the_child_starts_no_process(child: Open) -> None:
    assert isinstance(child().render([act(6)])[0], Failed)


def test_a_machine_that_gives_no_time_is_nobodys_fault(child: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "JOB_WALL", 0.2)
    monkeypatch.setattr(child_batch, "PATIENCE", 1)
    renderer = child()
    with pytest.raises(errors.ServiceAway, match="no time"):
        renderer.render([act(30), act(11)])
    monkeypatch.setattr(worker, "JOB_WALL", 2.0)
    assert said(renderer.render([hello(1)])[0]).startswith("客户1")


def test_a_child_that_cannot_start_is_a_service_that_is_away(child: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = child()
    with monkeypatch.context() as patch:
        patch.setattr(worker, "BOOT", "raise SystemExit('no module named jinja2')")
        with pytest.raises(errors.ServiceAway, match="no module named jinja2"):
            renderer.ready()
        with pytest.raises(errors.ServiceAway, match="a moment ago"):
            renderer.render([hello()])
    monkeypatch.setattr(child_renderer, "BACKOFF", 0.0)
    renderer._not_before = 0.0
    assert isinstance(renderer.render([hello()])[0], Rendered)


def test_what_is_no_plain_value_fails_that_message(child: Open) -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    bad = [{"customer": {"name": b"x"}}, {"customer": deep}, {"customer": {"name": "x" * 2_000_000}}]
    found = child().render([hello(1), *(Job("hello", "", "wechat", values) for values in bad), hello(2)])
    assert [one.reason for one in found if isinstance(one, Failed)] == [Fault.BAD_VALUE] * 3
    assert isinstance(found[0], Rendered) and isinstance(found[-1], Rendered)


def test_data_that_is_no_json_fails_that_message(child: Open) -> None:
    found = child().render([hello(1), Job("hello", "", "wechat", VALUES, '{"a":'), hello(2)])
    assert [type(one) for one in found] == [Rendered, Failed, Rendered]


def test_threads_take_turns_and_get_their_own(child: Open) -> None:
    renderer = child()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: [said(one) for one in renderer.render([hello(n)] * 20)], range(40)))
    assert all(one[0].startswith(f"客户{number}，") and len(set(one)) == 1 for number, one in enumerate(found))


def test_a_stream_left_in_the_middle_leaves_nothing_for_the_next(child: Open) -> None:
    renderer = child()
    with pytest.raises(KeyError), renderer.stream() as stream:
        stream.add([hello(n) for n in range(500)])
        raise KeyError
    assert [said(one)[:4] for one in renderer.render([hello(901), hello(902)])] == ["客户90", "客户90"]


def test_large_mails_do_not_block_either_side(child: Open) -> None:
    page = "<html><body>" + "<p>{{ customer.name }} 的春天</p>" * 300 + "</body></html>"
    renderer = child(**{"hello/email.html": page})
    jobs = [Job("hello", "", "email", {"customer": {"name": "字" * 200}, "coupon": {}}) for _ in range(60)]
    found = renderer.render(jobs)
    assert all(isinstance(one, Rendered) and len(str(one.body["html"])) > 60_000 for one in found)


def test_closing_leaves_no_process(child: Open) -> None:
    renderer = child()
    for _ in range(3):
        renderer.render([hello()])
    pids = [one.pid for one in renderer._workers]
    renderer.close()
    assert len(pids) == 2
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_hostile_sources_that_no_check_has_seen_yield_no_secret_and_stop_nobody(
    child: Open, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "canary-7f3a91")
    texts = shop(**FILES)
    plain = texts.texts["other"].template("", "wechat")
    assert plain is not None
    renderer = child()
    known = dict(texts.texts)
    for number, source in enumerate([*ESCAPES, *BOMBS]):
        field = dataclasses.replace(plain.fields[0], source=source)
        bad = dataclasses.replace(plain, fields=(field,), digest=f"{number:064d}")
        known[f"bad{number}"] = dataclasses.replace(texts.texts["other"], channels={("", Kind.WECHAT): bad})
    renderer.use(Texts(known))
    jobs = [Job(name, "", "wechat", CORPUS_VALUES) for name in known if name.startswith("bad")]
    begin = clock.monotonic()
    found = renderer.render([*jobs, hello(1)])
    assert clock.monotonic() - begin < 10 * len(BOMBS)
    assert all(isinstance(one, Failed) and "canary" not in one.message for one in found[:-1])
    assert said(found[-1]).startswith("客户1") and len(jobs) > 90
