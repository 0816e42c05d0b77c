"""Tiny models with channels of their own, and with corrected latents."""

from dataclasses import replace
from math import prod

import numpy as np

from narrows.codec.codec import Codec
from narrows.codec.entropy.counting import count_table, to_integers
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.model.groups import CORRECTED, ENCODED
from narrows.codec.networks.layers import Dense, Parallel, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.quantiser import Quantiser
from tests.helpers.tiny_models import random_context, right_answers, typical_frames


def by_channel(model, seed=0):
    """Return a model whose channels, the last axis of its frames, differ in offset and size."""
    rng, own, n = np.random.default_rng(seed), model.normaliser, model.frame_shape[-1]
    powers, moved = rng.permutation(n).tolist(), rng.integers(-9, 9, n).tolist()
    normaliser = replace(
        own,
        offset=tuple(own.offset + shift for shift in moved),
        scale=tuple(own.scale * 2.0**-power for power in powers),
        output_multiplier=(own.output_multiplier,) * n,
        output_shift=tuple(own.output_shift - power for power in powers),
        output_scale=tuple(own.output_scale * 2.0**power for power in powers),
        output_offset=tuple(own.output_offset + shift for shift in moved),
    )
    tradeoffs = model.tradeoffs
    if tradeoffs is not None:
        weights = 2.0 ** -np.array(powers) * rng.uniform(0.8, 1.25, n)
        tradeoffs = replace(tradeoffs, weights=weights.tolist())
    model = replace(model, normaliser=normaliser, tradeoffs=tradeoffs)
    return replace(model, known_answers=right_answers(model))


def corrected(model, n_corrected=2, qualities=(2,), seed=3):
    """Add a correction of random unit vectors to some qualities of a searching model.

    A step of it is about as large as typical errors, so that its symbols are some steps.
    """
    rng, size, k = np.random.default_rng(seed), prod(model.frame_shape), model.latent_size
    axes, _ = np.linalg.qr(rng.normal(size=(size, n_corrected)))
    weight = np.rint(axes.T * 2**10).astype(np.int16)
    layer = Dense(weight, np.full(size, 2**4, np.int64), 5, 2**30)
    second = (layer, Reshape(model.frame_shape))
    parallel = Parallel((k, n_corrected), model.decoder.layers, second)
    decoder = IntegerNetwork([parallel], (k + n_corrected,), model.decoder.input_limit)
    unit = model.normaliser.output_multiplier * 2.0**-model.normaliser.output_shift
    unit = model.normaliser.output_scale if model.dtype.kind == "f" else unit
    x, tradeoffs = typical_frames(model, 64), model.tradeoffs
    of_1 = unit * 2.0**10 / 2**5  # what 1 in a corrected latent is, in the signal's units
    step = max(1, round(float(x.std()) / 2 / of_1))
    gain, steps, curvature = (
        np.pad(each, ((0, 0), (0, n_corrected)))
        for each in (model.quantiser.gain, model.quantiser.step, tradeoffs.curvature)
    )
    for quality in qualities:
        steps[quality - 1, k:] = step
        curvature[quality - 1, k:] = max(1, round((step * of_1 * tradeoffs.unit) ** 2))
    empty = count_table(np.zeros(1, np.int32))
    model = replace(
        model,
        known_answers=None,
        decoder=decoder,
        groups={ENCODED: k, CORRECTED: n_corrected},
        quantiser=Quantiser(gain, model.quantiser.shift, steps, model.quantiser.limit),
        tables=[[*row, *[empty] * n_corrected] for row in model.tables],
        tradeoffs=replace(tradeoffs, curvature=curvature),
    )
    tables = list(model.tables)
    for quality in qualities:
        symbols = Codec(model).encode(x, quality, 0)[:, k:]
        tables[quality - 1] = [*tables[quality - 1][:k], *[count_table(s) for s in symbols.T]]
    model = replace(model, tables=tables)
    return replace(model, known_answers=right_answers(model))


def in_trellis(model, seed=4):
    """Return a searching model with two quantisers in turn, of random tables with its symbols."""
    rng = np.random.default_rng(seed)
    trellis = [[random_table(rng, table) for table in row] for row in model.tables]
    return replace(model, trellis=trellis, known_answers=None)


def in_context_trellis(model, quality=1, seed=4):
    """Return a model with two quantisers in turn, and a context model at one quality."""
    rng, model = np.random.default_rng(seed), in_trellis(model, seed)
    both = model.tables[quality - 1], model.trellis[quality - 1]
    contexts = [None] * model.n_qualities
    contexts[quality - 1] = for_trellis(random_context(rng, both[0]), *both)
    return replace(model, contexts=contexts)


def for_trellis(context, row, second, seed=6):
    """Return a context model with bases for both quantisers, in the order of latents."""
    rng, m, shift = np.random.default_rng(seed), context.n_outputs, context.row_shift
    basis, base = [], []
    for first, other in zip(row, second, strict=True):
        for table in (first, other):
            size = table.weights.size
            logs = np.log2(table.weights / table.weights.max()) * 32
            base.append(np.round(logs).astype(np.int32) << shift)
            basis.append(rng.integers(-40, 40, m * size, dtype=np.int16))
    return replace(
        context,
        order=np.arange(context.k, dtype=np.int32),
        basis=np.concatenate(basis),
        base=np.concatenate(base),
        sizes=tuple(table.weights.size for table in row),
    )


def random_table(rng, table):
    """Return a table of the same symbols, each frequency up to four times as high or as low."""
    weights = table.weights * 4.0 ** rng.uniform(-1, 1, table.weights.size)
    return FrequencyTable(table.low, to_integers(weights))
