"""`python -m bots.sandbox`: start the sandbox server by hand."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from bots.sandbox import server


def main() -> int:
    """Exit code 0 after an orderly stop, 3 when a port is taken."""
    parser = argparse.ArgumentParser(prog="python -m bots.sandbox", description="A pretend message provider.")
    parser.add_argument("--http", type=int, default=8025, help="port of the HTTP side; 0: any free one")
    parser.add_argument("--smtp", type=int, default=8026, help="port of the mail side; 0: any free one")
    parser.add_argument("--ledger", type=Path, default=Path("var/sandbox.jsonl"), help="file of what was taken")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input is closed")
    chosen = parser.parse_args()
    try:
        asyncio.run(server.serve(chosen.http, chosen.smtp, chosen.ledger, chosen.with_parent))
    except OSError as error:
        sys.stderr.write(f"the sandbox cannot start: {error.strerror}; choose other ports with --http and --smtp\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
