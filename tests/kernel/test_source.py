"""The reader: what it gives, where it points, and every slip of LANGUAGE it names."""

from pathlib import Path

import pytest

from automation.kernel import source
from automation.kernel.codes import CODES
from automation.kernel.errors import SourceErrors

JOURNEY = """\
journey: dormant_wakeup   # the file's name
title: 沉睡客户唤醒：第一波，全员
enter: {segment: dormant_90d, check: daily 09:00, existing: include}
share: 50%
quiet: 22:30-08:00
steps:
  - send: hello
    via: [wechat, "sms"]
    text: |
      {{ customer.name }}，您好 #双11#
       : 任意文字 > 100
  - wait_for: {clicked: hello}
    then:
    - {say: [退货, 想退], answer: 签收 7 天内可申请，需要帮您吗？, menu: {好的: {answer: 好}}}
    else: []
"""


def problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(SourceErrors) as caught:
        source.parse(text, "j.yaml")
    assert all(problem.code in CODES and problem.message for problem in caught.value.problems)
    return [(problem.line, problem.column, problem.code) for problem in caught.value.problems]


def test_a_good_journey_is_read_as_written() -> None:
    data = source.parse(JOURNEY, "j.yaml").data
    assert data["title"] == "沉睡客户唤醒：第一波，全员"
    assert data["share"] == "50%"
    assert data["quiet"] == "22:30-08:00"
    assert data["steps"][0] == {
        "send": "hello",
        "via": ["wechat", "sms"],
        "text": "{{ customer.name }}，您好 #双11#\n : 任意文字 > 100\n",
    }
    assert data["steps"][1]["then"][0]["menu"] == {"好的": {"answer": "好"}}
    assert data["steps"][1]["else"] == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, None) for word in ("null", "~")],
        *[(word, word) for word in ("yes", "no", "on", "off", "y", "Yes")],
        *[(word, word) for word in ("22:30", "12:30:45", "2026-06-18", "2026-06-18 10:00", "1:1")],
        *[
            (word, word)
            for word in ("007", "1e3", "1.10", "1_000", "0x1F", "0o7", "+5", ".5", "5.", ".inf", ".nan", "-0")
        ],
        *[(word, word) for word in ("1234567890123456789", "0.1000000000000000055", "50%")],
        ("0", 0),
        ("-3", -3),
        ("123456789012345678", 123456789012345678),
        ("1.5", 1.5),
        ("-0.25", -0.25),
        ('"5"', "5"),
        ("'true'", "true"),
    ],
)
def test_an_unquoted_word_means_what_yaml_1_2_says_without_traps(written: str, meant: object) -> None:
    read = source.parse(f"v: {written}\n", "j.yaml").data["v"]
    assert (type(read), read) == (type(meant), meant)


def test_every_key_and_value_has_its_position() -> None:
    document = source.parse(JOURNEY, "j.yaml")
    assert document.mark(("steps", 0, "via")) == source.Mark(8, 10)
    assert document.mark(("steps", 0, "via"), key=True) == source.Mark(8, 5)
    assert document.mark(("steps", 0, "via", 1)) == source.Mark(8, 19)
    assert document.mark(("enter", "check")) == source.Mark(3, 38)
    assert document.mark(("steps", 1, "then", 0, "menu", "好的"), key=True) == source.Mark(14, 57)


def test_an_absent_place_has_the_position_of_its_nearest_ancestor() -> None:
    document = source.parse(JOURNEY, "j.yaml")
    assert document.mark(("steps", 0, "expires")) == document.mark(("steps", 0)) == source.Mark(7, 5)
    assert document.mark(("steps", 9, "x", "y"), key=True) == document.mark(("steps",))
    assert document.mark(()) == source.Mark(1, 1)
    problem = document.problem(("steps", 0, "via"), "S001", "message", "hint", key=True)
    assert str(problem) == "j.yaml:8:5 S001 message (hint)"


SLIPS = [
    ("journey：x\nb: 1\n", 1, 8, "Y020"),
    ("a: 1\nkey：value\nb: 2\n", 2, 4, "Y020"),
    ("- send：hello\n", 1, 7, "Y020"),
    ("a: {to：b}\n", 1, 7, "Y020"),
    ("via: [wechat，sms]\n", 1, 13, "Y021"),
    ("tags: [女装，男装]\n", 1, 10, "Y021"),
    ("via: wechat，sms\n", 1, 12, "Y021"),
    ("x: {send: hello，via: sms}\n", 1, 16, "Y021"),
    ("title: “双11”\n", 1, 8, "Y022"),
    ("title: ‘双11’\n", 1, 8, "Y022"),
    ("share: 50％\n", 1, 8, "Y023"),
    ("at: 09：30\n", 1, 5, "Y023"),
    ("enter: {check: daily 09：00}\n", 1, 16, "Y023"),
    ("wait: －3d\n", 1, 7, "Y023"),
    ("wait: ３天\n", 1, 7, "Y023"),
    ("on: 2026－11－10\n", 1, 5, "Y023"),
    ("a: 1\n\u3000b: 2\n", 2, 1, "Y024"),
    ("a:\u3000b\n", 1, 3, "Y024"),
    ("a: b\u00a0\nc: 1\n", 1, 4, "Y024"),
    ("steps:\n  -\u3000send: x\n", 2, 4, "Y025"),
    ("steps:\n  -\u3000{send: x}\n", 2, 4, "Y025"),
    ("via:\n  -\u00a0sms\n", 2, 4, "Y025"),
    ("steps:\n  － send: x\n", 2, 3, "Y025"),
    ("- tag: 领券 #双11#\n", 1, 11, "Y030"),
    ("- tag: 领券 # 双11 #\n", 1, 11, "Y030"),
    ("- tag: #vip\n", 1, 8, "Y030"),
    ("- #vip\n", 1, 3, "Y030"),
    ("title: 活动: 双11\n", 1, 10, "Y031"),
    ("- {title: 活动: 双11}\n", 1, 13, "Y031"),
    ("text: {{ x }}\n", 1, 7, "Y032"),
    ("- {text: {{ x }}, b: 1}\n", 1, 10, "Y032"),
    ("key: {value: ${NAME}}\n", 1, 14, "Y032"),
    ("title: [限时] 抢购\n", 1, 13, "Y033"),
    ('title: "限时" 抢购\n', 1, 13, "Y033"),
    ("t: *重要*\n", 1, 4, "Y013"),
    ("t: & 你好\n", 1, 4, "Y012"),
    ("t: !注意\n", 1, 4, "Y014"),
    ("t: @all\n", 1, 4, "Y033"),
    ("t: %x\n", 1, 4, "Y033"),
    ("t: `x`\n", 1, 4, "Y033"),
    ("t: > 你好\n", 1, 4, "Y033"),
    ("amount: > 100\n", 1, 9, "Y035"),
    ("x: {amount: >= 100}\n", 1, 13, "Y035"),
    ("amount: ≥50\n", 1, 9, "Y035"),
    ("amount: <3d\n", 1, 9, "Y035"),
    ("t: >= 2026-01-01\n", 1, 4, "Y035"),
    ("\ta: b\n", 1, 1, "Y036"),
    ("a:\n\tb: c\n", 2, 1, "Y036"),
    ("a:\tb\n", 1, 3, "Y036"),
    ("a: b\tc\n", 1, 5, "Y036"),
    ("a:\nb: 1\n", 1, 1, "Y034"),
    ("x: {a, b: 1}\n", 1, 5, "Y034"),
    ("- a\n-\n- c\n", 2, 2, "Y034"),
    ("t: >\n  你好\n  世界\n", 1, 4, "Y041"),
    ("t: 你好，\n  世界\n", 1, 4, "Y041"),
    ('t: "你好\n  世界"\n', 1, 4, "Y041"),
    ("- if: x\n then: y\n", 2, 2, "Y050"),
    ("a: 1\na: 2\n", 2, 1, "Y011"),
    ("x: &b 1\n", 1, 4, "Y012"),
    ("x: *b\n", 1, 4, "Y013"),
    ("x: !!python/name:os.system y\n", 1, 4, "Y014"),
    ("x:\n  <<: {a: 1}\n", 2, 3, "Y015"),
    ("a: 1\n---\nb: 2\n", 2, 1, "Y016"),
    ("1: a\n", 1, 1, "Y017"),
    ("true: a\n", 1, 1, "Y017"),
    ("? [a]\n: b\n", 1, 3, "Y017"),
    ("%YAML 1.2\n---\na: b\n", 1, 1, "Y018"),
    ("a: [b\nc: d\n", 1, 4, "Y010"),
    ("a: 'x\n", 1, 4, "Y010"),
    ("a: b\n  c\nd\n", 3, 1, "Y010"),
    ("a: \x00b\n", 1, 4, "Y003"),
    ("a: b\u200b\n", 1, 5, "Y003"),
    ("a: \ud800\n", 1, 4, "Y003"),
    ('steps: [{set: {city: "a\\u0000b"}}]\n', 1, 22, "Y003"),
    ('a: "b\\u202E"\n', 1, 4, "Y003"),
    ('a:\n  "b\\x07": c\n', 2, 3, "Y003"),
]


@pytest.mark.parametrize(("text", "line", "column", "code"), SLIPS, ids=[f"{s[3]}-{n}" for n, s in enumerate(SLIPS)])
def test_a_slip_is_named_once_where_it_stands(text: str, line: int, column: int, code: str) -> None:
    assert problems(text) == [(line, column, code)]


@pytest.mark.parametrize(
    "text",
    [
        "title: “双11”狂欢\n",
        "title: 双11：满减50％起，速来\n",
        "title: 你好　世界\n",
        "tag: 领券#双11#\n",
        "tag: 领券 # 备注\n",
        "- 提示：请回复\n",
        "- {ask: 满意吗？, valid: 7d}\n",
        "url: http://127.0.0.1:8025\n",
        "emoji: 👨‍👩‍👧 家庭\n",
        "text: '{{ x }}: a #b > 1，[c'\n",
        'text: "a\tb：\\t"\n',
        "text: |\n\n  {{ x }}: b #c\n\n  *x* & y\nnext: 1\n",
        "- text: >-\n    one\n    two\n  next: 1\n",
        "a:\n- b: 1\n  c: 2\n- - d\n  - e\nf: 1\n",
        "一: >\n  只有一行 你好\n",
        '"a: b": c\n',
        "a: [1,\n  2,  # two\n  {b: c}\n  ]\nd: 1\n",
        "\ufeffa: 1\r\nb: 2\r\n",
        "---\na: 1\n",
        "a: null\n",
        "time: 10:00-12:00\n",
    ],
)
def test_good_text_is_not_suspected(text: str) -> None:
    assert source.parse(text, "j.yaml").data


def test_an_else_one_column_off_is_given_to_the_step_that_branches() -> None:
    with pytest.raises(SourceErrors) as caught:
        source.parse("- if: {a: 1}\n  then:\n  - send: x\n   else:\n  - send: y\n", "j.yaml")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.code) == (4, 4, "Y050")
    assert "'if' of line 1" in problem.hint
    assert "column 3" in problem.hint


def test_hints_say_what_to_write() -> None:
    with pytest.raises(SourceErrors) as caught:
        source.parse("a: ≥50\nb: ３天\nc: 09：30\n", "j.yaml")
    assert [problem.hint for problem in caught.value.problems] == ["write {at_least: 50}", "write 3天", "write 09:30"]


def test_all_problems_of_a_file_come_at_once_even_when_yaml_gives_up() -> None:
    text = "title: “a”\nx: 1\nx: 2\nat: 09：30\nbad: [1\nvia: [a，b]\nlast: > 5\n"
    found = problems(text)
    assert (1, 8, "Y022") in found
    assert (3, 1, "Y011") in found
    assert (4, 5, "Y023") in found
    assert (7, 7, "Y035") in found or (5, 6, "Y010") in found
    assert len(found) >= 5


def test_at_most_a_screenful_of_problems_is_reported() -> None:
    assert 50 <= len(problems("a: > 1\n" * 500)) <= 110


def test_empty_files_are_empty() -> None:
    assert source.parse("", "j.yaml").data is None
    assert source.parse("# nothing yet\n", "j.yaml").data is None


def test_a_file_is_shown_relative_to_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "journeys").mkdir()
    path = tmp_path / "journeys" / "生日.yaml"
    path.write_text("a: 1\n", encoding="utf-8")
    assert source.read(path).path == "journeys/生日.yaml"
    assert source.read(path, "shown").path == "shown"


@pytest.mark.parametrize(("content", "code"), [(b"a: \xff\n", "Y002"), ("标题: 你好\n".encode("gbk"), "Y002")])
def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(SourceErrors, match=code):
        source.read(path)


def test_a_missing_file_and_a_folder_are_problems_not_crashes(tmp_path: Path) -> None:
    itself = tmp_path / "itself.yaml"
    itself.symlink_to("itself.yaml")
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / "a\x00b", itself):
        with pytest.raises(SourceErrors, match="Y007"):
            source.read(path)


def test_the_nearest_word_is_found() -> None:
    assert source.nearest("chanel", ["send", "channel", "wait"]) == "channel"
    assert source.nearest("VIA", ["via", "if"]) == "via"
    assert source.nearest("tga", ["tag", "wait"]) == "tag"
    assert source.nearest("zzz", ["via", "if"]) is None
    assert source.nearest("colour", ["holdout", "clock", "goal"]) is None
    assert source.nearest("x" * 100_000, ["x" * 99_999]) is None


def test_every_code_said_is_in_the_table_and_every_code_of_the_table_is_said() -> None:
    house = Path(source.__file__).parents[1]
    files = [path for floor in ("kernel", "settings", "cli") for path in (house / floor).glob("*.py")]
    said = "".join(path.read_text(encoding="utf-8") for path in files if path.name != "codes.py")
    assert [code for code in CODES if f'"{code}"' not in said] == []


def test_a_full_width_dash_below_a_key_is_the_only_thing_said() -> None:
    assert problems("journey: a\nsteps:\n－ send: a\n") == [(3, 1, "Y025")]


def test_a_full_width_space_behind_a_dash_is_the_only_thing_said() -> None:
    assert problems("journey: a\nsteps:\n-\u3000{send: a}\n-\u3000wait: 1d\n") == [(3, 2, "Y025"), (4, 2, "Y025")]


def test_a_slip_that_leaves_the_rest_clear_does_not_hide_what_else_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("same: 1\nsame: 2\nother: three\n&x third: [4, 5]\nempty:\n", encoding="utf-8")

    def look(document: source.Document) -> None:
        assert document.data == {"same": 1, "other": "three", "third": [4, 5], "empty": None}
        raise SourceErrors(
            [
                document.problem(("other",), "S001", "a number is due here"),
                document.problem(("empty",), "S002", "follows from the slip on its line"),
            ]
        )

    with pytest.raises(SourceErrors) as found:
        source.read_as(path, look, "a.yaml")
    said = [(one.line, one.code) for one in found.value.problems]
    assert said == [(2, "Y011"), (3, "S001"), (4, "Y012"), (5, "Y034")]


@pytest.mark.parametrize("text", ["a: [1\n", "a：1\nb: 2\n", "2: a\n", "<<: {a: 1}\n"])
def test_after_a_slip_that_blurs_the_rest_nothing_more_is_guessed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceErrors) as found:
        source.read_as(path, lambda document: pytest.fail("it was looked at"))
    assert not isinstance(found.value, source.Legible)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("> 100", "write {above: 100}"),
        ("> 30d", "write {older_than: 30d}"),
        ("<=3h", "write {within: 3h}"),
        ("> 2026-01-01", "write {after: 2026-01-01}"),
        ("= 30d", "write the value alone: 30d"),
        ("> gold", 'to compare write {above: gold}; else quote the text: "..."'),
        ("> 你好", 'quote the text: "..."'),
    ],
)
def test_the_hint_for_a_sign_names_the_comparator_that_its_value_takes(text: str, hint: str) -> None:
    with pytest.raises(SourceErrors) as caught:
        source.parse(f"t: {text}\n", "j.yaml")
    assert [one.hint for one in caught.value.problems] == [hint]
