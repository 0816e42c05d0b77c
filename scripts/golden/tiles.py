"""Sets of good golden files with bricks of tiles."""

import io

import numpy as np

from narrows.codec.codec import Codec
from narrows.codec.sequence import Archive
from narrows.signals.geometry import Geometry, pack_geometry
from narrows.signals.restored import restored
from narrows.signals.windows import Grid, cut
from scripts.golden.files import efforts_of, files_of, piece_of
from tests.helpers.tiling import smooth, tiny_tiling


def tiles(dtype, frame_shape, shape, groups=None):
    """A brick of tiles, some of which go beyond the end of the array."""
    model = tiny_tiling(dtype, frame_shape, groups)
    x = smooth(model, shape)
    frames = cut(x, Grid(shape, frame_shape, frame_shape))
    return efforts_of(Codec(model), frames, bricks=[shape]) | piece_of(Codec(model), x)


def bricks(dtype, frame_shape, shape, brick):
    """Bricks of tiles, and the array that they are of."""
    codec = Codec(tiny_tiling(dtype, frame_shape))
    fields = {"formats": ["any"], "attributes": [{}], "is_folder": True, "brick": brick}
    whole = Geometry(["a"], [shape], frame_shape, frame_shape, **fields)
    x, grid = smooth(codec.model, shape), whole.grid(0)
    steps = [length * count for length, count in zip(frame_shape, brick, strict=True)]
    corners = np.ndindex(*(-(-size // step) for size, step in zip(shape, steps, strict=True)))
    steps, sizes = np.array(steps), np.array(shape)
    parts = [
        tuple(map(slice, np.array(at) * steps, np.minimum((np.array(at) + 1) * steps, sizes)))
        for at in corners
    ]
    shapes = [x[part].shape for part in parts]
    frames = np.concatenate([cut(x[part], Grid(x[part].shape, frame_shape, frame_shape))
                             for part in parts])  # fmt: skip
    assert np.array_equal(frames, cut(x, grid))
    files = files_of(codec, frames, bricks=shapes, metadata=pack_geometry(whole))
    array = restored(Archive(io.BytesIO(files[".nrw"]), codec.decoder), whole)["a"][...]
    np.savez(stream := io.BytesIO(), a=array)
    return files | {".files.npz": stream.getvalue()}
