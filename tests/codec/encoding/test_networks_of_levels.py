"""Archives without loss by the networks of levels of a model."""

import io
from dataclasses import replace

import numpy as np
import pytest

import narrows
from narrows.codec.archive import ArchiveReader, Mode
from narrows.codec.codec import Codec
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
