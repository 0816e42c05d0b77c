"""The `.nrw` container: writing and reading are inverse, and what is not ours is refused."""

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import (
    MAGIC,
    MAX_BLOCK_SIGNALS,
    MAX_FRAME_BYTES,
    USUAL_BLOCK_SIGNALS,
    VERSION,
    ArchiveReader,
    Block,
    Header,
    IndexedArchive,
    Mode,
)
from narrows.codec.archive.layout import (
    MAX_MODEL_BYTES,
    TAIL_MAGIC,
    pack_block,
    pack_header,
    pack_trailer,
)
from narrows.codec.entropy.bits import write_varint
from narrows.errors import FormatError
from tests.helpers.archives import (
    MODEL_ID,
    ShortReads,
    header_of,
    indexed,
    read,
    refusal,
    small_archive,
    with_crc,
    written,
)
from tests.helpers.tiny_models import DTYPES, ODD_SHAPES, examples

sizes = st.one_of(st.integers(1, 4), st.sampled_from([1, 127, 128, 300]))


@st.composite
def headers(draw):
    return Header(
        draw(st.binary(min_size=16, max_size=16).filter(any)),
        np.dtype(draw(st.sampled_from(DTYPES))),
        tuple(draw(st.lists(sizes, max_size=3)) + draw(st.lists(st.just(1), max_size=5))),
        draw(st.none() | st.binary(max_size=300)),
    )


@st.composite
def headers_and_blocks(draw):
    header = draw(headers())
    blocks = []
    for _ in range(draw(st.integers(0, 4))):
        n = draw(st.integers(1, min(200, header.block_signals)))
        payload = draw(st.binary(max_size=min(300, n * header.frame_bytes)))
        blocks.append(Block(draw(st.sampled_from(Mode)), draw(st.integers(0, 15)), n, payload))
    return header, blocks


# ---------------------------------------------------------------- inverse


@given(headers_and_blocks())
@examples(150)
def test_an_archive_is_read_as_it_was_written(case):
    header, blocks = case
    again, same, counted = read(written(header, blocks))
    assert again == header
    assert same == blocks
    assert counted == (sum(block.n_signals for block in blocks), len(blocks))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", ODD_SHAPES)
@pytest.mark.parametrize("embedded", [None, b"", b"model" * 50])
def test_a_header_is_read_as_it_was_written(dtype, shape, embedded):
    header = header_of(dtype, shape, embedded)
    assert ArchiveReader(io.BytesIO(pack_header(header))).header == header


@pytest.mark.parametrize("most", [1, 3, 1000])
@pytest.mark.parametrize("embedded", [None, b"model" * 50])
def test_a_pipe_that_gives_few_bytes_at_a_time_is_enough(most, embedded):
    data = small_archive(embedded)
    assert read(ShortReads(data, most)) == read(data)


def test_the_bytes_of_one_header_are_those_of_the_format():
    expected = b"\x89NRW" + bytes([VERSION, 0]) + MODEL_ID + bytes([5, 2]) + b"\x03\xac\x02"
    assert pack_header(header_of("float32", (3, 300))) == with_crc(expected)


def test_the_bytes_of_one_block_are_those_of_the_format():
    block = Block(Mode.STORED, 3, 200, b"payload")
    start = bytes([3 << 4 | 2]) + b"\xc8\x01" + b"\x07"
    check = with_crc(start + b"payload")[-4:]
    assert pack_block(block) == start + check + b"payload"


def test_the_index_gives_the_signals_and_bytes_of_each_block():
    trailer = pack_trailer([(200, 18), (1, 300)])
    body = with_crc(b"\x0f\x02" + b"\xc8\x01\x12" + b"\x01\xac\x02")
    assert trailer == body + len(body).to_bytes(4, "little") + b"WRN\x98"


def test_the_index_is_found_from_the_end():
    data = small_archive()
    assert data.endswith(TAIL_MAGIC)
    size = int.from_bytes(data[-8:-4], "little")
    index = data[-8 - size : -8]
    assert with_crc(index[:-4]) == index
    assert index[0] == 0x0F


def test_blocks_are_given_before_the_rest_is_read():
    data = small_archive()
    blocks = iter(ArchiveReader(io.BytesIO(data[:-1])))
    assert next(blocks).payload == b"coded"
    next(blocks), next(blocks)
    with pytest.raises(FormatError, match="truncated"):
        next(blocks)


def test_a_block_holds_at_most_131071_signals_a_usual_one_16383_and_at_least_one():
    assert header_of("uint8", (1,)).block_signals == USUAL_BLOCK_SIGNALS == 2**14 - 1
    assert header_of("uint8", (1,)).most_signals == MAX_BLOCK_SIGNALS == 2**17 - 1
    assert header_of("float64", (2**25,)).block_signals == 1
    assert header_of("float64", (2**25,)).most_signals == 1
    for dtype in DTYPES:
        header = header_of(dtype, (100, 3))
        assert header.block_signals <= header.most_signals
        assert header.most_signals * header.frame_bytes <= 2**21


# ---------------------------------------------------------------- refusals


def header_bytes(version=VERSION, flags=0, dtype=0, shape=(3, 2), ndim=None):
    fixed = MAGIC + bytes([version, flags]) + MODEL_ID
    ndim = len(shape) if ndim is None else ndim
    return with_crc(fixed + bytes([dtype, ndim]) + b"".join(map(write_varint, shape)))


def test_a_header_made_by_hand_is_read():
    assert read(header_bytes() + pack_trailer([]))[0] == header_of()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" * 10, b"\x89NR", b"\x89PNG\r\n\x1a\n" * 9])
def test_other_files_are_refused(data):
    assert "not a narrows archive" in refusal(data)


@pytest.mark.parametrize("version", sorted({*range(6), 127, 255} - {VERSION}))
def test_an_unknown_version_is_refused_by_number(version):
    message = refusal(header_bytes(version=version) + pack_trailer([]))
    assert f"version {version};" in message
    assert f"reads version {VERSION}" in message


@pytest.mark.parametrize("flags", [0x04, 0x08, 0x0F, 0xF4])
def test_an_unknown_required_flag_is_refused(flags):
    assert f"flags {flags:#04x}" in refusal(header_bytes(flags=flags) + pack_trailer([]))


@pytest.mark.parametrize("flags", [0x10, 0x80, 0xF0])
def test_an_unknown_flag_that_is_not_required_is_passed_over(flags):
    assert read(header_bytes(flags=flags) + pack_trailer([]))[0] == header_of()


@pytest.mark.parametrize("dtype", [12, 100, 255])
def test_an_unknown_dtype_is_refused(dtype):
    assert f"dtype code {dtype}" in refusal(header_bytes(dtype=dtype) + pack_trailer([]))


@pytest.mark.parametrize("ndim", [9, 100, 255])
def test_too_many_dimensions_are_refused(ndim):
    assert f"{ndim} dimensions" in refusal(header_bytes(shape=(1,) * ndim) + pack_trailer([]))


def test_eight_dimensions_are_accepted():
    assert read(header_bytes(shape=(1,) * 8) + pack_trailer([]))[0].frame_shape == (1,) * 8


@pytest.mark.parametrize(
    "shape", [(MAX_FRAME_BYTES + 1,), (2**34,) * 8, (2**14, 2**14, 2), (0,), (5, 0)]
)
def test_frames_too_large_or_empty_are_refused(shape):
    assert "frames of" in refusal(header_bytes(shape=shape) + pack_trailer([]))


def test_the_size_of_a_frame_is_counted_in_bytes():
    shape = (MAX_FRAME_BYTES // 8,)
    assert MAX_FRAME_BYTES % 8 == 0
    assert read(header_bytes(dtype=6, shape=shape) + pack_trailer([]))[0].frame_shape == shape
    assert "frames of" in refusal(header_bytes(dtype=6, shape=(*shape, 2)) + pack_trailer([]))


def block_bytes(first=0x12, n_signals=1, size=0, payload=b""):
    start = bytes([first]) + write_varint(n_signals) + write_varint(size)
    return start + with_crc(start + payload)[-4:] + payload


def block_refusal(*args, **changes):
    return refusal(pack_header(header_of()) + block_bytes(*args, **changes) + b"\0" * 100)


def test_a_block_made_by_hand_is_read():
    packed = block_bytes(size=3, payload=b"abc")
    data = pack_header(header_of()) + packed + pack_trailer([(1, len(packed))])
    assert read(data)[1] == [Block(Mode.STORED, 1, 1, b"abc")]


@pytest.mark.parametrize("mode", range(len(Mode), 15))
def test_an_unknown_mode_is_refused(mode):
    assert f"mode {mode}" in block_refusal(mode)


@pytest.mark.parametrize("n_signals", [0, 2**17, 2**32])
def test_a_block_of_no_or_too_many_signals_is_refused(n_signals):
    assert f"{n_signals} signals" in block_refusal(n_signals=n_signals)


@pytest.mark.parametrize("size", [7, 2**21, 2**35 - 1])
def test_a_block_larger_than_its_signals_is_refused(size):
    assert f"of {size} bytes for 6 raw bytes" in block_refusal(size=size)


class Watched(io.BytesIO):
    """A stream that remembers the largest read."""

    largest = 0

    def read(self, size=-1):
        self.largest = max(self.largest, size)
        return super().read(size)


@pytest.mark.parametrize("size", [2**28 - 1, 2**30, 2**35 - 1])
@pytest.mark.parametrize("n_signals", [1, 2**17 - 1, 2**35 - 1])
def test_a_block_that_announces_too_much_is_refused_before_memory_is_taken(n_signals, size):
    stream = Watched(pack_header(header_of()) + block_bytes(n_signals=n_signals, size=size))
    tracemalloc.start()
    refusal(stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stream.largest <= 16
    assert peak < 100_000


@pytest.mark.parametrize("announced", [2**28, MAX_MODEL_BYTES])
def test_a_model_that_is_not_there_takes_no_memory(announced):
    data = header_bytes(flags=0x01) + write_varint(announced) + b"only this"
    stream = Watched(data)
    tracemalloc.start()
    assert "truncated" in refusal(stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    assert stream.largest <= 2**24


def test_a_frame_that_is_not_there_takes_no_memory():
    header = header_bytes(shape=(MAX_FRAME_BYTES,))
    data = header + block_bytes(n_signals=1, size=MAX_FRAME_BYTES)
    tracemalloc.start()
    assert "truncated" in refusal(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_too_large_a_model_is_refused():
    data = header_bytes(flags=0x01) + write_varint(MAX_MODEL_BYTES + 1)
    assert f"the limit is {MAX_MODEL_BYTES}" in refusal(data)


@pytest.mark.parametrize(
    "entries",
    [[], [(2, 14)], [(2, 14), (1, 15), (3, 10), (1, 1)], [(1, 14), (1, 15), (3, 10)],
     [(2, 14), (1, 14), (3, 10)], [(1, 15), (2, 14), (3, 10)]],
)  # fmt: skip
def test_an_index_that_does_not_agree_with_the_blocks_is_refused(entries):
    data = small_archive()
    blocks = read(data)[1]
    right = [(block.n_signals, len(pack_block(block))) for block in blocks]
    trailer = pack_trailer(right)
    assert data.endswith(trailer)
    assert "index" in refusal(data[: -len(trailer)] + pack_trailer(entries))


def test_an_index_that_announces_endless_blocks_is_refused_at_once():
    trailer = b"\x0f" + write_varint(2**35 - 1)
    tracemalloc.start()
    refusal(pack_header(header_of()) + trailer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("rest", [b"\0", b"\n", b"garbage", b"\x89NRW"])
def test_anything_after_the_end_is_refused(rest):
    assert "after the end" in refusal(small_archive() + rest)


def test_two_archives_one_after_the_other_are_refused():
    assert "after the end" in refusal(small_archive() * 2)


def test_a_needlessly_long_number_is_refused():
    long_size = with_crc(MAGIC + bytes([VERSION, 0]) + MODEL_ID + bytes([0, 1]) + b"\x83\x00")
    assert "shortest" in refusal(long_size + pack_trailer([]))


# ---------------------------------------------------------------- by the index


@given(headers_and_blocks())
@examples(60)
def test_the_index_leads_to_the_blocks_that_were_written(case):
    header, blocks = case
    data = written(header, blocks)
    assert indexed(data) == (header, blocks, sum(block.n_signals for block in blocks))


@given(headers_and_blocks())
@examples(30)
def test_the_index_knows_where_the_signals_of_each_block_start(case):
    header, blocks = case
    archive = IndexedArchive(io.BytesIO(written(header, blocks)))
    firsts = [sum(block.n_signals for block in blocks[:b]) for b in range(len(blocks) + 1)]
    assert archive.starts == firsts


@pytest.mark.parametrize("n_signals", [0, 2**17, 2**35 - 1])
def test_an_index_of_impossible_blocks_is_refused_before_one_is_read(n_signals):
    packed = block_bytes(size=3, payload=b"abc")
    data = pack_header(header_of()) + packed + pack_trailer([(n_signals, len(packed))])
    with pytest.raises(FormatError):
        IndexedArchive(io.BytesIO(data))
