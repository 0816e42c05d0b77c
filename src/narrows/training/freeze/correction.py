"""A linear correction for the qualities that a network alone does not reach.

At high rates nearly all of the error is the network's own, and finer steps of its latents gain
nothing. The residuals are close to noise without structure, for which no transform is better than
a linear one. Their principal components, rounded, are a second group of latents, whose output is
added to the decoder's. A quality that falls short of its rate takes the networks' latents from a
quality that does not, and spends the rest of its rate on such components.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.counting import count_table
from narrows.codec.model.groups import CORRECTED, ENCODED
from narrows.codec.model.model import Model
from narrows.codec.networks.layers import Dense, Parallel, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import UnprovenModelError
from narrows.training.freeze.residuals import Correction, Residuals, in_symbols

MIN_RATE_SHARE = 0.95  # a quality with a smaller share of its rate is corrected
MAX_ERROR_SHARE = 1.05  # one with a larger share of its error, too
SEARCHED_SHARE = 0.85  # of the error of rounding, that search leaves, about
SEARCHED = 500  # held-out signals on which it is measured
MAX_SIGNALS = 8192  # whose residuals are measured; of held-out signals, half as many
MAX_FRAME_ELEMENTS = 4096  # the covariances of larger frames take minutes
MAX_COMPONENTS = 512
MIN_USE = 0.002  # share of the signals that need a component; rarer ones are left out
SMALLEST_STEP = 128  # as an integer
HEADROOM = 1.25  # ratio of the clipping limit to the largest latent seen
WEIGHT_RMS = 9.0  # of the components as integers: their rounding adds 0.3 % to the error
MIN_LAMBDA, MAX_LAMBDA = 2.0**-60, 2.0**60  # in bits per squared error
STEP_RATIO = 1.05  # between the steps at which the slope is measured

Floats = npt.NDArray[np.float64]


def with_correction(
    model: Model,
    train: npt.NDArray[Any],
    held_out: npt.NDArray[Any],
    ratio: float,
    aimed_error: float | None = None,
) -> Model:
    """Correct the first quality that falls short of its aim, and all above it.

    Parameters
    ----------
    model : Model
        Complete but for known answers.
    train, held_out : (n, *frame_shape)
    ratio : float
        Of the rates that neighbouring qualities are to have. The middle quality has its own, but
        for
    aimed_error : float, optional
        Its squared error, summed over a frame: on the scale where the range is 1.

    Returns
    -------
    Model
        The same, where no quality falls short, or a correction is not provably exact.
    """
    size = math.prod(model.frame_shape)
    most = min(MAX_COMPONENTS, size - model.latent_size)
    has_aims = model.n_qualities > 1 or aimed_error is not None
    possible = has_aims and size <= MAX_FRAME_ELEMENTS and most > 0
    if not possible or model.tradeoffs is None or not len(train) or not len(held_out):
        return model
    measured = _measure(Codec(model), train[:MAX_SIGNALS], held_out[: MAX_SIGNALS // 2], most)
    if aimed_error is None:
        return _corrected_model(model, measured, ratio, math.inf)
    aimed = aimed_error * (model.peak / _unit(model)) ** 2
    first = _corrected_model(model, measured, ratio, aimed / SEARCHED_SHARE)
    if first is model:
        return model
    # Clipping and search take away from the error, by an amount that is known only now.
    share = _searched_error(Codec(first), held_out[:SEARCHED]) / aimed
    return _corrected_model(model, measured, ratio, aimed / SEARCHED_SHARE / share)


def _corrected_model(
    model: Model, measured: Sequence[Residuals], ratio: float, aimed: float
) -> Model:
    """Correct the middle quality where its error is above that aimed at, and others by rate."""
    middle = model.default_quality
    chosen: dict[int, Correction] = {}
    bits = measured[0].bits
    if measured[0].error > MAX_ERROR_SHARE * aimed:
        step = measured[0].step_for_error(aimed)
        bits, _ = measured[0].rate_and_error(step)
        chosen[middle] = _corrected(measured[0], step)
    for residuals in measured[1:]:
        q = residuals.quality
        aim = bits * ratio ** (q - middle)
        if chosen or residuals.bits < MIN_RATE_SHARE * aim:
            chosen[q] = _choose(aim, [each for each in measured if each.quality <= q])
    try:
        return _add_group(model, measured[0].components, chosen) if chosen else model
    except UnprovenModelError:
        return model


def _searched_error(codec: Codec, x: npt.NDArray[Any]) -> float:
    """Return the squared error of a frame, as compressing by default leaves it."""
    quality = codec.model.default_quality
    errors = _errors(codec, x, codec.encode(x, quality), quality)
    return float(np.square(errors).sum(axis=1).mean())


def _measure(
    codec: Codec, train: npt.NDArray[Any], held_out: npt.NDArray[Any], most: int
) -> list[Residuals]:
    """Measure the residuals of the middle quality and of each one above it.

    The components are those of the highest quality's residuals; the others' are much the same.
    """
    of_train, of_held_out = map(codec.encoder.encode_at_all_qualities, (train, held_out))
    measured: list[Residuals] = []
    for q in range(codec.model.n_qualities, codec.model.default_quality - 1, -1):
        learned = _errors(codec, train, of_train[q], q)
        errors = _errors(codec, held_out, of_held_out[q], q)
        components = measured[0].components if measured else _principal_axes(learned)[:, :most]
        bits = float(ideal_bits(of_held_out[q], codec.model.quality(q).tables).mean())
        error = float(np.square(errors).sum(axis=1).mean())
        unseen = errors @ components
        # Networks learn a few training signals by heart, and leave smaller errors of them.
        counted = np.concatenate([learned[: len(errors)] @ components, unseen])
        measured.append(Residuals(q, bits, error, counted, unseen, components))
    return measured[::-1]


def _errors(
    codec: Codec, x: npt.NDArray[Any], symbols: npt.NDArray[np.int32], quality: int
) -> Floats:
    """Return signals less their decoded symbols, times `_weights`, `(n, size)`."""
    decoded = codec.decode(symbols, quality).astype(np.float64)
    return ((x.astype(np.float64) - decoded) * _weights(codec.model)).reshape(len(x), -1)


def _weights(model: Model) -> Floats:
    """Return what errors count, `(n_channels,)` or one number, and 1 in the unit that they have."""
    weights = model.tradeoffs.weights if model.tradeoffs else ()
    return np.array(weights or 1.0) / _unit(model)


def _unit(model: Model) -> float:
    """Return the unit of errors: a power of two near the peak, so that none is far from 1."""
    return 2.0 ** math.floor(math.log2(model.peak))


def _principal_axes(errors: Floats) -> Floats:
    """Return the principal axes of `(n, size)` errors, `(size, size)`, in falling energy."""
    _, axes = np.linalg.eigh(errors.T @ errors)
    return axes[:, ::-1]


def _choose(bits: float, measured: Sequence[Residuals]) -> Correction:
    """Choose the residuals of which a correction leaves the least error at so many bits."""
    found = []
    for residuals in measured:
        if residuals.bits < bits:
            step = residuals.step_for(bits)
            _, error = residuals.rate_and_error(step)
            found.append((error, residuals.quality, residuals, step))
    _, _, residuals, step = min(found)
    return _corrected(residuals, step)


def _corrected(residuals: Residuals, step: float) -> Correction:
    coarse_bits, coarse_error = residuals.rate_and_error(step * STEP_RATIO)
    fine_bits, fine_error = residuals.rate_and_error(step / STEP_RATIO)
    slope = (fine_bits - coarse_bits) / max(coarse_error - fine_error, 1e-30)
    return Correction(residuals, step, min(max(slope, MIN_LAMBDA), MAX_LAMBDA))


def _add_group(model: Model, components: Floats, chosen: dict[int, Correction]) -> Model:
    """Add a group of corrected latents to a model: those components that signals need."""
    symbols = {q: in_symbols(each.residuals.counted, each.step) for q, each in chosen.items()}
    used = {q: (s != 0).mean(axis=0) > MIN_USE for q, s in symbols.items()}  # (n_components,)
    kept = np.flatnonzero(np.any(list(used.values()), axis=0))
    tradeoffs, quantiser, n = model.tradeoffs, model.quantiser, len(kept)
    if not n or tradeoffs is None:
        return model
    tradeoffs_unit = tradeoffs.unit * _unit(model)
    scale = _latents_per_unit(model, chosen, symbols)
    unit = _output_unit(model)
    limit = math.ceil(model.peak / _unit(model) / unit)
    layer, norms = _dense(components[:, kept], scale * unit, limit)
    steps = np.zeros((model.n_qualities, n), np.int32)
    for q, each in chosen.items():
        steps[q - 1] = np.where(used[q][kept], max(1, round(each.step * scale)), 0)
    curvature = np.where(steps > 0, np.rint(np.square(steps / scale * tradeoffs_unit * norms)), 0)
    numbers = range(1, model.n_qualities + 1)
    rows = [(chosen[q].residuals.quality if q in chosen else q) - 1 for q in numbers]
    tables = [list(model.tables[row]) for row in rows]
    uncoded = count_table(np.zeros(1, dtype=np.int32))
    for q, table_row, own_steps in zip(numbers, tables, steps, strict=True):
        table_row += [count_table(symbols[q][:, j]) if step else uncoded
                      for j, step in zip(kept, own_steps, strict=True)]  # fmt: skip
    lambdas = [chosen[q].lambda_ / tradeoffs_unit**2 if q in chosen else each
               for q, each in enumerate(tradeoffs.lambda_, 1)]  # fmt: skip
    return replace(
        model,
        quantiser=replace(
            quantiser,
            gain=np.pad(quantiser.gain[rows], ((0, 0), (0, n))),
            step=np.hstack([quantiser.step[rows], steps]),
        ),
        decoder=_beside(model, layer),
        tables=tables,
        contexts=[model.contexts[row] for row in rows],
        groups={ENCODED: model.latent_size, CORRECTED: n},
        tradeoffs=replace(
            tradeoffs,
            # Where the networks alone gain nothing more, lambda is not the slope of the curve.
            lambda_=list(accumulate(reversed(lambdas), min))[::-1],
            curvature=np.hstack([tradeoffs.curvature[rows], curvature.astype(np.int32)]),
        ),
    )


def _output_unit(model: Model) -> float:
    """Return the value of 1 at the decoder's output in errors: but for rounding, of any channel."""
    return float(np.mean(np.array(model.normaliser.slope) * _weights(model)))


def _latents_per_unit(
    model: Model, chosen: dict[int, Correction], symbols: dict[int, npt.NDArray[np.int32]]
) -> float:
    """Return the integer of a component of 1, such that steps are fine and latents in range."""
    scale = SMALLEST_STEP / min(each.step for each in chosen.values())
    for q, each in chosen.items():
        largest = max(1, int(np.abs(symbols[q]).max()))
        scale = min(scale, model.quantiser.limit / (HEADROOM * largest * each.step))
    return scale


def _dense(components: Floats, unit: float, limit: int) -> tuple[Dense, Floats]:
    """Return a layer from components to frames, and the norms of the components in it, `(n,)`.

    Parameters
    ----------
    components : (size, n)
        Of norm 1.
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
    weight = np.rint(components.T * (2.0**shift / unit))  # (n, size)
    weight = np.clip(weight, -(2**15), 2**15 - 1).astype(np.int16)
    bias = np.full(weight.shape[1], (1 << shift) >> 1, dtype=np.int64)
    norms = np.sqrt(np.square(weight.astype(np.float64)).sum(axis=1)) * (unit / 2.0**shift)
    return Dense(weight, bias, shift, limit), norms


def _beside(model: Model, layer: Dense) -> IntegerNetwork:
    """Return a decoder whose last inputs go through a dense layer, in parallel to its layers."""
    decoder, n = model.decoder, len(layer.weight)
    second = (layer,) if len(model.frame_shape) == 1 else (layer, Reshape(model.frame_shape))
    parallel = Parallel((model.latent_size, n), decoder.layers, second)
    return IntegerNetwork([parallel], (model.latent_size + n,), decoder.input_limit)
