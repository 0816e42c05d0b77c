"""Signals that ask the command to end: what it was writing is removed, and one line says so."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Ended(BaseException):
    """The command was asked to end; no Exception, as KeyboardInterrupt.

    Attributes
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int, left: str = "nothing was written") -> None:
        super().__init__(f"ended by {signal.Signals(number).name}; {left}")
        self.number = number

    @property
    def code(self) -> int:
        """The exit code that shells give to what a signal ended."""
        return 128 + self.number


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Raise Ended on SIGTERM and SIGHUP, unless something else is done about them already."""
    on_main = threading.current_thread() is threading.main_thread()  # others may set no handlers
    ours = [n for n in SIGNALS if on_main and signal.getsignal(n) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(number)
