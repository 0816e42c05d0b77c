import contextlib
import gzip
import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrows.errors import DataError
from narrows.signals import SUFFIXES, read_signals
from narrows.signals.formats.gzipped import GZIPPED_NPY
from narrows.signals.formats.idx import open_idx, write_idx
from narrows.signals.formats.registry import find_format, writer_of
from tests.helpers.signal_frames import frames, read_bytes, written
from tests.helpers.tiny_models import assert_identical, refusing

DTYPES = [np.dtype(name) for name in ("uint8", "int8", "int16", "int32", "float32", "float64")]
X = np.arange(24, dtype=np.int16).reshape(4, 3, 2)


@given(frames(DTYPES))
def test_idx_is_read_as_it_was_written(x):
    assert_identical(read_bytes(written(x, ".idx")), x)


@given(frames(DTYPES))
@settings(max_examples=30)
def test_gzipped_idx_is_read_as_it_was_written(x):
    packed = written(x, ".gz")
    assert gzip.decompress(packed) == written(x, ".idx")
    assert_identical(read_bytes(packed), x)


def test_the_bytes_of_one_small_file_are_those_of_the_format():
    x = np.array([[1, -2], [3, 256]], np.int16)
    header = b"\0\0\x0b\x02" + b"\0\0\0\x02" + b"\0\0\0\x02"
    assert written(x, ".idx") == header + b"\0\x01" + b"\xff\xfe" + b"\0\x03" + b"\x01\0"


def test_plain_bytes_stay_mapped_and_swapped_numbers_do_not(tmp_path):
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(written(X.astype(np.uint8), ".idx"))
    assert isinstance(read_signals(path), np.memmap)
    path.write_bytes(written(X, ".idx"))
    assert read_signals(path).dtype.isnative


def test_labels_of_one_axis_are_read(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(struct.pack(">HBBI", 0, 8, 1, 3) + b"\x07\x02\x01")
    assert open_idx(path).read().tolist() == [7, 2, 1]


def test_a_type_that_idx_has_not_is_refused():
    with pytest.raises(DataError, match="uint16"):
        written(np.zeros((2, 2), np.uint16), ".idx")


def test_an_axis_too_long_for_the_header_is_refused():
    long = np.broadcast_to(np.zeros((1, 1), np.uint8), (2**32, 1))
    with pytest.raises(DataError, match=r"2\*\*32"):
        write_idx(io.BytesIO(), long, {})


@pytest.mark.parametrize("suffix", [".idx", ".gz"])
def test_every_truncation_is_one_line_about_the_file(suffix):
    content = written(X, suffix)
    for length in range(len(content)):
        with refusing(DataError, "short"):
            read_bytes(content[:length], "short")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bytes_after_the_last_element_are_refused(pack):
    with pytest.raises(DataError, match="48 bytes expected after its header, more found"):
        read_bytes(pack(written(X, ".idx") + b"\0"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_that_promises_too_much_takes_no_memory(pack):
    header = struct.pack(">HBBIII", 0, 14, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    with pytest.raises(DataError, match="damaged or incomplete"):
        read_bytes(pack(header + b"\0" * 64))


def test_a_changed_byte_in_a_gzipped_file_is_noticed():
    content = bytearray(gzip.compress(written(X, ".idx"), compresslevel=0))
    content[-12] ^= 1
    with pytest.raises(DataError, match="CRC"):
        read_bytes(content)


def test_gzip_of_something_else_says_to_unpack_it():
    with pytest.raises(DataError, match="gunzip"):
        read_bytes(gzip.compress(written(X, ".npz")))


@pytest.mark.parametrize("order", ["C", "F"])
def test_gzipped_npy_is_read_and_written(tmp_path, order):
    stream = io.BytesIO()
    np.save(stream, np.asarray(X, order=order))
    (tmp_path / "x.npy.gz").write_bytes(gzip.compress(stream.getvalue()))
    assert find_format(tmp_path / "x.npy.gz") is GZIPPED_NPY
    found = GZIPPED_NPY.open(tmp_path / "x.npy.gz", None).read()
    assert (found.dtype, found.tolist()) == (X.dtype, X.tolist())
    assert writer_of("x.npy.gz", ".npy") is GZIPPED_NPY
    packed = io.BytesIO()
    GZIPPED_NPY.write(packed, found, {})
    assert np.array_equal(np.load(io.BytesIO(gzip.decompress(packed.getvalue()))), X)


def test_damage_in_gzipped_npy_is_one_line_about_the_file():
    content = bytearray(gzip.compress(written(X, ".npy"), compresslevel=0))
    for damaged in (content[:-20], content[:30]):
        with refusing(DataError, "short"):
            read_bytes(damaged, "short")
    content[-12] ^= 1
    with pytest.raises(DataError, match="CRC"):
        read_bytes(content)


@given(st.sampled_from(SUFFIXES), st.data())
def test_damage_anywhere_gives_a_data_error_or_some_signals(suffix, data):
    content = bytearray(written(X, suffix))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        x = read_bytes(content)
        assert x.ndim >= 2
        assert x.size > 0
