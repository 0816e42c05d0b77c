"""Damaged and hostile model files: FormatError or ModelError, and never another exception."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.model.model_file import model_id_of
from narrows.errors import FormatError, ModelError, UnprovenModelError
from tests.helpers.damaged_models import (
    BODY,
    CONTENT,
    DATA,
    MODEL,
    ROWS,
    TENSORS,
    TEXT,
    refusal,
    refused_or_same,
)
from tests.helpers.model_files import canonical, forged, of_rows, sealed, sealed_text
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


def with_content(**changes):
    return sealed({**CONTENT, **changes}, TENSORS)


def with_setting(*path, value):
    """Change one value in the description of what coding depends on."""
    content = json.loads(json.dumps(CONTENT))
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return forged(content, TENSORS)


def with_tensor(name, tensor):
    tensors = {**TENSORS, name: tensor}
    return forged(CONTENT, {k: t for k, t in tensors.items() if t is not None})


@pytest.mark.parametrize("key", sorted(CONTENT))
def test_a_missing_key_is_refused(key):
    refusal(sealed({k: v for k, v in CONTENT.items() if k != key}, TENSORS))


@pytest.mark.parametrize("name", sorted(TENSORS))
def test_a_missing_tensor_is_refused(name):
    refusal(with_tensor(name, None))


@pytest.mark.parametrize("name", sorted(TENSORS))
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64"])
def test_a_tensor_of_another_dtype_is_refused(name, dtype):
    if TENSORS[name].dtype != dtype and name != "training":
        refusal(with_tensor(name, TENSORS[name].astype(dtype)))


@pytest.mark.parametrize("name", sorted(TENSORS))
def test_damaged_packed_bytes_are_refused(name):
    """The checksum is right here: what unpacks to other numbers does not have the model's id."""
    row = ROWS[name]
    for position in range(0, len(row), 1 + len(row) // 60):
        for flip in (0x01, 0x80, 0xFF):
            damaged = row[:position] + bytes([row[position] ^ flip]) + row[position + 1 :]
            refused_or_same(of_rows(CONTENT, {**ROWS, name: damaged}))
        refused_or_same(of_rows(CONTENT, {**ROWS, name: row[:position]}))
    refused_or_same(of_rows(CONTENT, {**ROWS, name: row + row[-1:]}))


@pytest.mark.parametrize("name", sorted(set(TENSORS) - {"training"}))
def test_a_tensor_of_another_shape_is_refused(name):
    tensor = TENSORS[name]
    refusal(with_tensor(name, np.ascontiguousarray(tensor[..., :-1])))
    refusal(with_tensor(name, tensor[None]))
    refusal(with_tensor(name, np.zeros((), tensor.dtype)))
    refusal(with_tensor(name, np.zeros(0, tensor.dtype)))


CODING_TENSORS = sorted(n for n in TENSORS if not n.startswith(("known.", "training")))


@pytest.mark.parametrize("name", CODING_TENSORS)
def test_another_number_in_a_tensor_is_refused(name):
    """The id would no longer name the model."""
    tensor = TENSORS[name].copy()
    tensor.reshape(-1)[0] += 1
    refusal(sealed(CONTENT, {**TENSORS, name: tensor}))


@pytest.mark.parametrize(
    "name",
    ["extra", "encoder.9.weight", "tables.extra", "known.extra", "contexts.1.extra",
     "contexts.0.order", "contexts.3.order", "contexts.order", "encoder.extra", "curvature"],
)  # fmt: skip
def test_a_tensor_that_a_model_does_not_have_is_refused(name):
    refusal(with_tensor(name, np.zeros(3, np.int16)))


def test_one_part_of_a_search_without_the_other_is_refused():
    content = {**CONTENT, "encoder": {k: v for k, v in CONTENT["encoder"].items() if k != "search"}}
    without = {name: tensor for name, tensor in TENSORS.items() if name != "encoder.curvature"}
    assert Codec.from_bytes(forged(content, without)).model.tradeoffs is None
    refusal(forged(content, TENSORS))
    refusal(forged(CONTENT, without))


@pytest.mark.parametrize("value", [-1, -(2**31)])
def test_a_curvature_below_0_is_refused(value):
    curvature = TENSORS["encoder.curvature"].copy()
    curvature[1, 1] = value
    assert "curvature" in refusal(with_tensor("encoder.curvature", curvature))


def test_another_id_is_refused():
    refusal(with_content(model_id="00" * 16))
    refusal(with_content(encoder_sha256="00" * 32))


@pytest.mark.parametrize("value", [0, None, [], {}, "00" * 15, "XY" * 16])
def test_an_id_that_is_none_is_refused(value):
    refusal(with_content(model_id=value))


ONE = "0x1.0000000000000p+0"
NO_POSITIVE_FLOATS = [
    "nan", "inf", "-inf", "0x0.0p+0", "-" + ONE, "0x1p+0", "1.0", "0x1p5000", "x", "", 1.0, 1, None,
]  # fmt: skip
CONTEXT = CONTENT["decoding"]["contexts"][1]  # of the second of three qualities
BAD_SETTINGS = {
    ("decoding", "frame_shape"): [[], [2], [-2, -2], [2, 2.0, "x"], "22", 4, None, [0, 4],
                                  [2**40] * 9],
    ("decoding", "normaliser"): [None, [], {}, "x"],
    ("decoding", "normaliser", "dtype"): ["object", "float16", ">u2", "U5", "nonsense", None, 7,
                                          "u1,u1", []],
    ("decoding", "normaliser", "offset"): ["nan", "inf", "0x1p5000", "1e999", "x", 1.0, None, [],
                                           "0x" + "f" * 99],
    ("decoding", "normaliser", "output_scale"): ["-inf", "0x1p99999", ""],
    ("decoding", "normaliser", "output_multiplier"): [0, 2**15 + 1, 1.5, "3", None, True],
    ("decoding", "normaliser", "extra"): [0],
    ("decoding", "normaliser", "limit"): [0, -5, 2**40, 127.5, "128", None, float("nan"), True],
    ("decoding", "normaliser", "output_shift"): [99, -99, 1.5, "1", None, float("nan"),
                                                 float("inf")],
    ("decoding", "quantiser"): [None, [], {}, {"shift": 8}],
    ("decoding", "quantiser", "shift"): [-1, 99, 1.5, "8", None, float("nan")],
    ("decoding", "quantiser", "limit"): [0, 2**31, 0.5, None, float("inf")],
    ("encoder",): [[], {}, "x", 0],
    ("encoder", "input_shape"): [[], [3], None, "ab", [-2, -2]],
    ("encoder", "input_limit"): [None, "x", -1, 2**60, float("nan"), float("inf"), 1e400],
    ("encoder", "layers"): [None, [], {}, "x", ["x"], [None], [[]], [1], [{}], {"0": "x"}],
    ("encoder", "layers", 0, "kind"): ["attention", None, [], {}, 5],
    ("encoder", "layers", 0, "shape"): [None, [], [-2, -2], ["x"], [[4]], [4.0, 1], 4, [1e400]],
    ("encoder", "layers", 1, "shift"): [-1, 53, 1.5, "1", None, float("nan"), float("inf"), 1e5],
    ("encoder", "layers", 1, "limit"): [-1, 1.5, "1", float("nan"), float("inf"), [], {}],
    ("encoder", "layers", 1, "extra"): [1, None],
    ("encoder", "layers", 2, "low"): [0.5, "x", None, float("nan"), 2**60, -(2**60), 10**400],
    ("encoder", "layers", 2, "identity_above"): ["yes", 2, None, []],
    ("encoder", "extra"): [0, None],
    ("encoder", "search"): [None, [], {}, "x", 0, True, {"unit": ONE}, {"lambda": [ONE] * 3}],
    ("encoder", "search", "unit"): NO_POSITIVE_FLOATS,
    ("encoder", "search", "lambda", 0): NO_POSITIVE_FLOATS,
    ("encoder", "search", "lambda"): [None, {}, ONE, 1, [], [ONE], [ONE] * 4, [[ONE] * 3]],
    ("encoder", "search", "extra"): [0, None],
    ("decoding", "decoder", "search"): [{"unit": ONE, "lambda": [ONE] * 3}],
    ("decoding", "decoder", "layers"): [[{"kind": "reshape", "shape": [2, 2]}], None, [None]],
    ("decoding", "decoder", "input_limit"): [5, 2**24 - 1.0, None],
    ("decoding", "contexts"): [None, [], {}, "", "x", 1, [None, None], [None] * 3, [None] * 4,
                               [0] * 3, [[], [], []], {"0": None}, [None, CONTEXT],
                               [None, CONTEXT, None, None], [None, CONTEXT, CONTEXT]],
    ("decoding", "contexts", 0): [False, {}, [], "x", CONTEXT],
    ("decoding", "contexts", 1): [None, {}, [], "x", 0, 1],
    ("decoding", "contexts", 1, "order"): [[0, 1]],
    ("decoding", "contexts", 1, "sizes"): [[3, 3]],
    ("decoding", "contexts", 1, "hidden_shift"): [-1, 41, 1.5, "1", None, float("nan"), True],
    ("decoding", "contexts", 1, "output_shift"): [-1, 41, 2.0, "x", 10**400],
    ("decoding", "contexts", 1, "row_shift"): [-1, 41, [], {}],
    ("decoding", "contexts", 1, "hidden_limit"): [0, -1, 2**24 + 1, None, 255.0, float("inf")],
    ("decoding", "contexts", 1, "output_limit"): [0, -1, 2**24 + 1, None, True, "255"],
    ("decoding", "contexts", 1, "extra"): [0, None],
    ("decoding", "extra"): [0],
    ("decoding", "format"): [1, "0", None, 0.0, False],
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path, values in BAD_SETTINGS.items() for value in values],
    ids=lambda x: ".".join(map(str, x)) if isinstance(x, tuple) else repr(x)[:20],
)
def test_settings_of_a_wrong_value_or_type_are_refused(path, value):
    refusal(with_setting(*path, value=value))


@pytest.mark.parametrize("key", ["peak", "architecture", "known_sha256", "encoder_sha256"])
@pytest.mark.parametrize("value", [[], 1, 0.5, True, "x", {"a": 1}])
def test_a_description_of_another_type_is_refused(key, value):
    if (key, value) != ("architecture", "x"):
        refusal(with_content(**{key: value}))


@pytest.mark.parametrize("peak", ["nan", "inf", "-0x1p3", "0x0p+0", "1.0", "0x1p5000", "0X1P+3"])
def test_a_peak_that_is_none_is_refused(peak):
    refusal(with_content(peak=peak))


@pytest.mark.parametrize(
    "summary",
    [b"", b"[]", b"1", b"null", b'"text"', b"{", b"\xff", b'{"a": 1}', b'{"a":NaN}', b"[1]",
     b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}", b'{"a":1e999}', "{}".encode("utf-16")],
)  # fmt: skip
def test_a_training_summary_of_any_bytes_is_refused_or_a_mapping(summary):
    data = with_tensor("training", np.frombuffer(summary, np.uint8))
    refused_or_same(data)
    try:
        codec = Codec.from_bytes(data)
    except (FormatError, ModelError):
        return
    assert isinstance(codec.model.training, dict)
    assert Codec.from_bytes(codec.model_bytes).model.training == codec.model.training


def test_weights_that_could_leave_the_exact_integers_are_refused():
    bias = TENSORS["encoder.1.bias"].copy()
    bias[0] = 2**62
    with pytest.raises(UnprovenModelError, match=r"2\*\*53"):
        Codec.from_bytes(with_tensor("encoder.1.bias", bias))


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_nested_without_end_is_refused(opening, tmp_path):
    data = sealed_text((opening * 100_000).encode(), b"")
    refusal(data)
    (tmp_path / "x.narrows").write_bytes(data)
    assert model_id_of(tmp_path / "x.narrows") is None


def nested(depth):
    deep = "[" * depth + "]" * depth
    return sealed_text(TEXT.replace(b"{", f'{{"A":{deep},'.encode(), 1), BODY)


def test_json_nested_to_any_depth_is_refused():
    """At some depth reading succeeds, and what is done with the result no longer does."""
    for depth in range(600, 1100):
        refusal(nested(depth))


@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000, "1e400", "NaN", "-Infinity"])
def test_numbers_that_json_should_not_have_are_refused(number, tmp_path):
    data = sealed_text(TEXT.replace(b"{", f'{{"A":{number},'.encode(), 1), BODY)
    refusal(data)
    (tmp_path / "x.narrows").write_bytes(data)
    assert model_id_of(tmp_path / "x.narrows") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'{"', b'{ "'), (b'"architecture":"tiny"', b'"architecture":"\\u0074iny"'),
     (b'"architecture":"tiny"', b'"architecture":"other","architecture":"tiny"')],
)  # fmt: skip
def test_metadata_in_another_form_is_refused(old, new):
    text = TEXT.replace(old, new, 1)
    assert text != TEXT
    assert json.loads(text) == json.loads(TEXT)
    refusal(sealed_text(text, BODY))
