from __future__ import annotations

import csv
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automation.kernel import errors
from automation.people import consents, identities, merging, profiles, showing
from automation.people.consents import Consent, Proof
from automation.people.importing import Options, Report, Watch, customers, jobs
from automation.people.importing.steps import TOGETHER
from automation.people.registry import Registry
from automation.store.database import Transaction

NOW = 1_767_225_600
OPTIONS = Options(accounts={"openid": "wechat_main"})
HEAD = "手机号,邮箱,openid,姓名,会员等级,生日,标签,营销同意,注册时间"


def shown(shop: Registry, text: str) -> dict[str, Any]:
    (one,) = identities.search(shop, text, ["wechat_main"])
    return showing.show(shop, one, NOW)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_chinese_export_becomes_people(shop: Registry, table: Callable[..., Path], encoding: str) -> None:
    path = table(
        HEAD,
        "13800000001,a@example.com,oABC,王芳,gold,农历八月十五,老客、鞋,是,2024-03-05 12:30",
        '"13800000002","","","李明","","1990-03-08","","否",""',
        encoding=encoding,
    )
    report = customers(shop, path, OPTIONS, NOW)
    assert (report.rows, report.created, report.updated, report.rejected, report.unknown) == (2, 2, 0, 0, ())
    first = shown(shop, "oABC")
    assert (first["name"], first["created_at"]) == ("王*", 1_709_613_000)
    assert first["fields"] == {"tier": "gold", "birthday": "农历八月十五"}
    assert [tag["tag"] for tag in first["tags"]] == ["老客", "鞋"]
    assert [(word["channel"], word["granted"]) for word in first["consents"]] == [
        ("email", 1), ("sms", 1), ("wechat", 1), ("wecom", 1),
    ]  # fmt: skip
    second = shown(shop, "13800000002")
    assert second["fields"] == {"birthday": "1990-03-08"}
    assert {word["granted"] for word in second["consents"]} == {0}
    assert second["created_at"] == NOW


def test_a_bad_row_goes_to_a_file_of_its_owner_and_stops_nothing(shop: Registry, table: Callable[..., Path]) -> None:
    path = table(
        "会员导出 2026,,",
        "手机号(必填),姓名,会员等级",
        "13800000001,王芳,gold",
        "1380000,李明,gold",
        "",
        "13800000002,=1+1,platinum",
        "13800000003,赵云,gold,extra",
        ",nobody,gold",
        '13800000004,"open,gold',
        "13800000005,孙权,silver",
    )
    report = customers(shop, path, OPTIONS, NOW)
    assert (report.rows, report.created, report.rejected, report.blank) == (8, 2, 5, 1)
    assert report.rejects_path is not None
    assert stat.S_IMODE(report.rejects_path.stat().st_mode) == 0o600
    with report.rejects_path.open(encoding="utf-8-sig", newline="") as file:
        rejects = list(csv.reader(file))
    assert rejects[0][2:] == ["手机号(必填)", "姓名", "会员等级"]
    assert [(row[0], row[1].partition(":")[0]) for row in rejects[1:]] == [
        ("4", "phone"),
        ("6", "tier"),
        ("7", "4 cells where the headings are 3"),
        ("8", "no phone, email or other identity"),
        ("9", "a quotation mark is not closed on this line"),
    ]
    assert rejects[2][3] == "'=1+1"
    assert not any("1380000" in row[1] for row in rejects[1:])


def test_the_rejects_file_can_be_put_right_and_imported(shop: Registry, table: Callable[..., Path]) -> None:
    report = customers(shop, table("手机号,姓名,会员等级", "+8613800000001,=王芳,platin"), OPTIONS, NOW)
    assert report.rejects_path is not None
    text = report.rejects_path.read_text("utf-8-sig").replace("platin", "gold")
    fixed = table(*text.splitlines(), name="fixed.csv")
    again = customers(shop, fixed, OPTIONS, NOW)
    assert (again.created, again.unknown) == (1, ())
    assert shop.store.value("SELECT name FROM person") == "=王芳"


def test_rows_that_name_the_same_person_make_one_person(shop: Registry, table: Callable[..., Path]) -> None:
    path = table(
        "手机号,邮箱,openid,姓名,城市,标签",
        "13800000001,,,王芳,上海,a",
        ",b@example.com,,芳芳,,b",
        "13800000002,,,李明,,",
        "13800000001,b@example.com,,,北京,c",
        ",b@example.com,oABC,,,",
    )
    report = customers(shop, path, OPTIONS, NOW)
    assert (report.created, report.updated, report.merged) == (3, 2, 1)
    one = shown(shop, "oABC")
    assert len(one["identities"]) == 3
    assert (one["fields"]["city"], [tag["tag"] for tag in one["tags"]]) == ("北京", ["a", "b", "c"])


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_the_result_does_not_depend_on_the_size_of_chunks(
    shop: Registry, table: Callable[..., Path], chunk: int
) -> None:
    lines = [f"1380000{n % 7:04d},u{n % 5}@example.com,客户{n},{'gold' if n % 2 else ''}" for n in range(12)]
    path = table("手机号,邮箱,姓名,会员等级", *lines)
    report = customers(shop, path, Options(chunk=chunk), NOW)
    assert (report.created, report.updated, report.merged) == (5, 7, 4)
    assert shop.store.value("SELECT count(*) FROM merge") == 4
    assert shop.store.value("SELECT count(*) FROM identity") == 12
    assert shop.store.value("SELECT count(DISTINCT person_id) FROM identity") == 1
    assert shop.store.rows("SELECT attrs FROM person WHERE merged_into IS NULL") == [('{"tier": "gold"}',)]


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_people_of_a_file_whom_a_later_row_proves_to_be_one_can_be_parted_again(
    shop: Registry, table: Callable[..., Path], chunk: int
) -> None:
    path = table(
        "姓名,手机号,会员号,城市,标签,同意营销",
        "甲,13800000001,M1,上海,a,是",
        "乙,13800000002,M2,,b,否",
        "丙,13800000003,,,,",
        ",13800000001,M2,北京,c,",
        "丁,,M2,,d,",
        "戊,13800000003,M1,,,",
    )
    report = customers(shop, path, Options(chunk=chunk), NOW)
    assert (report.created, report.updated, report.merged) == (3, 3, 2)
    one = shown(shop, "13800000002")
    assert (one["fields"], {tag["tag"] for tag in one["tags"]}) == ({"city": "北京"}, set("abcd"))
    assert {word["granted"] for word in one["consents"]} == {0}
    merges = shop.store.rows("SELECT id, kept, gone FROM merge ORDER BY id")
    with shop.store.write() as tx:
        for merge_id, kept, gone in reversed(merges):
            assert merging.unmerge(tx, NOW, merge_id) == (kept, gone)
    apart = [identities.search(shop, f"1380000000{n}") for n in (1, 2, 3)]
    assert len({person for people in apart for person in people}) == 3


def test_a_row_with_identities_of_two_known_people_merges_them(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    one, two = person(("phone", "13800000001")), person(("openid", "oABC", "wechat_main"))
    seen: list[list[Any]] = []

    def watch(tx: Transaction) -> None:
        seen.append(tx.rows("SELECT person_id FROM touched"))

    path = table("手机号,openid,姓名", "13800000001,oABC,王芳", "13800000009,,李明")
    report = customers(shop, path, OPTIONS, NOW, Watch(after_chunk=watch))
    assert (report.created, report.updated, report.merged) == (1, 1, 1)
    assert seen == [[(one,)]]
    assert identities.search(shop, f"#{two}") == [one]
    assert shop.store.value("SELECT name FROM person WHERE id = :id", id=one) == "王芳"


def test_an_update_overwrites_what_is_there_and_empties_nothing(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    one = person(("phone", "13800000001"))
    with shop.store.write() as tx:
        profiles.set_fields(shop, tx, NOW, one, {"name": "王芳", "tier": "silver", "city": "上海", "birthday": "03-08"})
    path = table(HEAD + ",城市", "13800000001,,,,gold,1990-03-09,,,,-")
    report = customers(shop, path, Options(changes=True), NOW)
    assert (report.created, report.updated) == (0, 1)
    found = showing.show(shop, one, NOW)
    assert found["fields"] == {"tier": "gold", "city": "上海", "birthday": "1990-03-09"}
    assert found["name"] == "王*"
    changed = [props for (props,) in shop.store.rows("SELECT props FROM event ORDER BY id")]
    assert len(changed) == 2
    assert '"direction":"up"' in changed[0]
    assert shop.store.value("SELECT count(*) FROM event_queue") == 2


def test_an_import_is_silent_unless_it_is_asked_for_changes(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    person(("phone", "13800000001"))
    customers(shop, table("手机号,会员等级", "13800000001,gold"), OPTIONS, NOW)
    assert shop.store.value("SELECT count(*) FROM event") == 0


def test_an_old_yes_in_a_file_undoes_no_later_refusal(shop: Registry, table: Callable[..., Path]) -> None:
    first = table("手机号,短信营销同意", "13800000001,否", name="first.csv")
    second = table("手机号,短信营销同意", "13800000001,是", "13800000002,是", name="second.csv")
    customers(shop, first, OPTIONS, NOW)
    customers(shop, second, OPTIONS, NOW + 100)
    granted = shop.store.rows("SELECT granted FROM consent ORDER BY person_id")
    assert granted == [(0,), (1,)]


CONSENTED = "SELECT channel, granted, source, at, text_version, evidence FROM consent WHERE channel IN ('sms', 'email')"


def test_a_consent_comes_with_what_shows_it_of_its_row_or_else_of_the_file(
    shop: Registry, table: Callable[..., Path]
) -> None:
    path = table(
        "手机号,接收短信,接收邮件,同意时间,同意来源,同意书版本,同意凭证",
        "13800000001,是,否,2025-06-18 20:00,南京西路店,2025-1,登记表 17",
        "13800000002,是,,,,,",
        "13800000003,是,,2026-06-18,,,",
    )
    proof = Proof(None, "会员日活动", "2024-2")
    report = customers(shop, path, Options(proof=proof), NOW)
    assert (report.created, report.rejected) == (2, 1)
    at = 1_750_248_000
    assert sorted(shop.store.rows(CONSENTED), key=str) == [
        ("email", 0, "南京西路店", at, "2025-1", "登记表 17"),
        ("sms", 1, "会员日活动", consents.UNKNOWN, "2024-2", None),
        ("sms", 1, "南京西路店", at, "2025-1", "登记表 17"),
    ]


def test_a_yes_with_a_time_undoes_the_refusals_before_it_and_none_after(
    shop: Registry, table: Callable[..., Path], person: Callable[..., int]
) -> None:
    one, two = person(("phone", "13800000001")), person(("phone", "13800000002"))
    with shop.store.write() as tx:
        for who, at in ((one, NOW - 20), (two, NOW - 5)):
            consents.put(tx, [Consent(who, "sms", "marketing", False, "sms", at)])
    path = table("手机号,接收短信", "13800000001,是", "13800000002,是")
    customers(shop, path, Options(proof=Proof(NOW - 10)), NOW)
    assert shop.store.rows("SELECT person_id, granted FROM consent ORDER BY person_id") == [(one, 1), (two, 0)]


def test_a_finished_file_is_not_imported_again_unless_asked(shop: Registry, table: Callable[..., Path]) -> None:
    path = table("手机号,姓名", "13800000001,王芳", "bad,李明")
    first = customers(shop, path, OPTIONS, NOW)
    again = customers(shop, path, OPTIONS, NOW)
    assert again.already
    assert (again.rows, again.created, again.rejected) == (first.rows, first.created, first.rejected) == (2, 1, 1)
    forced = customers(shop, path, Options(accounts=OPTIONS.accounts, again=True), NOW)
    assert (forced.created, forced.updated, forced.rejected) == (0, 1, 1)
    assert forced.rejects_path is not None
    assert len(forced.rejects_path.read_text("utf-8-sig").splitlines()) == 2


def test_progress_counts_rows_up_to_the_whole(shop: Registry, table: Callable[..., Path]) -> None:
    steps: list[tuple[int, int | None]] = []
    path = table("手机号", *(f"138{n:08d}" for n in range(25)))
    customers(shop, path, Options(chunk=10), NOW, Watch(lambda done, total: steps.append((done, total))))
    assert steps == [(0, 25), (25, 25), (25, 25)]


def test_unknown_headings_are_told_and_never_fatal(shop: Registry, table: Callable[..., Path]) -> None:
    report = customers(
        shop, table("手机号,会员等及,性别,忽略", "13800000001,gold,女,x"), Options(columns={"忽略": "ignore"}), NOW
    )
    assert report.created == 1
    assert [line.partition(":")[0] for line in report.unknown] == ["会员等及", "性别"]
    assert "tier" in report.unknown[0] or "会员等级" in report.unknown[0]
    assert "gender" in report.unknown[1]


def test_the_shops_own_mapping_goes_first_and_is_checked(shop: Registry, table: Callable[..., Path]) -> None:
    path = table("手机号,客户级别", "13800000001,gold")
    customers(shop, path, Options(columns={"客户级别": "tier"}), NOW)
    assert shop.store.value("SELECT attrs FROM person") == '{"tier": "gold"}'
    with pytest.raises(errors.Refused, match="did you mean tier"):
        customers(shop, path, Options(columns={"客户级别": "teir"}), NOW)


def test_a_file_without_any_identity_is_refused_with_its_headings(shop: Registry, table: Callable[..., Path]) -> None:
    with pytest.raises(errors.Refused, match="姓名, 城市"):
        customers(shop, table("姓名,城市", "王芳,上海"), OPTIONS, NOW)
    with pytest.raises(errors.Refused, match="cannot be read"):
        customers(shop, Path("/nowhere/x.csv"), OPTIONS, NOW)
    with pytest.raises(errors.Refused, match=r"\.xlsx"):
        customers(shop, table("x", name="x.xls"), OPTIONS, NOW)


def test_a_row_that_the_database_refuses_is_rejected_alone(shop: Registry, table: Callable[..., Path]) -> None:
    store = shop.store
    with store.write() as tx:
        if store.path:
            tx.run(
                "CREATE TRIGGER poison BEFORE INSERT ON person WHEN new.name = 'poison'"
                " BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        else:
            tx.run("ALTER TABLE person ADD CONSTRAINT poison CHECK (name <> 'poison')")
    try:
        names = ["poison" if n in (3, 11) else f"客户{n}" for n in range(16)]
        path = table("手机号,姓名", *(f"138{n:08d},{name}" for n, name in enumerate(names)))
        report = customers(shop, path, OPTIONS, NOW)
    finally:
        with store.write() as tx:
            tx.run("DROP TRIGGER poison" if store.path else "ALTER TABLE person DROP CONSTRAINT poison")
    assert (report.created, report.rejected) == (14, 2)
    assert report.rejects_path is not None
    lines = report.rejects_path.read_text("utf-8-sig").splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == ["5", "13"]


def test_a_refused_row_writes_no_other_reject_twice(shop: Registry, table: Callable[..., Path]) -> None:
    with shop.store.write() as tx:
        tx.run("CREATE UNIQUE INDEX poison ON person (name)")
    try:
        names = ["客户", "客户2", "客户3", "客户", "客户5"]
        path = table("手机号,姓名", "bad,李明", *(f"138{n:08d},{name}" for n, name in enumerate(names)))
        report = customers(shop, path, Options(chunk=2), NOW)
    finally:
        with shop.store.write() as tx:
            tx.run("DROP INDEX poison")
    assert (report.created, report.rejected) == (4, 2)
    assert report.rejects_path is not None
    lines = report.rejects_path.read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["2", "6"]


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_of_two_imports_of_one_file_the_second_is_told_so_and_leaves_its_rejects_alone(
    shop: Registry, table: Callable[..., Path], chunk: int
) -> None:
    """The second has read how far the first was; then the first goes on to its end; then the second would write."""
    path = table("手机号,姓名", *(f"{'bad' if n % 2 else 138}{n:08d},客户{n}" for n in range(8)))
    options = Options(chunk=chunk)
    reports: list[Report] = []
    begun: list[int] = []

    def first(done: int, total: int | None) -> None:
        begun.append(done)
        if len(begun) == 1:
            reports.append(customers(shop, path, options, NOW))

    with pytest.raises(errors.Busy, match="another process"):
        customers(shop, path, options, NOW, Watch(first))
    assert (reports[0].created, reports[0].rejected) == (4, 4)
    assert rejected_lines(reports[0]) == ["3", "5", "7", "9"]
    assert shop.store.value("SELECT count(*) FROM person") == 4
    again = customers(shop, path, options, NOW)
    assert (again.already, again.created, again.rejected) == (True, 4, 4)


def test_an_import_that_another_overtakes_ends_and_the_other_one_has_every_reject_once(
    shop: Registry, table: Callable[..., Path]
) -> None:
    path = table("手机号,姓名", *(f"bad{n},客户{n}" for n in range(6 * TOGETHER)))
    reports: list[Report] = []

    def overtaken(done: int, total: int | None) -> None:
        if done == 2 * TOGETHER:
            reports.append(customers(shop, path, Options(chunk=2), NOW))

    with pytest.raises(errors.Busy):
        customers(shop, path, Options(chunk=2), NOW, Watch(overtaken))
    assert rejected_lines(reports[0]) == [str(n) for n in range(2, 2 + 6 * TOGETHER)]


def test_of_two_who_take_a_finished_file_again_one_does(shop: Registry, table: Callable[..., Path]) -> None:
    job = jobs.begin(shop.store, NOW, "customers", "hash", "x.csv")
    jobs.finish(shop.store, NOW, job, job.tally)
    seen = [jobs.begin(shop.store, NOW, "customers", "hash", "x.csv") for _ in range(2)]
    assert all(one.finished for one in seen)
    begun = jobs.restart(shop.store, NOW, seen[0])
    with pytest.raises(errors.Busy):
        jobs.restart(shop.store, NOW, seen[1])
    done = jobs.Tally(rows=3)
    with shop.store.write() as tx:
        jobs.claim(tx, begun, begun.tally)
        jobs.advance(tx, begun, done)
    jobs.finish(shop.store, NOW, job, job.tally)
    assert not jobs.begin(shop.store, NOW, "customers", "hash", "x.csv").finished, "the first run is over long since"


def test_a_rejects_file_that_was_taken_away_or_cut_short_has_no_holes(
    shop: Registry, table: Callable[..., Path]
) -> None:
    path = table("手机号,姓名", *(f"bad{n},客户{n}" for n in range(TOGETHER + 2)))

    def killed(done: int, total: int | None) -> None:
        if done == TOGETHER:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        customers(shop, path, Options(chunk=1), NOW, Watch(killed))
    next(path.parent.glob("*.rejects-*")).unlink()
    left = [str(TOGETHER + 2), str(TOGETHER + 3)]
    assert rejected_lines(customers(shop, path, Options(chunk=1), NOW)) == left


def rejected_lines(report: Report) -> list[str]:
    assert report.rejects_path is not None
    head, *lines = report.rejects_path.read_text("utf-8-sig").splitlines()
    assert head.startswith("行号 line")
    return [line.split(",")[0] for line in lines]


def test_whoever_wants_to_write_waits_for_one_chunk_only(shop: Registry, table: Callable[..., Path]) -> None:
    if not shop.store.path:
        pytest.skip("PostgreSQL lets several write at once")
    seen: list[int] = []

    def other() -> None:
        with shop.store.write() as tx:
            seen.append(tx.value("SELECT count(*) FROM person"))
        shop.store.close()

    thread = threading.Thread(target=other)

    def watch(tx: Transaction) -> None:
        if thread.ident is None:
            thread.start()
        while not seen and not shop.store.turnstile.waiting:
            time.sleep(0.001)

    path = table("手机号", *(f"138{n:08d}" for n in range(25)))
    customers(shop, path, Options(chunk=10), NOW, Watch(after_chunk=watch))
    thread.join()
    assert seen == [10]
    assert shop.store.value("SELECT count(*) FROM person") == 25


def test_the_same_import_gives_the_same_people(shop: Registry, table: Callable[..., Path]) -> None:
    customers(shop, table("手机号,邮箱", "13800000001,a@example.com", "13800000002,"), OPTIONS, NOW)
    expected = {shop.vault.uid(shop.vault.lookup("phone", "", f"+861380000000{n}")) for n in (1, 2)}
    assert {uid for (uid,) in shop.store.rows("SELECT uid FROM person")} == expected


def test_spreadsheet_wrappings_are_taken_off(shop: Registry, table: Callable[..., Path]) -> None:
    path = table("手机号\t姓名", '="13800000001"\t王芳', "'13800000002\tNULL", "\u300013800000003 \t'=李")
    assert customers(shop, path, OPTIONS, NOW).created == 3
    assert shop.store.rows("SELECT name FROM person ORDER BY name NULLS LAST") == [("=李",), ("王芳",), (None,)]
