"""A block is kept exactly, deflated, where that takes fewer bytes than its symbols."""

import io

import numpy as np
import pytest

from narrows.codec.archive import IndexedArchive, Mode
from narrows.codec.archive import raw_blocks as raw
from narrows.codec.archive.raw_blocks import may_deflate_below, pack_raw
from tests.helpers.tiny_models import tiny_codec, typical_frames

CODEC = tiny_codec(frame_shape=(28, 28), latent_size=40)


def modes(blob):
    archive = IndexedArchive(io.BytesIO(blob))
    return [archive.block(i).mode for i in range(len(archive.entries))]


@pytest.mark.parametrize("order", ["random", "in turn", "sorted"])
def test_1200_frames_of_which_20_are_distinct_are_kept_exactly_where_that_is_smaller(order):
    rng = np.random.default_rng(0)
    different = np.kron(rng.integers(0, 256, (20, 4, 4), np.uint8), np.ones((1, 7, 7), np.uint8))
    rows = {"random": rng.integers(0, 20, 1200), "in turn": np.arange(1200) % 20,
            "sorted": np.arange(1200) // 60}[order]  # fmt: skip
    x = different[rows]
    blob, coded = CODEC.compress(x), CODEC.decoder.blocks.pack(CODEC.encode(x), np.ones(1200, int))
    deflated = len(pack_raw(x, 1).payload)
    assert deflated < len(coded.payload)
    assert modes(blob) == [Mode.DEFLATED]
    assert np.array_equal(CODEC.decompress(blob), x)


def test_signals_that_are_all_alike_are_kept_exactly():
    x = np.full((3000, 28, 28), 200, np.uint8)
    assert set(modes(CODEC.compress(x))) == {Mode.DEFLATED}


def test_signals_that_nothing_but_their_model_makes_small_are_not_deflated_in_vain(monkeypatch):
    x, sizes = typical_frames(CODEC.model, 2600), []
    deflate = raw.deflate_planes
    monkeypatch.setattr(
        raw, "deflate_planes", lambda x, level: sizes.append(x.nbytes) or deflate(x, level)
    )
    assert not may_deflate_below(x, x.nbytes // 40)
    assert sum(sizes) <= 3 * raw.SAMPLE_BYTES
    sizes.clear()
    assert not may_deflate_below(x, x.nbytes // (raw.MAX_DEFLATE_RATIO + 1))
    assert not sizes
