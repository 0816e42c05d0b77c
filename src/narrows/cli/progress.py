"""Training on stderr: progress as a bar on a terminal, as plain lines elsewhere; and Ctrl-C."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from narrows.cli.printing import decibels

if TYPE_CHECKING:
    from narrows.training.loop.state import EpochRecord
    from narrows.training.loop.trainer import Progress

LOG_LINES = 20  # in a run, where stderr is no terminal


@contextmanager
def training_progress(quiet: bool) -> Iterator[Progress]:
    """Yield the callable that shows each EpochRecord, and show the messages of training."""
    if quiet:
        yield lambda record: None
    elif sys.stderr.isatty():
        with _bar() as show, _notices():
            yield show
    else:
        with _notices():
            yield _log


class StopOnInterrupt:
    """The first Ctrl-C asks training to stop after the running update, a second stops at once."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> StopOnInterrupt:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is signal.default_int_handler:  # not where nohup, say, ignores it
            signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._before)

    def __call__(self) -> bool:
        """Return whether training is to stop."""
        return self.requested

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


class _Notices(logging.Handler):
    """Print on the current stderr, which a progress bar replaces while it is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


@contextmanager
def _notices() -> Iterator[None]:
    """Show the messages of training on stderr: its plan, what it goes on from."""
    logger, handler = logging.getLogger("narrows.training"), _Notices()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def describe(record: EpochRecord) -> str:
    """Write an epoch's figures in one line."""
    if record.bytes_per_signal is None:
        losses, rate = f"loss {record.loss:.5f}  val_loss {record.val_loss:.5f}", ""
    else:
        losses = f"loss {record.loss:.1f}  val_loss {record.val_loss:.1f}"
        rate = f"  {record.bytes_per_signal:.2f} B/signal"
    return f"{losses}{rate}  {decibels(record.psnr)}"


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
