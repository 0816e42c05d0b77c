"""Metadata of an archive: read as it was written, kept by appending, bounded, and checked."""

import io
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import narrows
from narrows.codec.archive import ArchiveReader, ArchiveWriter, Header, IndexedArchive
from narrows.codec.archive.metadata import MAX_METADATA_BYTES, pack_metadata, unpack_metadata
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.codec.entropy.bits import write_varint
from narrows.errors import FormatError, SettingError
from tests.helpers.tiny_models import assert_identical, examples, refusing, tiny_model

CODEC = Codec(tiny_model())
X = np.zeros((3, *CODEC.model.frame_shape), CODEC.model.dtype)
METADATA = {"attributes": {"units": "mV", "scale": 0.1}, "names": ["a.png", "\u00e4"], "mine": None}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)  # fmt: skip


def with_metadata(packed):
    """Return an archive without signals whose header announces packed metadata."""
    blob = CODEC.compress(X[:0])
    header = bytearray(blob[:-14])
    header[5] |= 0x02
    header[-4:] = crc(header[:-4])
    part = write_varint(len(packed)) + packed
    return bytes(header) + part + crc(part) + blob[-14:]


def crc(data):
    return zlib.crc32(data).to_bytes(4, "little")


@given(st.dictionaries(st.text(), VALUES, min_size=1))
@examples(100)
def test_metadata_is_read_as_it_was_written(metadata):
    assert unpack_metadata(pack_metadata(metadata)) == metadata
    blob = CODEC.compress(X, metadata=metadata)
    assert ArchiveReader(io.BytesIO(blob)).header.metadata == metadata
    assert_identical(CODEC.decompress(blob), CODEC.decompress(CODEC.compress(X)))


def test_the_order_of_keys_does_not_change_the_bytes():
    backwards = dict(reversed(METADATA.items()))
    assert CODEC.compress(X, metadata=backwards) == CODEC.compress(X, metadata=METADATA)


@pytest.mark.parametrize("none", [None, {}])
def test_an_archive_without_metadata_takes_no_byte_for_it(none):
    assert CODEC.compress(X, metadata=none) == CODEC.compress(X)
    assert ArchiveReader(io.BytesIO(CODEC.compress(X))).header.metadata == {}


def test_metadata_stands_before_an_embedded_model():
    blob = CODEC.compress(X, metadata=METADATA, embed_model=True)
    header, model = IndexedArchive(io.BytesIO(blob)).header, CODEC.without_encoder().model_bytes
    assert (header.metadata, header.embedded_model) == (METADATA, model)
    assert blob.index(pack_metadata(METADATA)) < blob.index(model)


def test_metadata_is_kept_where_an_archive_goes_on(tmp_path):
    path = tmp_path / "x.nrw"
    path.write_bytes(CODEC.compress(X, metadata=METADATA, embed_model=True))
    with path.open("r+b") as stream:
        archive = IndexedArchive(stream)
        stream.seek(archive.index_offset)
        size = CODEC.encoder.append_to(stream, archive, X, Request())
    assert size == path.stat().st_size
    with narrows.open(path) as archive:
        assert (archive.metadata, len(archive)) == (METADATA, 6)


def test_the_length_of_an_archive_that_goes_on_does_not_depend_on_how_its_metadata_deflates():
    """Versions of a deflate library differ: what stands in the file counts."""
    text = b'{"a":"' + b"b" * 200 + b'"}'
    blob = with_metadata(write_varint(len(text)) + zlib.compress(text, 0))
    archive = IndexedArchive(io.BytesIO(blob))
    writer = ArchiveWriter(io.BytesIO(), archive.header, archive)
    writer.close()
    assert writer.n_bytes == len(blob)


def nested(depth):
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "bad",
    [[1], "text", 5, {1: 2}, {None: 0}, {"a": float("nan")}, {"a": [float("inf")]}, {"a": {1, 2}},
     {"a": b"bytes"}, {"a": np.float32(1)}, {"a": np.zeros(2)}, {"a": {1: 0, "b": 0}},
     {"a": [{1: 0}]}, {"a": {"b": {True: 0}}}, nested(64),
     nested(100_000), {"a": "x" * MAX_METADATA_BYTES}],
)  # fmt: skip
def test_metadata_of_which_no_json_can_be_made_is_refused_in_one_line(bad):
    with refusing(SettingError, "metadata"):
        CODEC.compress(X, metadata=bad)


def test_metadata_of_any_depth_that_is_written_is_read_from_any_stack():
    packed = pack_metadata(nested(63))

    def below(n_calls):
        return below(n_calls - 1) if n_calls else unpack_metadata(packed)

    assert below(sys.getrecursionlimit() - 250) == nested(63)


TEXT = b'{"a":1}'
GOOD = write_varint(len(TEXT)) + zlib.compress(TEXT)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x07",
        GOOD[:-1],
        GOOD + b"\0",
        b"\x06" + GOOD[1:],
        b"\x08" + GOOD[1:],
        write_varint(MAX_METADATA_BYTES + 1) + GOOD[1:],
        *(write_varint(len(text)) + zlib.compress(text) for text in (
            b"", b"{", b"[]", b"null", b"1", b'"a"', b'{"a":NaN}', b'{"a":-Infinity}',
            b'{"a":"\xff"}', '{"a":1}'.encode("utf-16"), b"[" * 100_000, b'{"a":' * 100_000,
        )),
        b"\x07" + zlib.compress(bytes(2**24)),
    ],
    ids=map(str, range(20)),
)  # fmt: skip
def test_metadata_that_no_writer_writes_is_refused(packed):
    assert ArchiveReader(io.BytesIO(with_metadata(GOOD))).header.metadata == {"a": 1}
    for reader in (ArchiveReader, IndexedArchive):
        with refusing(FormatError):
            reader(io.BytesIO(with_metadata(packed)))


def test_every_flipped_byte_of_metadata_is_refused():
    blob = CODEC.compress(X, metadata=METADATA)
    first = blob.index(pack_metadata(METADATA)) - 1
    for position in range(first, first + len(pack_metadata(METADATA)) + 5):
        damaged = blob[:position] + bytes([blob[position] ^ 0xFF]) + blob[position + 1 :]
        with pytest.raises(FormatError):
            CODEC.decompress(damaged)


def test_a_header_takes_any_mapping():
    class Frozen(dict):
        """A mapping that is no plain dict."""

    header = Header(bytes(16), np.dtype("uint8"), (2,), metadata=Frozen(a=1))
    stream = io.BytesIO()
    ArchiveWriter(stream, header).close()
    assert ArchiveReader(io.BytesIO(stream.getvalue())).header.metadata == {"a": 1}
