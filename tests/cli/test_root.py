"""Every command explains itself: help with an example, the same line in the list, and a listing as JSON."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import run
from automation.cli.root import COMMANDS, root

RUN = str(Path(run.__file__))


def every(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from every(found, (*path, name))


ALL = [path for path, _ in every(root)]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(shop: Any, path: tuple[str, ...]) -> None:
    done = shop.fine(*path, "--help")
    command = " ".join(("run.py", *path))
    example = done.out.partition("Example")[2]
    assert example, f"{command} has no example"
    assert command in example.replace("--config shops/north/config.yaml ", "")


def test_names_of_commands_and_options_are_ascii() -> None:
    for path, command in every(root):
        names = [*path, *(word for option in command.params for word in option.opts)]
        assert all(name.isascii() for name in names)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_itself_says(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert (command.help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name][1]


LISTINGS = {
    ("keys", "list"): "keys",
    ("explain", "paid"): "lines",
    ("check",): "problems", ("journeys", "list"): "journeys", ("journeys", "show", "dormant_wakeup"): "steps",
    ("customers", "find", "王"): "customers", ("customers", "show", "13800000001"): "events",
    ("messages", "heal"): "channels", ("notices", "list"): "notices",
    ("messages", "list"): "messages", ("campaign", "list"): "campaigns", ("segment", "list", "--count"): "segments",
    ("segment", "count", "vip"): "people", ("segment", "sample", "vip"): "people", ("audit",): "invariants",
    ("audit", "check"): "invariants", ("audit", "list"): "audit", ("doctor",): "looks", ("tick",): "messages",
    ("channels", "list"): "channels", ("channels", "quota"): "quotas", ("messages", "report"): "planned",
    ("campaign", "plan", "--segment", "vip", "--text", "wakeup_hello"): "reached",
}  # fmt: skip


@pytest.mark.parametrize(("words", "member"), LISTINGS.items(), ids=[" ".join(words) for words in LISTINGS])
def test_a_listing_with_json_is_one_document_and_nothing_else(shop: Any, words: tuple[str, ...], member: str) -> None:
    done = shop.fine(*words, "--json")
    assert member in done.json
    assert done.err == ""


def test_every_command_that_takes_json_is_held_to_it() -> None:
    takes = {path for path, command in every(root) if any("--json" in option.opts for option in command.params)}
    held = {tuple(word for word in words if word in {part for path in takes for part in path}) for words in LISTINGS}
    elsewhere = {("import", "customers"), ("import", "events"), ("import", "coupons"), ("campaign", "send"),
                 ("campaign", "show"), ("messages", "show"), ("channels", "check"),
                 ("wechat", "menu", "show"), ("wechat", "qr", "make"), ("wechat", "tags", "sync"),
                 ("wechat", "mass", "list"), ("wechat", "mass", "send"),
                 ("wecom", "contact-way", "make"), ("wecom", "contact-way", "list"),
                 ("wecom", "tags", "list"), ("wecom", "groups", "list"), ("wecom", "mass-group"),
                 ("wecom", "task", "show"), ("backup",), ("restore",), ("stop-all",), ("resume-all",),
                 ("test",)}  # fmt: skip
    left = takes - elsewhere - {path[:2] for path in held} - {path[:1] for path in held}
    assert left <= {("demo",)}, left


def test_an_unknown_command_names_the_one_that_was_meant(bare: Any) -> None:
    done = bare("journey")
    assert done.code == 2
    assert "journeys" in done.err


def test_help_of_a_real_process_imports_neither_settings_nor_database() -> None:
    code = (
        "import sys; sys.argv = ['run.py', '--help']\n"
        "import runpy\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'pydantic', 'peewee', 'apsw', 'rich', 'jinja2', 'yaml', 'apscheduler'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(RUN).parent, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Commands:" in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("journeys", "show", "nowhere", "--json"), 1), (("messages", "show", "x", "--json"), 2),
        (("campaign", "plan", "--text", "wakeup_hello", "--json"), 2),
    ],
)  # fmt: skip
def test_an_error_is_one_json_document_where_json_was_asked_for(shop: Any, words: tuple[str, ...], code: int) -> None:
    done = shop(*words)
    assert done.code == code
    assert list(done.json) == ["error"]
    told = done.json["error"]
    assert (told["code"], sorted(told)) == (code, ["code", "hint", "kind", "message"])
    assert told["message"] in done.err


def test_problems_of_files_are_listed_in_the_json_document(shop: Any) -> None:
    shop.write("config.yaml", "shop: {nam: x}\n")
    done = shop("journeys", "list", "--json")
    assert done.code == 1
    assert done.json["error"]["problems"][0]["path"].endswith("config.yaml")


def test_the_stop_switch_and_a_backup_answer_in_json(shop: Any) -> None:
    assert shop.fine("stop-all", "--json").json == {"stopped": True}
    assert shop.fine("resume-all", "--json").json == {"stopped": False}
    found = shop.fine("backup", shop.folder / "copy.db", "--json").json
    assert (found["checked"], found["bytes"]) == (True, (shop.folder / "copy.db").stat().st_size)
