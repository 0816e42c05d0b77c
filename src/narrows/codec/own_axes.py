"""Axes of a block's own: a model's latents, rotated as the signals of one block ask for.

The signals of one source lie along other axes than those of all training signals together. A block
may say how the model's axes are to be rotated, two at a time, by Givens rotations in whole numbers.
Its symbols are coded along the rotated axes, with tables that learn. One more exact layer in front
of the decoder brings them back, so that a model which was rotated is a model.
"""

from __future__ import annotations

from dataclasses import replace
from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block
from narrows.codec.entropy.bits import BitReader, BitWriter, read_varint, write_varint
from narrows.codec.entropy.learned import LearnedCoder
from narrows.codec.model.groups import ENCODED
from narrows.codec.model.model import Model
from narrows.codec.model.quality import Quality
from narrows.codec.networks.layers import Dense
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.quantiser import Quantiser
from narrows.codec.transform import Frames, Transform
from narrows.errors import FormatError

LEAST_LATENTS, MOST_LATENTS = 2, 1024  # a matrix of these has at most a million weights
MOST_ROTATIONS = 16  # for each latent
ANGLE_BITS = 5
ANGLE_UNIT = 64  # an angle of `a` is twice the arc tangent of a / 64: at most 53 degrees
MATRIX_BITS = 28  # after the point, while rotations are applied one after the other
RATIO_BITS, MOST_RATIO = 12, 1 << 15
WEIGHT_MAX = 2**15 - 1


class OwnAxes(NamedTuple):
    """How the axes of a model are rotated, and which tables the new ones begin with.

    Attributes
    ----------
    rotations : (r, 3) int64
        Of one latent towards another, and by how much: 1 to 32.
    tables : (latent_size,) int64
        The latent of the model whose tables each new one has.
    """

    rotations: npt.NDArray[np.int64]
    tables: npt.NDArray[np.int64]

    def matrix(self) -> npt.NDArray[np.int64]:
        """Compute the new axes `(k, k)`, one a row, in parts of 2**-28.

        Each rotation replaces two rows by sums of both; what a division leaves is dropped.
        """
        rows = np.eye(len(self.tables), dtype=np.int64) << MATRIX_BITS
        for i, j, a in self.rotations.tolist():
            one, square = ANGLE_UNIT * ANGLE_UNIT, a * a
            cosine, sine, both = one - square, 2 * ANGLE_UNIT * a, one + square
            p, q = rows[i].copy(), rows[j].copy()
            rows[i] = (p * cosine + q * sine) // both
            rows[j] = (q * cosine - p * sine) // both
        return rows


def pack_axes(axes: OwnAxes) -> bytes:
    """Write the axes of a block: their number, rotations and tables, in bits."""
    n_bits, writer = _bits_of_latent(len(axes.tables)), BitWriter()
    for i, j, a in axes.rotations.tolist():
        writer.write_bits(i, n_bits)
        writer.write_bits(j, n_bits)
        writer.write_bits(a - 1, ANGLE_BITS)
    for latent in axes.tables.tolist():
        writer.write_bits(latent, n_bits)
    return write_varint(len(axes.rotations)) + writer.to_bytes()


def unpack_axes(data: bytes, latent_size: int) -> tuple[OwnAxes, int]:
    """Undo `pack_axes`; return the axes and where they end, or FormatError."""
    n, start = read_varint(data, 0)
    if n > MOST_ROTATIONS * latent_size:
        raise FormatError(f"{n} rotations of {latent_size} latents")
    n_bits = _bits_of_latent(latent_size)
    end = start + (n * bits_of_rotation(latent_size) + latent_size * n_bits + 7) // 8
    if end > len(data):
        raise FormatError("truncated: the data ends inside the axes of a block")
    reader = BitReader(data[start:end])
    read = reader.read_bits
    each = [(read(n_bits), read(n_bits), 1 + read(ANGLE_BITS)) for _ in range(n)]
    rotations = np.array(each, np.int64).reshape(n, 3)
    tables = np.array([read(n_bits) for _ in range(latent_size)], np.int64)
    reader.check_end()
    latents = rotations[:, :2]
    if max(latents.max(initial=0), tables.max()) >= latent_size:
        raise FormatError("axes of a latent that the model does not have")
    if (latents[:, 0] == latents[:, 1]).any():
        raise FormatError("rotation of a latent towards itself")
    return OwnAxes(rotations, tables), end


def bits_of_rotation(latent_size: int) -> int:
    """Return how many bits a rotation takes."""
    return 2 * _bits_of_latent(latent_size) + ANGLE_BITS


def _bits_of_latent(latent_size: int) -> int:
    return (latent_size - 1).bit_length()


def has_axes(model: Model) -> bool:
    """Return whether a model's latents are axes: its decoder adds them up, and does no more."""
    kinds = [layer.kind for layer in model.decoder.layers]
    return (
        kinds in (["dense"], ["dense", "reshape"])
        and LEAST_LATENTS <= model.latent_size <= MOST_LATENTS
        and list(model.groups) == [ENCODED]
    )


def longest(model: Model, quality: Quality) -> tuple[int, list[int]]:
    """Return the latent whose step is longest in the output, and the squared lengths of all."""
    weight = model.decoder.layers[0].tensors()["weight"].astype(np.int64)
    squares = [int((row * row).sum()) for row in weight]
    lengths = [s * step**2 for s, step in zip(squares, quality.step.tolist(), strict=True)]
    return lengths.index(max(lengths)), squares


def rotated(model: Model, quality: Quality, axes: OwnAxes) -> Model:
    """Return the model of one quality, without an encoder, whose latents are those of a block.

    A step along each is as long in the output as the longest of the quality's own. The new layer is
    exact for any axes: weights of a latent sum up to 2**20 at most, and latents are below 2**31.
    """
    at, squares = longest(model, quality)
    ratios = [isqrt((squares[at] << 2 * RATIO_BITS) // s) if s else 0 for s in squares]
    scaled = axes.matrix() * np.array([min(ratio, MOST_RATIO) for ratio in ratios], np.int64)
    weight = np.clip((scaled + (1 << MATRIX_BITS - 1)) >> MATRIX_BITS, -WEIGHT_MAX, WEIGHT_MAX)
    k, own, old = model.latent_size, model.quantiser, model.decoder
    half = np.full(k, 1 << RATIO_BITS - 1, np.int64)
    back = Dense(weight.astype(np.int16), half, RATIO_BITS, own.limit)
    gain, step = (np.full((1, k), row[at], np.int32) for row in (quality.gain, quality.step))
    both = [model.tables, *([model.trellis] if model.trellis else [])]
    tables = [[rows[quality.number - 1][latent] for latent in axes.tables] for rows in both]
    decoder = IntegerNetwork((back, *old.layers), old.input_shape, own.limit)
    return replace(
        model.without_encoder(),
        quantiser=Quantiser(gain, own.shift, step, own.limit),
        decoder=decoder,
        tables=tables[:1],
        trellis=tables[1:],
        contexts=[None],
        prediction=None,
        wavelets=None,
        known_answers=None,
        levels=None,
    )


def decode_rotated(transform: Transform, block: Block) -> Frames:
    """Decode a block along axes of its own to `(n, *frame_shape)` signals."""
    model = transform.model
    quality = model.quality_of_block(block.quality)
    if not has_axes(model):
        raise FormatError("block along axes of its own, of a model that has no axes")
    axes, end = unpack_axes(block.payload, model.latent_size)
    own = transform.serving(rotated(model, quality, axes))
    coder = LearnedCoder(own.model.quality().tables)
    return own.decode(coder.decode(block.payload[end:], block.n_signals))
