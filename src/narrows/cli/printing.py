"""What commands print: messages on stderr, tables and JSON on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable
from json import dumps as dump_json
from typing import Any


def say(message: str, quiet: bool) -> None:
    """Print a message on stderr, so that pipes stay clean."""
    if not quiet:
        print(message, file=sys.stderr)


def give(
    figures: dict[str, Any],
    shown: str | Callable[[], None],
    *,
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Give a command's figures: as JSON, as nothing, or as they are shown to people.

    That is a message on stderr, or what a callable prints on stdout.
    """
    if json:
        print(dump_json(figures, indent=2, allow_nan=False))
    elif callable(shown):
        if not quiet:
            shown()
    else:
        say(shown, quiet)


def print_table(title: str, columns: list[str], rows: list[list[str]], *, left: int = 1) -> None:
    """Print a table on stdout; the first `left` columns hold words, the others numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, emoji=False)  # "mnist:train:" is no tram
    if not console.is_terminal:
        console.width = 120
    console.print(table)


def print_comparison(rows: list[Any], title: str = "") -> None:
    """Print lines of `narrows.evaluation.rate_point.RatePoint` as a table."""
    print_table(
        title,
        ["codec", "bytes per signal", "PSNR", "model bytes"],
        [
            [row.name, f"{row.bytes_per_signal:.2f}", decibels(row.psnr),
             f"{row.model_bytes:,}" if row.model_bytes else ""]
            for row in rows
        ],
    )  # fmt: skip


def print_pairs(title: str, pairs: list[tuple[str, str]]) -> None:
    """Print names and values in two columns on stdout."""
    width = max(len(name) for name, _ in pairs)
    print(title)
    for name, value in pairs:
        print(f"  {name:<{width}}  {value}")


def decibels(value: float | None) -> str:
    """Write a PSNR; None or infinity is an exact reconstruction."""
    return "exact" if value is None or value == float("inf") else f"{value:.2f} dB"
