"""format/rotations.md, "Rotated blocks": symbols along axes of a block's own."""

from collections.abc import Iterator
from math import isqrt

import numpy as np

from .activations import Reshape
from .affine import Affine, clip
from .conventions import Cursor, need
from .learned import decode_learned
from .model import Model
from .payload import Group
from .trellis import Trellis, levels_of


def read_rotated(payload: bytes, quality: int, model: Model, n: int) -> np.ndarray:
    """Decode n signals from symbols of one quality, along axes of the block's own."""
    need(1 <= quality <= len(model.codings), "the model has no such quality")
    check_axes(model)
    cursor = Cursor(payload)
    rotations, tables = read_axes(cursor, model.k)
    group = model.codings[quality - 1][0]
    coding = coding_of(group, tables)
    symbols = decode_learned(cursor.rest(), [coding], model.k, n)
    steps = model.steps[quality - 1].tolist()
    first = model.decoder.layers[0]
    squares = [int(row @ row) for row in first.weight.astype(np.int64)]
    lengths = [square * step**2 for square, step in zip(squares, steps, strict=True)]
    m = lengths.index(max(lengths))
    ratios = [min(isqrt((squares[m] << 24) // s), 2**15) if s else 0 for s in squares]
    scaled = axes_after(rotations, model.k) * np.array(ratios, np.int64)
    matrix = np.clip((scaled + 2**27) >> 28, -32767, 32767)
    own = clip(levels_of(symbols, [coding]) * steps[m], model.limit)
    latents = clip((own @ matrix + 2**11) >> 12, model.limit)
    return model.frames(model.decoder.run(latents))


def check_axes(model: Model) -> None:
    """Check that a model's latents are axes."""
    kinds = [type(layer) for layer in model.decoder.layers]
    has_axes = kinds in ([Affine], [Affine, Reshape]) and 2 <= model.k <= 1024
    need(has_axes, "a rotated block of a model that has no axes")


def read_axes(cursor: Cursor, k: int) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Read rotations, and the latents whose tables the axes have."""
    n, width = cursor.varint(), (k - 1).bit_length()
    need(n <= 16 * k, "too many rotations")
    n_bits = n * (2 * width + 5) + k * width
    n_bytes = -(-n_bits // 8)
    bits = "".join(f"{byte:08b}" for byte in cursor.take(n_bytes))
    need("1" not in bits[n_bits:], "bits are left over")
    numbers = numbers_of(bits, [width, width, 5] * n + [width] * k)
    rotations = [(next(numbers), next(numbers), next(numbers) + 1) for _ in range(n)]
    tables = list(numbers)
    need(all(i != j and max(i, j) < k for i, j, _ in rotations), "a rotation of no two latents")
    need(max(tables) < k, "tables of no latent")
    return rotations, tables


def numbers_of(bits: str, widths: list[int]) -> Iterator[int]:
    """Take numbers of so many bits each, one behind the other."""
    at = 0
    for width in widths:
        yield int(bits[at : at + width], 2)
        at += width


def axes_after(rotations: list[tuple[int, int, int]], k: int) -> np.ndarray:
    """Return the axes, one a row, in parts of 2**-28."""
    axis = np.eye(k, dtype=np.int64) * 2**28
    for i, j, a in rotations:
        p, q = axis[i].copy(), axis[j].copy()
        axis[i] = (p * (4096 - a * a) + q * 128 * a) // (4096 + a * a)
        axis[j] = (q * (4096 - a * a) - p * 128 * a) // (4096 + a * a)
    return axis


def coding_of(group: Group, tables: list[int]) -> Group:
    """Return what codes the symbols along axes that have these latents' tables."""
    if isinstance(group, Trellis):
        first, second = ([row[j] for j in tables] for row in group.both)
        return Trellis(first, second, None)
    return Group(range(len(tables)), [group.tables[j] for j in tables])
