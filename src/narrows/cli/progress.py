"""Training on stderr: progress as a bar on a terminal, as plain lines elsewhere; and Ctrl-C."""

from __future__ import annotations

import logging
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from narrows.cli.bar import Bar, bar
from narrows.cli.printing import decibels

if TYPE_CHECKING:
    from narrows.training.loop.state import EpochRecord
    from narrows.training.loop.trainer import Progress

WIDE = 100  # columns of a terminal, from which there is room for losses
LOG_LINES = 20  # in a run, where stderr is no terminal


@contextmanager
def training_progress(quiet: bool) -> Iterator[Progress]:
    """Yield the callable that shows each EpochRecord, and show the messages of training."""
    if quiet:
        yield lambda record: None
    elif sys.stderr.isatty():
        with bar(quiet) as shown:
            epochs = _Epochs(shown)
            with _notices(epochs):
                yield epochs.show
    else:
        with _notices():
            yield _log


class _Epochs:
    """The bar of a training: how far its epochs are, and within one."""

    def __init__(self, shown: Bar) -> None:
        self.shown = shown
        self._figures, self._end = "", math.inf
        self._first: tuple[float, float] | None = None  # what was done when first told, and when

    def show(self, record: EpochRecord) -> None:
        """Show what was reached after an epoch."""
        self._figures = describe(record, losses=self.shown.width > WIDE)
        self._end = time.monotonic() + record.seconds_left
        self._draw(record.epoch, record.epochs, record.epoch, record.seconds_left)

    def within(self, epoch: int, epochs: int, share: float) -> None:
        """Show how far an epoch is; before the first has ended, time is estimated from that."""
        done, now = epoch - 1 + share, time.monotonic()
        if self._first is None:
            self._first = done, now
        left = self._end - now
        if math.isinf(left):
            pace = (now - self._first[1]) / (done - self._first[0] or math.inf)
            left = pace * (epochs - done)
        self._draw(epoch, epochs, done, max(0.0, left) if left else None)

    def _draw(self, epoch: int, epochs: int, done: float, left: float | None) -> None:
        figures = self._figures or f"{100 * (done - epoch + 1):.0f} % of it"
        self.shown.show(f"epoch {epoch}/{epochs}", done, epochs, figures, left)


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
    """Print on the current stderr, which a bar replaces; what begins now is said in the bar."""

    def __init__(self, epochs: _Epochs | None) -> None:
        super().__init__()
        self._epochs = epochs

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno > logging.DEBUG:
            print(record.getMessage(), file=sys.stderr, flush=True)
        elif self._epochs is not None and hasattr(record, "within"):
            self._epochs.within(*record.within)
        elif self._epochs is not None:
            self._epochs.shown.begin(record.getMessage())


@contextmanager
def _notices(epochs: _Epochs | None = None) -> Iterator[None]:
    """Show the messages of training on stderr: its plan, what it goes on from, what it does."""
    logger, handler = logging.getLogger("narrows.training"), _Notices(epochs)
    level = logger.level
    logger.setLevel(logging.INFO if epochs is None else logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def describe(record: EpochRecord, losses: bool = True) -> str:
    """Write an epoch's figures in one line, with or without its losses."""
    if record.bytes_per_signal is None:
        parts = [f"loss {record.loss:.5f}  val_loss {record.val_loss:.5f}"] if losses else []
    else:
        parts = [f"loss {record.loss:.1f}  val_loss {record.val_loss:.1f}"] if losses else []
        parts.append(f"{record.bytes_per_signal:.2f} B/signal")
    return "  ".join([*parts, f"PSNR {decibels(record.psnr)}"])


def _log(record: EpochRecord) -> None:
    every = max(1, record.epochs // LOG_LINES)
    if record.epoch % every == 0 or record.epoch in (1, record.epochs):
        print(
            f"epoch {record.epoch}/{record.epochs}  {describe(record)}  "
            f"{record.seconds_left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
