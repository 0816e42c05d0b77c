"""format/level-networks.md, "Lattice": what coded numbers stand for."""

from typing import Any, NamedTuple

import numpy as np

from .conventions import need
from .forms import integer, is_float, is_positive

WHOLE = {"offset": integer(-(2**53), 2**53), "step": integer(3, 2**21 + 1)}
FLOATS = {"offset": is_float, "step": is_positive}


def form_of_lattice(value: Any) -> Any:
    """Return the form of a lattice, of whole numbers or of floats."""
    return FLOATS if isinstance(value, dict) and isinstance(value.get("step"), str) else WHOLE


class Lattice(NamedTuple):
    """What numbers stand for."""

    offset: int | float
    step: int | float

    @property
    def units(self) -> int:
        """The numbers in a step, of all but bytes."""
        return self.step if isinstance(self.step, int) else 16

    def elements(self, numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Turn numbers into elements of any type but bytes."""
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                return (numbers.astype(np.float64) * (self.step / 16) + self.offset).astype(dtype)
        ends = np.iinfo(dtype)
        return np.clip(numbers + self.offset, ends.min, min(ends.max, 2**63 - 1)).astype(dtype)

    def bytes(self, numbers: np.ndarray) -> np.ndarray:
        """Turn the numbers of bytes into these."""
        return np.clip(numbers * self.step + self.offset, 0, 255)

    def edges(self) -> np.ndarray:
        """Return where the values of each byte begin, and one more."""
        return np.clip(np.arange(257) * self.step + self.offset - self.step // 2, 0, 256)


def read_lattice(own: dict[str, Any], dtype: np.dtype) -> Lattice | None:
    """Read the lattice of levels, if there is one."""
    if "lattice" not in own:
        need(dtype.kind in "iu", "levels of floats without a lattice")
        return None
    offset, step = own["lattice"]["offset"], own["lattice"]["step"]
    need(isinstance(step, str) == (dtype.kind == "f"), "a lattice of another kind")
    if dtype.kind == "f":
        return Lattice(float.fromhex(offset), float.fromhex(step))
    need(step % 2 == 1, "an even step")
    need(dtype != np.uint8 or abs(offset) <= step // 2, "an offset too far from 0")
    return Lattice(offset, step)
