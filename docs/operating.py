"""The commands and the settings as Markdown, from click and from the models that read config.yaml.

Apart from tables.py, which is about the language of journeys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from automation.cli import root
from automation.settings.channels import Channel
from automation.settings.model import Settings
from bots import registry
from docs import channel_options
from docs.tables import table

ROOT: Final = Path(__file__).resolve().parents[1]
WIDTH: Final = 100
COMMENT = re.compile(r"^(?P<indent> *)(?P<key>[a-z_]+):(?P<rest>[^#]*)(?:# (?P<said>.+))?$")

SAID: Final[Mapping[str, str]] = {
    "shop.name": "shown to customers and staff",
    "channels": "name of an account: its kind and settings",
    "channels.kind": "what plays or carries it: see the kinds below",
    "channels.on_ambiguous.marketing": "`hold`, `resend` or `drop`",
    "channels.on_ambiguous.service": "the same for service messages",
    "channels.breaker.pause": "how long it rests; each failed try doubles it, up to ten minutes",
    "folders.journeys": "what happens",
    "rfm.recency_days": "days since the last order up to which `recency` is 5, 4, 3, 2; beyond: 1",
    "rfm.frequency": "orders up to which `frequency` is 1, 2, 3, 4; above: 5",
    "rfm.monetary_yuan": "money spent up to which `monetary` is 1, 2, 3, 4; above: 5",
    "staff": "role: who is told, and where",
    "staff.name": "shown to colleagues",
    "staff.channel": "a configured channel",
    "staff.address": "on that channel",
    "staff.field": "a text field of the customer that says who is told instead: the name or key of another entry, or on"
    " `wecom` a user id; where it leads to nobody, this entry is told",
    "webhooks": "name: where `webhook` steps post to",
    "webhooks.url": "https, or http on this machine",
    "webhooks.allow_private": "the address may be in our own network; without it none is called there",
    "webhooks.secret": "signs the body; a reference, never the secret itself",
    "key.file": "seals contacts; lose it and the contacts are lost",
}
"""What config.yaml itself does not say beside the key."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by its words, groups included, in the order of the list."""
    yield from _below(root.root, click.Context(root.root, info_name="run.py"), "")


def _below(group: click.Group, context: click.Context, words: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found = f"{words} {name}".lstrip()
        yield found, command
        if isinstance(command, click.Group):
            yield from _below(command, click.Context(command, info_name=name, parent=context), found)


def command_pages() -> str:
    parts = []
    for words, command in commands():
        *above, own = words.split()
        context = click.Context(root.root, info_name="run.py")
        for word in above:
            context = click.Context(click.Command(word), info_name=word, parent=context)
        inner = click.Context(command, info_name=own, parent=context, **root.root.context_settings)
        level = "###" if above else "##"
        parts += [f"{level} {words}", "", "```text", help_of(command, inner), "```", ""]
    return "\n".join(parts).rstrip()


def help_of(command: click.Command, context: click.Context) -> str:
    """The help as the shell shows it, at a width of its own: the page must not depend on a window."""
    formatter = click.HelpFormatter(width=WIDTH)
    command.format_help(context, formatter)
    return formatter.getvalue().rstrip()


def settings() -> str:
    """Every key of config.yaml with its default and what the file says of it."""
    said = {**comments(ROOT / "config.yaml"), **SAID, **_of_channels()}
    parts = []
    for name, rows in _sections(said):
        parts += [f"### {name}", "", table(("key", "default", "meaning"), rows), ""]
    return "\n".join(parts).rstrip()


def _of_channels() -> dict[str, str]:
    return {
        f"{kind}.{name}": meaning for kind, known in channel_options.MEANINGS.items() for name, meaning in known.items()
    }


def _sections(said: Mapping[str, str]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    single: list[tuple[str, ...]] = []
    for attribute, field in Settings.model_fields.items():
        name = field.alias or attribute
        model = Channel if name == "channels" else model_of(field.annotation)
        if model is None:
            single.append(_row(name, name, field, said))
        else:
            yield name, list(_rows(name, model, said))
    for kind, options in sorted(registry.KINDS.items()):
        yield f"channels of kind {kind}", list(_rows(kind, options, said))
    yield "single keys", single


def _rows(path: str, model: type[BaseModel], said: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for attribute, field in model.model_fields.items():
        name = f"{path}.{field.alias or attribute}"
        inner = model_of(field.annotation)
        if inner is not None:
            yield from _rows(name, inner, said)
        else:
            yield _row(name.partition(".")[2], name, field, said)


def _row(shown: str, path: str, field: FieldInfo, said: Mapping[str, str]) -> tuple[str, ...]:
    assert path in said, f"say what {path} means, in config.yaml or in docs/operating.py"
    return f"`{shown}`", _default(field), said[path]


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model`, `Model | None` or `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_of(part))), None)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or value in ({}, ""):
        return "none"
    if _is_seconds(field):
        return f"`{_length(value)}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _is_seconds(field: FieldInfo) -> bool:
    return any("_duration" in repr(part) for part in field.metadata)


def _length(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def comments(path: Path) -> dict[str, str]:
    """What stands behind each key of a YAML file: dotted path -> comment. The name of a channel is left out."""
    found: dict[str, str] = {}
    open_: list[tuple[int, str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        match = COMMENT.match(line)
        if not match:
            continue
        indent = len(match["indent"])
        open_ = [part for part in open_ if part[0] < indent] + [(indent, match["key"])]
        words = [word for _, word in open_]
        if words[0] in ("channels", "staff", "webhooks") and len(words) > 1:
            del words[1]
        if match["said"]:
            found.setdefault(".".join(words), match["said"].strip())
    return found
