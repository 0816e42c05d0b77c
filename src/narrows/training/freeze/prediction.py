"""Learning to predict windows of recordings from their decoded past, in closed loop.

What a decoder has of the past depends on what is learned: so the training recordings are encoded
several times, each time with what the time before has taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.window_search import Chosen, WindowSearch
from narrows.codec.networks.layers import Dense, Layer, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.prediction.prediction import NONE, Prediction
from narrows.training.data.likely import kind_of
from narrows.training.freeze.prediction_tables import count_shapes, count_side

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BORDER = 32  # samples before a window
BASIS_BITS = 10  # fraction bits of an orthonormal basis
BORDER_BITS = 12
RIDGE = 0.3  # of the mean energy of the border's samples: few sources teach wrong continuations
OWN_SHARE = 0.5  # of the residuals' covariance; the rest is its diagonal in the first basis
SHARE_OF_STEP = 0.1  # squared: of less variance, nearly all symbols are 0
MIN_LATENTS, MAX_LATENTS = 8, 256
FEW = 64  # predicted windows, from which no basis is learned
MAX_LATENT = 2**26
EFFORT = 2


@dataclass(frozen=True, eq=False)
class Recordings:
    """Training recordings side by side, each at every quality: m in all.

    Attributes
    ----------
    x, base : (m, n_windows, length, channels) int64
        In units of the decoder's output, and as the networks decode them.
    base_bits : (m, n_windows)
    qualities : (m,)
        Counted from 1.
    """

    x: Integers
    base: Integers
    base_bits: Floats
    qualities: npt.NDArray[np.intp]


def learn(
    recordings: Recordings,
    step: Sequence[int],
    frame_shape: tuple[int, ...],
    memory: int,
    limit: int,
) -> Prediction:
    """Learn all of a prediction.

    Parameters
    ----------
    recordings : Recordings
    step : (n_qualities,)
        Of the residual's latents, in units of the decoder's output.
    frame_shape : tuple of int
    memory : int
        The longest lag, in samples.
    limit : int
        Bound of decoded values.
    """
    x, steps = recordings.x, np.array(step, dtype=np.int32)
    length, n_channels = x.shape[2:]
    first = recordings.qualities == recordings.qualities[0]
    flat = x[first].reshape(-1, length * n_channels).astype(np.float64)
    basis = _worth_coding(_likely_covariance(flat, len(x[first]), n_channels, step), min(step))
    guess = flat @ basis.T
    symbols = [np.fix(guess / s + 0.1 * np.sign(guess)).astype(np.int32) for s in step]
    shapes, shape_of = count_shapes(symbols)
    nothing = _nothing_chosen(len(step), x.shape[1], n_channels)
    sides = [count_side(nothing, np.array([q]), length, memory) for q in range(len(step))]
    border = np.zeros((min(BORDER, length) * n_channels, length * n_channels))
    draft = Prediction(
        memory, limit, _border_network(border, limit, frame_shape),
        _residual_network(basis, frame_shape), steps, sides, shapes, shape_of,
    )  # fmt: skip
    draft = _counted(draft, _encoded(draft, recordings), recordings)
    chosen = _encoded(draft, recordings, keep=True)
    basis = _residual_basis(chosen, recordings, steps, basis)
    draft = replace(draft, residual=_residual_network(basis, frame_shape))
    draft = _counted(draft, _projected(chosen, basis, recordings, steps), recordings)
    chosen = _encoded(draft, recordings, keep=True)
    border = _border(chosen, recordings, steps)
    draft = replace(draft, border=_border_network(border, limit, frame_shape))
    draft = _counted(draft, chosen, recordings)
    return _counted(draft, _encoded(draft, recordings), recordings)


def _encoded(draft: Prediction, own: Recordings, keep: bool = False) -> Chosen:
    each = own.x, own.base, own.base_bits, own.qualities
    return WindowSearch(draft).encode(*each, EFFORT, keep)


def _counted(draft: Prediction, chosen: Chosen, recordings: Recordings) -> Prediction:
    """Return the draft with the tables of what was decided."""
    symbols, sides = [], []
    for quality in range(1, len(draft.step) + 1):
        rows = np.flatnonzero(recordings.qualities == quality)
        sides.append(count_side(chosen, rows, draft.length, draft.memory))
        symbols.append(chosen.symbols[rows][chosen.modes[rows] != NONE])
    shapes, shape_of = count_shapes(symbols)
    return replace(draft, side=sides, shapes=shapes, shape_of=shape_of)


def _projected(
    chosen: Chosen, basis: Floats, own: Recordings, step: npt.NDArray[np.int32]
) -> Chosen:
    """Return what was decided, with the symbols that another basis would have given."""
    assert chosen.unmatched is not None
    latents = chosen.unmatched.reshape(*chosen.modes.shape, -1) @ basis.T
    latents /= step[own.qualities - 1][:, None, None]
    symbols = np.sign(latents) * np.floor(np.abs(latents) + 0.35)
    return replace(chosen, symbols=np.clip(symbols, -1023, 1023).astype(np.int32))


def _weighted(
    chosen: Chosen, own: Recordings, step: npt.NDArray[np.int32]
) -> tuple[Floats, Floats]:
    """Return mismatches and unmatched windows that were predicted, each row in its own steps."""
    assert chosen.mismatches is not None
    assert chosen.unmatched is not None
    is_predicted = chosen.modes != NONE
    weight = 1.0 / step[own.qualities - 1].astype(np.float64)
    weight = np.broadcast_to(weight[:, None], is_predicted.shape)[is_predicted][:, None]
    mismatches, windows = chosen.mismatches[is_predicted], chosen.unmatched[is_predicted]
    both = mismatches, windows  # perhaps none at all
    flat = (each.reshape(len(each), prod(each.shape[1:])) for each in both)
    mismatches, windows = (each * weight for each in flat)
    return mismatches, windows


def _residual_basis(
    chosen: Chosen, own: Recordings, step: npt.NDArray[np.int32], basis: Floats
) -> Floats:
    """Return the axes of what matches lack, half shrunk to the axes that there were."""
    _, rest = _weighted(chosen, own, step)
    if len(rest) < FEW:
        return basis
    runs = np.nonzero(chosen.modes != NONE)[0] % int((own.qualities == own.qualities[0]).sum())
    each = [rest[runs == run] for run in np.unique(runs)]
    apart = [part.T @ part / len(part) for part in each if len(part) >= FEW]
    n_channels = own.x.shape[-1]
    covariance = kind_of(apart, n_channels, 1.0).of(rest.T @ rest / len(rest), n_channels)
    whole = _completed(basis)
    turned = whole @ covariance @ whole.T
    shrunk = OWN_SHARE * turned + (1.0 - OWN_SHARE) * np.diag(np.diag(turned))
    return _axes(shrunk, len(basis)) @ whole


def _likely_covariance(flat: Floats, n_runs: int, n_channels: int, step: Sequence[int]) -> Floats:
    """Return the covariance of runs of windows, as far as it holds for others."""
    each = [np.cov(part.T) for part in np.array_split(flat, n_runs) if len(part) >= FEW]
    kind = kind_of(each, n_channels, float(np.median(step)) ** 2)
    return kind.of(np.cov(flat.T), n_channels)


def _border(chosen: Chosen, own: Recordings, step: npt.NDArray[np.int32]) -> Floats:
    """Return what mismatches say of windows, `(border * channels, length * channels)`."""
    e, rest = _weighted(chosen, own, step)
    energy = e.T @ e
    size = len(energy)
    return np.asarray(
        np.linalg.solve(
            energy + (RIDGE * np.trace(energy) / size + 1e-9) * np.eye(size), e.T @ rest
        )
    )


def _worth_coding(covariance: Floats, finest: int) -> Floats:
    """Return the principal axes along which the finest steps leave anything to code."""
    variances = np.linalg.eigvalsh(covariance)
    count = int((variances > SHARE_OF_STEP * float(finest) ** 2).sum())
    return _axes(covariance, max(MIN_LATENTS, min(count, MAX_LATENTS)))


def _axes(covariance: Floats, count: int) -> Floats:
    """Return the principal axes `(count, size)`, largest variance first."""
    _, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors[:, ::-1][:, :count].T)


def _completed(basis: Floats) -> Floats:
    """Return an orthonormal basis of the whole space that begins with a given one."""
    size = basis.shape[1]
    both = np.concatenate([basis, np.eye(size)]).T
    q, r = np.linalg.qr(both[:, :])
    q = q[:, :size] * np.where(np.diag(r[:size, :size]) < 0, -1.0, 1.0)
    return np.asarray(q.T)


def _nothing_chosen(n_qualities: int, n_windows: int, n_channels: int) -> Chosen:
    shape = (n_qualities, n_windows)
    return Chosen(
        np.zeros(shape, np.int32), np.zeros(shape, np.int64),
        np.zeros((*shape, n_channels), np.int64), np.zeros((*shape, 1), np.int32),
        np.zeros(shape),
    )  # fmt: skip


def _border_network(weight: Floats, limit: int, shape: tuple[int, ...]) -> IntegerNetwork:
    whole = np.clip(np.rint(weight * 2.0**BORDER_BITS), -(2**15) + 1, 2**15 - 1).astype(np.int16)
    return IntegerNetwork(_layers(whole, BORDER_BITS, shape), (len(whole),), 2 * limit)


def _residual_network(basis: Floats, shape: tuple[int, ...]) -> IntegerNetwork:
    whole = np.rint(basis * 2.0**BASIS_BITS).astype(np.int16)
    return IntegerNetwork(_layers(whole, BASIS_BITS, shape), (len(whole),), MAX_LATENT)


def _layers(weight: npt.NDArray[np.int16], shift: int, shape: tuple[int, ...]) -> list[Layer]:
    half = np.full(weight.shape[1], 1 << (shift - 1), dtype=np.int64)
    return [Dense(weight, half, shift, None), Reshape(shape)]
