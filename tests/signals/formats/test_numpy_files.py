import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings

from narrows.errors import DataError, NarrowsError, SettingError
from narrows.signals import SUFFIXES, read_signals, write_signals
from tests.helpers.signal_frames import frames, read_bytes, written
from tests.helpers.tiny_models import assert_identical, refusing

X = np.arange(24, dtype=np.int16).reshape(4, 3, 2)


class Pipe(io.RawIOBase):
    """A stream that can only be written to, like a pipe."""

    def __init__(self):
        self.content = b""

    def writable(self):
        return True

    def write(self, content):
        self.content += bytes(content)
        return memoryview(content).nbytes


def saved(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


@given(frames())
def test_npy_is_read_as_it_was_written(x):
    assert_identical(read_bytes(written(x, ".npy")), x)


@given(frames())
@settings(max_examples=30)
def test_npz_is_read_as_it_was_written(x):
    assert_identical(read_bytes(written(x, ".npz")), x)


@given(frames())
@settings(max_examples=30)
def test_npy_holds_the_bytes_that_numpy_saves(x):
    assert written(x, ".npy") == saved(x)


@given(frames())
@settings(max_examples=30)
def test_foreign_byte_order_and_fortran_order_are_read_as_native_c_order(x):
    foreign = np.asfortranarray(x.astype(x.dtype.newbyteorder()))
    assert_identical(read_bytes(saved(foreign)), x)
    stream = io.BytesIO()
    np.savez_compressed(stream, foreign=foreign)
    assert_identical(read_bytes(stream.getvalue()), x)


def test_npy_stays_mapped_and_read_only(tmp_path):
    np.save(tmp_path / "x.npy", X)
    x = read_signals(tmp_path / "x.npy")
    assert isinstance(x, np.memmap)
    assert not x.flags.writeable


def test_npy_of_version_2_is_read():
    stream = io.BytesIO()
    np.lib.format.write_array(stream, X, version=(2, 0))
    assert_identical(read_bytes(stream.getvalue()), X)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_written_to_a_pipe(suffix):
    pipe = Pipe()
    write_signals(pipe, X, suffix)
    assert_identical(read_bytes(pipe.content), X)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_arrays_give_equal_files(suffix):
    assert written(X, suffix) == written(X.copy(), suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_signals_are_written_and_refused_when_read(suffix):
    content = written(X[:0], suffix)
    with pytest.raises(DataError, match="no signals"):
        read_bytes(content)


def test_the_suffix_may_be_empty_or_in_capitals():
    assert written(X, "") == written(X, ".NPY") == written(X, ".npy")


def test_another_suffix_is_refused_with_those_accepted():
    with pytest.raises(SettingError, match=r"'\.csv'.*\.npy, \.npz, \.idx, \.gz"):
        written(X, ".csv")


def test_an_npz_of_several_arrays_asks_for_one_and_gives_it(tmp_path):
    path = tmp_path / "two.npz"
    np.savez(path, train=X, test=X[:1])
    with pytest.raises(DataError, match=r"train, test; save one alone.*two\.npz:train"):
        read_signals(path)
    assert_identical(read_signals(f"{path}:test"), X[:1])
    with pytest.raises(DataError, match=r"no array named 'tset'; it holds: train, test"):
        read_signals(f"{path}:tset")


def test_a_zip_without_arrays_is_no_npz():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("word/document.xml", "<text/>")
    with pytest.raises(DataError, match=r"zip file without \.npy arrays"):
        read_bytes(stream.getvalue())


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_pickled_objects_are_refused_and_never_loaded(tmp_path, save):
    class Attack:
        def __reduce__(self):
            return (tmp_path.joinpath("attacked").touch, ())

    stream = io.BytesIO()
    save(stream, np.array([[Attack()]], dtype=object))
    with pytest.raises(DataError, match="pickled Python objects, which narrows never loads"):
        read_bytes(stream.getvalue())
    assert not (tmp_path / "attacked").exists()


def test_structured_numbers_are_refused_by_their_type():
    with pytest.raises(DataError, match="accepted are uint8"):
        read_bytes(saved(np.zeros((2, 2), [("a", "f4"), ("b", "u1")])))


def test_a_second_array_in_an_npy_file_is_not_lost_unnoticed():
    with pytest.raises(DataError, match="48 bytes expected after its header, more found"):
        read_bytes(saved(X) + saved(X))


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_every_truncation_is_one_line_about_the_file(suffix):
    content = written(X, suffix)
    for length in range(len(content)):
        with refusing(NarrowsError, "short"):
            read_bytes(content[:length], "short")


def test_a_changed_number_in_an_npz_is_noticed():
    content = bytearray(written(X, ".npz"))
    content[content.index(X.tobytes())] ^= 1
    with pytest.raises(DataError, match="CRC"):
        read_bytes(content)
