"""An archive in a file as a sequence, in any order, decoding only what is asked for."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import narrows
from narrows.codec.archive import SEVERAL_QUALITIES, Block, IndexedArchive, Mode
from narrows.codec.archive.streams import whole_blocks
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.codec.sequence import Archive
from narrows.errors import DataError, FormatError, WrongModelError
from tests.helpers.archives import written
from tests.helpers.quality_groups import CODEC as GROUPS
from tests.helpers.quality_groups import MOST, SEVERAL, decoded_singly, packed, typical_symbols
from tests.helpers.tiny_models import (
    assert_identical,
    blocks_of,
    examples,
    tiny_codec,
    typical_frames,
)


@dataclass(frozen=True)
class Made:
    """An archive, the signals that it holds, and how many of them each of its blocks."""

    codec: Codec
    blob: bytes
    x: np.ndarray
    sizes: tuple

    def opened(self, blob=None):
        return Archive(io.BytesIO(blob or self.blob), self.codec.decoder)

    def damaged_block(self, number):
        """Flip a bit in the last byte of a block's payload."""
        place = IndexedArchive(io.BytesIO(self.blob)).offsets[number + 1] - 1
        return self.blob[:place] + bytes([self.blob[place] ^ 1]) + self.blob[place + 1 :]

    def saved(self, blob):
        """Return what is salvaged, and what is lost."""
        losses = []
        _, blocks = whole_blocks(io.BytesIO(blob), losses.append)
        found = [self.codec.decoder.blocks.decode(block) for block in blocks]
        return np.concatenate(found), [(loss.first, loss.n_signals) for loss in losses]


def of_one_quality():
    codec = tiny_codec(frame_shape=(64, 512), latent_size=3)  # 63 signals a block
    blob = codec.compress(typical_frames(codec.model, 150))
    return Made(codec, blob, codec.decompress(blob), (63, 63, 24))


def block_of(qualities):
    """Return a block of several qualities, and the signals that it decodes to."""
    symbols = typical_symbols(qualities, seed=len(qualities))
    block = Block(Mode.CODED, SEVERAL_QUALITIES, len(qualities), packed(symbols, qualities))
    return block, decoded_singly(GROUPS, symbols, qualities)


def of_several_qualities():
    """Blocks of several qualities, of one quality and stored."""
    rng, frames = np.random.default_rng(2), typical_frames(GROUPS.model, 25, seed=5)
    first, second = block_of(rng.integers(1, MOST + 1, 40)), block_of(np.repeat([6, 3], 9))
    alone = GROUPS.compress(frames[:20], 4)
    stored = Block(Mode.STORED, 4, 5, frames[20:].astype("<i2").tobytes())
    blocks = [first[0], *blocks_of(alone), stored, second[0]]
    assert [(b.mode, b.quality) for b in blocks] == [SEVERAL, (0, 4), (2, 4), SEVERAL]
    x = np.concatenate([first[1], GROUPS.decompress(alone), frames[20:], second[1]])
    return Made(GROUPS, written(GROUPS.encoder.header(), blocks), x, (40, 20, 5, 18))


MADE = {"one quality": of_one_quality(), "several qualities": of_several_qualities()}
each_archive = pytest.mark.parametrize("made", MADE.values(), ids=MADE)
ONE = MADE["one quality"]


@each_archive
def test_an_archive_has_the_length_shape_and_dtype_of_its_signals(made):
    archive = made.opened()
    assert [n for n, _ in IndexedArchive(io.BytesIO(made.blob)).entries] == [*made.sizes]
    assert (len(archive), archive.shape, archive.dtype) == (len(made.x), made.x.shape, made.x.dtype)


@each_archive
def test_each_signal_is_at_its_number(made):
    archive, n = made.opened(), len(made.x)
    for number in np.random.default_rng(0).permutation(n).tolist():
        assert_identical(archive[number], made.x[number])
        assert_identical(archive[number - n], made.x[number])


@each_archive
@given(data=st.data())
@examples(40)
def test_slices_of_any_step_are_those_of_the_array(made, data):
    part = data.draw(st.slices(len(made.x)))
    assert_identical(made.opened()[part], np.ascontiguousarray(made.x[part]))


@each_archive
def test_iteration_and_the_whole_array_give_all_signals(made):
    archive = made.opened()
    assert_identical(np.stack(list(archive)), made.x)
    assert_identical(np.asarray(archive), made.x)
    for codec in (made.codec, Codec(made.codec.model, batch_size=3), made.codec.without_encoder()):
        assert_identical(codec.decompress(made.blob), made.x)


def test_numbers_beyond_the_end_are_index_errors():
    for number in (150, -151):
        with pytest.raises(IndexError, match="150"):
            ONE.opened()[number]
    with pytest.raises(DataError, match="slice"):
        ONE.opened()["first"]


def test_only_the_blocks_asked_for_are_read():
    archive = ONE.opened(ONE.damaged_block(1))
    assert np.array_equal(archive[:63], ONE.x[:63])
    assert np.array_equal(archive[149], ONE.x[149])
    with pytest.raises(FormatError, match="block 1"):
        archive[63]


def test_another_model_is_refused():
    other = tiny_codec(frame_shape=(64, 512), latent_size=3, seed=1)
    with pytest.raises(WrongModelError):
        Archive(io.BytesIO(ONE.blob), other.decoder)


def test_open_finds_the_embedded_model(tmp_path):
    path = tmp_path / "x.nrw"
    path.write_bytes(ONE.codec.compress(typical_frames(ONE.codec.model, 5), embed_model=True))
    with narrows.open(path) as archive:
        assert np.array_equal(archive[3], narrows.decompress(path.read_bytes())[3])
    path.write_bytes(ONE.blob)
    ONE.codec.save(tmp_path / "m.narrows")
    with narrows.open(path, model=tmp_path / "m.narrows") as archive:
        assert np.array_equal(archive[100], ONE.x[100])


@each_archive
def test_the_rest_of_an_archive_survives_a_damaged_block(made):
    ends = np.cumsum([0, *made.sizes]).tolist()
    for number, size in enumerate(made.sizes):
        rest, losses = made.saved(made.damaged_block(number))
        first, end = ends[number : number + 2]
        assert_identical(rest, np.concatenate([made.x[:first], made.x[end:]]))
        assert losses == [(first, size)]


@each_archive
def test_an_archive_cut_short_gives_its_first_blocks(made):
    place = IndexedArchive(io.BytesIO(made.blob)).offsets[len(made.sizes) - 1] + 5
    rest, losses = made.saved(made.blob[:place])
    n = sum(made.sizes[:-1])
    assert_identical(rest, made.x[:n])
    assert losses == [(n, None)]


@each_archive
def test_appended_signals_follow_the_first_ones(made):
    request = {} if made is ONE else {"target_bytes": 3}
    more, index = typical_frames(made.codec.model, 70), IndexedArchive(io.BytesIO(made.blob))
    out = io.BytesIO()
    out.write(made.blob[: index.index_offset])
    size = made.codec.encoder.append_to(out, index, more, Request(**request))
    assert size == len(out.getvalue())
    again = made.codec.decompress(made.codec.compress(more, **request))
    assert_identical(made.codec.decompress(out.getvalue()), np.concatenate([made.x, again]))
    last = blocks_of(out.getvalue())[-1]
    assert made is ONE or (last.mode, last.quality) == SEVERAL


def test_a_closed_archive_says_so():
    archive = ONE.opened()
    archive.close()
    for read in (lambda: archive[149], lambda: list(archive), lambda: np.asarray(archive)):
        with pytest.raises(DataError, match="closed; open it again"):
            read()
    assert len(archive) == 150


def test_an_array_of_an_archive_is_never_had_without_a_copy():
    with pytest.raises(ValueError, match=r"np\.asarray"):
        ONE.opened().__array__(copy=False)


@pytest.mark.parametrize(("contexts", "sizes"), [((), [63, 37]), ((1,), [31, 31, 31, 7])])
def test_blocks_of_a_context_model_are_of_half_the_bytes(contexts, sizes):
    codec = tiny_codec(frame_shape=(64, 512), latent_size=3, contexts=contexts)
    x = typical_frames(codec.model, 100)
    blob = codec.compress(x)
    assert [block.n_signals for block in blocks_of(blob)] == sizes
    stream = io.BytesIO()
    codec.encoder.compress_to(stream, codec.encoder.header(), x, Request())
    assert stream.getvalue() == blob
    asked = codec.compress(x, block_signals=63)
    assert [block.n_signals for block in blocks_of(asked)] == [63, 37]
