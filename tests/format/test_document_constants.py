"""The constants and the tables of codes in the specification are those of the code."""

import ast
import importlib
import re
from pathlib import Path

import narrows
from narrows.codec.archive import DTYPES, Mode
from narrows.codec.model import packed_tensors
from narrows.codec.model.content import VERSION
from tests.helpers.format_document import DOCUMENT, section, table, value

CONSTANTS = {
    "archive magic": "archive.layout.MAGIC",
    "tail magic": "archive.layout.TAIL_MAGIC",
    "tail bytes": "archive.layout.TAIL_BYTES",
    "archive format version": "archive.layout.VERSION",
    "model format version": "model.content.VERSION",
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
    "quantiser shift, most": "networks.quantiser.MAX_QUANTISER_SHIFT",
    "spatial axes, most": "networks.layers.sliding.MAX_AXES",
    "kernel of an axis, most": "networks.layers.sliding.MAX_KERNEL",
    "stride of an axis, most": "networks.layers.sliding.MAX_STRIDE",
    "products of a layer, most": "networks.layers.sliding.MAX_PRODUCTS",
    "activation entries, most": "networks.layers.activations.MAX_TABLE_ENTRIES",
    "model magic": "model.model_file.MAGIC",
    "JSON bytes of a model, most": "model.model_file.MAX_JSON_BYTES",
    "numbers of a model, most": "model.model_file.MAX_MODEL_NUMBERS",
}
DOCUMENTED_OTHERWISE = {
    "archive.layout.DTYPE_CODES",  # a table of its own
    "archive.layout.DTYPES",
    "checks.MAX_DIMENSIONS",  # the limit of the archive
    "entropy.context_model.TENSORS",  # a table of its own
    "networks.layers.affine.MAX_LIMIT",  # a range
    "networks.layers.kinds.KINDS",  # a table of its own
    "networks.layers.residual.INNER_KINDS",  # in words
    "model.model_file.CHECKSUM_BYTES",  # in words
    "model.model_file.HEAD_BYTES",
    "model.packed_tensors.DIFFERENCES",
    "model.packed_tensors.VALUES",
}
NO_MATTER_OF_FORMAT = {
    "networks.backend.EXACT_FLOAT32",
    "networks.backend.PART_ELEMENTS",
    "archive.raw_blocks.DEFLATE_LEVEL",
    "archive.raw_blocks.DEFLATE_WORTH_TRYING",
    "entropy.context_tables.EXP_SHIFT",  # how float32 makes a part
    "entropy.context_tables.PART_ENTRIES",
    "entropy.ans.LEFT_OVER",  # the text of an error
    "networks.layers.affine.FEW_CHANNELS",
    "networks.layers.product.MAX_PARTS",
    "networks.layers.sliding.INPUTS_PER_OUTPUT",
    "model.packed_tensors.LEVEL",  # how a writer packs
    "model.packed_tensors.MAX_RAW_BITS",
    "transform.DEFAULT_BATCH_SIZE",
    "transform.MAX_BATCH_ELEMENTS",
}


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


def test_the_constants_of_the_document_are_those_of_the_code():
    documented = {name: value(text) for name, text, _ in table("Constants")}
    assert documented == {name: code_value(path) for name, path in CONSTANTS.items()}


def test_each_constant_of_the_runtime_is_documented_or_no_matter_of_format():
    folder = Path(narrows.__file__).parent / "codec"
    modules = {path: path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py")}
    found = {
        name
        for path, module in modules.items()
        if module.parts[0] != "encoding"  # how a writer searches: any symbols decode
        for name in constants_of(path, ".".join(module.parts))
    }
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


def test_the_number_types_of_packed_tensors_are_those_of_the_code():
    types = {int(code): (name, int(size)) for code, name, size in table("Packed tensors", 2)}
    assert types == {i: (d.name, d.itemsize) for i, d in enumerate(packed_tensors.DTYPES)}


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
