"""Arrays of frames for the tests of files: every dtype, odd shapes, any bits."""

import io
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.signals import DTYPES, read_signals, write_signals

SHAPES = st.one_of(
    st.sampled_from([(1, 1), (5, 1), (1, 3, 5, 2), (4, 3, 5, 2), (1, 7)]),
    hnp.array_shapes(min_dims=2, max_dims=5, max_side=4),
)


def frames(dtypes=DTYPES):
    """Return a strategy for arrays `(n, *frame_shape)`, NaN and infinities included."""
    return st.sampled_from(dtypes).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))


def written(array, suffix):
    """Return the bytes that `write_signals` writes."""
    stream = io.BytesIO()
    write_signals(stream, array, suffix)
    return stream.getvalue()


def read_bytes(content, name="x", member=""):
    """Return what `read_signals` reads from a file of this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        return np.array(read_signals(f"{path}{member}"))
