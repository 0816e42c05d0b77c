"""Training progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narrows.training.trainer import EpochRecord, Progress

LOG_LINES = 20  # in a run, where stderr is no terminal


@contextmanager
def training_progress(quiet: bool) -> Iterator[Progress]:
    """Give the callable that shows each EpochRecord."""
    if quiet:
        yield lambda record: None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _log


def describe(record: EpochRecord) -> str:
    """Write an epoch's figures in one line."""
    return (
        f"loss {record.loss:.1f}  val_loss {record.val_loss:.1f}  "
        f"{record.bytes_per_signal:.2f} B/signal  {record.psnr:.2f} dB"
    )


def _log(record: EpochRecord) -> None:
    every = max(1, record.epochs // LOG_LINES)
    if record.epoch % every == 0 or record.epoch in (1, record.epochs):
        print(
            f"epoch {record.epoch}/{record.epochs}  {describe(record)}  "
            f"{record.seconds_left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("epoch {task.completed}/{task.total}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task("training", total=None, figures="preparing")

        def show(record: EpochRecord) -> None:
            bar.update(task, completed=record.epoch, total=record.epochs, figures=describe(record))

        yield show
