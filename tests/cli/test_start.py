"""run.py puts the parts together and does nothing else; what a command does not need is not imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_run_is_short() -> None:
    assert len((ROOT / "run.py").read_text(encoding="utf-8").splitlines()) < 50


def test_help_imports_neither_settings_nor_channels() -> None:
    code = (
        "import runpy, sys\n"
        "sys.argv = ['run.py', '--help']\n"
        "try:\n    runpy.run_path('run.py', run_name='__main__')\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pydantic', 'requests', 'bots.registry', 'automation.settings'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
