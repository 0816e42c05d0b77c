"""Every type of numbers that signals have goes in and comes out, in archives, packets and files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.element_types import ELEMENT_TYPES, elements_of, ends_of
from narrows.errors import FormatError
from narrows.signals import read_signals
from readers.python.narrows_reader import read_archive
from tests.helpers.tiny_models import examples, tiny_codec, typical_frames, whole_range

NEW = ("bool", "float16", "uint32", "int64", "uint64")
CODECS = {name: tiny_codec(name, (3, 2), 2) for name in NEW}
of_each = pytest.mark.parametrize("dtype", NEW)


@given(st.sampled_from(NEW).flatmap(lambda name: hnp.arrays(name, (2, 3, 2))))
@examples(60)
def test_any_values_come_back_in_their_type_and_those_out_of_range_exactly(x):
    codec = CODECS[x.dtype.name]
    blob = codec.compress(x)
    back = codec.decompress(blob)
    assert (back.dtype, back.shape) == (x.dtype, x.shape)
    assert read_archive(blob, codec.model_bytes).tobytes() == back.tobytes()
    if x.dtype.kind == "f":
        assert np.array_equal(back[~np.isfinite(x)], x[~np.isfinite(x)], equal_nan=True)
    elif x.dtype.kind != "b":
        least, most = whole_range(x.dtype)
        far = (x < least) | (x > most)
        assert back[far].tolist() == x[far].tolist()


@of_each
def test_packets_and_blocks_of_such_signals_are_decoded_alike(dtype):
    codec = CODECS[dtype]
    x = typical_frames(codec.model, 5)
    back = np.array([codec.decompress_packet(each) for each in codec.compress_packets(x)])
    assert back.dtype == dtype
    assert back.tobytes() == codec.decode(codec.encode(x)).tobytes()


@of_each
def test_files_of_such_numbers_are_read_as_they_are(tmp_path, dtype):
    x = typical_frames(CODECS[dtype].model, 5)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "swapped.npy", x.astype(x.dtype.newbyteorder()))
    for name in ("x.npy", "swapped.npy"):
        read = read_signals(tmp_path / name)
        assert read.dtype == dtype
        assert read.tobytes() == x.tobytes()


def test_truth_values_in_memory_of_other_bytes_are_written_as_0_and_1():
    codec = CODECS["bool"]
    odd = np.array([[[0, 2], [255, 1], [7, 0]]], np.uint8).view(bool)
    back = codec.decompress(codec.compress(np.concatenate([odd] * 3)))
    assert set(back.view(np.uint8).ravel().tolist()) <= {0, 1}


@pytest.mark.parametrize("dtype", ELEMENT_TYPES, ids=str)
def test_the_ends_are_in_the_type(dtype):
    least, most = ends_of(dtype)
    ends = np.array([least, most], dtype)
    assert ends.tolist() == [least, most]
    assert elements_of(ends.tobytes(), dtype).tobytes() == ends.tobytes()


def test_other_bytes_are_no_truth_values():
    with pytest.raises(FormatError, match="neither 0 nor 1"):
        elements_of(b"\0\1\2", np.dtype(bool))
