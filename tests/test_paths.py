"""What Python functions take as a path, and say of what is none."""

import io
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.codec.codec import Codec
from narrows.codec.decoder import Decoder
from narrows.errors import NarrowsError
from narrows.signals import open_signals, read_labels, read_signals
from tests.helpers.tiny_models import assert_one_line, searching, tiny_model, typical_frames

CODEC = Codec(searching(tiny_model("uint8", (5, 4), 6, 2)))
X = typical_frames(CODEC.model, 12)
BLOB = CODEC.compress(X)
TAKE_A_PATH = {
    "load": narrows.load,
    "open": narrows.open,
    "open, its model": lambda path: narrows.open(BLOB, path),
    "compress, its model": lambda path: narrows.compress(X, path),
    "decompress, its model": lambda path: narrows.decompress(BLOB, path),
    "train, its checkpoint": lambda path: narrows.train(X, checkpoint=path),
    "save": CODEC.save,
    "read_signals": read_signals,
    "open_signals": open_signals,
    "read_labels": read_labels,
}
each = pytest.mark.parametrize("function", TAKE_A_PATH.values(), ids=TAKE_A_PATH)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="training needs torch; extra train")
    monkeypatch.chdir(tmp_path)


@each
@pytest.mark.parametrize("given", [7, 3.5, True, [], X, io.BytesIO(BLOB)], ids=type)
def test_what_is_no_path_is_refused_with_what_to_give(function, given):
    with pytest.raises(NarrowsError) as caught:
        function(given)
    assert_one_line(caught.value, f"of type {type(given).__name__}", "path as a str", "or ")


@each
@pytest.mark.parametrize("name", ["x.npy/y", "n" * 300, "a\0b", "n/" * 2000], ids=repr)
def test_what_cannot_be_there_is_told_in_one_line(function, name):
    np.save("x.npy", X)
    with pytest.raises(NarrowsError) as caught:
        function(name)
    assert_one_line(caught.value)


@pytest.mark.parametrize("function", [f for f in TAKE_A_PATH.values() if f is not narrows.open])
@pytest.mark.parametrize(
    "content", [CODEC.model_bytes, BLOB, b"x.npy"], ids=["model", "nrw", "name"]
)
def test_the_content_of_a_file_is_told_from_its_path(function, content):
    with pytest.raises(NarrowsError) as caught:
        function(content)
    assert_one_line(caught.value, f"of type bytes ({len(content):,} bytes)", "path as a str")


def test_the_advice_on_content_helps():
    codec = narrows.Codec.from_bytes(CODEC.model_bytes)
    assert np.array_equal(narrows.decompress(BLOB, codec), codec.decompress(BLOB))
    with narrows.open(BLOB, codec) as archive:
        assert np.array_equal(archive[3:5], codec.decompress(BLOB)[3:5])
    with pytest.raises(NarrowsError, match="not a narrows archive: it begins with"):
        narrows.open(CODEC.model_bytes, codec)


@pytest.mark.parametrize("make", [Codec.from_bytes, Decoder.from_bytes])
@pytest.mark.parametrize("given", ["m.narrows", Path("m.narrows"), None, 5, X], ids=type)
def test_a_codec_is_made_of_bytes_alone(make, given):
    with pytest.raises(NarrowsError) as caught:
        make(given)
    assert_one_line(caught.value, "it must be bytes", "narrows.load(name)")
    assert make(memoryview(CODEC.model_bytes)).model_id == CODEC.model_id


def test_bytes_are_no_array_of_numbers_and_are_not_shown_whole():
    content = X.tobytes()
    for use in (lambda x: narrows.compress(x, CODEC), narrows.train):
        with pytest.raises(NarrowsError) as caught:
            use(content)
        assert_one_line(caught.value, "240 bytes", "np.frombuffer(x, dtype)")
    x = np.frombuffer(content, "uint8").reshape(12, 5, 4)
    assert narrows.compress(x, CODEC) == BLOB
