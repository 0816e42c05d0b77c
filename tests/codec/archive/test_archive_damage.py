"""Every flipped byte and every truncation: an error, or exactly what was there."""

import io

import pytest

from narrows.codec.archive import Mode
from narrows.errors import FormatError, WrongModelError
from tests.helpers.archives import BLOCK_LIMIT, indexed, read, refusal, small_archive
from tests.helpers.tiny_models import (
    assert_identical,
    assert_one_line,
    noise_frames,
    tiny_codec,
    typical_frames,
)

FLIPS = [1 << bit for bit in range(8)] + [0xFF]


def flipped(data):
    """Yield the data with each byte changed in nine ways."""
    for position in range(len(data)):
        for flip in FLIPS:
            yield data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :]


@pytest.fixture(scope="module")
def codec():
    return tiny_codec("uint8", (3, 5), 12)


@pytest.fixture(scope="module")
def signals(codec):
    x = typical_frames(codec.model, 9)
    x[3:6] = noise_frames("uint8", (3, 3, 5))
    x[6:] = 255
    return x


@pytest.fixture(scope="module")
def blob(codec, signals):
    """An archive with a block of each mode."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCK_LIMIT, 3 * 15)
        data = codec.compress(signals)
    assert [block.mode for block in read(data)[1]] == [Mode.CODED, Mode.STORED, Mode.DEFLATED]
    return data


@pytest.mark.parametrize("embedded", [None, b"a model"])
@pytest.mark.parametrize("read", [read, indexed])
def test_every_flipped_missing_or_added_byte_of_the_container_is_refused(read, embedded):
    data = small_archive(embedded)
    for damaged in flipped(data):
        refusal(damaged, read)
    for position in range(len(data)):
        refusal(data[:position], read)
        refusal(data[:position] + data[position + 1 :], read)
    refusal(data + b"\0", read)


def decompressed(codec, data):
    """Decompress; None where it is refused in one line."""
    try:
        return codec.decompress(data)
    except (FormatError, WrongModelError) as error:
        assert_one_line(error)
        return None


def test_every_flipped_byte_is_refused_or_changes_nothing(codec, blob):
    x = codec.decompress(blob)
    for damaged in flipped(blob):
        y = decompressed(codec, damaged)
        if y is not None:
            assert_identical(y, x)


def test_every_truncation_is_refused(codec, blob):
    for size in range(len(blob)):
        assert decompressed(codec, blob[:size]) is None


def test_every_flipped_byte_of_an_archive_with_its_model_is_refused(codec, signals):
    blob = codec.compress(signals[:3], embed_model=True)
    for position in range(len(blob)):
        damaged = bytearray(blob)
        damaged[position] ^= 0x55
        assert decompressed(codec, bytes(damaged)) is None


def test_truncation_is_refused_also_where_blocks_came_first(codec, blob):
    parts = codec.decoder.decompress_from(io.BytesIO(blob[:-1]))
    for _ in range(3):
        assert next(parts).shape[1:] == (3, 5)
    with pytest.raises(FormatError, match="truncated"):
        next(parts)


def test_any_byte_after_the_end_is_refused(codec, blob):
    for byte in range(256):
        assert decompressed(codec, blob + bytes([byte])) is None
