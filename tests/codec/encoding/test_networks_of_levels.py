"""Archives without loss by the networks of levels of a model."""

import io
from dataclasses import replace

import numpy as np
import pytest

import narrows
from narrows.codec.archive import ArchiveReader, Mode
from narrows.codec.archive.guarantee import guarantee_of
from narrows.codec.codec import Codec
from narrows.codec.levels.lattice import Lattice
from narrows.errors import FormatError, ModelNotFoundError, SettingError
from tests.helpers.archives import written
from tests.helpers.level_models import codec_with_levels, let_networks_code, signals_for_levels


@pytest.fixture(autouse=True)
def networks_always(monkeypatch):
    let_networks_code(monkeypatch)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
def test_an_archive_without_loss_needs_the_model_that_has_the_networks(dtype):
    codec, x = codec_with_levels(dtype), signals_for_levels(dtype)
    blob = codec.compress(x, lossless=True)
    assert np.array_equal(codec.decompress(blob), x)
    (block,) = ArchiveReader(io.BytesIO(blob))
    assert (block.mode, block.payload[:1]) == (Mode.LEVELS, b"\1")
    assert narrows.compress(x, codec, lossless=True) == blob
    decoder = narrows.Codec(codec.model.without_encoder())
    assert np.array_equal(decoder.decompress(blob), x)
    with pytest.raises(ModelNotFoundError, match=codec.model_id):
        narrows.decompress(blob)


def test_blocks_of_networks_are_refused_without_them():
    codec, x = codec_with_levels("uint8"), signals_for_levels("uint8")
    blocks = list(ArchiveReader(io.BytesIO(codec.compress(x, lossless=True))))
    bare = Codec(replace(codec.model, levels=None, known_answers=None))
    with pytest.raises(FormatError, match="does not have"):
        bare.decompress(written(bare.encoder.header(), blocks))


def test_a_bound_takes_no_networks_and_needs_no_model():
    codec, x = codec_with_levels("int16"), signals_for_levels("int16")
    y = narrows.decompress(codec.compress(x, max_error=2))
    assert np.abs(y.astype(int) - x).max() <= 2


@pytest.mark.parametrize(("dtype", "lattice"), [
    ("uint8", Lattice(-3, 21)), ("int16", Lattice(5, 21)), ("float32", Lattice(0.5, 20.0)),
], ids=str)  # fmt: skip
def test_networks_of_a_lattice_keep_its_bound_and_wider_ones(dtype, lattice):
    codec, x = codec_with_levels(dtype, lattice), signals_for_levels(dtype, 9)
    if dtype == "float32":
        x[0, 0, :3] = np.nan, np.inf, 1e30
    for promise in ({"max_error": 10}, {"max_error": 11.5}, {"max_relative_error": 0.9}):
        blob = codec.compress(x, **promise)
        reader = ArchiveReader(io.BytesIO(blob))
        assert [block.payload[:1] for block in reader] == [b"\3" if dtype == "float32" else b"\1"]
        assert reader.header.model_id.hex() == codec.model_id
        y = codec.decompress(blob)
        assert not guarantee_of(reader.header.metadata).exceeded(x, y).any()


@pytest.mark.parametrize("promise", [{"lossless": True}, {"max_error": 9.5}], ids=str)
def test_networks_of_a_lattice_serve_nothing_nearer(promise):
    codec, x = codec_with_levels("int16", Lattice(5, 21)), signals_for_levels("int16")
    blob = codec.compress(x, **promise)
    assert not ArchiveReader(io.BytesIO(blob)).header.needs_model
    with pytest.raises(SettingError, match="need no model"):
        codec.compress(x, **promise, embed_model=True)


def test_the_smallest_block_that_keeps_the_bound_is_written(monkeypatch):
    monkeypatch.undo()
    codec = codec_with_levels("int16", Lattice(0, 3))
    noise = np.random.default_rng(0).integers(-3000, 3000, (40, 9, 6)).astype(np.int16)
    free = narrows.compress(noise, max_error=700)
    blob = codec.compress(noise, max_error=700)
    (block,) = ArchiveReader(io.BytesIO(blob))
    assert block.kind == "levels"
    assert len(blob) <= len(free) + 16


def test_numbers_beyond_2_to_38_take_no_networks():
    codec = codec_with_levels("int64")
    x = signals_for_levels("int64") << 50
    blob = codec.compress(x, lossless=True)
    assert np.array_equal(codec.decompress(blob), x)


def test_nothing_lossy_is_appended_to_what_promises_all():
    from narrows.codec.encoding.encoder import check_appendable

    codec, x = codec_with_levels("uint8"), signals_for_levels("uint8")
    header = ArchiveReader(io.BytesIO(codec.compress(x, lossless=True))).header
    with pytest.raises(SettingError, match="append with the same"):
        check_appendable(header, codec.decoder)
