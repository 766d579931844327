"""Hostile files: refused in time and memory, measured in a process of its own."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEASURE = """
import json, resource, sys, time
from pathlib import Path
from automation.kernel import errors, source
answers = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(3):  # processor time, and the best of three: the limit is the reader's, not its neighbours'
        start = time.process_time()
        try:
            source.read(path)
            codes = []
        except errors.SourceErrors as error:
            codes = sorted({problem.code for problem in error.problems})
        seconds.append(time.process_time() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    answers[path.name] = (codes, min(seconds), grown)
print(json.dumps(answers))
"""


def doubling(sign: str) -> str:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    for level in range(1, 26):
        below = f"*a{level - 1}"
        lines.append(
            f"a{level}: &a{level} "
            + ("{<<: [" if sign == "<<" else "[")
            + f"{below}, {below}"
            + ("]}" if sign == "<<" else "]")
        )
    return "\n".join(lines)


BOMBS = {
    "aliases": (doubling("*"), "Y013"),
    "merge_keys": (doubling("<<"), "Y015"),
    "huge_number": ("a: 0x" + "f" * 20_000_000, "Y001"),
    "long_number": ("a: " + "9" * 60_000 + "\nb: [", "Y010"),
    "deep_list": ("[" * 10_000, "Y004"),
    "deep_mapping": ("{a: " * 10_000, "Y004"),
    "deep_dashes": ("- " * 10_000, "Y004"),
    "deep_lines": ("".join(" " * depth + "k:\n" for depth in range(600)), "Y004"),
    "many_keys": ("".join(f"k{number}: 1\n" for number in range(100_000)), "Y001"),
    "many_values": ("a: [" + "1," * 60_000 + "]", "Y005"),
    "many_lines": ("\n" * 200_000, "Y001"),
    "huge_scalar": ("a: " + "x" * 100_000, "Y006"),
    "huge_quoted": ('a: "' + "x" * 100_000 + '"', "Y006"),
    "control": ("a: b\x00\x01\x02" * 20_000, "Y003"),
    "broken_then_long": ("a: b: c\n[" + "你," * 60_000, "Y031"),
    "brackets": ("a: b: c\n" + "x: [[[{{{\n" * 9_000, "Y031"),
    "quotes": ("'\n" * 9_000, "Y010"),
    "templates": ("a: " + "{%" * 100_000, "Y032"),
    "complex_keys": ("? " * 100_000, "Y004"),
    "tags": ("- !!python/object/apply:os.system [x]\n" * 3_000, "Y014"),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], float, int]]:
    folder = tmp_path_factory.mktemp("bombs")
    for name, (text, _) in BOMBS.items():
        (folder / name).write_text(text, encoding="utf-8")
    with (folder / "sparse").open("wb") as file:
        file.truncate(300 << 20)
    (folder / "invalid_utf_8").write_bytes(b"a: \xc3\x28" * 1000)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
        resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))

    command = [sys.executable, "-c", MEASURE, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, preexec_fn=limit, timeout=60)
    answers: dict[str, tuple[list[str], float, int]] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_its_code(name: str, measured: dict[str, tuple[list[str], float, int]]) -> None:
    assert BOMBS[name][1] in measured[name][0]


def test_no_bomb_takes_long_or_much_memory(measured: dict[str, tuple[list[str], float, int]]) -> None:
    assert len(measured) == len(BOMBS) + 2
    assert {name: seconds for name, (_, seconds, _) in measured.items() if seconds > 0.2} == {}
    assert {name: kilobytes for name, (_, _, kilobytes) in measured.items() if kilobytes > 64 * 1024} == {}
    assert measured["invalid_utf_8"][0] == ["Y002"]
    assert measured["sparse"][0] == ["Y001"]
