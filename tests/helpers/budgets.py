"""Codecs and targets for budgets, and what signals take at each quality."""

import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import ideal_bits
from tests.helpers.faithful_models import faithful_model, spread_frames
from tests.helpers.tiny_models import DTYPES, blocks_of, exact_errors

CLOSE = 2.0**-10  # bits of a symbol, by which costs are off its ideal length
N = 20
QUALITIES = range(1, 5)
TARGETS = ("target_bytes", "target_psnr")
each_target = pytest.mark.parametrize("name", TARGETS)


@cache
def codec_of(dtype="uint8", contexts=(), searches=True, n_qualities=4):
    return Codec(faithful_model(dtype, n_qualities, contexts, searches))


@cache
def signals_of(codec, n=N):
    x = spread_frames(codec.model, n)
    x.setflags(write=False)
    return x


KINDS = [
    *((dtype, (1, 3), True) for dtype in DTYPES),
    ("int16", (), True), ("float64", (), True), ("uint8", (), False), ("float32", (1, 3), False),
]  # fmt: skip
each_kind = pytest.mark.parametrize(
    ("dtype", "contexts", "searches"), KINDS,
    ids=[f"{d}{'-search' * s}{'-contexts' * bool(c)}" for d, c, s in KINDS],
)  # fmt: skip


def bits_of(codec, symbols, qualities):
    """Return the ideal length of each signal's symbols at its quality."""
    tables = [codec.model.quality(quality).tables for quality in qualities.tolist()]
    each = [ideal_bits(s[None], own)[0] for s, own in zip(symbols, tables, strict=True)]
    return np.array(each)


def psnr_of(codec, decoded, x):
    """Return each signal's PSNR in dB; infinite where it is exact."""
    count = x[0].size * Fraction(codec.model.peak) ** 2
    return np.array([
        10 * math.log10(count / e) if e else math.inf for e in exact_errors(decoded, x)
    ])  # fmt: skip


def what_could_be_had(codec, x):
    """Return bits and PSNR of each signal rounded at each quality, both `(n_qualities, n)`."""
    found = []
    for number, symbols in codec.encoder.encode_at_all_qualities(x).items():
        quality = np.full(len(x), number)
        decoded = codec.decode(symbols, quality)
        found.append((bits_of(codec, symbols, quality), psnr_of(codec, decoded, x)))
    bits, psnr = zip(*found, strict=True)
    return np.array(bits), np.array(psnr)


def within_reach(codec, x, name):
    """Return three targets that all signals can keep to: a strict one, one between, a loose one."""
    bits, psnr = what_could_be_had(codec, x)
    if name == "target_bytes":
        strict, loose = bits.min(axis=0).max() / 8 + CLOSE, bits.max() / 8 + CLOSE
    else:
        strict, loose = psnr.max(axis=0).min() - 0.01, psnr.min() - 0.01
    return float(strict), float(strict + (loose - strict) / 4), float(loose)


def symbols_in(codec, blob):
    """Return the symbols and the qualities that an archive holds."""
    parts = [codec.decoder.blocks.unpack(block) for block in blocks_of(blob)]
    assert all(part.qualities is not None for part in parts)
    return (
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.qualities for part in parts]),
    )


def efforts_of(codec):
    return (0, 2) if codec.model.tradeoffs else (0,)
