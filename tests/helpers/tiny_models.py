"""Small random models made from layers alone, without training and without torch."""

import io
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from narrows.codec.archive import DTYPE_CODES, ArchiveReader
from narrows.codec.codec import Codec
from narrows.codec.encoding.costs import errors, squared
from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.counting import count_table
from narrows.codec.model.model import Model
from narrows.codec.model.tradeoff import Tradeoffs
from narrows.codec.networks.backend import NUMPY
from narrows.codec.networks.layers import (
    Conv,
    Dense,
    LeakyReLU,
    ReLU,
    Reshape,
    Residual,
    Table,
    TransposedConv,
)
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser
from narrows.element_types import ends_of
from narrows.errors import NarrowsError

DTYPES = tuple(dtype.name for dtype in DTYPE_CODES)
INTEGER_DTYPES = tuple(name for name in DTYPES if np.dtype(name).kind in "iu")
FLOAT_DTYPES = tuple(name for name in DTYPES if np.dtype(name).kind == "f")
ODD_SHAPES = ((), (1,), (5,), (3, 5, 2), (1, 1, 4), (2, 1, 2, 1, 2, 1, 2, 1))

INT32 = np.iinfo(np.int32)
HIDDEN = 6
HIDDEN_LIMIT = 2**15 - 1  # with weights up to 2**6, six of these sum below 2**24: float32
LATENT_LIMIT = 2**24 - 1
ACTIVATIONS = {
    "none": (),
    "leaky_relu": (LeakyReLU(),),
    "relu": (ReLU(),),
    "step": (Table(np.arange(-40, 41, dtype=np.int32) * 300, -40, False),),
    "elu": (Table(np.arange(-1000, 1, dtype=np.int32) // 4, -1000, True),),
}

any_int32 = st.one_of(
    st.integers(-4, 4),
    st.integers(INT32.min, INT32.max),
    st.sampled_from([INT32.min, INT32.min + 1, INT32.max - 1, INT32.max]),
)


def examples(n):
    """Return the settings of a quick property: n examples, the same ones in every run."""
    return settings(max_examples=n, deadline=None, derandomize=True)


def random_dense(rng, n_inputs, n_outputs, shift, limit=HIDDEN_LIMIT, largest=2**10):
    weight = rng.integers(-largest, largest, (n_inputs, n_outputs), endpoint=True, dtype=np.int16)
    bias = rng.integers(-(2**12), 2**12, n_outputs, dtype=np.int64) + (1 << shift >> 1)
    return Dense(weight, bias, shift, limit)


def whole_range(dtype):
    """Return the ends of the whole numbers that tiny models are made for: 40 bits of 64."""
    least, most = ends_of(np.dtype(dtype))
    return max(least, -(2**39)), min(most, 2**39 - 1)


def tiny_normaliser(dtype):
    dtype = np.dtype(dtype)
    ends = {
        "dtype": dtype, "offset": 0.25, "scale": 2.0**10, "limit": 2**15 - 1,
        "output_multiplier": 1, "output_shift": 0, "output_scale": 2.0**-18, "output_offset": 0.25,
    }  # fmt: skip
    if dtype.kind == "f":
        return Normaliser(**ends)
    least, most = whole_range(dtype)
    offset, bits = float((least + most + 1) // 2), (most - least).bit_length()
    spare_bits = max(0, bits - 16)
    ends |= {"offset": offset, "scale": 2.0**-spare_bits, "output_offset": offset}
    ends |= {"limit": 2 ** (min(16, bits) - 1), "output_scale": 1.0}
    return Normaliser(**ends | {"output_multiplier": 3, "output_shift": 12 - spare_bits})


def tiny_model(
    dtype="uint8",
    frame_shape=(5,),
    latent_size=2,
    n_qualities=1,
    activation="leaky_relu",
    seed=0,
    known_answers=True,
    contexts=(),
):
    """Make a valid model with random weights; its tables are those of `typical_frames`.

    The qualities in `contexts` have a context model, the others have not.
    """
    rng = np.random.default_rng(seed)
    size, normaliser = prod(frame_shape), tiny_normaliser(dtype)
    latent_size = min(latent_size, size)  # a model has no more latents than elements
    encoder = IntegerNetwork(
        [
            Reshape((size,)),
            random_dense(rng, size, HIDDEN, shift=5 if normaliser.limit <= 2**7 else 8),
            *ACTIVATIONS[activation],
            random_dense(rng, HIDDEN, latent_size, shift=10, limit=None),
        ],
        frame_shape,
        normaliser.limit,
    )
    decoder = IntegerNetwork(
        [
            random_dense(rng, latent_size, HIDDEN, shift=6),
            *ACTIVATIONS[activation],
            random_dense(rng, HIDDEN, size, shift=0, limit=None, largest=2**6),
            Reshape(frame_shape),
        ],
        (latent_size,),
        LATENT_LIMIT,
    )
    return finished_model(encoder, decoder, normaliser, n_qualities, seed, known_answers, contexts)


def finished_model(
    encoder, decoder, normaliser, n_qualities=1, seed=0, known_answers=True, contexts=()
):
    """Join two networks to a model; its tables are those of `typical_frames`."""
    (latent_size,), frame_shape = decoder.input_shape, decoder.output_shape
    gain = np.array([[1 << q] * latent_size for q in range(n_qualities)], np.int32)
    quantiser = Quantiser(gain, 8, np.ascontiguousarray((gain[-1:] // gain) * 16), LATENT_LIMIT)
    empty = count_table(np.zeros(1, np.int32))
    model = Model(
        frame_shape=frame_shape,
        normaliser=normaliser,
        encoder=encoder,
        quantiser=quantiser,
        decoder=decoder,
        tables=[[empty] * latent_size] * n_qualities,
        contexts=[None] * n_qualities,
        architecture="tiny",
        peak=1.0,
        training={"seed": seed, "words": 'quotes " and \u00e9'},
    )
    codec, x = Codec(model), typical_frames(model, 64)
    symbols = [codec.encode(x, quality) for quality in range(1, n_qualities + 1)]
    tables, rng = [[count_table(column) for column in s.T] for s in symbols], rng_of(seed)
    has_context = [quality in contexts for quality in range(1, n_qualities + 1)]
    found = [random_context(rng, row) if has else None
             for row, has in zip(tables, has_context, strict=True)]  # fmt: skip
    model = replace(model, tables=tables, contexts=found)
    return replace(model, known_answers=right_answers(model)) if known_answers else model


def rng_of(seed):
    return np.random.default_rng([seed, 1])


def random_context(rng, row, n_units=3, n_outputs=2, wide=False):
    """Make a context model for a row of tables, whose own frequencies it tilts by some bits.

    With `wide` every kind of its sums passes 2**24, where float32 ends; else none does.
    """
    order, k = rng.permutation(len(row)).astype(np.int32), len(row)
    tables, pairs = [row[j] for j in order], k * (k - 1) // 2
    shifts = (14, 20, 17) if wide else (2, 5, 6)
    largest = (2**15 - 1, 2**15 - 1, 2**15 - 1) if wide else (12, 12, 40)

    def weights(number, *counts):
        bound = largest[number]
        return rng.integers(-bound, bound, counts, endpoint=True, dtype=np.int16)

    def biases(number, count):
        bound = 2**12 << shifts[number] if wide else 2**4 << shifts[number]
        return rng.integers(-min(bound, 2**26), min(bound, 2**26), count, dtype=np.int32)

    logs = [np.log2(table.weights / table.weights.max()) * 32 for table in tables]
    base = np.round(np.concatenate(logs)).astype(np.int32) << shifts[2]
    return ContextModel(
        order=order,
        hidden_weight=weights(0, n_units * pairs),
        hidden_bias=biases(0, n_units * (k - 1)),
        output_weight=weights(1, n_outputs * n_units * pairs),
        output_bias=biases(1, n_outputs * k),
        basis=weights(2, n_outputs * base.size),
        base=base,
        sizes=tuple(table.weights.size for table in tables),
        hidden_shift=shifts[0],
        hidden_limit=2**13 - 1 if wide else 2**8 - 1,
        output_shift=shifts[1],
        output_limit=2**8 - 1,
        row_shift=shifts[2],
    )


def tiny_linear_model(dtype="int16", frame_shape=(6,), latent_size=3, n_qualities=1, seed=0):
    """Make a model whose latents are axes at right angles: one dense layer there, and one back."""
    rng, size, own = np.random.default_rng(seed), prod(frame_shape), tiny_normaliser(dtype)
    axes, _ = np.linalg.qr(rng.normal(size=(size, latent_size)))
    unit = own.output_scale if own.dtype.kind == "f" else own.output_multiplier
    unit *= 1 if own.dtype.kind == "f" else 2.0**-own.output_shift
    steps = 4 * 2 ** (n_qualities - 1)  # of gains and steps in `finished_model`
    back = np.rint(axes.T / (steps * own.scale * unit)).astype(np.int16)
    there = Dense(np.rint(axes * 2**12).astype(np.int16), np.full(latent_size, 32), 6, None)
    back = Dense(back, np.zeros(size, np.int64), 0, None)
    ends = [[Reshape(shape)] * (len(frame_shape) != 1) for shape in ((size,), frame_shape)]
    encoder = IntegerNetwork([*ends[0], there], frame_shape, own.limit)
    decoder = IntegerNetwork([back, *ends[1]], (latent_size,), LATENT_LIMIT)
    return finished_model(encoder, decoder, own, n_qualities, seed)


def random_conv(rng, kernel, n_inputs, n_outputs, shift, kind=Conv, **settings):
    """Make a convolution, or a transposed one, that halves or doubles each axis."""
    n_axes, limit = len(kernel), settings.pop("limit", HIDDEN_LIMIT)
    weight = rng.integers(-(2**5), 2**5, (*kernel, n_inputs, n_outputs), dtype=np.int16)
    bias = rng.integers(-(2**7), 2**7, n_outputs, dtype=np.int64) + (1 << shift >> 1)
    return kind(weight, bias, shift, limit, **{"stride": (2,) * n_axes} | settings)


def tiny_conv_model(dtype="uint8", sizes=(7, 5), channels=1, latent_size=3, seed=0, contexts=()):
    """Make a model of frames `(*sizes, channels)` with convolutions there and back.

    The frame shape is `sizes` alone where there is one channel, as for grey pictures.
    """
    rng, n_axes = np.random.default_rng(seed), len(sizes)
    frame_shape = sizes if channels == 1 else (*sizes, channels)
    normaliser, kernel = tiny_normaliser(dtype), (3,) * n_axes
    padded = {"padding": ((1, 1),) * n_axes}
    half = tuple((n + 1) // 2 for n in sizes)
    inner = (random_conv(rng, kernel, 4, 4, 7, stride=(1,) * n_axes, **padded), LeakyReLU())
    encoder = [
        Reshape((*sizes, channels)),
        random_conv(rng, kernel, channels, 4, 0, **padded),
        LeakyReLU(),
        Residual(inner, HIDDEN_LIMIT),
        Reshape((prod(half) * 4,)),
        random_dense(rng, prod(half) * 4, latent_size, shift=9, limit=None),
    ]
    spread = {"kind": TransposedConv, "before": (1,) * n_axes, "size": sizes, "limit": None}
    decoder = [
        random_dense(rng, latent_size, prod(half) * 4, shift=6),
        Reshape((*half, 4)),
        Residual(inner, HIDDEN_LIMIT),
        random_conv(rng, kernel, 4, channels, 0, **spread),
        Reshape(frame_shape),
    ]
    return finished_model(
        IntegerNetwork(encoder, frame_shape, normaliser.limit),
        IntegerNetwork(decoder, (latent_size,), LATENT_LIMIT),
        normaliser,
        seed=seed,
        contexts=contexts,
    )


def right_answers(model, n=3):
    codec = Codec(model)
    return codec.decoder.transform.answer(codec.encode(typical_frames(model, n)))


def searching(model, n=16):
    """Return the model with what a search needs: a step of a latent is worth eight bits."""
    unit = 2.0**12 if model.dtype.kind == "f" else 1.0
    codec, x = Codec(model), typical_frames(model, n)
    curvature = np.zeros(model.quantiser.gain.shape, np.int32)
    for quality in range(1, model.n_qualities + 1):
        symbols = codec.encode(x, quality, 0)
        before = codec.decode(symbols, quality)
        for j, step in enumerate(np.eye(model.latent_size, dtype=np.int32)):
            steps = errors(codec.decode(symbols + step, quality), before, unit)
            curvature[quality - 1, j] = min(np.rint(squared(steps).mean()), INT32.max)
    lambdas = [8 / max(1.0, float(row.mean())) for row in curvature]
    return replace(model, tradeoffs=Tradeoffs(unit, lambdas, curvature))


def tiny_codec(*args, backend=NUMPY, batch_size=256, **options):
    return Codec(tiny_model(*args, **options), backend, batch_size)


def typical_frames(model, n, seed=1):
    """Return `(n, *frame_shape)` signals near the middle of the range: they code into few bytes."""
    rng = np.random.default_rng(seed)
    shape, own = (n, *model.frame_shape), model.normaliser
    size = tiny_normaliser(model.dtype).scale / np.array(own.scale)  # 1, but for by_channel
    if model.dtype.kind == "f":
        return (np.array(own.offset) + rng.normal(size=shape) / 32 * size).astype(model.dtype)
    least, most = whole_range(model.dtype)
    wobble = 2 ** max(0, (most - least).bit_length() - 13)
    noise = rng.integers(-4 * wobble, 4 * wobble, shape, endpoint=True)
    return (noise * size + np.array(own.offset)).astype(model.dtype)


def noise_frames(dtype, shape, seed=2):
    """Return signals of random bits; floats are finite and of every magnitude."""
    rng = np.random.default_rng(seed)
    octets = np.frombuffer(rng.bytes(prod(shape) * np.dtype(dtype).itemsize), np.uint8)
    x = (octets & 1 if np.dtype(dtype).kind == "b" else octets).view(dtype).reshape(shape)
    return np.where(np.isfinite(x), x, x.dtype.type(1.5))


def exact_errors(decoded, x):
    """Sum the squared errors of each signal as fractions."""
    return [
        sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(*pair, strict=True))
        for pair in zip(elements_of(decoded), elements_of(x), strict=True)
    ]


def elements_of(x):
    return [frame.ravel().tolist() for frame in x]


def blocks_of(blob):
    return list(ArchiveReader(io.BytesIO(blob)))


def assert_identical(x, y):
    """Compare dtype, shape and every bit, so that NaN equals itself and -0.0 is not 0.0."""
    assert x.dtype == y.dtype
    assert x.dtype.isnative
    assert x.shape == y.shape
    assert x.tobytes() == y.tobytes()


def assert_one_line(error, *words):
    text = str(error)
    assert text
    assert "\n" not in text
    for word in words:
        assert word in text, text


@contextmanager
def refusing(error, *words, match=None):
    """Expect an error of one line in which these words stand."""
    with pytest.raises(error, match=match) as caught:
        yield caught
    assert_one_line(caught.value, *words)


def refusal(function, *args, error=NarrowsError):
    """Return the one line with which a function refuses what it is given."""
    with refusing(error) as caught:
        function(*args)
    return str(caught.value)
