"""The fields of one file compiled together into one function: a rendering is one pass, whatever the number of fields.

Fields are joined as parsed trees, each in a scope of its own, with a NUL between them; a NUL in a value is an error of
that one person. Lines stay those of the file, so a failure names the line that a marketer sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.runtime import Context

from automation.rendering.faults import Fault, RenderFault, bad_value
from automation.rendering.language import Parsed, environment
from automation.rendering.sandbox import Budget, Sandbox

SEPARATOR = "\x00"
MAX_SIMPLE = 200  # tags of a text without loops: more of them and its output is counted piece by piece
TEXT = environment(autoescape=False)
HTML = environment(autoescape=True)

# What a wrong value can raise in a compiled template; the message is dropped, because it may quote the value.
WRONG_VALUE = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)


class Broken(Exception):
    """A rendering that failed: the code, words without values, the variable if known, and the line in the file."""

    def __init__(self, fault: RenderFault, line: int, path: str = "") -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.line = line
        self.path = path


class Program:
    """Compiled fields of one file. `run` is safe from many threads."""

    def __init__(self, name: str, fields: Sequence[Parsed], *, html: bool, max_chars: int) -> None:
        self._env = HTML if html else TEXT
        self._count = len(fields)
        self._max = max_chars
        outputs = sum(1 for field in fields for node in field.body for _ in node.find_all(nodes.Output))
        self.guarded = outputs > MAX_SIMPLE or any(field.guarded for field in fields)
        self._file = f"<text {name}>"
        tree = _join(fields, self._env)
        code = self._env.compile(tree, filename=self._file)
        self._template = self._env.template_class.from_code(self._env, code, {})
        self._root = self._template.root_render_func

    def run(self, values: dict[str, Any]) -> list[str]:
        """One text a field. `values` are plain; `_zone` and `_lunar` are in them. Raises Broken."""
        if self.guarded:
            values = {**values, "_budget": Budget()}
        try:
            pieces = self._root(Context(self._env, values, None, {}))
            text = self._counted(pieces, values["_budget"]) if self.guarded else "".join(pieces)
            if len(text) > self._max:
                raise _too_long(self._max)
        except RenderFault as fault:
            raise Broken(fault, self._line(fault.__traceback__)) from None
        except MemoryError as error:
            big = RenderFault(Fault.TOO_BIG, "this text takes more memory than a text may")
            raise Broken(big, self._line(error.__traceback__)) from None
        except WRONG_VALUE as error:
            wrong = bad_value("a value does not fit what the text does with it")
            raise Broken(wrong, self._line(error.__traceback__)) from None
        if self._count == 1:
            return [text]
        texts = text.split(SEPARATOR)
        if len(texts) != self._count:
            raise Broken(bad_value("a value holds a NUL character"), 1)
        return texts

    def _counted(self, pieces: Any, budget: Budget) -> str:
        kept, size = [], 0
        for piece in pieces:
            size += len(piece)
            if size > self._max:
                raise _too_long(self._max)
            budget.check_time()
            kept.append(piece)
        return "".join(kept)

    def _line(self, trace: TracebackType | None) -> int:
        found = 1
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self._file:
                found = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return found


def _too_long(most: int) -> RenderFault:
    return RenderFault(Fault.TOO_LONG, f"longer than {most} characters")


def _join(fields: Sequence[Parsed], env: Sandbox) -> nodes.Template:
    body: list[nodes.Node] = []
    for field in fields:
        if body:
            body.append(nodes.Output([nodes.TemplateData(SEPARATOR, lineno=1)], lineno=1))
        body.append(nodes.Scope(field.body, lineno=1))
    tree = nodes.Template(body, lineno=1)
    tree.set_environment(env)
    return tree


def encode_values(field: Parsed) -> None:
    """Percent-encode every value in a link, so that none changes where it leads; one that begins it is its base."""
    for output in [found for node in field.body for found in _outputs(node)]:
        for index, child in enumerate(output.nodes):
            begins = output is field.body[0] and index == 0
            encoded = isinstance(child, nodes.Filter) and child.name == "urlencode"
            if not isinstance(child, nodes.TemplateData) and not begins and not encoded:
                output.nodes[index] = nodes.Filter(child, "urlencode", [], [], None, None, lineno=child.lineno)


def _outputs(node: nodes.Node) -> list[nodes.Output]:
    own = [node] if isinstance(node, nodes.Output) else []
    return own + list(node.find_all(nodes.Output))
