"""Measuring: every point is really encoded and decoded, and its size is the length of the blobs."""

import math
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise

from narrows.evaluation.curves import frontier
from narrows.evaluation.peers.contract import measure
from narrows.evaluation.peers.registry import sample

TIMED_SECONDS = 1.0
MAX_ALONE = 500
"""Signals where each is a file of its own."""
DECIBELS_BEYOND = 6.0
"""Settings this far above what the table states are not measured."""


@dataclass
class Series:
    """The points of one codec, or why there are none."""

    key: str
    name: str
    signals: int  # on which it was measured
    points: list = field(default_factory=list)
    lossless: bool = False
    alone: bool = False  # each signal is a file, record or packet of its own
    fault: str = ""  # why it was not measured, or what is odd about its points

    @property
    def curve(self):
        """The points as (bytes_per_signal, psnr)."""
        return [point.place for point in self.points]

    def as_json(self):
        """Return what the results file holds."""
        points = [
            {**asdict(point), "psnr": point.psnr if math.isfinite(point.psnr) else None}
            for point in self.points
        ]
        fields = {**vars(self), "points": points}
        return {name: value for name, value in fields.items() if value != ""}


def measure_peer(peer, dataset):
    """Sweep the settings of a peer. A failure is stated in its series, not raised."""
    work = dataset.workload
    if peer.alone and not peer.lossless:
        work = replace(work, x=sample(work.x, MAX_ALONE))
    series = Series(
        peer.key, peer.name, len(work.x), lossless=peer.lossless, alone=peer.alone,
        fault=peer.missing() or "",
    )  # fmt: skip
    if series.fault:
        return series
    highest = max(dataset.psnrs, default=math.inf) + DECIBELS_BEYOND
    for setting in peer.settings(work):
        try:
            point = measure_at(peer, work, setting)
        except Exception as error:  # a peer's failure must not cost the whole run
            series.fault = f"at setting {setting}: {type(error).__name__}: {error}"
            break
        series.points.append(point)
        if not peer.lossless and point.psnr > highest:
            break
    series.fault = series.fault or oddity(series)
    return series


def measure_at(peer, work, setting):
    """Measure one setting of a peer, with its speed."""
    coder = peer.coder(work, setting)
    return measure(coder, work.x, work.peak, peer.name, setting, TIMED_SECONDS)


def oddity(series):
    """Say where a peer does not do what its settings say; empty where all is well."""
    exact = [point.setting for point in series.points if not math.isfinite(point.psnr)]
    if series.lossless:
        return "" if len(exact) == len(series.points) else "not lossless"
    if len(exact) == len(series.points):
        return "lossless at every setting: it is not in its lossy mode"
    rising = sorted(series.curve)
    if any(b[1] < a[1] - 0.5 for a, b in pairwise(rising)):
        return "more bytes at a lower PSNR: only the better points count"
    if len(frontier(series.curve)) == 1 < len(series.points):
        return "the settings change nothing"
    return ""
