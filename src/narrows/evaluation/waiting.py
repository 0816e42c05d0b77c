"""How long measuring will take, from a trial on a few of the signals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress

from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.evaluation.metrics import DEFAULTS, evaluate
from narrows.evaluation.peers.contract import Peer, Signals, Workload, measure
from narrows.evaluation.peers.registry import MIN_SIGNALS, Bench, sample

TRIAL_SHARE = 16
"""One signal of so many is tried."""
MAX_TRIED = 128
"""Signals that narrows itself is tried on."""
SETTINGS_TRIED, SETTINGS_MORE = 8, 4
"""Of a lossy peer until a quality is found, and for each quality more; PCA begins near it."""
SETTINGS_OF_PCA = 3


def seconds_of_codec(codec: Codec, x: Signals, request: Request = DEFAULTS) -> float:
    """Estimate the seconds of compressing `(n, *frame_shape)` signals and decompressing them."""
    if not len(x):
        return 0.0
    most = max(1, min(MAX_TRIED, len(x) // TRIAL_SHARE))
    few = sample(x, most, codec.model.prediction is not None)
    codec.compress(few[:1], effort=0)  # what is prepared once is no part of it
    return _seconds(lambda: evaluate(codec, few, request)) * len(x) / len(few)


def seconds_of_peers(bench: Bench, qualities: int = 1) -> float:
    """Estimate the seconds that a bench takes for the peers of as many qualities, and lossless."""
    some, settings = bench.work.x, SETTINGS_TRIED + SETTINGS_MORE * (qualities - 1)
    few = sample(some, max(MIN_SIGNALS, len(some) // TRIAL_SHARE))
    total = 0.0
    for peer in bench.peers:
        if peer.learns:
            total += SETTINGS_OF_PCA * qualities * _learning(bench, peer)
            continue
        work = Workload(few, bench.work.peak, bench.work.layout)
        times = 1 if peer.lossless else settings
        total += times * _trial(peer, work) * len(some) / len(few)
    return total


def _learning(bench: Bench, peer: Peer) -> float:
    """Estimate one setting of a peer that learns: two trials tell what grows with the signals."""
    x, train = bench.work.x, bench.work.train
    if train is None:
        x, train = x[1::2], x[::2]
    seconds, counts = [], []
    for share in (TRIAL_SHARE, TRIAL_SHARE // 2):
        learnt = sample(train, max(MIN_SIGNALS, len(train) // share))
        work = Workload(
            sample(x, max(MIN_SIGNALS, len(x) // share)), bench.work.peak, bench.work.layout, learnt
        )
        seconds.append(_trial(peer, work))
        counts.append(len(learnt))
    a_signal = max(0.0, seconds[1] - seconds[0]) / max(1, counts[1] - counts[0])
    return seconds[1] + a_signal * (len(train) - counts[1])


def _trial(peer: Peer, work: Workload) -> float:
    settings = peer.settings(work)
    setting = settings[len(settings) // 4]  # most search begins at the lowest
    with suppress(Exception):  # a peer that fails is told where it is measured
        return _seconds(lambda: measure(peer.coder(work, setting), work.x, work.peak, peer.name))
    return 0.0


def _seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def in_words(seconds: float) -> str:
    """Write how long something takes, as far as an estimate can tell: about 40 s, about 3 min."""
    if seconds < 5:
        return "some seconds"
    if seconds < 90:
        return f"about {5 * math.ceil(seconds / 5)} s"
    minutes = math.ceil(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {minutes / 60:.1f} h"
