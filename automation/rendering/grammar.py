"""The allow-list over a parsed template: what may stand, which variables it uses, and loops and `~` made bounded.

There is no call, macro, include, import or block: with no call there is no way from a text to Python.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from automation.kernel import errors
from automation.rendering.fields import Field, Use, did_you_mean, place, problem
from automation.rendering.filters import FILTERS, TESTS
from automation.rendering.sandbox import MAX_NUMBER

MAX_LOOPS = 3  # `for` inside `for`
ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.If,
    nodes.For, nodes.Assign, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat, nodes.Neg, nodes.Pos,
    nodes.CondExpr, nodes.List, nodes.Tuple, nodes.Keyword,
)  # fmt: skip
SPOKEN = {
    "Call": "calls: write a filter instead, `x | upper`", "Macro": "macro", "CallBlock": "call", "Include": "include",
    "Import": "import", "FromImport": "from … import", "Extends": "extends", "Block": "block",
    "FilterBlock": "filter blocks",
    "AssignBlock": "set blocks: write {% set x = … %}", "With": "with", "Pow": "**", "Dict": "dictionaries",
    "NSRef": "namespace",
}  # fmt: skip


class Checker(NodeTransformer):
    """One walk over one field: what may not stand becomes a problem, what is used is noted, loops are bounded."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.problems: list[errors.Problem] = []
        self.uses: list[Use] = []
        self.guarded = False
        self._local: dict[str, str | None] = {"loop": None}
        self._safe: frozenset[str] = frozenset()
        self._loops = 0

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        if not isinstance(node, ALLOWED):
            word = type(node).__name__
            self._say(node, "T010", f"texts have no {SPOKEN.get(word, word)}")
            return node
        return super().generic_visit(node, *args, **kwargs)

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        if isinstance(node.value, int | float) and abs(node.value) > MAX_NUMBER:
            self._say(node, "T002", "a number is too large")
        return node

    def visit_List(self, node: nodes.List | nodes.Tuple) -> nodes.Node:
        for item in node.items:
            if not isinstance(item, nodes.Const):
                self._say(item, "T010", "a list written in a text holds only fixed values")
            self.visit(item)
        return node

    visit_Tuple = visit_List

    def visit_Name(self, node: nodes.Name) -> nodes.Node:
        self._reference(node)
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        return self._chain(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        node.arg = self.visit(node.arg)
        return self._chain(node)

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node:
        self.guarded = True
        source = self._source(node.node)
        node.node = self.visit(node.node)
        self._bind(node.target, source)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.guarded = True
        if node.recursive:
            self._say(node, "T010", "texts have no recursive loops")
        self._loops += 1
        if self._loops > MAX_LOOPS:
            self._say(node, "T002", f"loops are nested at most {MAX_LOOPS} deep")
        items = self._source(node.iter)
        node.iter = nodes.Filter(
            self.visit(node.iter), "_rounds", [], [], None, None, lineno=node.lineno, environment=node.environment
        )
        outer = dict(self._local)
        self._bind(node.target, f"{items}[]" if items else None)
        if node.test is not None:
            node.test = self.visit(node.test)
        node.body = [self.visit(inner) for inner in node.body]
        self._local = outer
        self._loops -= 1
        node.else_ = [self.visit(inner) for inner in node.else_]
        return node

    def visit_If(self, node: nodes.If) -> nodes.Node:
        implied = frozenset(self._implied(node.test))
        node.test = self._condition(node.test)
        with self._knowing(implied):
            node.body = [self.visit(inner) for inner in node.body]
        node.elif_ = [self.visit(inner) for inner in node.elif_]
        node.else_ = [self.visit(inner) for inner in node.else_]
        return node

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:
        implied = frozenset(self._implied(node.test))
        node.test = self._condition(node.test)
        with self._knowing(implied):
            node.expr1 = self.visit(node.expr1)
        if node.expr2 is not None:
            node.expr2 = self.visit(node.expr2)
        return node

    def visit_And(self, node: nodes.And | nodes.Or) -> nodes.Node:
        node.left, node.right = self._condition(node.left), self._condition(node.right)
        return node

    visit_Or = visit_And

    def visit_Not(self, node: nodes.Not) -> nodes.Node:
        node.node = self._condition(node.node)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        same = all(operand.op in ("eq", "ne", "in", "notin") for operand in node.ops)
        node.expr = self._condition(node.expr) if same else self.visit(node.expr)
        for operand in node.ops:
            operand.expr = self.visit(operand.expr)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.guarded = True
        first, *rest = (self.visit(inner) for inner in node.nodes)
        return nodes.Filter(first, "_concat", rest, [], None, None, lineno=node.lineno, environment=node.environment)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            self._say(node, "T010", "texts have no filter blocks and no starred arguments")
            return node
        self._known(node, FILTERS, "T011", "filter")
        optional = node.name == "default"
        node.node = self._condition(node.node) if optional else self.visit(node.node)
        return self._arguments(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            self._say(node, "T010", "texts have no starred arguments")
            return node
        self._known(node, TESTS, "T012", "test")
        node.node = self._condition(node.node)
        return self._arguments(node)

    def _arguments(self, node: nodes.Filter | nodes.Test) -> nodes.Node:
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.kwargs:
            keyword.value = self.visit(keyword.value)
        return node

    def _known(self, node: nodes.Filter | nodes.Test, table: Any, code: str, kind: str) -> None:
        function: Callable[..., Any] | None = table.get(node.name)
        if function is None:
            self._say(node, code, f"unknown {kind} {node.name}", did_you_mean(node.name, table), node.name)
            return
        handed = [None] if getattr(function, "jinja_pass_arg", None) else []
        try:
            named = {str(pair.key): None for pair in node.kwargs}
            inspect.signature(function).bind(*handed, None, *node.args, **named)
        except TypeError as error:
            self._say(node, "T013", f"{kind} {node.name}: {error}", near=node.name)

    def _condition(self, node: nodes.Node) -> Any:
        """Visit an expression that may be missing without harm."""
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem) and self._path(node):
            outer, self._safe = self._safe, self._safe | {str(self._path(node))}
            self.visit(node)
            self._safe = outer
            return node
        return self.visit(node)

    def _implied(self, test: nodes.Node) -> Iterator[str]:
        """What is certainly there when `test` holds."""
        if isinstance(test, nodes.And):
            yield from self._implied(test.left)
            yield from self._implied(test.right)
            return
        if isinstance(test, nodes.Test) and test.name == "defined":
            test = test.node
        elif isinstance(test, nodes.Compare) and test.ops[0].op in ("eq", "in"):
            test = test.expr
        path = self._path(test)
        if path:
            yield path

    @contextmanager
    def _knowing(self, implied: frozenset[str]) -> Iterator[None]:
        outer, self._safe = self._safe, self._safe | implied
        yield
        self._safe = outer

    def _chain(self, node: nodes.Getattr | nodes.Getitem) -> nodes.Node:
        if self._path(node) is None:
            name = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", "")
            if str(name).startswith("_"):
                self._say(node, "T014", f"{name}: no name begins with an underscore")
            node.node = self.visit(node.node)
        else:
            self._reference(node)
        return node

    def _path(self, node: nodes.Node) -> str | None:
        """The dotted name of a chain of dots and brackets on a variable, or None for any other expression."""
        if isinstance(node, nodes.Name):
            return self._local.get(node.name, node.name)
        if isinstance(node, nodes.Getattr):
            base = self._path(node.node)
            return f"{base}.{node.attr}" if base else None
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            base = self._path(node.node)
            step = f".{node.arg.value}" if isinstance(node.arg.value, str) else "[]"
            return f"{base}{step}" if base else None
        return None

    def _source(self, node: nodes.Node) -> str | None:
        """The path a loop or `set` takes its values from, through `default`."""
        while isinstance(node, nodes.Filter) and node.name == "default" and node.node is not None:
            node = node.node
        return self._path(node)

    def _reference(self, node: nodes.Node) -> None:
        path = self._path(node)
        if path is None:
            return
        if any(step.startswith("_") for step in path.split(".")):
            self._say(node, "T014", f"{path}: no name begins with an underscore")
            return
        near = path.replace("[]", "").rpartition(".")[2]
        line, column = place(self.field, node.lineno or 1, path if "[]" not in path else near)
        safe = any(path == known or path.startswith(known + ".") for known in self._safe)
        self.uses.append(Use(path, self.field.path, line, column, safe))

    def _bind(self, target: nodes.Node, path: str | None) -> None:
        names = [target] if isinstance(target, nodes.Name) else list(target.find_all(nodes.Name))
        if not isinstance(target, nodes.Name | nodes.Tuple):
            self._say(target, "T010", "texts have no namespace")
        for name in names:
            if name.name.startswith("_") or name.name == "loop":
                self._say(name, "T014", f"{name.name} cannot be the name of a value", near=name.name)
            self._local[name.name] = path if isinstance(target, nodes.Name) else None

    def _say(self, node: nodes.Node, code: str, message: str, hint: str = "", near: str = "") -> None:
        self.problems.append(problem(self.field, node.lineno or 1, code, message, hint, near))
