"""A golden set of frames, and of the files that they were cut from."""

import io

import numpy as np

from narrows.codec.codec import Codec
from narrows.codec.sequence import Archive
from narrows.signals.geometry import Geometry, pack_geometry
from narrows.signals.restored import restored
from scripts.golden.files import files_of
from tests.helpers.tiny_models import tiny_model, typical_frames


def geometry(dtype, lengths, hops):
    """Frames of two files that overlap, and the files."""
    model = tiny_model(dtype, lengths, 2)
    shapes = [tuple(size * 3 - 1 for size in lengths), lengths]
    fields = {"formats": ["any"] * 2, "attributes": [{"rate": 1}, {"rate": 2}], "is_folder": True}
    cut_from = Geometry(["a/1", "a/2.x"], shapes, lengths, hops, **fields)
    x = typical_frames(model, cut_from.n_frames)
    files = files_of(Codec(model), x, metadata=pack_geometry(cut_from))
    arrays = restored(Archive(io.BytesIO(files[".nrw"]), Codec(model).decoder), cut_from)
    np.savez(stream := io.BytesIO(), **{name: array[...] for name, array in arrays.items()})
    return files | {".files.npz": stream.getvalue()}
