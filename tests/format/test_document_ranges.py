"""The code accepts both ends of each range in the specification, and nothing beyond them."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.entropy.context_model import TENSORS as TENSOR_TYPES
from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import TOTAL, FrequencyTable
from narrows.codec.model.tradeoff import Tradeoffs
from narrows.codec.networks.layers import Conv, Dense, Reshape, Residual, Table, TransposedConv
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser
from narrows.errors import FormatError
from tests.helpers.by_hand import model_by_hand
from tests.helpers.format_document import stated


def affine(n_axes=1, kernel=1, stride=1, size=1, **settings):
    """One layer of each kind with weights."""
    numbers = {"bias": np.zeros(1, np.int64), "shift": 0, "limit": None, **settings}
    weight = np.ones((kernel,) * n_axes + (1, 1), np.int16)
    sliding = {"weight": weight, "stride": (stride,) * n_axes, **numbers}
    Conv(padding=((0, 0),) * n_axes, **sliding)
    TransposedConv(before=(0,) * n_axes, size=(size,) * n_axes, **sliding)
    return Dense(weight.reshape(kernel**n_axes, 1), **numbers)


def limited(limit):
    Residual((), limit)
    return affine(limit=limit)


def normaliser(**settings):
    numbers = {"limit": 255, "output_shift": 0, **settings}
    ends = {"offset": 0.0, "scale": 1.0, "output_scale": 1.0, "output_offset": 0.0}
    return Normaliser(np.dtype("uint8"), **{**ends, **numbers})


def quantiser(n_qualities=1, gain=1, step=1, shift=0, limit=255):
    ones = np.ones((n_qualities, 1), dtype=np.int64)
    return Quantiser(narrowest(gain * ones), shift, narrowest(step * ones), limit)


def narrowest(x):
    """An array as int32 where it fits; no model takes a wider one."""
    return x.astype(np.int32) if np.array_equal(x.astype(np.int32), x) else x


def frequency_table(size=2, low=0):
    weights = np.ones(size, dtype=np.int64)
    weights[0] = TOTAL - (size - 1)
    return FrequencyTable(low, weights)


def model_of_qualities(number):
    model = model_by_hand()
    gains = np.ones((number, 1), dtype=np.int32)
    return replace(model, quantiser=Quantiser(gains, 2, gains, 255),
                   tables=number * model.tables, contexts=number * model.contexts)  # fmt: skip


def context_of(n_units=1, n_outputs=1, shift=0, limit=1):
    """A context model of two latents, with two entries each, whose tensors are zeros."""
    counts = {"order": 2, "hidden_weight": n_units, "hidden_bias": n_units,
              "output_weight": n_units * n_outputs, "output_bias": 2 * n_outputs,
              "basis": 4 * n_outputs, "base": 4}  # fmt: skip
    tensors = {name: np.zeros(counts[name], dtype) for name, dtype in TENSOR_TYPES.items()}
    tensors["order"][:] = [0, 1]
    shifts = dict.fromkeys(("hidden_shift", "output_shift", "row_shift"), shift)
    limits = dict.fromkeys(("hidden_limit", "output_limit"), limit)
    return ContextModel(**tensors, **shifts, **limits, sizes=(2, 2))


def tradeoffs(n_qualities=1, latent_size=1, curvature=0):
    whole = narrowest(curvature * np.ones((n_qualities, latent_size), dtype=np.int64))
    return Tradeoffs(1.0, n_qualities * [1.0], whole)


# Each range: the heading, the words around its ends, and what in the code must keep to it.
RANGES = {
    "entries of a frequency table": ("Tensors", "included: {} to {} |", frequency_table),
    "low of a frequency table": ("Frequency tables", "must be from {} to {}.",
                                 lambda v: frequency_table(low=v)),
    "shift of a context model": ("Context models", "`row_shift` | {} to {} |",
                                 lambda v: context_of(shift=v)),
    "limit of a context model": ("Context models", "`hidden_limit` | {} to {} |",
                                 lambda v: context_of(limit=v)),
    "hidden units of a position": ("Context models", "a position, {} to {} and",
                                   lambda v: context_of(n_units=v)),
    "outputs of a position": ("Context models", "and {} to {}. Its",
                              lambda v: context_of(n_outputs=v)),
    "shift of a layer": ("Networks", "`shift` is from {} to {},", lambda v: affine(shift=v)),
    "limit of a layer": ("Networks", "null or from {} to {}.", limited),
    "spatial axes of a layer": ("Other layers", "{} to {} spatial axes",
                                lambda v: affine(n_axes=v)),
    "kernel of an axis": ("Other layers", "kernels of {} to {} an axis",
                          lambda v: affine(kernel=v)),
    "stride of an axis": ("Other layers", "integers from {} to {}, `padding`",
                          lambda v: affine(stride=v)),
    "size of an axis of a transposed convolution": ("Other layers", "integers from {} to {}. Each",
                                                    lambda v: affine(size=v)),
    "entries of an activation table": ("Other layers", "`m` from {} to {},",
                                       lambda v: Table(np.zeros(v, np.int32), 0, False)),
    "low of an activation table": ("Other layers", "`low` an integer from {} to {},",
                                   lambda v: Table(np.zeros(1, np.int32), v, False)),
    "limit of the normaliser": ("JSON", "normaliser.limit` | {} to {} |",
                                lambda v: normaliser(limit=v)),
    "output multiplier": ("JSON", "output_multiplier` | {} to {} |",
                          lambda v: normaliser(output_multiplier=v)),
    "output shift": ("JSON", "output_shift` | {} to {} |", lambda v: normaliser(output_shift=v)),
    "shift of the quantiser": ("JSON", "quantiser.shift` | {} to {} |",
                               lambda v: quantiser(shift=v)),
    "limit of the quantiser": ("JSON", "quantiser.limit` | {} to {} |",
                               lambda v: quantiser(limit=v)),
    "gain": ("Tensors", "latents, from {} to {} |", lambda v: quantiser(gain=v)),
    "step": ("Steps", "A step is from {} to {},", lambda v: quantiser(step=v)),
    "curvature": ("Searching for better symbols", "quality `q`, from {} to {}:",
                  lambda v: tradeoffs(curvature=v)),
    "number of qualities": ("Tensors", "There are {} to {} *qualities*", model_of_qualities),
    "dimensions of a shape": ("JSON", "is a list of {} to {} sizes", lambda v: Reshape((1,) * v)),
    "elements of a shape": ("JSON", "with {} to {} elements", lambda v: Reshape((v,))),
}  # fmt: skip
NO_LESS = {"dimensions of a shape"}


@pytest.mark.parametrize("name", RANGES)
def test_the_code_accepts_both_ends_of_a_documented_range_and_nothing_beyond(name):
    heading, phrase, made_with = RANGES[name]
    least, greatest = stated(heading, phrase)
    made_with(least)
    made_with(greatest)
    with pytest.raises(FormatError):
        made_with(greatest + 1)
    if name not in NO_LESS:
        with pytest.raises(FormatError):
            made_with(least - 1)
