"""Training recordings for what learns to predict their windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.encoding.window_encoder import WindowEncoder
from narrows.codec.model.model import Model
from narrows.codec.model.range import Range
from narrows.codec.prediction.prediction import MAX_LIMIT, MAX_MEMORY
from narrows.codec.transform import Transform
from narrows.errors import SettingError
from narrows.training.freeze.prediction import Recordings, learn

MAX_WINDOWS = 1200  # that are learned from
RUN, MAX_RUNS = 400, 8  # windows of a run of them; shorter ones where there are more recordings
MAX_ELEMENTS = 1 << 23  # of the windows at all qualities: some arrays of so many are held
MIN_RUN = 8
MAX_SIZE = 4096  # elements of a window, whose covariance is a matrix of as many rows
MEMORY = 144  # windows; searches up to effort 2 look at the last 48, which took 3 % more bytes
EFFORT = 2


def with_prediction(model: Model, x: npt.NDArray[Any], recordings: Sequence[int]) -> Model:
    """Return the model with what predicts windows from those before them.

    Parameters
    ----------
    model : Model
    x : (n, *frame_shape)
        The windows of the recordings, one recording behind the other.
    recordings : sequence of int
        How many windows each has; as one recording where they are not those of `x`.
    """
    lengths = recordings if sum(recordings) == len(x) else (len(x),)
    runs = _runs(lengths, prod(x.shape[1:]) * model.n_qualities)
    encoder, each = WindowEncoder(SymbolEncoder(Transform(model))), []
    qualities = np.arange(1, model.n_qualities + 1)
    for quality in qualities.tolist():
        for run in runs:
            windows, _, decoded, cost = encoder.beside(x[run], quality, EFFORT)
            each.append((windows, decoded, cost))
    targets, base, bits = (np.array(of) for of in zip(*each, strict=True))
    if int(np.abs(targets).max()) > MAX_LIMIT:
        raise SettingError(
            f"architecture predictive for {model.dtype} of a range of {model.peak:g}, too fine for "
            "its integers of 30 bits; convert to int16 or float32, or take architecture linear"
        )
    limit = 2 ** _largest(model, targets).bit_length() - 1
    own = Recordings(targets, base, bits, np.repeat(qualities, len(runs)))
    memory = min(MEMORY * model.frame_shape[0], MAX_MEMORY)
    return replace(model, prediction=learn(own, _steps(model), model.frame_shape, memory, limit))


def check_windows(frame_shape: tuple[int, ...]) -> None:
    """Refuse frames that are no windows of recordings, or too large ones."""
    from narrows.signals.channels import has_length

    shape = " x ".join(map(str, frame_shape))
    if not has_length(frame_shape):
        raise SettingError(
            f"architecture predictive for frames of {shape}; it learns windows of recordings, "
            "(length,) or (length, channels), in their order: cut recordings with --window, or "
            "leave it out"
        )
    if prod(frame_shape) > MAX_SIZE:
        raise SettingError(
            f"architecture predictive for windows of {prod(frame_shape):,} numbers; at most "
            f"{MAX_SIZE:,} are possible: give a shorter --window"
        )


def _runs(lengths: Sequence[int], weight: int) -> list[slice]:
    """Choose runs of equally many windows, of as many of the recordings as possible."""
    most = min(MAX_WINDOWS, MAX_ELEMENTS // weight)
    at_once = min(len(lengths), MAX_RUNS)
    n = min(RUN, max(most // at_once, MIN_RUN), int(np.median(lengths)))
    if n < MIN_RUN:
        raise SettingError(
            f"architecture predictive for recordings of about {int(np.median(lengths))} windows; "
            f"{MIN_RUN} are needed to learn from, and some hundreds to learn much: give longer "
            "recordings, or a shorter --window"
        )
    ends = np.cumsum(lengths)
    starts = [
        start
        for end, length in zip(ends.tolist(), lengths, strict=True)
        for start in range(end - length, end - n + 1, n)
    ]
    count = min(len(starts), max(1, most // n))
    chosen = np.rint(np.linspace(0, len(starts) - 1, count)).astype(int)
    return [slice(starts[i], starts[i] + n) for i in chosen.tolist()]


def _largest(model: Model, targets: npt.NDArray[np.int64]) -> int:
    """Return the largest magnitude that the model is to code, in units of the decoder's output."""
    own, found = model.normaliser, [1.0, float(np.abs(targets).max())]
    for end in Range(model).ends:
        away = np.abs(end.astype(np.float64) - np.array(own.output_offset)) / np.array(own.slope)
        found.append(float(np.rint(away.max())))
    return int(min(max(found), float(MAX_LIMIT)))


def _steps(model: Model) -> list[int]:
    """Return, of each quality, how far one step of a latent moves the decoder's output."""
    transform, k = Transform(model), model.latent_size
    found = []
    for quality in model.qualities:
        before = transform.windows(np.zeros((1, k), np.int32), quality.number)
        after = transform.windows(np.eye(k, dtype=np.int32), quality.number)
        moved = np.square((after - before).astype(np.float64)).reshape(k, -1).sum(axis=1)
        found.append(max(1, min(int(np.median(np.sqrt(moved))), 2**21 - 1)))
    return found
