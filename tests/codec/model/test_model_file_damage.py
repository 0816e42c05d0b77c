"""Damaged model files: FormatError or ModelError, and never another exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.model.model_file import model_id_of
from tests.helpers.damaged_models import CONTENT, DATA, MODEL, TENSORS, refusal
from tests.helpers.model_files import sealed
from tests.helpers.tiny_models import examples


def test_a_model_file_can_be_opened_and_sealed_again():
    assert sealed(CONTENT, TENSORS) == DATA
    Codec.from_bytes(DATA)


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_every_flipped_byte_is_refused(flip):
    data = bytearray(DATA)
    for position in range(len(data)):
        data[position] ^= flip
        refusal(bytes(data))
        data[position] ^= flip


def test_every_truncation_is_refused():
    for size in range(len(DATA)):
        refusal(DATA[:size])


def test_every_extension_is_refused():
    for rest in (b"\0", b"\n", b"garbage", DATA):
        refusal(DATA + rest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        b"\0" * 100,
        b"\xff" * 100,
        b"\x89NRW" * 30,
        b"PK\x03\x04" + bytes(100),
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        (2**63).to_bytes(8, "little") + b"{}",
    ],
)
def test_other_files_are_refused(data):
    refusal(data)


@given(st.binary(max_size=200), st.binary(max_size=50))
@examples(100)
def test_random_files_are_refused(header, rest):
    refusal(header)
    refusal(len(header).to_bytes(8, "little") + header + rest)


# ---------------------------------------------------------------- the id in a header


def test_the_id_is_read_from_the_header_alone(tmp_path):
    path = tmp_path / "m.narrows"
    size = int.from_bytes(DATA[:8], "little")
    path.write_bytes(DATA[: 8 + size])
    assert model_id_of(path) == MODEL.model_id.hex()


def test_files_that_are_no_models_have_no_id(tmp_path):
    path = tmp_path / "m.narrows"
    for size in range(0, len(DATA), 53):
        path.write_bytes(DATA[:size])
        assert model_id_of(path) in (None, MODEL.model_id.hex())
    for data in (b"", b"\xff" * 40, (2**62).to_bytes(8, "little"), b"text\n" * 9):
        path.write_bytes(data)
        assert model_id_of(path) is None
    assert model_id_of(tmp_path) is None
    assert model_id_of(tmp_path / "missing.narrows") is None
