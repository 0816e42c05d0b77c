"""Labels of signals: one class each, from arrays, known sets and text."""

from functools import partial

import numpy as np
import pytest

from narrows.errors import DataError
from narrows.signals import read_labels
from tests.helpers.tiny_models import refusal

CLASSES = ["red", "green", "red", "blue"]
NUMBERS = [2, 1, 2, 0]  # in alphabetical order


message = partial(refusal, read_labels, error=DataError)


def file(tmp_path, content, name="y.csv"):
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return tmp_path / name


@pytest.mark.parametrize("dtype", ["U5", "S5"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_words_in_an_array_are_numbered_in_alphabetical_order(tmp_path, dtype, suffix):
    path = tmp_path / f"y{suffix}"
    words = np.array(CLASSES, dtype)
    np.save(path, words) if suffix == ".npy" else np.savez(path, y=words, x=np.zeros(3))
    y = read_labels(f"{path}:y" if suffix == ".npz" else path)
    assert y.dtype == np.int64
    assert y.tolist() == NUMBERS


@pytest.mark.parametrize(
    "content",
    [
        "red\ngreen\nred\nblue",
        "red\r\ngreen\r\n\r\nred\r\nblue\r\n",
        "\ufeffred\ngreen\nred\nblue\n",
        ' red\n"green"\nred \nblue\n',
    ],
)
@pytest.mark.parametrize("name", ["y.txt", "y.csv", "labels"])
def test_words_in_a_text_file_stand_one_a_line(tmp_path, content, name):
    assert read_labels(file(tmp_path, content, name)).tolist() == NUMBERS


def test_numbers_in_a_text_file_stay_as_they_are(tmp_path):
    assert read_labels(file(tmp_path, "7\n-1\n7\n12\n")).tolist() == [7, -1, 7, 12]
    assert read_labels(file(tmp_path, "digit\n7\n-1\n7\n")).tolist() == [7, -1, 7]
    assert read_labels(file(tmp_path, "5")).tolist() == [5]


def test_a_column_is_named_by_its_heading(tmp_path):
    content = 'length,species,count\n1.5,red,3\n2.5,"green",4\n,red,3\n0.1,blue,1\n'
    path = file(tmp_path, content)
    assert read_labels(f"{path}:species").tolist() == NUMBERS
    assert read_labels(f"{path}:count").tolist() == [3, 4, 3, 1]
    assert read_labels(f"{file(tmp_path, 'species', 'one')}:species").tolist() == []


def test_a_column_that_is_missing_or_not_named_is_told_with_those_there_are(tmp_path):
    path = file(tmp_path, "length,species\n1.5,red\n2.5\n")
    assert "2 columns" in message(path)
    assert f"{path}:length" in message(path)
    assert "no column 'colour'; it has: length, species" in message(f"{path}:colour")
    assert "row 3" in message(f"{path}:species")


def test_targets_of_a_regression_are_refused_as_such(tmp_path):
    np.save(tmp_path / "y.npy", np.array([1.0, 2.5, 3.0]))
    for told in (
        message(tmp_path / "y.npy"),
        message(file(tmp_path, "1.0\n2.5\n3\n")),
        message(f"{file(tmp_path, 'a,b' + chr(10) + '1,2.5', 'two.csv')}:b"),
    ):
        assert "2.5" in told
        assert "regression" in told
    assert "one integer per signal" in message(file(tmp_path, "1.0\n2.0\n"))
    assert "regression" in message(file(tmp_path, "1\nnan\n"))


def test_what_is_no_text_is_not_read_as_text(tmp_path):
    assert "neither .npy" in message(file(tmp_path, b"a\nb\n\x00\x01"))
    assert "not in UTF-8" in message(file(tmp_path, "zwölf\n".encode("latin-1")))
    assert "0 bytes" in message(file(tmp_path, b""))
    assert "is a directory" in message(tmp_path)
    assert read_labels(file(tmp_path, "é" * 5000 + "\nb\n")).tolist() == [1, 0]


def test_damage_beyond_the_head_of_a_text_is_told(tmp_path):
    assert "y.csv" in message(file(tmp_path, b"a\n" * 5000 + b"\xff\n"))


def test_blank_lines_alone_are_no_labels(tmp_path):
    assert "no labels" in message(file(tmp_path, "\n \n,\n"))


def test_a_missing_file_is_told_with_what_labels_may_be():
    told = message("nowhere.csv")
    assert "nowhere.csv" in told
    assert "file.csv:column" in told


def test_digits_have_labels():
    pytest.importorskip("sklearn", reason="scikit-learn holds the digits; extra train")
    assert np.bincount(read_labels("digits")).min() > 100
