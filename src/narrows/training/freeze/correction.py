"""A linear correction for the qualities that a network alone does not reach.

At high rates the error of a network itself is nearly all there is, and finer steps of its latents
buy nothing. What is left is close to noise without structure, for which a linear transform is as
good as any: its principal components, rounded, are latents of their own, whose output is added to
the decoder's. A quality that falls short of its rate takes the networks' latents of one that does
not, and the rest of its rate in such components.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.encoding.symbol_encoder import TOWARDS_ZERO
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FixedTables, FrequencyTable
from narrows.codec.model.model import Model
from narrows.codec.networks.layers import Dense
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.quantiser import Quantiser
from narrows.errors import UnprovenModelError

SHORT = 0.95  # of its rate: a quality that has less is corrected
MOST_SIGNALS = 8192  # whose errors are measured; of those held out, half as many
MOST_ELEMENTS = 4096  # of a frame: covariances of more would take minutes
MOST_COMPONENTS = 512
SELDOM = 0.002  # of the signals have a component that is not 0: then it is left out
FINEST_STEP = 128  # as an integer
HEADROOM = 1.25  # for symbols of unseen signals, before they are clipped
WEIGHT_RMS = 9.0  # of the components as integers: their rounding adds 0.3 % to the error
HALVINGS = 12  # of the interval in which a step lies
LAMBDAS = 2.0**-60, 2.0**60  # bits per squared error: the least and the greatest
NEARBY = 1.05  # ratio of the steps between which the slope is measured

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Left:
    """What the networks leave of signals at one quality.

    Attributes
    ----------
    quality : int
        Counted from 0.
    bits : float
        The mean rate of the networks' latents.
    error : float
        The mean squared error, summed over a frame.
    counted, held_out : (n, n_components)
        The errors of signals, in components: those that tables are counted on, half of them
        trained on, and those that are measured.
    components : (size, n_components)
        Of length 1, at right angles to one another.
    """

    quality: int
    bits: float
    error: float
    counted: Floats
    held_out: Floats
    components: Floats

    def point(self, step: float) -> tuple[float, float]:
        """Give the bits and the error of held-out signals, with a correction of that step."""
        symbols = in_symbols(self.held_out, step)
        row = [count_table(column) for column in in_symbols(self.counted, step).T]
        bits = self.bits + float(ideal_bits(symbols, FixedTables(row)).mean())
        gained = np.square(self.held_out) - np.square(self.held_out - step * symbols)
        return bits, self.error - float(gained.sum(axis=1).mean())

    def step_for(self, bits: float) -> float:
        """Find the step at which so many bits are taken in all."""
        high = float(np.abs(self.held_out).max()) or 1.0
        low = high * 2.0**-HALVINGS
        for _ in range(HALVINGS):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if self.point(middle)[0] < bits else (middle, high)
        return math.sqrt(low * high)


@dataclass(frozen=True)
class Corrected:
    """A quality with a correction: what it corrects, in which step, and the slope there."""

    left: Left
    step: float
    lambda_: float  # bits per squared error


def with_correction(
    model: Model, train: npt.NDArray[Any], held_out: npt.NDArray[Any], ratio: float
) -> Model:
    """Give a correction to the first quality that falls short of its rate, and those above it.

    Parameters
    ----------
    model : Model
        Complete but for known answers.
    train, held_out : (n, *frame_shape)
    ratio : float
        Of the rates that neighbouring qualities are to have. The middle quality has its own.

    Returns
    -------
    Model
        The same, where no quality falls short, or a correction is not provably exact.
    """
    size, middle = math.prod(model.frame_shape), model.default_quality - 1
    room = min(MOST_COMPONENTS, size - model.latent_size)
    if model.n_qualities == 1 or size > MOST_ELEMENTS or room < 1 or model.exchange is None:
        return model
    if not len(train) or not len(held_out):
        return model
    lefts = _lefts(Codec(model), train[:MOST_SIGNALS], held_out[: MOST_SIGNALS // 2], room)
    chosen: dict[int, Corrected] = {}
    for left in lefts[1:]:
        q = left.quality
        aim = lefts[0].bits * ratio ** (q - middle)
        if chosen or left.bits < SHORT * aim:
            chosen[q] = _choose(aim, lefts[: q - middle + 1])
    try:
        return _corrected(model, lefts[0].components, chosen) if chosen else model
    except UnprovenModelError:
        return model


def _lefts(
    codec: Codec, train: npt.NDArray[Any], held_out: npt.NDArray[Any], room: int
) -> list[Left]:
    """Measure what is left by the middle quality, and by each one above it.

    The components are those of the highest quality's errors: the others' have much the same.
    """
    of_train, of_held_out = map(codec.encoder.encode_at_all_qualities, (train, held_out))
    lefts: list[Left] = []
    for q in range(codec.model.n_qualities - 1, codec.model.default_quality - 2, -1):
        learned = _errors(codec, train, of_train[q], q)
        errors = _errors(codec, held_out, of_held_out[q], q)
        components = lefts[0].components if lefts else _components(learned)[:, :room]
        bits = float(ideal_bits(of_held_out[q], codec.model.coding_tables[q]).mean())
        error = float(np.square(errors).sum(axis=1).mean())
        unseen = errors @ components
        # Networks err less on signals that they have learned, if these are few, by heart.
        counted = np.concatenate([learned[: len(errors)] @ components, unseen])
        lefts.append(Left(q, bits, error, counted, unseen, components))
    return lefts[::-1]


def in_symbols(x: Floats, step: float) -> npt.NDArray[np.int32]:
    """Round components as an encoder does, a little towards 0."""
    steps = x / step
    steps -= np.clip(steps, -TOWARDS_ZERO, TOWARDS_ZERO)
    return np.floor(steps + 0.5).astype(np.int32)


def _errors(
    codec: Codec, x: npt.NDArray[Any], symbols: npt.NDArray[np.int32], quality: int
) -> Floats:
    """Give signals less what is decoded of them, `(n, size)`."""
    decoded = codec.decode(symbols, quality + 1).astype(np.float64)
    return (x.astype(np.float64) - decoded).reshape(len(x), -1)


def _components(errors: Floats) -> Floats:
    """Give the principal axes of `(n, size)` errors, `(size, size)`, that of most energy first."""
    _, axes = np.linalg.eigh(errors.T @ errors)
    return axes[:, ::-1]


def _choose(bits: float, lefts: Sequence[Left]) -> Corrected:
    """Choose whose errors to correct, such that least is left at so many bits."""
    found = []
    for left in lefts:
        if left.bits < bits:
            step = left.step_for(bits)
            found.append((left.point(step)[1], left.quality, left, step))
    _, _, left, step = min(found)
    coarse, fine = left.point(step * NEARBY), left.point(step / NEARBY)
    slope = (fine[0] - coarse[0]) / max(coarse[1] - fine[1], 1e-30)
    return Corrected(left, step, min(max(slope, LAMBDAS[0]), LAMBDAS[1]))


def _corrected(model: Model, components: Floats, chosen: dict[int, Corrected]) -> Model:
    """Put the correction into a model."""
    symbols = {q: in_symbols(each.left.counted, each.step) for q, each in chosen.items()}
    used = {q: (s != 0).mean(axis=0) > SELDOM for q, s in symbols.items()}
    kept = np.flatnonzero(np.any(list(used.values()), axis=0))
    if not len(kept):
        return model
    quantiser, exchange, normaliser = model.quantiser, model.exchange, model.normaliser
    assert exchange is not None
    fine = FINEST_STEP / min(each.step for each in chosen.values())
    for q, each in chosen.items():
        largest = max(1, int(np.abs(symbols[q]).max()))
        fine = min(fine, quantiser.limit / (HEADROOM * largest * each.step))
    unit = normaliser.output_scale
    if model.dtype.kind != "f":
        unit = normaliser.output_multiplier * 2.0**-normaliser.output_shift
    correction, norms = _layer(components[:, kept], fine * unit, math.ceil(model.peak / unit))
    k, n = model.latent_size, len(kept)
    wide = (model.n_qualities, k + n)
    gain, step, curvature = (np.zeros(wide, np.int32) for _ in range(3))
    tables, contexts, lambdas = [], [], []
    nothing = count_table(np.zeros(1, dtype=np.int32))
    for q in range(model.n_qualities):
        own = chosen.get(q)
        source = q if own is None else own.left.quality
        gain[q, :k], step[q, :k] = quantiser.gain[source], quantiser.step[source]
        curvature[q, :k] = exchange.curvature[source]
        row: list[FrequencyTable] = [*model.tables[source], *[nothing] * n]
        contexts.append(model.contexts[source])
        lambdas.append(exchange.lambda_[q])
        if own is not None:
            whole = max(1, round(own.step * fine))
            lambdas[q] = own.lambda_ / exchange.unit**2
            for place, j in enumerate(kept, k):
                if used[q][j]:
                    step[q, place] = whole
                    row[place] = count_table(symbols[q][:, j])
            squares = np.square(whole / fine * exchange.unit * norms)
            curvature[q, k:] = np.where(step[q, k:] > 0, np.rint(squares), 0)
        tables.append(row)
    for q in reversed(range(model.n_qualities - 1)):
        # Where the networks alone were at their end, lambda says no more how steep the curve is.
        lambdas[q] = min(lambdas[q : q + 2])
    layers = model.decoder
    return replace(
        model,
        quantiser=Quantiser(gain, quantiser.shift, step, quantiser.limit),
        decoder=IntegerNetwork(layers.layers, (k + n,), layers.input_limit, correction),
        tables=tables,
        contexts=contexts,
        exchange=replace(exchange, lambda_=lambdas, curvature=curvature),
    )


def _layer(components: Floats, unit: float, limit: int) -> tuple[Dense, Floats]:
    """Make a layer whose inputs count in units of which `unit` is an output's, and its norms.

    Parameters
    ----------
    components : (size, n) float64
        Of length 1 each.
    unit : float
        Of the outputs, in inputs.
    limit : int
        Of the outputs.
    """
    rms = 1.0 / math.sqrt(len(components))
    wanted = math.floor(math.log2(WEIGHT_RMS * unit / rms) + 0.5)
    most = math.floor(math.log2((2**15 - 1) * unit / float(np.abs(components).max())))
    if most < 0:
        raise UnprovenModelError("a correction whose weights do not fit in 16 bits")
    shift = max(0, min(wanted, most))
    weight = np.rint(components.T * (2.0**shift / unit))
    weight = np.clip(weight, -(2**15), 2**15 - 1).astype(np.int16)
    bias = np.full(weight.shape[1], (1 << shift) >> 1, dtype=np.int64)
    norms = np.sqrt(np.square(weight.astype(np.float64)).sum(axis=1)) * (unit / 2.0**shift)
    return Dense(weight, bias, shift, limit), norms
