"""An archive in a file as a sequence, in any order, decoding only what is asked for."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import narrows
from narrows.codec.archive import IndexedArchive
from narrows.codec.archive.salvage import whole_blocks
from narrows.codec.encoding.requests import Request
from narrows.codec.sequence import Archive
from narrows.errors import DataError, FormatError, WrongModelError
from tests.helpers.tiny_models import examples, tiny_codec, typical_frames

CODEC = tiny_codec(frame_shape=(64, 512), latent_size=3)  # 63 signals a block
X = typical_frames(CODEC.model, 150)
BLOB = CODEC.compress(X)
DECODED = CODEC.decompress(BLOB)


def opened(blob=BLOB):
    return Archive(io.BytesIO(blob), CODEC.decoder)


def damaged_block(number):
    """Flip a bit in the last byte of a block's payload."""
    archive = IndexedArchive(io.BytesIO(BLOB))
    place = archive.offsets[number + 1] - 1
    return BLOB[:place] + bytes([BLOB[place] ^ 1]) + BLOB[place + 1 :]


def test_an_archive_has_the_length_shape_and_dtype_of_its_signals():
    archive = opened()
    assert len(IndexedArchive(io.BytesIO(BLOB)).entries) == 3
    assert (len(archive), archive.shape, archive.dtype) == (150, X.shape, X.dtype)


@given(st.integers(-150, 149))
@examples(30)
def test_each_signal_is_the_one_that_decompress_gives(number):
    assert np.array_equal(opened()[number], DECODED[number])


@given(st.slices(150))
@examples(30)
def test_slices_of_any_step_are_those_of_the_array(part):
    assert np.array_equal(opened()[part], DECODED[part])


def test_iteration_and_the_whole_array_give_all_signals():
    archive = opened()
    assert np.array_equal(np.stack(list(archive)), DECODED)
    assert np.array_equal(np.asarray(archive), DECODED)


def test_numbers_beyond_the_end_are_index_errors():
    for number in (150, -151):
        with pytest.raises(IndexError, match="150"):
            opened()[number]
    with pytest.raises(DataError, match="slice"):
        opened()["first"]


def test_only_the_blocks_asked_for_are_read():
    archive = opened(damaged_block(1))
    assert np.array_equal(archive[:63], DECODED[:63])
    assert np.array_equal(archive[149], DECODED[149])
    with pytest.raises(FormatError, match="block 1"):
        archive[63]


def test_another_model_is_refused():
    with pytest.raises(WrongModelError):
        Archive(io.BytesIO(BLOB), tiny_codec(frame_shape=(64, 512), latent_size=3, seed=1).decoder)


def test_open_finds_the_embedded_model(tmp_path):
    path = tmp_path / "x.nrw"
    path.write_bytes(CODEC.compress(X[:5], embed_model=True))
    with narrows.open(path) as archive:
        assert np.array_equal(archive[3], DECODED[3])
    path.write_bytes(BLOB)
    CODEC.save(tmp_path / "m.narrows")
    with narrows.open(path, model=tmp_path / "m.narrows") as archive:
        assert np.array_equal(archive[100], DECODED[100])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_rest_of_an_archive_survives_a_damaged_block(number):
    losses = []
    _, blocks = whole_blocks(io.BytesIO(damaged_block(number)), losses.append)
    saved = np.concatenate([CODEC.decoder.blocks.decode(block) for block in blocks])
    first, end = (0, 63, 126, 150)[number : number + 2]
    assert np.array_equal(saved, np.concatenate([DECODED[:first], DECODED[end:]]))
    assert [(loss.first, loss.n_signals) for loss in losses] == [(first, end - first)]


def test_an_archive_cut_short_gives_its_first_blocks():
    losses = []
    cut = BLOB[: IndexedArchive(io.BytesIO(BLOB)).offsets[2] + 5]
    _, blocks = whole_blocks(io.BytesIO(cut), losses.append)
    saved = np.concatenate([CODEC.decoder.blocks.decode(block) for block in blocks])
    assert np.array_equal(saved, DECODED[:126])
    assert [(loss.first, loss.n_signals) for loss in losses] == [(126, None)]


def test_appended_signals_follow_the_first_ones():
    archive = IndexedArchive(io.BytesIO(BLOB))
    out = io.BytesIO()
    out.write(BLOB[: archive.index_offset])
    size = CODEC.encoder.append_to(out, archive, X[:70], Request())
    assert size == len(out.getvalue())
    assert np.array_equal(CODEC.decompress(out.getvalue()), np.concatenate([DECODED, DECODED[:70]]))


def test_a_closed_archive_says_so():
    archive = opened()
    archive.close()
    for read in (lambda: archive[149], lambda: list(archive), lambda: np.asarray(archive)):
        with pytest.raises(DataError, match="closed; open it again"):
            read()
    assert len(archive) == 150


def test_an_array_of_an_archive_is_never_had_without_a_copy():
    with pytest.raises(ValueError, match=r"np\.asarray"):
        opened().__array__(copy=False)
