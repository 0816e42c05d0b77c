"""Predicted windows <-> the payload of a block, and from what it holds to values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.ans import PayloadReader, PayloadWriter
from narrows.codec.entropy.chains import ChainTables
from narrows.codec.entropy.tables import CodingTables, FixedTables, Symbols
from narrows.codec.prediction.past import Past
from narrows.codec.prediction.prediction import (
    DIGIT_BITS,
    FAR,
    MAX_GAIN,
    MERGE,
    NEAR,
    NEW,
    NONE,
    Prediction,
)
from narrows.errors import FormatError

if TYPE_CHECKING:
    from narrows.codec.prediction.native.windows import CompiledWindows

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
PART = 256  # windows whose residuals are made together


@dataclass(frozen=True, eq=False)
class Windows:
    """What a block says of its n windows.

    Attributes
    ----------
    modes : (n,) int32
    lags : (n,) int64
        In samples; 0 where nothing is predicted.
    gains : (n, channels) int64
        In eighths.
    unpredicted : (number of windows without prediction, latent_size) int32
    residuals : (number of predicted windows, n_latents) int32
    """

    modes: npt.NDArray[np.int32]
    lags: Integers
    gains: Integers
    unpredicted: Symbols
    residuals: Symbols


def pack_windows(
    windows: Windows, prediction: Prediction, quality: int, networks: CodingTables
) -> bytes:
    """Code what a block says of its windows, all of one quality, to a payload.

    `networks` are the tables of what is not predicted.
    """
    side, writer = prediction.side[quality - 1], PayloadWriter()
    modes = windows.modes
    writer.add(ChainTables(side.modes, len(modes)), modes[None])
    lags = windows.lags[modes == NEW]
    near = lag_steps(modes, windows.lags)
    told = np.column_stack([near, windows.gains[modes == NEW]]).astype(np.int32)
    _add(writer, FixedTables([side.lag[0], *side.gains]), told)
    far = lags[near == FAR] - prediction.length
    digits = np.column_stack([far >> DIGIT_BITS, far & ((1 << DIGIT_BITS) - 1)])
    _add(writer, FixedTables(side.lag[1:]), digits.astype(np.int32))
    _add(writer, networks, windows.unpredicted)
    _add(writer, prediction.tables(quality), windows.residuals)
    return writer.to_bytes()


def _add(writer: PayloadWriter, tables: CodingTables, symbols: Symbols) -> None:
    if len(symbols):
        writer.add(tables, symbols)


def lag_steps(modes: npt.NDArray[np.int32], lags: Integers) -> Integers:
    """Return how the lags of new windows are told: by a difference to the last one, or FAR."""
    new = lags[modes == NEW]
    steps = np.diff(new, prepend=0)
    is_near = np.abs(steps) <= NEAR
    is_near[:1] = False  # there is none before it
    return np.where(is_near, steps, FAR)


def unpack_windows(
    payload: bytes, n: int, prediction: Prediction, quality: int, networks: CodingTables
) -> Windows:
    """Undo `pack_windows` for n windows; FormatError for what it never wrote."""
    side, reader = prediction.side[quality - 1], PayloadReader(payload)
    modes = reader.take(ChainTables(side.modes, n), 1)[0]
    _check(modes, NONE, MERGE, "mode")
    is_new, predicted = modes == NEW, modes != NONE
    first = np.flatnonzero(predicted)[:1]
    if predicted[0] or not is_new[first].all():
        raise FormatError("window that is predicted from windows that are not there")
    told = _take(reader, FixedTables([side.lag[0], *side.gains]), int(is_new.sum()))
    _check(told[:, 0], -NEAR, FAR, "difference of lags")
    _check(told[:, 1:], 0, MAX_GAIN, "gain")
    digits = _take(reader, FixedTables(side.lag[1:]), int((told[:, 0] == FAR).sum()))
    _check(digits[:, 1], 0, (1 << DIGIT_BITS) - 1, "digit of a lag")
    _check(digits[:, 0], 0, prediction.memory >> DIGIT_BITS, "digit of a lag")
    far = (digits[:, 0].astype(np.int64) << DIGIT_BITS) + digits[:, 1] + prediction.length
    unpredicted = _take(reader, networks, int(n - predicted.sum()))
    residuals = _take(reader, prediction.tables(quality), int(predicted.sum()))
    reader.check_end()
    lags, gains = _spread(modes, told, far, prediction)
    return Windows(modes, lags, gains, unpredicted, residuals)


def _take(reader: PayloadReader, tables: CodingTables, n: int) -> Symbols:
    if not n:
        return np.zeros((0, len(tables.row)), dtype=np.int32)
    return reader.take(tables, n)


def _check(values: npt.NDArray[np.int32], low: int, high: int, what: str) -> None:
    if values.size and not low <= int(values.min()) <= int(values.max()) <= high:
        raise FormatError(f"{what} outside {low} to {high}")


def _spread(
    modes: npt.NDArray[np.int32], told: Symbols, far: Integers, prediction: Prediction
) -> tuple[Integers, Integers]:
    """Return the lags `(n,)` and the gains `(n, channels)` of all windows from those told."""
    steps = told[:, 0].astype(np.int64)
    is_far = steps == FAR
    # Each far lag begins a run, within which steps are added to it.
    run = np.cumsum(is_far) - 1
    if len(steps) and not is_far[0]:
        raise FormatError("lag that is told by the difference to one that is not there")
    summed = np.cumsum(np.where(is_far, 0, steps))
    own = far[run] + summed - summed[is_far][run]
    number = np.cumsum(modes == NEW) - 1
    predicted = modes != NONE
    lags, gains = (
        np.zeros(len(modes), np.int64),
        np.zeros((len(modes), told.shape[1] - 1), np.int64),
    )
    lags[predicted] = own[number[predicted]]
    gains[predicted] = told[number[predicted], 1:]
    most = np.minimum(np.arange(len(modes)) * prediction.length, prediction.memory)
    if (predicted & ((lags < prediction.length) | (lags > most))).any():
        raise FormatError("lag before the first window, beyond the memory or within the window")
    return lags, gains


def rebuild(
    windows: Windows,
    base: npt.NDArray[np.number[Any]],
    prediction: Prediction,
    quality: int,
    compiled: CompiledWindows | None = None,
) -> Floats:
    """Return the values `(n, length, channels)` of windows, in units of the decoder's output.

    Parameters
    ----------
    windows : Windows
    base : (number of windows without prediction, length, channels)
        What the networks decode for these.
    prediction : Prediction
    quality : int
    compiled : CompiledWindows, optional
        Of the prediction, which then decodes the same in numpy's place.

    Returns
    -------
    (n, length, channels) float64
        Whole numbers.
    """
    if compiled is not None:
        out = compiled.rebuild(windows, base, quality)
    else:
        out = np.empty((len(windows.modes), prediction.n_channels, prediction.length))
        for i, (decoded, _) in enumerate(in_turn(windows, base, prediction, quality)):
            out[i] = decoded
    out += 0.0  # no zero is negative
    return np.ascontiguousarray(out.swapaxes(1, 2))


def in_turn(
    windows: Windows, base: npt.NDArray[np.number[Any]], prediction: Prediction, quality: int
) -> Iterator[tuple[Floats, Floats | None]]:
    """Yield each window `(channels, length)`, and the earlier part that it is made from, if any.

    Parameters are those of `rebuild`.
    """
    past, only = Past(prediction, 1), np.zeros(1, dtype=np.int64)
    residuals = _in_parts(windows.residuals, prediction, quality)
    without = iter(base.swapaxes(1, 2).astype(np.float64))
    for i, is_predicted in enumerate((windows.modes != NONE).tolist()):
        earlier = None
        if is_predicted:
            match = past.match(only, windows.lags[i : i + 1], windows.gains[i : i + 1])
            coded = prediction.borders(match.mismatch)
            coded += next(residuals)
            decoded, smoothed = match.joined(coded)
            earlier = match.inside[0]
        else:
            decoded = smoothed = next(without)[None]
        past.append(decoded, smoothed)
        yield decoded[0], earlier


def _in_parts(symbols: Symbols, prediction: Prediction, quality: int) -> Iterator[Floats]:
    """Yield the residual `(channels, length)` of each window; some at a time are held."""
    for start in range(0, len(symbols), PART):
        part = symbols[start : start + PART]
        yield from prediction.residuals(part, np.full(len(part), quality))
