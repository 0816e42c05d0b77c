"""Archives without loss by the networks of levels of a model."""

import io
from dataclasses import replace

import numpy as np
import pytest

import narrows
from narrows.codec.archive import ArchiveReader, Mode
from narrows.codec.codec import Codec
from narrows.codec.levels.passes import PassOrder
from narrows.errors import FormatError, ModelNotFoundError, SettingError
from tests.helpers.archives import written
from tests.helpers.level_models import (
    blobs,
    random_levels,
    random_number_levels,
    waves,
)
from tests.helpers.tiny_models import right_answers, tiny_model

SHAPE = (9, 6)


def codec_of(dtype):
    """Return a codec whose levels are drawn at random, and always chosen."""
    order = PassOrder(SHAPE, start_stride=8)
    levels = random_levels(order) if dtype == "uint8" else random_number_levels(order)
    model = replace(tiny_model(dtype, SHAPE, 3), levels=levels)
    return Codec(replace(model, known_answers=right_answers(model)))


def signals_of(dtype, n=5):
    order = PassOrder(SHAPE, start_stride=8)
    x = waves(order, n).astype(dtype)
    if dtype == "uint8":  # of which random networks make fewer bytes than there are
        x = blobs(SHAPE, n) // 200 * 253
        x[1:] = 0
    return x.reshape(n, *SHAPE)


@pytest.fixture(autouse=True)
def networks_always(monkeypatch):
    folder = "narrows.codec.encoding.guaranteed_blocks"
    monkeypatch.setattr(f"{folder}._may_be_below", lambda *_: False)
    monkeypatch.setattr(f"{folder}.may_deflate_below", lambda *_: False)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
def test_an_archive_without_loss_needs_the_model_that_has_the_networks(dtype):
    codec, x = codec_of(dtype), signals_of(dtype)
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
    codec, x = codec_of("uint8"), signals_of("uint8")
    blocks = list(ArchiveReader(io.BytesIO(codec.compress(x, lossless=True))))
    bare = Codec(replace(codec.model, levels=None, known_answers=None))
    with pytest.raises(FormatError, match="does not have"):
        bare.decompress(written(bare.encoder.header(), blocks))


def test_a_bound_takes_no_networks_and_needs_no_model():
    codec, x = codec_of("int16"), signals_of("int16")
    y = narrows.decompress(codec.compress(x, max_error=2))
    assert np.abs(y.astype(int) - x).max() <= 2


def test_numbers_beyond_2_to_38_take_no_networks():
    codec = codec_of("int64")
    x = signals_of("int64") << 50
    blob = codec.compress(x, lossless=True)
    assert np.array_equal(codec.decompress(blob), x)


def test_nothing_lossy_is_appended_to_what_promises_all():
    from narrows.codec.encoding.encoder import check_appendable

    codec, x = codec_of("uint8"), signals_of("uint8")
    header = ArchiveReader(io.BytesIO(codec.compress(x, lossless=True))).header
    with pytest.raises(SettingError, match="append with the same"):
        check_appendable(header, codec.decoder)
