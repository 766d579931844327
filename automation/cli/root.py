"""The root command: a table of commands, each imported only when it is used, so that `--help` is quick."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from automation.kernel.document import nearest

from .options import example

if TYPE_CHECKING:
    from .session import Session

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "init": ("making:init", "Make a new shop: settings, journeys, templates and the key file."),
    "check": (
        "checking:check",
        "Check every file: structure, names, references, and the rules of platforms and the law.",
    ),
    "test": (
        "testing:test",
        "Test journeys: a made-up customer walks through, and what had to come is compared with what came.",
    ),
    "explain": (
        "explain:explain",
        "Read a journey's file back as Chinese sentences: who enters, what happens, who leaves.",
    ),
    "import": ("importing:group", "Import customers, past events or coupon codes."),
    "start": ("running:start", "Run the engine until it is stopped."),
    "tick": ("running:tick", "Do once what is due now, and end."),
    "demo": ("demo:demo", "Show everything with made-up customers; nothing leaves this machine."),
    "journeys": ("journeys:group", "See journeys, pause and resume them."),
    "customers": ("customers:group", "Find customers, see why, tag, consent, merge."),
    "events": ("events:group", "Tell journeys what a customer did."),
    "mail": ("mail:group", "Take in what comes back by mail."),
    "messages": ("messages:group", "See messages and why they did not leave; retry and resolve."),
    "notices": ("notices:group", "See what staff and web hooks were told, and what was given up; retry."),
    "channels": ("channels:group", "See channels: whether they work, and what is left today."),
    "campaign": ("campaign:group", "Send something once to many: plan, send, watch, stop."),
    "segment": ("segment:group", "See who is in a segment; export it."),
    "wechat": ("wechat:group", "Menu, QR codes, followers, tags and mass messages of an official account."),
    "wecom": ("wecom:group", "Contact ways, customers, groups and tasks of a WeCom account."),
    "audit": ("auditing:group", "Check the invariants; see what operators did."),
    "doctor": ("doctor:doctor", "Look for what is wrong or will be soon."),
    "keys": ("keys:group", "Change the key that seals contacts; see what each key still opens."),
    "backup": ("backup:backup", "Copy the database to FILE while it is in use."),
    "restore": ("backup:restore", "Go back to a backup."),
    "stop-all": ("switch:stop_all", "Stop every message at once."),
    "resume-all": ("switch:resume_all", "Let messages leave again."),
}
"""Name -> where it is and its line in the list; a test holds the lines against the commands' own help."""


class Table(click.Group):
    """A group that knows its commands by name only."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"automation.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word not in COMMANDS and not word.startswith("-"):
            near = nearest(word, COMMANDS)
            ctx.fail(f"There is no command '{word[:40]}'." + (f" Did you mean {near}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=Table,
    epilog=example("run.py check", "run.py --config shops/north/config.yaml journeys list"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config", type=click.Path(path_type=Path), default=Path("config.yaml"), show_default=True,
    envvar="LUCHENG_CONFIG", help="The settings of the shop.",
)  # fmt: skip
@click.option("--debug", is_flag=True, help="Show tracebacks and the log.")
@click.pass_obj
def root(session: Session, config: Path, debug: bool) -> None:
    """Lucheng: customer journeys as code."""
    from . import logs

    session.config, session.debug = config, debug
    logs.begin(debug)
