"""docs/FORMAT.md states what the code does: neither can change alone."""

import ast
import importlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_archive_by_hand import CODING, MODEL_ID, SIGNALS, TENSORS, model_by_hand

import narrows
from narrows.codec.archive import DTYPES, Mode
from narrows.codec.codec import Codec
from narrows.codec.layers import KINDS, Dense, LeakyReLU, ReLU, Reshape, Table
from narrows.codec.model_file import VERSION, KnownAnswers, Model, pack_model
from narrows.codec.network import IntegerNetwork
from narrows.codec.normaliser import Normaliser
from narrows.codec.symbols import Quantiser
from narrows.codec.tables import TOTAL, FrequencyTable
from narrows.errors import FormatError

DOCUMENT = (Path(__file__).parent.parent / "docs" / "FORMAT.md").read_text(encoding="utf-8")

CONSTANTS = {
    "archive magic": "archive.MAGIC",
    "tail magic": "archive.TAIL_MAGIC",
    "archive format version": "archive.VERSION",
    "model format version": "model_file.VERSION",
    "flag: embedded model": "archive.FLAG_EMBEDDED_MODEL",
    "required flags": "archive.REQUIRED_FLAGS",
    "known flags": "archive.KNOWN_FLAGS",
    "end byte": "archive.END_OF_BLOCKS",
    "bytes of a model id": "archive.MODEL_ID_BYTES",
    "dimensions, most": "archive.MAX_DIMENSIONS",
    "frame bytes, most": "archive.MAX_FRAME_BYTES",
    "block bytes, most": "archive.MAX_BLOCK_BYTES",
    "block signals, most": "archive.MAX_BLOCK_SIGNALS",
    "model bytes, most": "archive.MAX_MODEL_BYTES",
    "varint bytes, most": "bits.MAX_VARINT_BYTES",
    "precision": "tables.PRECISION",
    "total": "tables.TOTAL",
    "table symbols, most": "tables.MAX_SYMBOLS",
    "word bits": "entropy.WORD_BITS",
    "word mask": "entropy.WORD_MASK",
    "symbol, least": "symbols.SYMBOL_MIN",
    "symbol, greatest": "symbols.SYMBOL_MAX",
    "exact integers": "network.EXACT_FLOAT64",
    "exact output": "normaliser.MAX_OUTPUT",
    "exact rounding": "symbols.EXACT",
    "shift, most": "layers.MAX_SHIFT",
    "activation entries, most": "layers.MAX_TABLE_ENTRIES",
    "metadata key": "model_file.METADATA_KEY",
    "model header bytes, most": "model_file.MAX_HEADER_BYTES",
}
DOCUMENTED_OTHERWISE = {
    "archive.DTYPE_CODES",  # a table of its own
    "archive.DTYPES",
    "layers.KINDS",
    "model_file.NO_CHECKSUM",  # in words
}
NO_MATTER_OF_FORMAT = {
    "blocks.DEFLATE_LEVEL",
    "blocks.DEFLATE_WORTH_TRYING",
    "codec.DEFAULT_BATCH_SIZE",
    "network.EXACT_FLOAT32",
}


def section(heading):
    """The text under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ (?:\d\. )?{heading}\n(.*?)(?=^#|\Z)", DOCUMENT, re.M | re.S)
    assert found, f"no heading {heading!r} in FORMAT.md"
    return found[1]


def table(heading):
    """The rows of the first table under a heading, each a list of cells without backticks."""
    lines = re.search(r"(?:^\|.*\n)+", section(heading), re.M)[0].splitlines()
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def value(text):
    """A number, hexadecimal bytes or a quoted string, as the document writes them."""
    if re.fullmatch(r"[0-9A-F]{2}( [0-9A-F]{2})+", text):
        return bytes.fromhex(text)
    if quoted := re.fullmatch(r'"(.*)"', text):
        return quoted[1]
    if power := re.fullmatch(r"(-?)2\*\*(\d+)( - 1)?", text):
        return (-1 if power[1] else 1) * 2 ** int(power[2]) - bool(power[3])
    return int(text, 0)


def code_value(path):
    module, name = path.split(".")
    return getattr(importlib.import_module(f"narrows.codec.{module}"), name)


def constants_of(path):
    """The names in capitals that a module gives numbers, bytes, strings or mappings of them to."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for name in (n for target in targets if target for n in ast.walk(target)):
            if isinstance(name, ast.Name) and re.fullmatch(r"[A-Z][A-Z0-9_]+", name.id):
                full_name = f"{path.stem}.{name.id}"
                if isinstance(code_value(full_name), int | float | str | bytes | dict):
                    yield full_name


# ------------------------------------------------------------------------------ constants


def test_the_constants_of_the_document_are_those_of_the_code():
    documented = {name: value(text) for name, text, _ in table("Constants")}
    assert documented == {name: code_value(path) for name, path in CONSTANTS.items()}


def test_each_constant_of_the_runtime_is_documented_or_no_matter_of_format():
    folder = Path(narrows.__file__).parent / "codec"
    found = {name for path in folder.glob("*.py") for name in constants_of(path)}
    assert found == {*CONSTANTS.values(), *DOCUMENTED_OTHERWISE, *NO_MATTER_OF_FORMAT}


def test_each_constant_has_a_reason():
    assert all(reason for *_, reason in table("Constants") + table("Ranges"))


def test_the_format_version_is_that_of_the_code_and_the_document_has_one_of_its_own():
    assert re.search(r"^- Format version: (\d+)$", DOCUMENT, re.M)[1] == str(VERSION)
    assert re.search(r"^- Document version: \d+\.\d+$", DOCUMENT, re.M)


def test_the_element_types_are_those_of_the_code():
    documented = {int(code): (name, int(size)) for code, name, size in table("Element types")}
    assert documented == {code: (dtype.name, dtype.itemsize) for code, dtype in DTYPES.items()}


def test_the_block_modes_are_those_of_the_code():
    documented = {name: int(mode) for mode, name, _ in table("Block modes")}
    assert documented == {mode.name: mode.value for mode in Mode}
    for name in documented:
        assert f"**{name}**" in section("Block modes")


# ------------------------------------------------------------------------------ ranges


def dense(**settings):
    layer = {"shift": 0, "limit": None, **settings}
    return Dense(np.ones((1, 1), np.int16), np.zeros(1, np.int64), **layer)


def normaliser(**settings):
    numbers = {"limit": 255, "output_shift": 0, **settings}
    ends = {"offset": 0.0, "scale": 1.0, "output_scale": 1.0, "output_offset": 0.0}
    return Normaliser(np.dtype("uint8"), **ends, **numbers)


def quantiser(n_qualities=1, gain=1, step=1, shift=0, limit=255):
    ones = np.ones((n_qualities, 1), dtype=np.int64)
    return Quantiser(narrowest(gain * ones), shift, narrowest(step * ones), limit)


def narrowest(x):
    """An array as int32 where it fits; no model takes a wider one."""
    return x.astype(np.int32) if np.array_equal(x.astype(np.int32), x) else x


def frequency_table(size):
    weights = np.ones(size, dtype=np.int64)
    weights[0] = TOTAL - (size - 1)
    return FrequencyTable(0, weights)


def model_of_qualities(number):
    model = model_by_hand()
    gains = np.ones((number, 1), dtype=np.int32)
    return replace(model, quantiser=Quantiser(gains, 2, gains, 255), tables=number * model.tables)


RANGES = {
    "entries of a frequency table": frequency_table,
    "shift of a dense layer": lambda v: dense(shift=v),
    "limit of a dense layer": lambda v: dense(limit=v),
    "entries of an activation table": lambda v: Table(np.zeros(v, np.int32), 0, False),
    "limit of the normaliser": lambda v: normaliser(limit=v),
    "output shift of the normaliser": lambda v: normaliser(output_shift=v),
    "shift of the quantiser": lambda v: quantiser(shift=v),
    "limit of the quantiser": lambda v: quantiser(limit=v),
    "gain": lambda v: quantiser(gain=v),
    "step": lambda v: quantiser(step=v),
    "number of qualities": model_of_qualities,
}
TOO_MUCH_IS_NOT_YET_REFUSED = {"limit of a dense layer", "number of qualities"}


def test_each_range_of_the_document_is_held_against_the_code():
    assert [name for name, *_ in table("Ranges")] == list(RANGES)


@pytest.mark.parametrize("name", RANGES)
def test_the_code_accepts_both_ends_of_a_documented_range(name):
    least, greatest = documented_range(name)
    RANGES[name](least)
    RANGES[name](greatest)


@pytest.mark.parametrize("name", RANGES)
def test_the_code_refuses_less_than_a_documented_range(name):
    with pytest.raises(FormatError):
        RANGES[name](documented_range(name)[0] - 1)


@pytest.mark.parametrize("name", RANGES)
def test_the_code_refuses_more_than_a_documented_range(name, request):
    if name in TOO_MUCH_IS_NOT_YET_REFUSED:
        request.applymarker(pytest.mark.xfail(reason="the code has no such check", strict=True))
    with pytest.raises(FormatError):
        RANGES[name](documented_range(name)[1] + 1)


def documented_range(name):
    return next((value(a), value(b)) for row, a, b, _ in table("Ranges") if row == name)


# ------------------------------------------------------------------------------ model file


def model_of_all_kinds():
    """A model whose encoder has a layer of each kind, and known answers."""
    model = model_by_hand()
    spread = Dense(np.ones((2, 1), np.int16), np.zeros(1, np.int64), shift=0, limit=510)
    clamp = Table(np.arange(9, dtype=np.int32), 0, identity_above=True)
    layers = [LeakyReLU(), ReLU(), clamp, Reshape((1, 2)), Reshape((2,)), spread]
    assert {type(layer) for layer in layers} == set(KINDS.values())
    known = KnownAnswers(np.zeros((3, 1), np.int32), "", np.zeros((3, 1), np.int32))
    return replace(model, encoder=IntegerNetwork(layers, (2,), 255), known_answers=known)


def content_of(model: Model):
    """The header of a model's file, and the JSON in it."""
    data = pack_model(model)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header, json.loads(header["__metadata__"]["narrows"])


def keys_of(value, prefix=""):
    """The keys of nested objects joined by dots; a network's are those of all networks."""
    for key, inner in value.items():
        yield prefix + key
        if isinstance(inner, dict) and "layers" not in inner:
            yield from keys_of(inner, f"{prefix}{key}.")


def test_the_keys_of_a_model_file_are_those_of_the_document():
    _, content = content_of(model_of_all_kinds())
    assert sorted(keys_of(content)) == sorted(key for key, *_ in table("JSON"))
    networks = re.findall(r"^\| `(\w+)` \|", section("JSON").split("A *network* is")[1], re.M)
    for side in ("encoder", "decoder"):
        assert sorted(content["coding"][side]) == sorted(networks)


def test_the_tensors_of_a_model_file_are_those_of_the_document():
    header, _ = content_of(model_of_all_kinds())
    short = {re.sub(r"^(..coder)\.\d+\.\w+$", r"\1.<layer>.<tensor>", name) for name in header}
    assert short - {"__metadata__"} == {name for name, *_ in table("Tensors")}
    codes = {"int32": "I32"}
    for name, dtype, *_ in table("Tensors"):
        assert name not in header or header[name]["dtype"] == codes[dtype]


def test_the_layer_kinds_with_their_settings_and_tensors_are_those_of_the_code():
    layers = {layer.kind: layer for layer in model_of_all_kinds().encoder.layers}
    documented = {kind: (names(a), names(b)) for kind, a, b, _ in table("Layer kinds")}
    assert documented == {
        kind: (set(layers[kind].settings()), set(layers[kind].tensors())) for kind in KINDS
    }
    for kind in KINDS:
        assert f"**{kind}**" in section("Layer kinds")
        assert f"`{kind}`" in section("The proof")


def names(cell):
    return set() if cell == "none" else set(re.findall(r"\w+", cell))


# ------------------------------------------------------------------------------ worked example


def test_the_archive_of_the_worked_example_is_what_the_code_writes():
    rows = table("Its archive")
    offsets, fields = [int(row[0]) for row in rows], [bytes.fromhex(row[1]) for row in rows]
    assert offsets == [sum(map(len, fields[:i])) for i in range(len(fields))]
    assert b"".join(fields) == Codec(model_by_hand()).compress(SIGNALS)


def test_the_model_of_the_worked_example_is_the_one_worked_out_by_hand():
    text = section("A model")
    assert re.search(r"```json\n(.*)\n```", text)[1] == CODING
    assert re.search(r"^Model id: `(\w+)`$", text, re.M)[1] == MODEL_ID.hex()
    hashed = re.findall(r"^\| `(\S+ int\d+ \[.*?\])` \| `([0-9 ]+)` \|$", text, re.M)
    written = [(line.strip().decode(), data.hex(" ")) for line, data in TENSORS]
    assert hashed == written


def test_the_signals_of_the_worked_example_decode_as_it_says():
    codec = Codec(model_by_hand())
    for signal, total, symbol, _, decoded in table("Its symbols"):
        x = np.array([ast.literal_eval(signal)], dtype=np.uint8)
        assert x.sum() == int(total)
        assert codec.encode(x).tolist() == [[int(symbol)]]
        assert codec.decode(codec.encode(x)).tolist() == [list(ast.literal_eval(decoded))]


def test_the_varints_of_the_document_are_those_of_the_code():
    from narrows.codec.bits import write_varint

    for number, text in table("Variable-length integers"):
        assert write_varint(int(number)) == bytes.fromhex(text)


def test_the_exp_golomb_codes_of_the_document_are_those_of_the_code():
    from narrows.codec.bits import BitWriter

    for number, bits in re.findall(r"^\| (\d+) \| `([01]+)` \|$", section("Escaped symbols"), re.M):
        writer = BitWriter()
        writer.write_exp_golomb(int(number))
        filled = bits.ljust(-(-len(bits) // 8) * 8, "0")
        assert writer.to_bytes() == int(filled, 2).to_bytes(len(filled) // 8, "big")
