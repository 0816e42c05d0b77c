"""A line on stderr that says what is being done, how far it is, and how long the rest takes.

    compressing  ━━━━━━━━━━━━━━━━━━━━━━━━╸━━━━━━━━━━  12,800 of 60,000 signals  10.0 MB  1:20 left

On a terminal it takes the width that there is, and is gone when the work has ended, in whatever
way. Elsewhere one plain line is written of what takes longer than some seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, Task

FREE = 5
"""Columns at the end of the line, where a terminal echoes ^C; a wrapped line could not be wiped."""
WIDE = 70
"""Columns from which there is room for bytes."""
PATIENCE = 5.0
"""Seconds after which a plain line says what is being done."""
Signals = TypeVar("Signals", bound=Sized)


class Bar:
    """What is shown of a command's work; without `shown`, nothing, or a line where it `tells`.

    Attributes
    ----------
    n_signals : int
        Done since the last `begin`.
    """

    def __init__(self, shown: Progress | None = None, *, tells: bool = False) -> None:
        self._shown, self._tells = shown, tells
        self._task = None if shown is None else shown.add_task("", total=None, figures="", end=None)
        self.begin("loading")

    def begin(self, what: str, signals: int | None = None, signal_bytes: int = 0) -> None:
        """Begin a part of the work; of so many signals, where that is known, of so many bytes."""
        self._what, self._began, self._told = what, time.monotonic(), not self._tells
        self._total, self._signal_bytes, self.n_signals = signals, signal_bytes, 0
        if self._shown is not None and self._task is not None:
            self._shown.reset(self._task, total=signals)
        self.show(what, 0, signals, self._figures() if signals else "")

    def begin_step(self, what: str, done: int, steps: int, unit: str = "features") -> None:
        """Begin one of several steps, which take about as long each."""
        if not done:
            self.begin(what)
        elapsed = time.monotonic() - self._began
        left = elapsed / done * (steps - done) if done else None
        self.show(what, done, steps, f"{done} of {steps} {unit}", left)

    def begin_peer(self, name: str) -> None:
        """Begin to measure another codec."""
        self.begin(f"measuring {name}")

    def advance(self, n_signals: int) -> None:
        """Count signals that are done."""
        self.n_signals += n_signals
        rest, elapsed = (self._total or 0) - self.n_signals, time.monotonic() - self._began
        left = elapsed / self.n_signals * rest if self._total and self.n_signals else None
        self.show(self._what, self.n_signals, self._total, self._figures(), left)

    def _figures(self) -> str:
        total = "" if self._total is None else f" of {self._total:,}"
        told = f"{self.n_signals:,}{total} signals"
        if self.width < WIDE or not self._signal_bytes:
            return told
        return f"{told}  {_bytes(self.n_signals * self._signal_bytes)}"

    def count(self, parts: Iterable[Signals]) -> Iterator[Signals]:
        """Count the signals of an iterable's parts, arrays, as they go by."""
        for part in parts:
            yield part
            self.advance(len(part))

    def show(
        self,
        what: str,
        done: float,
        total: int | None,
        figures: str,
        seconds_left: float | None = None,
    ) -> None:
        """Show what is being done, how much of it is done, and how much time is left."""
        if self._shown is not None and self._task is not None:
            end = None if seconds_left is None else time.monotonic() + seconds_left
            self._shown.update(
                self._task, description=what, completed=done, total=total, figures=figures, end=end
            )
        elif not self._told and time.monotonic() - self._began > PATIENCE:
            left = "" if seconds_left is None else f", {_minutes(seconds_left)} left"
            print(f"{what}: {figures}{left}", file=sys.stderr, flush=True)
            self._told = True

    @property
    def width(self) -> int:
        """Columns of the line; 0 where nothing is shown."""
        return 0 if self._shown is None else self._shown.console.width


@contextmanager
def bar(quiet: bool) -> Iterator[Bar]:
    """Yield what shows a command's progress; messages on stderr go above it on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield Bar(tells=not quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    class _Time(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(_time(task), no_wrap=True)

    plain = Column(no_wrap=True)
    console = Console(stderr=True)
    console.width = max(20, console.width - FREE)
    with Progress(
        TextColumn("{task.description}", table_column=plain),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[figures]}", table_column=plain),
        _Time(table_column=plain),
        console=console,
        transient=True,
        expand=True,
    ) as shown:
        yield Bar(shown)


def _time(task: Task) -> str:
    """Write the time left, or, where that is not known, the time that has gone by."""
    end = task.fields["end"]
    if end is None:
        return _minutes(task.elapsed or 0.0)
    return f"{_minutes(max(0.0, end - time.monotonic()))} left"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bytes(n_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes} B"
