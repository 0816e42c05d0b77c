"""Damaged model files: FormatError or ModelError, and never another exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.model.model_file import model_id_of
from tests.helpers.damaged_models import BODY, CONTENT, DATA, MODEL, ROWS, TENSORS, TEXT, refusal
from tests.helpers.model_files import canonical, sealed, sealed_text
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
        DATA[:5],
        DATA[:5] + bytes(4),
        DATA[:5] + b"\xff" * 4,
        sealed_text(b"", b""),
        sealed_text(b"{}", b""),
        sealed_text(b"[]", b""),
        sealed_text(b"null", b""),
        sealed_text(b'["model_id"]', b""),
        sealed_text(b'"model_id"', b""),
    ],
)
def test_other_files_are_refused(data):
    refusal(data)


@given(st.binary(max_size=200), st.binary(max_size=50))
@examples(100)
def test_random_files_are_refused(text, rest):
    refusal(text)
    refusal(DATA[:5] + text)
    refusal(sealed_text(text, rest))


# ---------------------------------------------------------------- the container


@pytest.mark.parametrize("version", [1, 2, 99, 255])
def test_an_unknown_version_is_refused_by_number(version):
    assert f"version {version};" in refusal(sealed_text(TEXT, BODY, version))


@pytest.mark.parametrize("change", [-1, 1, 2**20, 2**31])
def test_a_json_of_another_length_is_refused(change):
    refusal(sealed_text(TEXT, BODY, size=len(TEXT) + change))


def with_sizes(sizes):
    return sealed_text(canonical({**CONTENT, "tensors": sizes}).encode(), BODY)


SIZES = {name: len(row) for name, row in ROWS.items()}


@pytest.mark.parametrize("value", [None, [], "x", 1, {}, True, list(SIZES), list(SIZES.values())])
def test_tensors_that_are_no_sizes_by_name_are_refused(value):
    refusal(with_sizes(value))


@pytest.mark.parametrize("value", [-1, 1, 2**40, None, True, 1.0, "1", [1], {}])
def test_a_size_of_a_tensor_that_is_another_or_none_is_refused(value):
    for name in ("decoder.1.weight", "training"):
        refusal(with_sizes({**SIZES, name: value}))


def test_tensors_that_share_bytes_or_leave_some_out_are_refused():
    refusal(with_sizes({**SIZES, "extra": 0}))
    one, other = "tables.low", "tables.size"
    for change in (-1, 1):
        moved = {**SIZES, one: SIZES[one] + change, other: SIZES[other] - change}
        refusal(with_sizes(moved))
    for rest in (b"", BODY[:-1], BODY + b"\0", BODY + BODY):
        refusal(sealed_text(TEXT, rest))


# ---------------------------------------------------------------- the id in the JSON


def test_the_id_is_read_from_the_json_alone(tmp_path):
    path = tmp_path / "m.narrows"
    path.write_bytes(DATA[: 9 + len(TEXT)])
    assert model_id_of(path) == MODEL.model_id.hex()


def test_files_that_are_no_models_have_no_id(tmp_path):
    path = tmp_path / "m.narrows"
    for size in range(0, len(DATA), 53):
        path.write_bytes(DATA[:size])
        assert model_id_of(path) in (None, MODEL.model_id.hex())
    for data in (b"", b"\xff" * 40, DATA[:5] + b"\xff" * 40, b"text\n" * 9):
        path.write_bytes(data)
        assert model_id_of(path) is None
    assert model_id_of(tmp_path) is None
    assert model_id_of(tmp_path / "missing.narrows") is None
