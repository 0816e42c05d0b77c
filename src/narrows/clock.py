"""Where the time of a run goes: laps that leave nothing out, from the start of the process on."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MIN_TOLD = 0.5  # seconds; and
MIN_SHARE = 0.01  # of all: shorter laps are not told one by one
STEPS = (
    "before resuming", "starting", "reading", "importing", "preparing", "timing epochs", "training",
    "refitting", "freezing", "context model", "measuring",
)  # fmt: skip
"""Of a training, in their order, which a model file does not keep."""


class Clock:
    """Seconds by what they were spent on; all laps together are the whole time.

    Parameters
    ----------
    began : float, optional
        By `time.perf_counter()`; now by default.
    """

    def __init__(self, began: float | None = None) -> None:
        self._last = time.perf_counter() if began is None else began
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Say what the time since the last lap was spent on."""
        now = time.perf_counter()
        self.add(name, now - self._last)
        self._last = now

    def add(self, name: str, seconds: float) -> None:
        """Add time that passed elsewhere."""
        self.laps[name] = self.laps.get(name, 0.0) + seconds

    @property
    def seconds(self) -> float:
        """All time until now."""
        return sum(self.laps.values()) + time.perf_counter() - self._last

    def as_json(self) -> dict[str, Any]:
        """Return the time of all laps, and of each."""
        laps = {name: round(seconds, 2) for name, seconds in self.laps.items()}
        return {"seconds": round(sum(self.laps.values()), 2), "seconds_by_step": laps}


def in_words(times: Mapping[str, Any]) -> str:
    """Write what `Clock.as_json` returns: `63 s: starting 3, training 55, freezing 5`."""
    total = times["seconds"]
    laps = times.get("seconds_by_step", {})
    order = [*(name for name in STEPS if name in laps), *(n for n in laps if n not in STEPS)]
    least = max(MIN_TOLD, MIN_SHARE * total)
    told = [f"{name} {_short(laps[name])}" for name in order if laps[name] >= least]
    return f"{_short(total)} s" + (f": {', '.join(told)}" if told else "")


def _short(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 9.95 else f"{seconds:.1f}"


def process_began() -> float:
    """Return when this process began, by `time.perf_counter()`; when it first asked, if unknown."""
    try:
        # After the name, which may hold spaces, in brackets: the 20th field is the 22nd of all.
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot
    except (OSError, ValueError, IndexError, AttributeError):
        age = 0.0
    return time.perf_counter() - max(0.0, age)
