"""Where signals come from by name, and which arrays are signals."""

import os
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
from hypothesis import given

from narrows.codec.archive import DTYPE_CODES
from narrows.errors import DataError, MissingExtraError
from narrows.signals import (
    DTYPES,
    KNOWN_NAMES,
    SUFFIXES,
    check_signals,
    formats,
    open_signals,
    read_labels,
    read_signals,
)
from narrows.signals.formats.contract import Format
from narrows.signals.formats.registry import own_formats
from tests.helpers.signal_frames import frames, written
from tests.helpers.tiny_models import assert_identical, refusal

REAL_DATA = Path(os.environ.get("NARROWS_DATA", Path(__file__).parents[3] / "shared" / "data"))
X = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


message = partial(refusal, read_signals, error=DataError)


def test_digits_are_small_pictures_of_17_grey_levels():
    pytest.importorskip("sklearn")
    x = read_signals("digits")
    assert x.shape == (1797, 8, 8)
    assert x.dtype == np.uint8
    assert (x.min(), x.max()) == (0, 16)
    y = read_labels("digits")
    assert y.shape == (1797,)
    assert set(y) == set(range(10))


def test_digits_without_scikit_learn_name_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'narrows\[train\]'"):
        read_signals("digits")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".idx", ".gz"])
def test_a_file_is_told_by_its_content_whatever_its_name(tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    Path("signals.dat").write_bytes(written(X, suffix))
    assert np.array_equal(read_signals("signals.dat"), X)
    assert np.array_equal(read_signals(tmp_path / "signals.dat"), X)


@pytest.mark.parametrize("name", ["digits", "mnist:train"])
def test_an_existing_path_wins_over_a_known_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(written(X, ".npy"))
    assert np.array_equal(read_signals(name), X)


def test_a_missing_file_is_named_with_what_is_accepted():
    told = message("nowhere/at-all.npy")
    assert "'nowhere/at-all.npy'" in told
    assert all(accepted in told for accepted in (".npy", ".npz", "IDX", *KNOWN_NAMES))
    assert "did you mean" not in told


def test_a_misspelt_name_is_answered_with_close_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "did you mean 'digits'?" in message("digit")
    assert "'mnist:train'" in message("mnist:trian").partition("did you mean")[2]
    (tmp_path / "spectra.npy").write_bytes(written(X, ".npy"))
    assert f"did you mean {str(tmp_path / 'spectra.npy')!r}?" in message(tmp_path / "spectre.npy")


def test_an_empty_folder_is_called_one(tmp_path):
    assert "is a folder without files of signals" in message(tmp_path)


def test_an_empty_file_and_a_foreign_one_are_told_apart(tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(b"")
    assert "0 bytes" in message(path)
    path.write_bytes(b"a,b,c\n1,2,3\n")
    assert "begins with b'a,b,c\\n'" in message(path)


def test_a_name_of_an_array_in_a_file_of_one_is_refused(tmp_path):
    (tmp_path / "x.npy").write_bytes(written(X, ".npy"))
    assert "no .npz" in message(f"{tmp_path}/x.npy:first")


@pytest.mark.parametrize("odd", ["", ":", "a\0b", "line\nbreak", "x" * 5000])
def test_odd_names_are_only_missing(odd):
    assert "there is no file" in message(odd)


def test_a_file_of_many_numbers_names_itself_and_says_how_to_make_frames(tmp_path):
    np.save(tmp_path / "long.npy", np.zeros(1000, np.float32))
    told = message(tmp_path / "long.npy")
    assert "long.npy" in told
    assert "reshape(n, length)" in told


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", ">i4"])
def test_labels_of_a_file_are_whole_numbers(tmp_path, dtype):
    np.save(tmp_path / "y.npy", np.array([1, 0, 1], dtype))
    y = read_labels(tmp_path / "y.npy")
    assert y.dtype == np.int64
    assert y.tolist() == [1, 0, 1]


@pytest.mark.parametrize("labels", [np.zeros(3), np.zeros((3, 1), int), np.zeros(3, "u8")])
def test_labels_that_are_no_list_of_integers_are_refused(tmp_path, labels):
    np.save(tmp_path / "y.npy", labels)
    with pytest.raises(DataError, match="one integer per signal"):
        read_labels(tmp_path / "y.npy")


@pytest.mark.skipif(
    not REAL_DATA.is_dir(), reason="the real data sets are not here; set NARROWS_DATA"
)
@pytest.mark.parametrize("name", ["mnist:test", "fashion-mnist:test"])
def test_known_sets_are_read_from_the_folder_of_the_environment(monkeypatch, name):
    monkeypatch.setenv("NARROWS_DATA", str(REAL_DATA))
    x, y = read_signals(name), read_labels(name)
    assert x.shape == (10000, 28, 28)
    assert x.dtype == np.uint8
    assert np.bincount(y).size == 10


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_blocks_and_rows_of_a_file_are_those_of_its_array(tmp_path, suffix):
    (tmp_path / "x").write_bytes(written(X, suffix))
    source = open_signals(tmp_path / "x")
    assert (source.shape, source.dtype) == (X.shape, X.dtype)
    blocks = list(source.blocks(3))
    assert [len(block) for block in blocks] == [3, 1]
    assert np.array_equal(np.concatenate(blocks), X)
    rows = source.rows(np.array([3, 0, 3]))
    assert np.array_equal(rows, X[[3, 0, 3]])
    rows[:] = 0  # a copy, though the file is read-only
    assert np.array_equal(source.read(), X)


def test_every_format_that_has_a_file_is_in_the_registry():
    modules = [
        import_module(f"{formats.__name__}.{m.name}") for m in iter_modules(formats.__path__)
    ]
    found = {id(each) for m in modules for each in vars(m).values() if isinstance(each, Format)}
    assert found == {id(each) for each in own_formats()}


@given(frames())
def test_signals_that_need_no_change_are_returned_without_a_copy(x):
    assert check_signals(x) is x


@given(frames())
def test_the_other_byte_order_and_fortran_order_keep_every_number(x):
    swapped = x.astype(x.dtype.newbyteorder())
    assert_identical(check_signals(swapped), x)
    assert_identical(check_signals(np.asfortranarray(x)), x)


def test_the_accepted_types_are_those_of_the_format():
    assert tuple(DTYPE_CODES) == DTYPES


@pytest.mark.parametrize(
    ("dtype", "way_out"),
    [
        ("longdouble", 'x.astype("float64"), which rounds to 53 bits'),
        ("complex64", 'np.stack([x.real, x.imag], axis=-1).astype("float32")'),
        ("M8[s]", '(x - x.min()) / np.timedelta64(1, "s")'),
        ("U3", "leave out what is no number"),
    ],
)
def test_another_type_is_refused_with_what_is_accepted_and_a_way_out(dtype, way_out):
    with pytest.raises(DataError) as caught:
        check_signals(np.zeros((2, 3), dtype))
    message = str(caught.value)
    assert np.dtype(dtype).name in message
    assert all(accepted.name in message for accepted in DTYPES)
    assert way_out in message


@pytest.mark.parametrize("shape", [(), (7,)])
def test_a_list_of_numbers_is_refused_with_advice_on_frames(shape):
    with pytest.raises(DataError, match=r"reshape\(-1, 1\).*windows"):
        check_signals(np.zeros(shape, np.uint8))


def test_no_signals_are_refused_unless_allowed():
    nothing = np.zeros((0, 28, 28), np.uint8)
    with pytest.raises(DataError, match="no signals"):
        check_signals(nothing)
    assert check_signals(nothing, allow_empty=True) is nothing


@pytest.mark.parametrize("allow_empty", [False, True])
def test_a_frame_without_elements_is_always_refused(allow_empty):
    with pytest.raises(DataError, match=r"frame of shape \(3, 0\)"):
        check_signals(np.zeros((2, 3, 0), np.uint8), allow_empty=allow_empty)


def test_nested_lists_of_one_length_become_an_array():
    assert_identical(check_signals([[0.5, 1.0], [2.0, 3.0]]), np.array([[0.5, 1], [2, 3]]))


def test_nested_lists_of_several_lengths_are_refused_by_name():
    with pytest.raises(DataError, match="batch is a list"):
        check_signals([[0.5, 1.0], [2.0]], name="batch")


def test_a_masked_array_is_refused_because_its_mask_would_be_lost():
    masked = np.ma.masked_array(np.zeros((2, 3)), mask=np.eye(2, 3))
    with pytest.raises(DataError, match="mask"):
        check_signals(masked)


def test_a_subclass_of_array_becomes_a_plain_array():
    class Odd(np.ndarray):
        pass

    assert type(check_signals(np.zeros((2, 3)).view(Odd))) is np.ndarray
