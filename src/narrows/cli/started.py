"""When the command that runs was started."""

from __future__ import annotations

import time

from narrows.clock import Clock, process_began

_of_process = [process_began()]  # until the first command takes it: others run in the same process


def command_clock() -> Clock:
    """Return a clock that has run since the command began, with the start of Python in it."""
    clock = Clock(_of_process.pop() if _of_process else time.perf_counter())
    clock.lap("starting")
    return clock
