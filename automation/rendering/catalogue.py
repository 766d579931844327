"""Reads templates/: one folder a text, checked as far as it can be alone. A bad text disables only itself."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from automation.kernel import document, errors, shapes, source
from automation.rendering import (
    bodies,
    fields,
    files,
    images,
    language,
    layouts,
    markup,
    pictures,
    reading,
    wechat_fields,
)
from automation.rendering.faults import RenderFault
from automation.rendering.fields import Field
from automation.rendering.language import Parsed
from automation.rendering.texts import BASE, Kind, Template, Text, Texts, Variant

TEXT_FILE = "text.yaml"
KNOWN = frozenset({TEXT_FILE, "email.html", "email.txt", *(f"{kind}.yaml" for kind in Kind)})
PROVIDED_LINKS = frozenset({"unsubscribe"})  # made by the engine for each message, not declared
SHAPES: dict[Kind, type[shapes.Strict]] = {
    Kind.WECHAT: files.WechatShape,
    Kind.WECOM: files.WecomShape,
    Kind.SMS: files.SmsShape,
    Kind.EMAIL: files.EmailShape,
}
IDENTIFIER = re.compile(r"[A-Za-z]\w*")
MAX_FILE = 512 * 1024
Shape = TypeVar("Shape", bound=shapes.Strict)


def load(folder: Path) -> Texts:
    """All texts below `folder`, with every problem of every file. Raises nothing for what stands in the files."""
    texts: dict[str, Text] = {}
    problems: list[errors.Problem] = []
    broken: set[str] = set()
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not path.is_dir() or path.name.startswith((".", "_")) or pictures.is_shelf(path):
            continue
        reader = Reader(path)
        text = reader.read()
        problems += reader.problems
        if reader.problems or text is None:
            broken.add(path.name)
        else:
            texts[path.name] = text
    return Texts(texts, tuple(sorted(set(problems))), frozenset(broken))


def _placeholders(preview: Field, params: Collection[str]) -> Iterator[errors.Problem]:
    for number, line in enumerate(preview.source.splitlines(), 1):
        for word in bodies.PLACEHOLDER.findall(line):
            if word not in params:
                said, hint = f"{{{word}}} is no parameter of this text", fields.did_you_mean(word, params)
                yield fields.problem(preview, number, "T030", said, hint, near=f"{{{word}}}")


def _is_sound(part: dict[str, Any]) -> bool:
    try:
        shapes.validate(document.Document(TEXT_FILE, part), files.TextShape)
    except errors.SourceErrors:
        return False
    return True


@dataclass(slots=True)
class Reader:
    """One text's folder while it is read."""

    folder: Path
    problems: list[errors.Problem] = dataclasses.field(default_factory=list)
    links: dict[str, tuple[Field, Parsed]] = dataclasses.field(default_factory=dict)

    def read(self) -> Text | None:
        head = self.folder / TEXT_FILE
        about = self._document(head, files.TextShape) if head.exists() else document.Document(reading.shown(head), {})
        shape = self._head(about) if about else None
        if about is None or shape is None:
            return None
        self._declare_links(head, about, shape)
        variants = tuple(
            Variant(name, item.condition, ("variants", name, "if")) for name, item in shape.variants.items()
        )
        self._check_folder(self.folder, about, shape)
        channels = {}
        for variant in (BASE, *shape.variants):
            for kind in Kind:
                template = self._template(variant, kind)
                if template:
                    channels[variant, kind] = template
        if not any(variant == BASE for variant, _ in channels) and not self.problems:
            self._say(
                about,
                (),
                "T040",
                "this text has no file for any channel",
                "add wechat.yaml, wecom.yaml, sms.yaml or email.yaml",
            )
        return Text(
            self.folder.name,
            shape.title or self.folder.name,
            about,
            channels,
            variants,
            frozenset(shape.needs),
            frozenset(shape.links),
        )

    def _head(self, about: document.Document) -> files.TextShape | None:
        """What text.yaml says. Where a key is wrong that nothing below depends on, the others are gone on with, so
        that what is wrong with them is told as well."""
        shape = self._shape(about, files.TextShape)
        if shape is not None or not isinstance(about.data, dict):
            return shape
        sound = {name: part for name, part in about.data.items() if _is_sound({name: part})}
        if any(name in about.data and name not in sound for name in ("variants", "links")):
            return None
        return shapes.validate(document.Document(about.path, sound), files.TextShape)

    def _document(self, path: Path, model: type[shapes.Strict]) -> document.Document | None:
        try:
            return source.read(path, reading.shown(path))
        except source.Legible as slips:
            self.problems += slips.besides(lambda about: shapes.validate(about, model)).problems
            return None
        except errors.SourceErrors as error:
            self.problems += error.problems
            return None

    def _shape(self, about: document.Document, model: type[Shape]) -> Shape | None:
        try:
            return shapes.validate(about, model)
        except errors.SourceErrors as error:
            self.problems += error.problems
            return None

    def _say(self, about: document.Document, loc: document.Loc, code: str, message: str, hint: str = "") -> None:
        self.problems.append(about.problem(loc, code, message, hint, key=True))

    def _declare_links(self, path: Path, about: document.Document, shape: files.TextShape) -> None:
        lines = reading.read_lines(path)
        for name, url in shape.links.items():
            loc = ("links", name)
            if not IDENTIFIER.fullmatch(name) or name in PROVIDED_LINKS:
                self._say(about, loc, "T014", f"{name} cannot be the name of a link", "letters, digits and _")
            made = reading.field_of(name, url, about, loc, lines)
            parsed = self._parse(made)
            if any(use.name.startswith("links.") for use in parsed.uses):
                self._say(about, loc, "T022", "a link is not made of other links", "write it out")
            if not url.lstrip().startswith(("{{", "{%")) and urlsplit(url.strip()).scheme not in ("http", "https"):
                self._say(about, loc, "T021", "a link begins with https:// or http://")
            self.links[name] = made, parsed

    def _check_folder(self, folder: Path, about: document.Document, shape: files.TextShape) -> None:
        """Files and folders nobody would ever read are typing mistakes; a variant without files is one too."""
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir():
                if path.name in shape.variants:
                    self._check_variant(path)
                else:
                    self._stray(path, f"no variant is named {path.name}", sorted(shape.variants))
            elif path.name not in KNOWN:
                self._check_other(path, sorted(KNOWN))
        for name in shape.variants:
            if not (folder / name).is_dir():
                self._say(
                    about,
                    ("variants", name),
                    "T042",
                    f"variant {name} has no folder",
                    f"make {reading.shown(folder)}/{name}/",
                )

    def _check_variant(self, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            if path.name not in KNOWN - {TEXT_FILE} and not path.name.startswith("."):
                self._check_other(path, sorted(KNOWN - {TEXT_FILE}))

    def _check_other(self, path: Path, known: list[str]) -> None:
        """A picture that a mail of this text shows, or a mistake."""
        pages = self.folder.rglob("email.html")
        sources = [page.read_text(encoding="utf-8-sig", errors="replace") for page in pages]
        if not any(path.name == name for source in sources for name, _ in images.shown(Field("html", source, ""))):
            self._stray(path, f"no channel reads {path.name}", known)

    def _stray(self, path: Path, message: str, known: list[str]) -> None:
        close = document.nearest(path.name, known)
        hint = f"did you mean {close}?" if close else f"known: {' '.join(known) or 'none'}"
        self.problems.append(errors.Problem(reading.shown(path), 1, 1, "T041", message, hint))

    def _find(self, variant: str, name: str) -> Path | None:
        """A channel's file, of the variant or else of the text."""
        own, base = self.folder / variant / name, self.folder / name
        return own if own.exists() else base if base.exists() else None

    def _template(self, variant: str, kind: Kind) -> Template | None:
        own = [f"{kind}.yaml"] + (["email.html", "email.txt"] if kind is Kind.EMAIL else [])
        if variant and not any((self.folder / variant / name).exists() for name in own):
            return None
        path = self._find(variant, f"{kind}.yaml")
        if path is None:
            if kind is Kind.EMAIL and self._find(variant, "email.html"):
                missing = self.folder / variant / "email.yaml"
                self.problems.append(
                    errors.Problem(reading.shown(missing), 1, 1, "T044", "email.html has no email.yaml", "add subject:")
                )
            return None
        about = self._document(path, SHAPES[kind])
        shape = self._shape(about, SHAPES[kind]) if about else None
        if about is None or shape is None:
            return None
        lines = reading.read_lines(path)
        if isinstance(shape, files.SmsShape):
            return self._sms(about, shape, lines)
        if isinstance(shape, files.EmailShape):
            return self._email(variant, about, shape, lines)
        return self._parts(kind, about, shape, lines)

    def _parts(self, kind: Kind, about: document.Document, shape: shapes.Strict, lines: list[str]) -> Template:
        """Every text in the file is a field, named by its place, but for the names of approved templates."""
        keys: list[tuple[str, str]] = []
        shown: list[tuple[str, str]] = []
        made: list[Field] = []
        for loc, value in reading.leaves(shape.model_dump(exclude_unset=True, exclude_none=True)):
            if loc[-1] == "file" and "data" not in loc:
                shown += self._picture(about, loc, value)
                continue
            if loc[-1] == "key":
                keys.append((str(loc[0]), value))
                self._check_constant(about, loc, value)
                continue
            if "data" in loc:
                self._check_data(about, loc, value)
            made.append(reading.field_of(".".join(map(str, loc)), value, about, loc, lines))
        parts = frozenset(shape.model_fields_set)
        return self._finish(kind, about.path, made, parts=parts, keys=tuple(keys), images=tuple(shown))

    def _picture(self, about: document.Document, loc: document.Loc, value: str) -> list[tuple[str, str]]:
        found = pictures.find(self.folder.parent, value)
        if isinstance(found, Path):
            return [(".".join(map(str, loc[:-1])), str(found))]
        self.problems.append(about.problem(loc, *found))
        return []

    def _check_constant(self, about: document.Document, loc: document.Loc, value: str) -> None:
        if not value.strip() or "{{" in value or "{%" in value:
            self._say(about, loc, "T031", "the name of a template is a fixed word", "it stands in config.yaml, too")

    def _check_data(self, about: document.Document, loc: document.Loc, value: str) -> None:
        name = str(loc[-1])
        if wechat_fields.kind_of(name) is None:
            hint = wechat_fields.did_you_mean(name)
            self._say(about, loc, "T060", f"no approved template has a field {name}", hint)
        elif "{{" not in value and "{%" not in value:
            try:
                wechat_fields.fitted(name, value)
            except RenderFault as fault:
                self.problems.append(about.problem(loc, "T060", str(fault)))

    def _sms(self, about: document.Document, shape: files.SmsShape, lines: list[str]) -> Template:
        made = [
            reading.field_of(f"params.{name}", value, about, ("params", name), lines)
            for name, value in shape.params.items()
        ]
        if "{{" in shape.preview or "{%" in shape.preview:
            self._say(
                about, ("preview",), "T031", "the preview holds no expressions", "write {name} for the parameter name"
            )
        else:
            self.problems += _placeholders(
                reading.field_of("preview", shape.preview, about, ("preview",), lines), shape.params
            )
        return self._finish(
            Kind.SMS, about.path, made, key=shape.template, preview=shape.preview, parts=frozenset({"template"})
        )

    def _email(
        self, variant: str, about: document.Document, shape: files.EmailShape, lines: list[str]
    ) -> Template | None:
        made = [reading.field_of("subject", shape.subject, about, ("subject",), lines)]
        if shape.preview:
            made.append(reading.field_of("preview", shape.preview, about, ("preview",), lines))
        page = self._find(variant, "email.html")
        if page is None:
            self._say(about, (), "T043", "email.html is missing beside it", "every mail has an HTML part")
            return None
        html = Field("html", self._whole(page), reading.shown(page))
        made.append(html)
        pictures, problems = images.read(html, lambda name: self._find(variant, name))
        self.problems += [*([] if language.parse(html).problems else markup.check(html)), *problems]
        text = page.with_suffix(".txt")  # of the same folder as the HTML, so that both say the same
        if text.exists():
            made.append(Field("text", self._whole(text), reading.shown(text)))
        if shape.layout:
            made += self._layout(about, shape.layout, pictures)
        return self._finish(Kind.EMAIL, about.path, made, parts=frozenset({"html"}), images=tuple(pictures.items()))

    def _layout(self, about: document.Document, name: str, pictures: dict[str, str]) -> list[Field]:
        """The frame around the mail, as a field of its own; its pictures join those of the mail."""
        path = layouts.find(self.folder.parent, name)
        if path is None:
            hint = layouts.did_you_mean(self.folder.parent, name)
            self.problems.append(about.problem(("layout",), "T045", f"there is no layout {name}", hint))
            return []
        layout = Field("layout", self._whole(path), reading.shown(path))
        own, problems = images.read(
            layout, lambda name: path.with_name(name) if path.with_name(name).exists() else None
        )
        self.problems += [*([] if language.parse(layout).problems else markup.check(layout)), *problems]
        self.problems += layouts.check(layout)
        pictures.update(own)
        return [layout]

    def _whole(self, path: Path) -> str:
        try:
            if path.is_file():  # a pipe or a device would never end
                if path.stat().st_size <= MAX_FILE:
                    return path.read_text(encoding="utf-8-sig")
                self.problems.append(errors.Problem(reading.shown(path), 1, 1, "T002", "the file is too large"))
                return ""
        except (OSError, UnicodeDecodeError):
            pass
        problem = errors.Problem(reading.shown(path), 1, 1, "T044", "the file cannot be read", "save it as UTF-8")
        self.problems.append(problem)
        return ""

    def _finish(self, kind: Kind, path: str, made: list[Field], **more: Any) -> Template:
        """`more`: what else the template has, by the names of its members."""
        uses = [use for field in made for use in self._parse(field).uses if use.name.partition(".")[0] != "mail"]
        links: dict[str, Field] = {}
        for use in list(uses):
            root, _, name = use.name.partition(".")
            if root != "links" or name in PROVIDED_LINKS:
                continue
            if name not in self.links:
                hint = fields.did_you_mean(name, self.links) if self.links else "declare it under links: in text.yaml"
                self.problems.append(
                    errors.Problem(use.path, use.line, use.column, "T020", f"{use.name} is not declared", hint)
                )
            elif name not in links:
                links[name] = self.links[name][0]
                uses += self.links[name][1].uses
        version = reading.digest(kind, *(f"{name}={sorted(given) if isinstance(given, frozenset) else given}"
                                 for name, given in more.items()), *made, *links.values())  # fmt: skip
        return Template(kind, path, tuple(made), version, links=tuple(links.values()), uses=tuple(uses), **more)

    def _parse(self, made: Field) -> Parsed:
        parsed = language.parse(made)
        self.problems += parsed.problems
        return parsed
