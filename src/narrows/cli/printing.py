"""What commands print: messages on stderr, tables and JSON on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from json import dumps as dump_json
from textwrap import fill
from typing import TYPE_CHECKING, Any

from narrows.words import percent, quantity

if TYPE_CHECKING:
    from narrows.evaluation.fidelity import Closeness, Fidelity
    from narrows.evaluation.reference import Reference


def say(message: str, quiet: bool) -> None:
    """Print a message on stderr, so that pipes stay clean."""
    if not quiet:
        print(message, file=sys.stderr)


OUT_OF_MEMORY = "out of memory: give fewer or smaller signals"


def in_one_line(error: BaseException) -> str:
    """Say in one line what a user is to know of an error."""
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    told = str(error)
    if isinstance(error, OSError) and type(error).__module__ == "builtins":
        where = f" ({error.filename})" if error.filename else ""
        told = f"{error.strerror or error}{where}"
    return " ".join(told.split())


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
        table.add_column(column, justify="left" if number < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, emoji=False)  # "mnist:train:" is no tram
    if not console.is_terminal:
        console.width = 120
    console.print(table)


def print_comparison(rows: list[Any], title: str = "") -> None:
    """Print lines of `narrows.evaluation.rate_point.RatePoint` as a table."""

    def snr(row: Any) -> str:
        return "" if row.snr is None and decibels(row.psnr) != "exact" else decibels(row.snr)

    print_table(
        title,
        ["codec", "bytes per signal", "PSNR", "SNR", "model bytes"],
        [
            [row.name, f"{row.bytes_per_signal:.2f}",
             "" if row.by_channel else decibels(row.psnr), snr(row),
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


def quality_pairs(found: Fidelity, reference: Reference) -> list[tuple[str, str]]:
    """Return names and values of what came back, each with what it refers to."""
    from narrows.evaluation.metrics import signal_to_noise

    of_channels = "each channel's mean" if found.channels else "the mean of all"
    pairs = [
        ("PSNR", decibels(found.psnr) + (f" (peak {reference.peak_in_words})")),
        ("SNR", f"{signal_to_noise(found.snr)} (variance about {of_channels} / MSE)"),
    ]
    if found.prdn is not None:
        pairs.append(("PRDN", f"{quantity(found.prdn, 3)} % (about each signal's own mean)"))
    share = found.max_abs_error / reference.peak
    return [
        *pairs,
        ("rms error", quantity(found.rms_error)),
        ("max abs error", f"{quantity(found.max_abs_error)} ({percent(share)} of the peak)"),
    ]


def print_channels(found: Fidelity, reference: Reference) -> None:
    """Print the figures of each channel, where there are several, and whether the range is odd."""
    from narrows.evaluation.metrics import signal_to_noise

    def row(number: int, channel: Closeness) -> list[str]:
        prdn = "" if channel.prdn is None else f"{quantity(channel.prdn, 3)} %"
        errors = quantity(channel.rms_error), quantity(channel.max_abs_error)
        return [str(number), signal_to_noise(channel.snr), prdn, *errors]

    if found.channels:
        rows = [row(*each) for each in enumerate(found.channels)]
        print_table("", ["channel", "SNR", "PRDN", "rms error", "max abs error"], rows)
    if reference.remark is not None:
        print(fill(reference.remark, 78, initial_indent="  ", subsequent_indent="  "))


def decibels(value: float | None) -> str:
    """Write a PSNR; None or infinity is an exact copy, minus infinity a NaN that was lost."""
    if value is None or value == float("inf"):
        return "exact"
    return "lost" if value == float("-inf") else f"{value:.2f} dB"


def as_text(value: Any) -> str:
    """Write a figure as a person reads it."""
    if isinstance(value, list):
        return " x ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return in_kinds(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def in_kinds(counts: Mapping[str, int]) -> str:
    """Write how often there is what: 2 levels, 1 levels by networks; empty of nothing."""
    return ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items())
