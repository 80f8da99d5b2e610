"""How commands speak: people's text to the terminal, JSON to stdout, errors in one line to stderr."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console

from zpack.client.errors import ApiAway, ApiProblem

if TYPE_CHECKING:
    from collections.abc import Coroutine

EXITS = {400: 2, 401: 3, 403: 3, 404: 4, 409: 5, 429: 6}
AWAY = 7
FAILED = 1
INTERRUPTED = 130
EXIT_HELP = (
    "Exit status: 0 done, 1 failed, 2 bad request, 3 not allowed (log in), 4 not found, "
    "5 conflict, 6 too many requests, 7 the API cannot be reached."
)
stderr = Console(stderr=True)


def run(work: Coroutine[Any, Any, None], *, as_json: bool) -> None:
    """Run a command; turn what the API says into one line and an exit status."""
    try:
        asyncio.run(work)
    except ApiProblem as problem:
        fail(
            problem.message, code=problem.code, exit_status=EXITS.get(problem.status, FAILED), as_json=as_json
        )
    except ApiAway as away:
        fail(str(away), code="api_unreachable", exit_status=AWAY, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def fail(message: str, *, code: str, exit_status: int = FAILED, as_json: bool = False) -> NoReturn:
    """End the command with an error."""
    if as_json:
        emit({"error": code, "message": message})
    sys.stderr.write(f"zpack: {message} ({code})\n")
    raise typer.Exit(exit_status)


def emit(value: Any) -> None:
    """Print JSON."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def table(rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
    """Print rows in columns as wide as their text, never cut; ``columns`` maps a key to its heading."""
    lines = [list(columns.values()), *([str(row.get(key, "")) for key in columns] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
