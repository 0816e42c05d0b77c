"""Arrays that no compressor likes, of every element type."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.element_types import ELEMENT_TYPES

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=6)


def elements_of(dtype):
    """Return numbers of a type, those at its ends, and for floats all that are none."""
    if dtype.kind == "f":
        info = np.finfo(dtype)
        odd = [
            0.0,
            -0.0,
            np.nan,
            np.inf,
            -np.inf,
            info.max,
            info.min,
            info.tiny,
            info.smallest_subnormal,
        ]
        odd += [1e30, 1e-30] if dtype.itemsize > 2 else []
        return st.sampled_from([*odd, 1.0]) | st.floats(-100, 100, width=8 * dtype.itemsize)
    return hnp.from_dtype(dtype)


@st.composite
def hostile_signals(draw, dtypes=ELEMENT_TYPES):
    """Draw `(n, *frame_shape)` signals: wild ones, smooth ones, and smooth ones with wild spots."""
    dtype = draw(st.sampled_from(dtypes))
    shape = draw(SHAPES)
    wild = draw(hnp.arrays(dtype, shape, elements=elements_of(dtype)))
    kind = draw(st.sampled_from(["wild", "smooth", "spots"]))
    if kind == "wild" or dtype.kind == "b":
        return wild
    ramp = np.add.outer(np.arange(shape[0]), np.arange(wild[0].size)).reshape(shape) * 3
    smooth = (ramp + draw(st.integers(0, 50))).astype(dtype)
    if kind == "smooth":
        return smooth
    return np.where(np.arange(wild.size).reshape(shape) % 7 == 3, wild, smooth)
