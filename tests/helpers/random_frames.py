"""Output ends of networks, what they are given, and the frames beside it, drawn at random."""

from typing import NamedTuple

import numpy as np

from narrows.codec.networks.native.frames import FARTHEST, TYPES
from narrows.codec.networks.normaliser import Normaliser
from narrows.element_types import ends_of


class RandomFrames(NamedTuple):
    normaliser: Normaliser
    shape: tuple[int, ...]
    y: np.ndarray  # (n, *shape) whole numbers, as floats
    x: np.ndarray  # (n, *shape) frames
    units: float | np.ndarray  # one, or one a channel


def random_frames(rng):
    """Draw a case; values reach and pass the ends of their type."""
    dtype = TYPES[rng.integers(len(TYPES))]
    shape = tuple(rng.integers(1, (300, 20, 6)[: rng.integers(1, 4)]).tolist())
    n_channels = shape[-1] if shape[-1] > 1 and rng.integers(2) else None
    each = n_channels or 1
    is_float = dtype.kind == "f"
    offset = rng.normal(size=each) * 10.0 ** rng.integers(-3, 6)
    if not is_float:
        far = rng.integers(8) == 0
        offset = np.rint(offset) if not far else rng.choice([-FARTHEST, FARTHEST], each)
    bits = rng.integers(1, 15)
    settings = {
        "offset": np.zeros(each), "scale": np.ones(each), "output_offset": offset,
        "output_multiplier": rng.integers(1, 2**bits, each),
        "output_shift": rng.integers(-2, bits + 14, each),
        "output_scale": rng.random(each) * 10.0 ** rng.integers(-30, 30) + 1e-30,
    }  # fmt: skip
    taken = {name: tuple(v.tolist()) if n_channels else v[0].item() for name, v in settings.items()}
    normaliser = Normaliser(dtype=dtype, limit=100, **taken)
    n, of = int(rng.integers(1, 6)), (np.float32, np.float64)[rng.integers(2)]
    largest = min(2.0**24, 2.0 ** rng.integers(1, 30))
    y = np.rint(rng.uniform(-largest, largest, (n, *shape))).astype(of)
    least, most = map(float, ends_of(dtype))
    near = normaliser.from_integers(y).astype(np.float64) + rng.normal(size=y.shape) * 5
    x = np.clip(near, least, most).astype(dtype)
    units = rng.random(each) * 10.0 ** rng.integers(-2, 4) + 1e-3
    return RandomFrames(normaliser, shape, y, x, units if n_channels else float(units[0]))
