"""Golden archives that need no model: both readers decode them to the bit."""

import io
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.codec.archive import DTYPE_CODES, ArchiveReader, Mode
from readers.python import narrows_reader

PATHS = sorted((Path(__file__).parents[1] / "golden").glob("levels-v*/*.nrw"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_golden_archive_without_a_model_decodes_to_its_array(path):
    blob, expected = path.read_bytes(), np.load(path.with_suffix(".npy"))
    for decoded in (narrows.decompress(blob), narrows_reader.read_archive(blob)):
        assert (decoded.dtype, decoded.shape) == (expected.dtype, expected.shape)
        assert decoded.tobytes() == expected.tobytes()


def test_there_are_golden_archives_of_every_dtype_and_of_all_modes_without_a_model():
    dtypes = {np.load(path.with_suffix(".npy")).dtype for path in PATHS}
    assert dtypes == set(DTYPE_CODES)
    modes = {block.mode for path in PATHS for block in ArchiveReader(io.BytesIO(path.read_bytes()))}
    assert modes == {Mode.LEVELS, Mode.DEFLATED, Mode.STORED}
