"""All peers, those that can code some signals, and their points on these signals.

`evaluate --baselines`, `report` and `advise` ask one `Bench`: the same peers on the same signals
have the same figures.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from narrows.evaluation.curves import frontier
from narrows.evaluation.peers import lossless, numeric, pca, pictures
from narrows.evaluation.peers.contract import Peer, Signals, Workload, measure
from narrows.evaluation.peers.mosaics import Layout, layout_of
from narrows.evaluation.peers.whole_arrays import WholeArrays
from narrows.evaluation.rate_point import RatePoint, at_psnr, at_size
from narrows.evaluation.units import Units

MAX_ELEMENTS = 2_000_000
"""Of the signals that peers are measured on: 2,551 MNIST images, on which picture codecs are within
1 % of what they are on all 10,000."""
MIN_SIGNALS = 4
LOWEST_SHOWN = 3
"""Settings of a curve that begins above the qualities of interest."""
HALF_LEARNT = f"{pca.NAME} (of every second signal)"


def registry() -> list[Peer]:
    """Return all peers, in the order of the tables."""
    parts = (pca, pictures, numeric, lossless)
    return [peer for part in parts for peer in part.peers()]


def peers_for(
    x: Signals,
    peak: float,
    train: Signals | None = None,
    layout: Layout | None = None,
    arrays: WholeArrays | None = None,
) -> tuple[Workload, list[Peer]]:
    """Return what peers get to code, and the everyday peers that take it, installed or not."""
    layout = layout or layout_of(x.shape[1:])
    work = Workload(x, peak, layout, train, arrays=arrays)
    return work, [peer for peer in registry() if peer.everyday and peer.takes(work)]


def sample(x: Signals, most: int | None, in_a_row: bool = False) -> Signals:
    """Take at most `most` signals, evenly spread and in their order; all if there are no more."""
    if most is None or len(x) <= most:
        return x
    return np.ascontiguousarray(x[spread(len(x), most, in_a_row)])


def spread(n: int, most: int | None, in_a_row: bool = False) -> npt.NDArray[np.intp]:
    """Return the numbers of at most `most` of n signals, evenly spread and in their order.

    Or the first ones, in a row, where signals say something of those behind them.
    """
    kept = n if most is None else min(n, most)
    if in_a_row:
        return np.arange(kept)
    return np.arange(kept) * n // max(kept, 1)


def most_measured(x: Signals) -> int:
    """Return on how many of some signals peers are measured."""
    return max(MIN_SIGNALS, MAX_ELEMENTS // max(1, int(x[0].size)))


class Bench:
    """The peers of some signals, each measured once at a setting, however often it is asked.

    Parameters
    ----------
    x : (n, *frame_shape)
        Held-out signals; of many, some are taken, evenly spread.
    units : Units
        In which lossy codecs get the signals, and PSNR is measured.
    train : (m, *frame_shape), optional
        What PCA learns from. By default every second signal of x, and it is measured on the
        others: both halves are as hard as the whole, though signals come in the order of their
        recording. Where they are few, such a PCA takes more bytes than one of the training signals.
    tell : callable, optional
        Called with the name of each peer before it is measured, which may take a while.
    arrays : WholeArrays, optional
        Whose tiles the signals are: peers of arrays get these, or of many the first.
    """

    def __init__(
        self,
        x: Signals,
        units: Units,
        train: Signals | None = None,
        tell: Callable[[str], None] = lambda name: None,
        arrays: WholeArrays | None = None,
    ) -> None:
        arrays = arrays and arrays.first(most_measured(x))
        some = sample(x, most_measured(x)) if arrays is None else x[: arrays.n_tiles]
        self.exact, exact = peers_for(some, units.peak, train, arrays=arrays)
        some, train = units.signals(some), None if train is None else units.signals(train)
        self.work, lossy = peers_for(some, units.peak, train, arrays=arrays)
        peers = [*(p for p in lossy if not p.lossless), *(p for p in exact if p.lossless)]
        self.units, self.is_half_learnt = units, train is None
        self.tell = tell
        self._halves = Workload(some[1::2], units.peak, self.work.layout, some[::2])
        enough = len(some) >= MIN_SIGNALS
        known = [peer for peer in peers if enough or not (peer.learns and self.is_half_learnt)]
        self.missing = {peer.name: fault for peer in known if (fault := peer.missing())}
        self.peers = [peer for peer in known if peer.name not in self.missing]
        self.faults: dict[str, str] = {}
        self._measured: dict[tuple[str, float | None], RatePoint] = {}

    @property
    def not_measured(self) -> tuple[str, ...]:
        """Which peers are not installed, or failed, and why."""
        return tuple(f"{name}: {why}" for name, why in (self.missing | self.faults).items())

    def lossless(self) -> list[RatePoint]:
        """Measure the lossless peers."""
        exact = (self._point(peer, None, None) for peer in self.peers if peer.lossless)
        return [point for point in exact if point is not None]

    def at_psnr(self, psnr: float, near: float | None = None) -> list[RatePoint]:
        """Measure what each lossy peer takes at a PSNR in dB, nothing if it is infinite.

        The search for PCA's rate begins `near` a number of bytes a signal.
        """
        if not math.isfinite(psnr):
            return []
        points = (self._point(peer, psnr, near) for peer in self.peers if not peer.lossless)
        return self.units.points([point for point in points if point is not None])

    def curves(self, low: float, high: float) -> dict[str, list[RatePoint]]:
        """Return what has been measured of each lossy peer between two PSNRs.

        Of one whose lowest quality is higher, some of its lowest. From few bytes to many, each
        better than the one before it.
        """
        found = {}
        for peer in self.peers:
            points = self._frontier(peer)
            if points and points[0].psnr > high:
                self._lowest(peer)
                points = self._frontier(peer)[:LOWEST_SHOWN]
            else:
                points = [point for point in points if low <= point.psnr <= high]
            if points:
                found[peer.name] = points
        return found

    def _frontier(self, peer: Peer) -> list[RatePoint]:
        """Return the lossy points of a peer that were measured and are worth taking."""
        points = [point for (key, _), point in self._measured.items() if key == peer.key]
        places = frontier([] if peer.lossless else [point.place for point in points])
        return sorted((p for p in points if p.place in places), key=lambda point: point.psnr)

    def _lowest(self, peer: Peer) -> None:
        """Measure the lowest settings of a peer."""
        for setting in peer.settings(self._work(peer))[:LOWEST_SHOWN]:
            try:
                self._at(peer, setting)
            except Exception as error:  # as in _point
                self.faults[peer.name] = f"{type(error).__name__}: {error}"

    def pca_at_size(self, bytes_per_signal: float) -> RatePoint | None:
        """Measure PCA at a number of bytes a signal; None if it cannot be had."""
        found = [peer for peer in self.peers if peer.key == "pca"]
        point = self._point(found[0], None, bytes_per_signal) if found else None
        if point is None:
            return None
        return self.units.points([replace(point, name=f"{point.name} at this size")])[0]

    def _point(self, peer: Peer, psnr: float | None, size: float | None) -> RatePoint | None:
        self.tell(peer.name)
        settings = peer.settings(self._work(peer))
        start = 0 if size is None or not peer.learns else bisect_left(settings[:-1], size)
        measured = partial(self._at, peer)
        try:
            if psnr is not None:
                return at_psnr(measured, settings, psnr, start)
            if size is not None:
                return at_size(measured, settings, size, start)
            return measured(settings[0])
        except Exception as error:  # a peer's failure must not cost the others' figures
            self.faults[peer.name] = f"{type(error).__name__}: {error}"
            return None

    def _work(self, peer: Peer) -> Workload:
        if peer.lossless:
            return self.exact
        return self._halves if peer.learns and self.is_half_learnt else self.work

    def _at(self, peer: Peer, setting: float | None) -> RatePoint:
        """Measure a peer at a setting, once."""
        if (peer.key, setting) not in self._measured:
            work = self._work(peer)
            name = HALF_LEARNT if work is self._halves else peer.name
            self._measured[peer.key, setting] = measure(
                peer.coder(work, setting), work.x, work.peak, name, setting, inside=work.inside
            )
        return self._measured[peer.key, setting]
