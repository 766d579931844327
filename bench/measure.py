"""What the benches share: children with memory of their own, figures as a table and as JSON."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

KIB: Final = 1024
STATUS: Final = Path("/proc/self/status")
ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Watch:
    """Adds up the seconds and the processor's seconds spent inside `with`."""

    seconds: float = 0.0
    cpu: float = 0.0
    _began: float = 0.0
    _cpu_began: float = 0.0

    def __enter__(self) -> None:
        self._cpu_began = time.process_time()
        self._began = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.seconds += time.perf_counter() - self._began
        self.cpu += time.process_time() - self._cpu_began


def peak_mb() -> float:
    """The most memory this process ever held. On Linux a child's rusage counts its parent's too."""
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / KIB
    unit = KIB * KIB if sys.platform == "darwin" else KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def child(module: str, *arguments: object) -> dict[str, Any]:
    """Runs `python -m module arguments` and returns the JSON object of its last line."""
    started = start(module, *arguments)
    out, _ = started.communicate()
    if started.returncode:
        raise SystemExit(f"{module} {' '.join(map(str, arguments))} ended with {started.returncode}")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    """The same, begun and not waited for."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def progress(text: str) -> None:
    """One line to whoever waits at the terminal."""
    print(text, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of the values do not exceed; they need not be sorted."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(rows: Iterable[Mapping[str, object]]) -> None:
    """Prints rows that share their keys, numbers to the right."""
    lines = [dict(row) for row in rows]
    if not lines:
        return
    titles = list(lines[0])
    cells = [[_cell(line.get(title)) for title in titles] for line in lines]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    right = [isinstance(lines[0].get(title), int | float) for title in titles]
    for cell in (titles, ["-" * width for width in widths], *cells):
        pairs = zip(cell, widths, right, strict=True)
        print("  ".join(text.rjust(width) if number else text.ljust(width) for text, width, number in pairs).rstrip())


def verdicts(figures: Mapping[str, float], limits: Mapping[str, tuple[str, float]]) -> None:
    """Prints each figure beside what it should be: `>=` or `<` and a number."""
    tests: Mapping[str, Callable[[float, float], bool]] = {">=": lambda a, b: a >= b, "<": lambda a, b: a < b}
    table(
        {"figure": name, "measured": figures[name], "should be": f"{sign} {limit:g}",
         "is": "yes" if tests[sign](figures[name], limit) else "NO"}
        for name, (sign, limit) in limits.items()
    )  # fmt: skip


def last_line(figures: Mapping[str, object]) -> None:
    """The JSON object that ends every bench."""
    print(json.dumps(figures, ensure_ascii=False), flush=True)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
