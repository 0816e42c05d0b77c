"""docs/FORMAT.md states what the code does: neither can change alone."""

import ast
import importlib
import json
import re
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.codec.archive import DTYPES, Mode
from narrows.codec.archive.quality_groups import pack_mixed
from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.context_model import (
    EXP_ZERO,
    LARGEST_LOG,
    LOG_UNIT,
    OCTAVES,
    ContextModel,
)
from narrows.codec.entropy.context_model import TENSORS as TENSOR_TYPES
from narrows.codec.entropy.context_tables import (
    EXP_SHIFT,
    NARROW,
    NARROW_BITS,
    WIDE_BITS,
    ContextTables,
    exponentials,
    shared_out,
)
from narrows.codec.entropy.tables import TOTAL, FixedTables, FrequencyTable, frequencies_of
from narrows.codec.model import packed_tensors as tensor_coding
from narrows.codec.model.model import VERSION, KnownAnswers, Model
from narrows.codec.model.model_file import pack_model
from narrows.codec.model.packed_tensors import unpack_tensor
from narrows.codec.model.tradeoff import Exchange
from narrows.codec.networks.layers import (
    KINDS,
    Conv,
    Dense,
    LeakyReLU,
    ReLU,
    Reshape,
    Residual,
    Table,
    TransposedConv,
)
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser
from narrows.errors import FormatError
from tests.helpers.by_hand import (
    DECODING,
    DECODING_DIGEST,
    ENCODER,
    ENCODER_DIGEST,
    MODEL_ID,
    ROWS,
    SIGNALS,
    TENSORS,
    model_by_hand,
)

DOCUMENT = (Path(__file__).parents[2] / "docs" / "FORMAT.md").read_text(encoding="utf-8")

CONSTANTS = {
    "archive magic": "archive.layout.MAGIC",
    "tail magic": "archive.layout.TAIL_MAGIC",
    "tail bytes": "archive.layout.TAIL_BYTES",
    "archive format version": "archive.layout.VERSION",
    "model format version": "model.model.VERSION",
    "flag: embedded model": "archive.layout.FLAG_EMBEDDED_MODEL",
    "required flags": "archive.layout.REQUIRED_FLAGS",
    "known flags": "archive.layout.KNOWN_FLAGS",
    "end byte": "archive.layout.END_OF_BLOCKS",
    "quality of a mixed block": "block_coder.MIXED_QUALITY",
    "bytes of a model id": "archive.layout.MODEL_ID_BYTES",
    "dimensions, most": "archive.layout.MAX_DIMENSIONS",
    "elements, most": "checks.MAX_ELEMENTS",
    "frame bytes, most": "archive.layout.MAX_FRAME_BYTES",
    "block bytes, least": "archive.layout.MIN_BLOCK_BYTES",
    "block bytes, most": "archive.layout.MAX_BLOCK_BYTES",
    "block signals, most": "archive.layout.MAX_BLOCK_SIGNALS",
    "model bytes, most": "archive.layout.MAX_MODEL_BYTES",
    "varint bytes, most": "entropy.bits.MAX_VARINT_BYTES",
    "Exp-Golomb zeros, most": "entropy.bits.MAX_GOLOMB_ZEROS",
    "qualities, most": "networks.quantiser.MAX_QUALITIES",
    "precision": "entropy.tables.PRECISION",
    "total": "entropy.tables.TOTAL",
    "table symbols, most": "entropy.tables.MAX_SYMBOLS",
    "logarithm unit": "entropy.context_model.LOG_UNIT",
    "octaves": "entropy.context_model.OCTAVES",
    "placed logarithm, least": "entropy.context_model.EXP_ZERO",
    "placed logarithm, greatest": "entropy.context_model.LARGEST_LOG",
    "entries of a narrow table, most": "entropy.context_tables.NARROW",
    "room bits of a narrow table": "entropy.context_tables.NARROW_BITS",
    "room bits of a wide table": "entropy.context_tables.WIDE_BITS",
    "shift of a context model, most": "entropy.context_model.MAX_SHIFT",
    "limit of a context model, most": "entropy.context_model.MAX_LIMIT",
    "lambda of a search, most": "model.tradeoff.LARGEST_LAMBDA",
    "hidden units of a position, most": "entropy.context_model.MAX_UNITS",
    "outputs of a position, most": "entropy.context_model.MAX_OUTPUTS",
    "word bits": "entropy.ans.WORD_BITS",
    "word mask": "entropy.ans.WORD_MASK",
    "symbol, least": "networks.quantiser.SYMBOL_MIN",
    "symbol, greatest": "networks.quantiser.SYMBOL_MAX",
    "exact integers": "networks.backend.EXACT_FLOAT64",
    "exact output": "networks.normaliser.MAX_OUTPUT",
    "exact rounding": "networks.quantiser.EXACT",
    "shift, most": "networks.layers.affine.MAX_SHIFT",
    "quantiser shift, most": "networks.quantiser.MAX_SHIFT",
    "spatial axes, most": "networks.layers.sliding.MAX_AXES",
    "kernel of an axis, most": "networks.layers.sliding.MAX_KERNEL",
    "stride of an axis, most": "networks.layers.sliding.MAX_STRIDE",
    "products of a layer, most": "networks.layers.sliding.MAX_PRODUCTS",
    "activation entries, most": "networks.layers.activations.MAX_TABLE_ENTRIES",
    "metadata key": "model.model_file.METADATA_KEY",
    "model header bytes, most": "model.model_file.MAX_HEADER_BYTES",
    "numbers of a model, most": "model.packed_tensors.MAX_ELEMENTS",
}
DOCUMENTED_OTHERWISE = {
    "archive.layout.DTYPE_CODES",  # a table of its own
    "archive.layout.DTYPES",
    "checks.MAX_DIMENSIONS",  # the limit of the archive
    "entropy.context_model.TENSORS",  # a table of its own
    "networks.layers.affine.MAX_LIMIT",  # a range
    "networks.layers.kinds.KINDS",  # a table of its own
    "networks.layers.residual.INNER_KINDS",  # in words
    "model.model_file.NO_CHECKSUM",  # in words
    "model.packed_tensors.DIFFERENCES",  # a table of its own
    "model.packed_tensors.ENTROPY",
    "model.packed_tensors.MAX_DIMENSIONS",  # the limit of the archive
    "model.packed_tensors.PLANES",
}
NO_MATTER_OF_FORMAT = {
    "networks.backend.EXACT_FLOAT32",
    "networks.backend.PART_ELEMENTS",
    "archive.raw_blocks.DEFLATE_LEVEL",
    "archive.raw_blocks.DEFLATE_WORTH_TRYING",
    "encoding.budget.ABOVE",  # how a writer chooses
    "encoding.budget.BELOW",
    "encoding.budget.FINENESS",
    "entropy.context_tables.EXP_SHIFT",  # how float32 makes a part
    "entropy.context_tables.PART_ENTRIES",
    "entropy.ans.LEFT_OVER",  # the text of an error
    "networks.layers.activations.SLOPE_BITS",  # how a writer searches; any symbols decode
    "networks.layers.affine.FEW_CHANNELS",
    "networks.layers.affine.FEWEST_BITS",  # how a writer searches
    "networks.layers.affine.GRADIENT_BITS",
    "networks.layers.product.MOST_PARTS",
    "networks.layers.sliding.FEW_OUTPUTS",
    "encoding.bit_costs.BITS_UNIT",  # how a writer searches
    "encoding.bit_costs.MANTISSA_BITS",
    "encoding.bit_costs.OUT_OF_REACH",
    "encoding.distortion.LARGEST_SUM",
    "encoding.efforts.DEFAULT_EFFORT",
    "encoding.efforts.MAX_EFFORT",
    "encoding.symbol_search.BATCH_ELEMENTS",
    "encoding.symbol_search.BATCH_SIGNALS",
    "encoding.symbol_search.DAMPING",
    "encoding.symbol_search.HALVINGS",
    "encoding.symbol_search.REPAIRS",
    "model.packed_tensors.MAX_ENTROPY_RANGE",  # how a writer chooses
    "model.packed_tensors.NARROW_RANGE",
    "model.packed_tensors.NARROW_UNIT_BITS",
    "model.packed_tensors.WIDE_UNIT_BITS",
    "transform.DEFAULT_BATCH_SIZE",
    "transform.MAX_BATCH_ELEMENTS",
    "transform.TOWARDS_ZERO",  # how a writer rounds
}


def section(heading):
    """The text under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ (?:\d\. )?{heading}\n(.*?)(?=^#|\Z)", DOCUMENT, re.M | re.S)
    assert found, f"no heading {heading!r} in FORMAT.md"
    return found[1]


def table(heading, number=1):
    """The rows of a table under a heading, each a list of cells without backticks."""
    lines = re.findall(r"(?:^\|.*\n)+", section(heading), re.M)[number - 1].splitlines()
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def value(text):
    """A number, hexadecimal bytes or a quoted string, as the document writes them."""
    if re.fullmatch(r"[0-9A-F]{2}( [0-9A-F]{2})+", text):
        return bytes.fromhex(text)
    if quoted := re.fullmatch(r'"(.*)"', text):
        return quoted[1]
    if power := re.fullmatch(r"(-?)2\*\*(\d+)(?: - (\d+))?", text):
        return (-1 if power[1] else 1) * 2 ** int(power[2]) - int(power[3] or 0)
    return int(text, 0)


def code_value(path):
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(f"narrows.codec.{module}"), name)


def constants_of(path, module):
    """The names in capitals that a module gives numbers, bytes, strings or mappings of them to."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for name in (n for target in targets if target for n in ast.walk(target)):
            if isinstance(name, ast.Name) and re.fullmatch(r"[A-Z][A-Z0-9_]+", name.id):
                full_name = f"{module}.{name.id}"
                if isinstance(code_value(full_name), int | float | str | bytes | dict):
                    yield full_name


# ------------------------------------------------------------------------------ constants


def test_the_constants_of_the_document_are_those_of_the_code():
    documented = {name: value(text) for name, text, _ in table("Constants")}
    assert documented == {name: code_value(path) for name, path in CONSTANTS.items()}


def test_each_constant_of_the_runtime_is_documented_or_no_matter_of_format():
    folder = Path(narrows.__file__).parent / "codec"
    modules = {path: path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py")}
    found = {n for path, m in modules.items() for n in constants_of(path, ".".join(m.parts))}
    assert found == {*CONSTANTS.values(), *DOCUMENTED_OTHERWISE, *NO_MATTER_OF_FORMAT}


def test_the_limit_of_dimensions_is_the_same_everywhere():
    limits = {
        code_value(f"{m}.MAX_DIMENSIONS")
        for m in ("archive.layout", "checks", "model.packed_tensors")
    }
    assert limits == {code_value(CONSTANTS["dimensions, most"])}


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


def test_the_number_types_and_codings_of_packed_tensors_are_those_of_the_code():
    types = {int(code): (name, int(size)) for code, name, size in table("Packed tensors", 2)}
    assert types == {i: (d.name, d.itemsize) for i, d in enumerate(tensor_coding.DTYPES)}
    codings = {name: int(code) for code, name, _ in table("Packed tensors", 3)}
    assert codings == {name: getattr(tensor_coding, name) for name in codings}
    assert sorted(codings.values()) == list(range(tensor_coding.ENTROPY + 1))
    for name in codings:
        assert f"**{name}**" in section("Packed tensors")


# ------------------------------------------------------------------------------ ranges


def affine(n_axes=1, kernel=1, stride=1, size=1, **settings):
    """One layer of each kind with weights."""
    numbers = {"bias": np.zeros(1, np.int64), "shift": 0, "limit": None, **settings}
    weight = np.ones((kernel,) * n_axes + (1, 1), np.int16)
    sliding = {"weight": weight, "stride": (stride,) * n_axes, **numbers}
    Conv(padding=((0, 0),) * n_axes, **sliding)
    TransposedConv(before=(0,) * n_axes, size=(size,) * n_axes, **sliding)
    return Dense(weight.reshape(kernel**n_axes, 1), **numbers)


def limited(limit):
    Residual((), limit)
    return affine(limit=limit)


def normaliser(**settings):
    numbers = {"limit": 255, "output_shift": 0, **settings}
    ends = {"offset": 0.0, "scale": 1.0, "output_scale": 1.0, "output_offset": 0.0}
    return Normaliser(np.dtype("uint8"), **{**ends, **numbers})


def quantiser(n_qualities=1, gain=1, step=1, shift=0, limit=255):
    ones = np.ones((n_qualities, 1), dtype=np.int64)
    return Quantiser(narrowest(gain * ones), shift, narrowest(step * ones), limit)


def narrowest(x):
    """An array as int32 where it fits; no model takes a wider one."""
    return x.astype(np.int32) if np.array_equal(x.astype(np.int32), x) else x


def frequency_table(size=2, low=0):
    weights = np.ones(size, dtype=np.int64)
    weights[0] = TOTAL - (size - 1)
    return FrequencyTable(low, weights)


def model_of_qualities(number):
    model = model_by_hand()
    gains = np.ones((number, 1), dtype=np.int32)
    return replace(model, quantiser=Quantiser(gains, 2, gains, 255),
                   tables=number * model.tables, contexts=number * model.contexts)  # fmt: skip


def context_of(n_units=1, n_outputs=1, shift=0, limit=1):
    """A context model of two latents, with two entries each, whose tensors are zeros."""
    counts = {"order": 2, "hidden_weight": n_units, "hidden_bias": n_units,
              "output_weight": n_units * n_outputs, "output_bias": 2 * n_outputs,
              "basis": 4 * n_outputs, "base": 4}  # fmt: skip
    tensors = {name: np.zeros(counts[name], dtype) for name, dtype in TENSOR_TYPES.items()}
    tensors["order"][:] = [0, 1]
    shifts = dict.fromkeys(("hidden_shift", "output_shift", "row_shift"), shift)
    limits = dict.fromkeys(("hidden_limit", "output_limit"), limit)
    return ContextModel(**tensors, **shifts, **limits, sizes=(2, 2))


def exchange(n_qualities=1, latent_size=1, curvature=0):
    whole = narrowest(curvature * np.ones((n_qualities, latent_size), dtype=np.int64))
    return Exchange(1.0, n_qualities * [1.0], whole)


RANGES = {
    "entries of a frequency table": frequency_table,
    "low of a frequency table": lambda v: frequency_table(low=v),
    "shift of a context model": lambda v: context_of(shift=v),
    "limit of a context model": lambda v: context_of(limit=v),
    "hidden units of a position": lambda v: context_of(n_units=v),
    "outputs of a position": lambda v: context_of(n_outputs=v),
    "shift of a layer": lambda v: affine(shift=v),
    "limit of a layer": limited,
    "spatial axes of a layer": lambda v: affine(n_axes=v),
    "kernel of an axis": lambda v: affine(kernel=v),
    "stride of an axis": lambda v: affine(stride=v),
    "size of an axis of a transposed convolution": lambda v: affine(size=v),
    "entries of an activation table": lambda v: Table(np.zeros(v, np.int32), 0, False),
    "low of an activation table": lambda v: Table(np.zeros(1, np.int32), v, False),
    "limit of the normaliser": lambda v: normaliser(limit=v),
    "output multiplier of the normaliser": lambda v: normaliser(output_multiplier=v),
    "output shift of the normaliser": lambda v: normaliser(output_shift=v),
    "shift of the quantiser": lambda v: quantiser(shift=v),
    "limit of the quantiser": lambda v: quantiser(limit=v),
    "gain": lambda v: quantiser(gain=v),
    "step": lambda v: quantiser(step=v),
    "curvature": lambda v: exchange(curvature=v),
    "number of qualities": model_of_qualities,
    "dimensions of a shape": lambda v: Reshape((1,) * v),
    "elements of a shape": lambda v: Reshape((v,)),
}
NO_LESS = {"dimensions of a shape"}


def test_each_range_of_the_document_is_held_against_the_code():
    assert [name for name, *_ in table("Ranges")] == list(RANGES)


@pytest.mark.parametrize("name", RANGES)
def test_the_code_accepts_both_ends_of_a_documented_range(name):
    least, greatest = documented_range(name)
    RANGES[name](least)
    RANGES[name](greatest)


@pytest.mark.parametrize("name", sorted(RANGES.keys() - NO_LESS))
def test_the_code_refuses_less_than_a_documented_range(name):
    with pytest.raises(FormatError):
        RANGES[name](documented_range(name)[0] - 1)


@pytest.mark.parametrize("name", RANGES)
def test_the_code_refuses_more_than_a_documented_range(name):
    with pytest.raises(FormatError):
        RANGES[name](documented_range(name)[1] + 1)


def documented_range(name):
    return next((value(a), value(b)) for row, a, b, _ in table("Ranges") if row == name)


# ------------------------------------------------------------------------------ model file


def model_of_all_kinds():
    """A model with a layer of each kind, known answers, a context model and a search."""
    model = model_by_hand()
    identity = Dense(np.eye(2, dtype=np.int16), np.zeros(2, np.int64), shift=0, limit=510)
    clamp = Table(np.arange(9, dtype=np.int32), 0, identity_above=True)
    same = {"weight": np.eye(2, dtype=np.int16)[None], "bias": np.zeros(2, np.int64)}
    same |= {"shift": 0, "limit": None, "stride": (1,)}
    conv = Conv(padding=((0, 0),), **same)
    transposed = TransposedConv(before=(0,), size=(1,), **same)
    layers = [LeakyReLU(), ReLU(), clamp, Reshape((1, 2)), conv, transposed]
    layers += [Residual((conv,), 255), Reshape((2,)), identity]
    assert {type(layer) for layer in layers} == set(KINDS.values())
    one = np.ones((1, 2), np.int32)
    return replace(
        model,
        encoder=IntegerNetwork(layers, (2,), 255),
        quantiser=Quantiser(one, 2, one, 255),
        decoder=IntegerNetwork([identity], (2,), 255),
        tables=[2 * [frequency_table(2)]],
        contexts=[context_of()],
        exchange=exchange(latent_size=2),
        known_answers=KnownAnswers(np.zeros((3, 2), np.int32), "", np.zeros((3, 2), np.int32)),
    )


def model_with_a_correction():
    """One latent of an encoder, one of a correction, and no context model."""
    model = model_of_all_kinds()
    one = Dense(np.ones((1, 2), np.int16), np.zeros(2, np.int64), shift=0, limit=None)
    narrow = Dense(np.ones((2, 1), np.int16), np.zeros(1, np.int64), shift=0, limit=255)
    return replace(
        model,
        encoder=IntegerNetwork([narrow], (2,), 255),
        decoder=IntegerNetwork([one], (2,), 255, correction=one),
        contexts=[None],
    )


def content_of(model: Model):
    """The JSON in a model's file, and the type and shape of its tensors."""
    data = pack_model(model)
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    content = json.loads(header.pop("__metadata__")["narrows"])
    rows = {
        name: data[begin + first : begin + end]
        for name, (first, end) in ((n, entry["data_offsets"]) for n, entry in header.items())
    }
    return content, {name: unpack_tensor(row) for name, row in rows.items()}


def keys_of(value, prefix=""):
    """The keys of nested objects joined by dots; a network's are those of all networks."""
    for key, inner in value.items():
        yield prefix + key
        if isinstance(inner, dict) and "layers" not in inner:
            yield from keys_of(inner, f"{prefix}{key}.")


def test_the_keys_of_a_model_file_are_those_of_the_document():
    content, _ = content_of(model_of_all_kinds())
    assert list(keys_of(content)) == [key for key, *_ in table("JSON")]
    networks = [key for key, *_ in table("JSON", 2)]
    assert list(content["decoding"]["decoder"]) == networks
    assert list(content["encoder"]) == [*networks, "search"]
    (context,) = content["decoding"]["contexts"]
    assert list(context) == [key for key, *_ in table("JSON", 3)]
    assert list(content["encoder"]["search"]) == [key for key, *_ in table("JSON", 4)]


def test_the_keys_of_a_correction_and_of_a_shared_context_model_are_as_documented():
    decoder = content_of(model_with_a_correction())[0]["decoding"]["decoder"]
    assert set(decoder) == {"correction", *(key for key, *_ in table("JSON", 2))}
    assert set(decoder["correction"]) == {"shift", "limit"}
    model = model_of_all_kinds()
    two = model.quantiser.gain.repeat(2, axis=0)
    shared = replace(
        model,
        quantiser=Quantiser(two, 2, two, 255),
        tables=2 * list(model.tables),
        contexts=2 * list(model.contexts),
        exchange=replace(
            model.exchange,
            lambda_=2 * list(model.exchange.lambda_),
            curvature=model.exchange.curvature.repeat(2, axis=0),
        ),
    )
    assert content_of(shared)[0]["decoding"]["contexts"][1] == {"same_as": 0}


def test_the_tensors_of_a_model_file_are_those_of_the_document():
    tensors = content_of(model_of_all_kinds())[1] | content_of(model_with_a_correction())[1]
    layer, context = re.compile(r"^(..coder)\.\d+(\.\d+)?\.\w+$"), re.compile(r"^contexts\.\d+")
    short = {
        context.sub("contexts.<number>", layer.sub(r"\1.<layer>.<tensor>", name)): tensor
        for name, tensor in tensors.items()
    }
    assert short.keys() == {name for name, *_ in table("Tensors")}
    for name, dtype, *_ in table("Tensors"):
        assert "<layer>" in name or short[name].dtype == dtype


def test_the_tensors_of_a_context_model_are_those_of_the_document():
    documented = {name: dtype for name, dtype, *_ in table("Context models")}
    assert documented == {name: np.dtype(dtype).name for name, dtype in TENSOR_TYPES.items()}
    assert list(documented) == list(TENSOR_TYPES)


def test_the_numbers_of_the_formulas_of_frequencies_are_those_of_the_code():
    text = section("Context models")
    formulas = dict(re.findall(r"^    ([a-z]+(?:\[a\])?) += (.*)$", text.replace(" - ", " "), re.M))
    depth = LOG_UNIT * OCTAVES
    assert integers(formulas["d[a]"]) == [depth, 0, depth, LOG_UNIT, OCTAVES]
    assert integers(formulas["part[a]"]) == 3 * [LOG_UNIT]
    assert integers(formulas["bits"]) == [NARROW_BITS, NARROW, WIDE_BITS]
    assert f"`({EXP_ZERO} + d[a]) << {EXP_SHIFT}`" in text
    assert f"plus `{LARGEST_LOG} * 2**row_shift`" in text
    assert EXP_ZERO + depth == LARGEST_LOG


def test_the_parts_of_the_document_are_those_of_the_code():
    """Those of its formula, and those that it says float32 reads from bits."""
    d = np.arange(417, dtype=np.int32)
    parts = [(32 + i % 32) << (i // 32) for i in d.tolist()]
    assert ((4224 + d) << 18).view(np.float32).tolist() == parts
    assert exponentials((d - 416.0)[:, None])[:, 0].tolist() == parts


def test_a_model_without_its_encoder_has_what_the_document_says():
    whole, tensors = content_of(model_of_all_kinds())
    light, left = content_of(model_of_all_kinds().without_encoder())
    assert light == {**whole, "encoder": None, "checksum": light["checksum"]}
    assert tensors.keys() - left.keys() == {n for n in tensors if n.startswith("encoder.")}


def test_the_document_says_of_each_part_of_a_model_what_a_decoder_needs_it_for():
    patterns = [
        pattern
        for parts, _ in table("Models without an encoder")
        for pattern in parts.replace("`", "").split(", ")
    ]
    content, tensors = content_of(model_of_all_kinds())
    keys = set(keys_of(content)) - {"decoding", "decoding.normaliser", "decoding.quantiser"}
    for part in keys | tensors.keys():
        assert sum(fnmatch(part, pattern) for pattern in patterns) == 1, part
    for pattern in patterns:
        assert any(fnmatch(part, pattern) for part in keys | tensors.keys()), pattern


def test_the_layer_kinds_with_their_settings_and_tensors_are_those_of_the_code():
    layers = {layer.kind: layer for layer in model_of_all_kinds().encoder.layers}
    documented = {kind: (names(a), names(b)) for kind, a, b, _ in table("Layer kinds")}
    assert documented == {
        kind: (set(layers[kind].settings()), tensors_of(layers[kind])) for kind in KINDS
    }
    for kind in KINDS:
        assert f"**{kind}**" in section("Layer kinds")
        assert f"`{kind}`" in section("The proof")


def tensors_of(layer):
    return {"those of its layers" if "." in name else name for name in layer.tensors()}


def names(cell):
    if cell == "those of its layers":
        return {cell}
    return set() if cell == "none" else set(re.findall(r"\w+", cell))


# ------------------------------------------------------------------------------ worked example


def test_the_archive_of_the_worked_example_is_what_the_code_writes():
    rows = table("Its archive")
    offsets, fields = [int(row[0]) for row in rows], [bytes.fromhex(row[1]) for row in rows]
    assert offsets == [sum(map(len, fields[:i])) for i in range(len(fields))]
    assert b"".join(fields) == Codec(model_by_hand()).compress(SIGNALS)


def test_the_model_of_the_worked_example_is_the_one_worked_out_by_hand():
    text = section("A model")
    assert re.findall(r"```json\n(.*)\n```", text) == [ENCODER, DECODING]
    hashes = [ENCODER_DIGEST.hex(), DECODING_DIGEST.hex(), MODEL_ID.hex()]
    assert re.findall(r"^- .*: `(\w+)`$", text, re.M) == hashes
    hashed = re.findall(r"^\| `(\S+ int\d+ \[.*?\])` \| `([0-9 ]+)` \|$", text, re.M)
    written = [(line.strip().decode(), data.hex(" ")) for line, data in TENSORS]
    assert hashed == written


def test_the_rows_of_the_worked_example_are_those_worked_out_by_hand():
    assert {name: bytes.fromhex(row) for name, row, _ in table("Its rows")} == ROWS


def test_the_packed_tensor_of_the_worked_example_is_unpacked_as_it_says():
    row = b"".join(bytes.fromhex(part) for part, _ in table("A packed tensor"))
    tensor = unpack_tensor(row)
    assert tensor.dtype == np.int16
    assert tensor.tolist() == json.loads(
        re.search(r"Tensor: `(.*)`$", section("A packed tensor"), re.M)[1]
    )


def test_the_payload_of_several_qualities_is_what_the_code_writes():
    heading = "A payload of several qualities"
    rows = table(heading, 2)
    offsets, fields = [int(row[0]) for row in rows], [bytes.fromhex(row[1]) for row in rows]
    assert offsets == [sum(map(len, fields[:i])) for i in range(len(fields))]
    sentence = r"The symbols (.*) of four signals are\nat the qualities (.*?)\."
    symbols, qualities = map(integers, re.search(sentence, section(heading)).groups())
    assert len(symbols) == len(qualities) == 4
    coder = SymbolCoder(FixedTables(model_by_hand().tables[0]))
    column = np.array(symbols, np.int32)[:, None]
    assert b"".join(fields) == pack_mixed(column, np.array(qualities), 2, lambda q: coder)


def integers(text):
    """The integers of a text, in its order."""
    return [int(number) for number in re.findall(r"-?\d+", text)]


def test_the_frequencies_of_the_worked_example_are_what_the_code_computes():
    heading = "Frequencies of a context model"
    numbers = {name: text for names, text in table(heading) for name in names.split("`, `")}
    basis, base = (
        integers(re.sub(r"at position \d", "", numbers[name])) for name in ("basis", "base")
    )
    hidden, output = integers(numbers["hidden_weight"]), integers(numbers["output_weight"])
    values = [
        integers(numbers["order"]),
        hidden[:1],
        hidden[1:],
        output[:1],
        output[1:],
        basis,
        base,
    ]
    tensors = {
        name: np.array(value, dtype)
        for (name, dtype), value in zip(TENSOR_TYPES.items(), values, strict=True)
    }
    settings = {"row_shift": int(numbers["row_shift"])}
    for part in ("hidden", "output"):
        settings[f"{part}_shift"], settings[f"{part}_limit"] = integers(numbers[f"{part}_shift"])
    row = 2 * model_by_hand().tables[0]
    tables = ContextTables(row, ContextModel.build(settings, tensors, row))
    first = integers(re.search(r"Frequencies: `(.*)`", section(heading))[1])
    rows = table(heading, 2)
    symbols = np.array([[0, int(entry)] for entry, *_ in rows], np.int32)  # 2 is the escape
    at_0, at_1 = frequencies_of(symbols, tables)
    assert at_0.tolist() == len(rows) * [first]
    assert at_1.tolist() == [integers(frequencies) for *_, frequencies in rows]


def test_the_parts_and_units_of_the_worked_example_are_what_the_code_computes():
    heading = "Frequencies of a context model"
    text = section(heading)
    rows = [[integers(cell) for cell in row[5:]] for row in table(heading, 2)]
    at_0 = integers(re.search(r"the logarithms are (.*?)\.\s+Frequencies", text, re.S)[1])
    logs, d, (octaves, octave, left) = at_0[:3], at_0[3:6], at_0[6:9]
    first, second, shifted, shift, third, *unit = at_0[9:]
    assert d == [416 - max(logs) + log for log in logs]
    assert (octaves * octave + left, 32 + left, octaves) == (d[2], shifted, shift)
    frequencies = integers(re.search(r"Frequencies: `(.*)`", text)[1])
    rows.append([logs, [first, second, third], unit, frequencies])
    more = []
    for logs, parts, (unit,), frequencies in rows:
        found = exponentials(np.array([logs], np.float32).T)
        assert found[:, 0].tolist() == parts
        assert unit == (TOTAL - 3 << 12) // sum(parts)
        assert shared_out(found).tolist() == [frequencies]
        more.append(frequencies[2] - 1 - (parts[2] * unit >> 12))
    assert f"{min(more[:3])} to {max(more[:3])} more than its own share" in text


def test_the_signals_of_the_worked_example_decode_as_it_says():
    codec = Codec(model_by_hand())
    for signal, total, symbol, _, decoded in table("Its symbols"):
        x = np.array([ast.literal_eval(signal)], dtype=np.uint8)
        assert x.sum() == int(total)
        assert codec.encode(x).tolist() == [[int(symbol)]]
        assert codec.decode(codec.encode(x)).tolist() == [list(ast.literal_eval(decoded))]


def test_the_varints_of_the_document_are_those_of_the_code():
    from narrows.codec.entropy.bits import write_varint

    for number, text in table("Variable-length integers"):
        assert write_varint(int(number)) == bytes.fromhex(text)


def test_the_exp_golomb_codes_of_the_document_are_those_of_the_code():
    from narrows.codec.entropy.bits import BitWriter

    for number, bits in re.findall(r"^\| (\d+) \| `([01]+)` \|$", section("Escaped symbols"), re.M):
        writer = BitWriter()
        writer.write_exp_golomb(int(number))
        filled = bits.ljust(-(-len(bits) // 8) * 8, "0")
        assert writer.to_bytes() == int(filled, 2).to_bytes(len(filled) // 8, "big")
