"""The constants and the tables of codes in the specification are those of the code."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import narrows
from narrows.codec.archive import DTYPES, Mode
from narrows.codec.archive.modes import PATCHABLE
from narrows.codec.checks import MAX_DIMENSIONS
from narrows.codec.model import packed_tensors
from narrows.codec.model.content import VERSION
from narrows.codec.promised_packets import Form
from tests.helpers.format_document import DOCUMENT, section, stated, table

# Where the specification states each constant: the heading, and the words around it.
STATED = {
    "archive.layout.MAGIC": ("Header", "magic, {}:"),
    "archive.layout.VERSION": ("Header", "format version, {}"),
    "archive.layout.MODEL_ID_BYTES": ("Header", "{} bytes | [model id]"),
    "checks.MAX_DIMENSIONS": ("Header", "more than {} dimensions"),
    "archive.layout.MAX_FRAME_BYTES": ("Header", "0 or of more than {}"),
    "archive.layout.REQUIRED_FLAGS": ("Header", "lower four bits of the flags ({})"),
    "archive.layout.KNOWN_FLAGS": ("Header", "two of them, together {}"),
    "archive.layout.FLAG_EMBEDDED_MODEL": ("Embedded models", "If flag {} is set"),
    "archive.layout.FLAG_METADATA": ("Metadata", "If flag {} is set"),
    "archive.metadata.MAX_METADATA_BYTES": ("Metadata", "more than {} bytes"),
    "archive.metadata.MAX_DEPTH": ("Metadata", "at most {} deep"),
    "archive.layout.MAX_MODEL_BYTES": ("Embedded models", "model of more than {} bytes"),
    "archive.layout.MAX_BLOCK_SIGNALS": ("Blocks", "`max(1, min({}, "),
    "archive.layout.USUAL_BLOCK_SIGNALS": ("Blocks", "block has at most {}, "),
    "archive.layout.MAX_BLOCK_BYTES": ("Blocks", "floor(({}) / frame bytes)"),
    "archive.layout.MIN_BLOCK_BYTES": ("Random access", "fit at {} bytes each"),
    "archive.layout.END_OF_BLOCKS": ("Index", "end byte, {},"),
    "archive.layout.TAIL_MAGIC": ("Tail", "tail magic, {}:"),
    "archive.layout.TAIL_BYTES": ("Tail", "| -{} | u32 |"),
    "archive.layout.SEVERAL_QUALITIES": ("Blocks of several qualities", "block of quality {} each"),
    "archive.wrapped.SEVERAL_BLOCKS": ("Blocks without a container", "| u8 | {} |"),
    "archive.wrapped.FILLED": ("Filled pieces", "| u8 | {} |"),
    "checks.MAX_ELEMENTS": ("JSON", "`1` to {} elements in all"),
    "entropy.bits.MAX_VARINT_BYTES": ("Variable-length integers", "more than {} bytes"),
    "entropy.bits.MAX_GOLOMB_ZEROS": ("Escaped symbols", "more than {} zeros"),
    "entropy.tables.PRECISION": ("Coded blocks", "frequencies of {} bits"),
    "entropy.tables.TOTAL": ("Frequency tables", "with the sum {}"),
    "entropy.tables.MAX_SYMBOLS": ("Frequency tables", "at most {} symbols"),
    "entropy.stacks.WORD_BITS": ("Coded blocks", "words of {} bits"),
    "entropy.context_model.LOG_UNIT": ("Frequencies from logarithms", "units of 1/{} bit"),
    "entropy.context_model.OCTAVES": ("Frequencies from logarithms", "by more than {} bits"),
    "entropy.context_model.EXP_ZERO": ("Frequencies from logarithms", "bits are `({} + d[a])"),
    "entropy.context_model.LARGEST_LOG": ("The proof of a context model", "greatest is at {}."),
    "entropy.context_model.MAX_CONTEXT_SHIFT": ("Context models", "`row_shift` | `0` to {} |"),
    "entropy.context_model.MAX_CONTEXT_LIMIT": ("Context models", "`hidden_limit` | `1` to {} |"),
    "entropy.context_model.MAX_UNITS": ("Context models", "a position, `1` to {} and"),
    "entropy.context_model.MAX_OUTPUTS": ("Context models", "and `1` to {}. Its"),
    "entropy.learned.SEEN": ("Tables that learn", "add {} to count[e]"),
    "entropy.learned.FIRST": ("Tables that learn", "floor(w[e] * {} / 2**24)"),
    "entropy.learned.PARTS_BEFORE": ("Tables that learn", "max(16, floor(i / {}))` signals"),
    "entropy.learned.PARTS_IN_TRELLIS": (
        "Tables that learn in a trellis",
        "max(16, floor(i / {}))` signals",
    ),
    "entropy.learned.LEAST_PART": ("Tables that learn", "`max({}, floor(i / 4))`"),
    "entropy.context_tables.MAX_NARROW_ENTRIES": (
        "Frequencies from logarithms",
        "size[p] <= {}, else",
    ),
    "entropy.context_tables.NARROW_ROOM_BITS": ("Frequencies from logarithms", "bits = {} if"),
    "entropy.context_tables.WIDE_ROOM_BITS": ("Frequencies from logarithms", ", else {} room"),
    "entropy.context_tables.EXP_SHIFT": ("Frequencies from logarithms", "+ d[a]) << {}`"),
    "entropy.range_coder.LEAST_WIDTH": (
        "Packets that keep a bound",
        "part while width < {}: low, width, n",
    ),
    "entropy.trellis.N_STATES": ("Trellis", "value is {}, the number"),
    "own_axes.LEAST_LATENTS": ("Rotated blocks", "of one group, from {} to"),
    "own_axes.MOST_LATENTS": ("Rotated blocks", "to {} of them."),
    "own_axes.MOST_ROTATIONS": ("Rotated blocks", "`r`, at most `{} * k`"),
    "own_axes.ANGLE_BITS": ("Rotated blocks", "`a - 1` of {} bits."),
    "own_axes.ANGLE_UNIT": ("Rotated blocks", "arc tangent of `a / {}`"),
    "own_axes.MATRIX_BITS": ("Rotated blocks", "ratio[j] + 2**27) >> {},"),
    "own_axes.RATIO_BITS": ("Rotated blocks", "matrix[i][j]) >> {},"),
    "own_axes.MOST_RATIO": ("Rotated blocks", "square[j]))), {}),"),
    "own_axes.WEIGHT_MAX": ("Rotated blocks", "-32767, {})"),
    "interpolation.layout.INTERPOLATED": ("Fields of a block", "| kind: {} levels,"),
    "interpolation.layout.SWEPT": ("Fields of a block", "levels, {} [fronts]"),
    "interpolation.sweep.MAX_FRONTS": ("Fronts", "to {} or more."),
    "interpolation.sweep.MAX_WEIGHT": ("Fronts", "from `-2**15` to {}."),
    "interpolation.layout.MAX_START_CLASS": ("Fields of a block", "start places, at most {} |"),
    "interpolation.layout.MAX_ELEMENTS": ("Fields of a block", "of more than {} elements"),
    "interpolation.layout.MAX_VALUES": ("Fields of a block", "`high < {}` alone"),
    "interpolation.layout.CHANNELS": ("Fields of a block", "; {} channels;"),
    "interpolation.layout.VALUES": ("Fields of a block", "; {} values;"),
    "interpolation.layout.EXACT": ("Fields of a block", "; {} exact elements;"),
    "interpolation.layout.BY_CHANNEL": ("Fields of a block", "; {} a grid for each channel;"),
    "interpolation.grid.MAX_BOUND": ("Fields of a block", "`bound` from 1 to {}`"),
    "interpolation.grid.MAX_DIVISOR": ("Fields of a block", "`divisor` from 1 to {} |"),
    "interpolation.grid.PER_STEP": ("Fields of a block", "float64 `unit` | {} | floats"),
    "levels.passes.MAX_AXES": ("Fields of a block", "axes `a`, 1 to {};"),
    "interpolation.adaptive.OWN_CLASSES": ("Distances", "class `c` below {} has"),
    "interpolation.adaptive.ESCAPE": ("Distances", "from -24 to 24, {} escapes"),
    "interpolation.adaptive.FARTHEST": ("Distances", "the symbol is {} + 1 +"),
    "interpolation.symbols.MOST_STEPS": ("Distances", "clipped to {} divided by 2"),
    "interpolation.walk.LEAST_AT_ONCE": ("Distances", "clip(floor(s / 4), {}, "),
    "model.content.VERSION": ("Layout", "format version, {} |"),
    "model.model_file.MAGIC": ("Layout", "magic, {}:"),
    "model.model_file.MAX_JSON_BYTES": ("Layout", "`J` of more than {} ("),
    "model.model_file.MAX_MODEL_NUMBERS": ("Packed tensors", "more than {} numbers"),
    "model.tradeoff.MAX_LAMBDA": ("Searching for better symbols", "at most {}, one"),
    "networks.backend.EXACT_FLOAT64": ("The proof", "where any `P >= {}`"),
    "networks.normaliser.MAX_OUTPUT": ("The output end", "-output_shift) >= {}`"),
    "networks.quantiser.EXACT": ("The quantiser", "2**shift >= {}`"),
    "networks.quantiser.MAX_QUALITIES": ("Tensors", "`1` to {} *qualities*"),
    "networks.quantiser.MAX_QUANTISER_SHIFT": ("JSON", "`decoding.quantiser.shift` | `0` to {} |"),
    "networks.quantiser.SYMBOL_MIN": ("Frequency tables", "must be from {} to"),
    "networks.quantiser.SYMBOL_MAX": ("Frequency tables", "`-2**31` to {}."),
    "prediction.prediction.MAX_MEMORY": ("Predicted windows", "| `memory` | `t` to {} |"),
    "prediction.prediction.MAX_LIMIT": ("Predicted windows", "| `limit` | `1` to {} |"),
    "prediction.wavelets.MAX_AXES": ("Bricks", "`a` axes, `1` to {}, of"),
    "prediction.wavelets.MAX_VALUE_LIMIT": ("Bricks", "| `limit` | `1` to {} |"),
    "prediction.wavelets.MAX_FINER": ("Bricks", "| `finer` | `0` to {} |"),
    "prediction.wavelets.MAX_SCALE": ("Bricks", "| `first` | `-2**12` to {} |"),
    "prediction.wavelets.MAX_STEP": ("Bricks", "coefficients, from 1 to {} |"),
    "prediction.wavelets.MAX_WEIGHT": ("Bricks", "parts of `2**16`, from 0 to {} |"),
    "prediction.wavelets.SCALES_PER_OCTAVE": ("Bricks", "`log(v)` is in 1/{} octaves"),
    "prediction.lifting.LIMIT": ("Bricks", "and `K` for {}:"),
    "prediction.lifting.LEAST_LENGTH": ("Bricks", "one of them is {} or more"),
    "prediction.lifting.MAX_LEVELS": ("Bricks", "fewer than {} levels"),
    "networks.layers.affine.MAX_SHIFT": ("Networks", "`shift` is from `0` to {}"),
    "networks.layers.affine.MAX_LIMIT": ("Networks", "null or from `1` to {}"),
    "networks.layers.sliding.MAX_AXES": ("Other layers", "`1` to {} spatial axes"),
    "networks.layers.sliding.MAX_KERNEL": ("Other layers", "`1` to {} an axis"),
    "networks.layers.sliding.MAX_STRIDE": ("Other layers", "integers from `1` to {}, `padding`"),
    "networks.layers.sliding.MAX_PRODUCTS": ("Other layers", "of `weight` is more than {}:"),
    "networks.layers.activations.MAX_TABLE_ENTRIES": ("Other layers", "`m` from `1` to {}"),
    "levels.byte_levels.MAX_PLACES": ("Settings and tensors", "of bytes at most {}:"),
    "levels.byte_levels.MAX_NEIGHBOURS": ("Settings and tensors", "`8` to {}; of bytes"),
    "levels.byte_levels.MAX_ATOMS": ("Settings and tensors", "list of 1 to {} different"),
    "levels.byte_levels.N_QUIET": ("Settings and tensors", "values below {}; of bytes"),
    "levels.byte_inputs.INPUT_ONE": ("Settings and tensors", "with `L` of {} (bytes)"),
    "levels.byte_levels.ROWS_AT_ONCE": ("Bytes", "max(1, floor({} / n))`"),
    "levels.byte_heads.ROWS_AT_ONCE": ("Bytes", "in groups of {},"),
    "levels.decisions.LEAST": ("Bytes", "S(16 * l), {}, 2**24"),
    "levels.number_inputs.REACH": ("Numbers", "ratio(d, s) = floor({} * clip"),
    "levels.number_levels.INPUT_LIMIT": ("Settings and tensors", "or {} (numbers)"),
    "levels.number_levels.MAX_MEAN": ("Numbers", "clip(o, -2**13, {}) * s"),
    "levels.number_levels.MAX_NUMBER": ("Numbers", "are cut to {} on either"),
    "levels.number_levels.MIDDLE_CLASS": ("Numbers", "clip(q + {}, 0"),
    "levels.number_levels.ROWS_AT_ONCE": ("Numbers", "max(1, floor({} / n))`"),
    "levels.number_tables.ESCAPE": ("Numbers", "; {} escapes"),
    "levels.number_tables.MAX_DISTANCE": ("Numbers", "distance plus {}, then"),
    "levels.number_tables.N_CLASSES": ("Numbers", "each channel, below {}:"),
    "levels.lattice.MAX_OFFSET": ("Lattice", "| `-2**53` to {} |"),
    "levels.pass_network.HIDDEN_LIMIT": ("Settings and tensors", "/ 8)), -4095, {})"),
}
DOCUMENTED_OTHERWISE = {
    "archive.layout.DTYPE_CODES",  # a table of its own
    "archive.layout.DTYPES",
    "entropy.context_model.TENSORS",  # a table of its own
    "archive.guarantee.KEY",  # in words
    "archive.modes.NETWORKS",
    "archive.modes.NETWORKS_AND_EXACT",
    "archive.modes.PATCHABLE",  # a list of its own
    "archive.wrapped.CRC_BYTES",
    "archive.layout.NO_MODEL",
    "interpolation.adaptive.LATER_CLASSES",  # in formulas
    "interpolation.adaptive.EXPONENT_BIAS",  # of float64
    "interpolation.adaptive.MANTISSA_BITS",
    "interpolation.adaptive.N_CLASSES",
    "interpolation.adaptive.ONE",
    "interpolation.adaptive.PRIOR",
    "interpolation.adaptive.SCALE_BITS",
    "interpolation.adaptive.SEEN",
    "interpolation.grid.FIRST_BIAS",
    "interpolation.grid.LARGEST",
    "interpolation.layout.KIND_SHIFT",
    "interpolation.prediction.FINE_BITS",
    "interpolation.prediction.KNOWN",  # a table of its own
    "interpolation.prediction.LOOKED_AT",
    "interpolation.prediction.MAX_WEIGHT",
    "interpolation.prediction.N_CONTEXTS",
    "interpolation.prediction.OF_OTHERS",
    "interpolation.prediction.OTHERS_LOOKED_AT",
    "interpolation.prediction.WEIGHT_BITS",
    "interpolation.sums.EXACT",  # of float64
    "interpolation.sums.MAX_STEP",  # how sums are made
    "interpolation.sweep.REACH",
    "interpolation.sweep.WEIGHT_BITS",
    "interpolation.walk.IN_CACHE",  # how much is looked at in one go
    "interpolation.walk.MOST",
    "interpolation.walk.MOST_AT_ONCE",
    "levels.passes.LEVEL",  # a table of its own
    "levels.passes.REACH",  # in words
    "networks.layers.parallel.KINDS",  # a table of its own
    "networks.layers.residual.INNER_KINDS",  # in words
    "networks.layers.parallel.BRANCH_KINDS",
    "model.groups.CORRECTED",  # a table of its own
    "model.groups.ENCODED",
    "model.model_file.CHECKSUM_BYTES",  # in words
    "model.model_file.HEAD_BYTES",
    "model.packed_tensors.DIFFERENCES",
    "model.packed_tensors.VALUES",
    "entropy.stacks.WORD_MASK",  # the bits of a word
    "prediction.prediction.NONE",  # modes, in a table of the payload's parts
    "prediction.prediction.NEW",
    "prediction.prediction.MERGE",
    "prediction.prediction.MODES",
    "prediction.prediction.LAG_PARTS",
    "prediction.prediction.MAX_GAIN",  # what a reader must reject
    "prediction.prediction.NEAR",
    "prediction.prediction.FAR",
    "prediction.prediction.DIGIT_BITS",  # in formulas
    "prediction.prediction.GAIN_SHIFT",
    "prediction.past.SMOOTHING_SHIFT",
    "prediction.wavelets.SCALES_PER_TABLE",  # in formulas
    "prediction.wavelets.WEIGHT_BITS",
    "prediction.bands.LARGEST_MAGNITUDE",
    "prediction.lifting.SHIFT",
    "prediction.lifting.LOW",
    "prediction.lifting.HIGH",
    "levels.byte_heads.FLOOR",  # in formulas and lists of inputs and outputs
    "levels.byte_heads.GREATEST_MEAN",
    "levels.byte_heads.LEAST_MEAN",
    "levels.byte_heads.N_LOGISTICS",
    "levels.byte_heads.N_SCALES",
    "levels.byte_heads.RATE_SHIFT",
    "levels.byte_inputs.NEAREST_ATOMS",
    "levels.byte_inputs.NEAREST_KINDS",
    "levels.byte_levels.SKIP_STRIDE",
    "levels.decisions.LOGIT_UNIT",
    "levels.decisions.SIGMOID_ONE",
    "levels.decisions.SIGMOID_REACH",
    "levels.decisions.SIGMOID_UNIT",
    "levels.kinds.KINDS",
    "levels.lattice.MAX_BOUND",
    "levels.lattice.PER_STEP",
    "levels.number_inputs.N_AROUND",
    "levels.number_inputs.N_FLAGS",
    "levels.number_inputs.N_OTHER",
    "levels.number_inputs.N_OTHER_AROUND",
    "levels.number_inputs.N_OWN",
    "levels.number_inputs.N_SPREAD",
    "levels.number_inputs.ONE",
    "levels.number_inputs.WIDE",
    "levels.number_levels.MEAN_UNIT_BITS",
    "levels.number_levels.N_OUTPUTS",
    "levels.number_payload.BIAS_BITS",
    "levels.number_payload.MAX_BIAS",
    "levels.number_payload.MAX_WEIGHT",
    "levels.number_tables.FARTHEST",
    "levels.number_tables.FLOOR",
    "levels.number_tables.N_FRACTIONS",
    "levels.number_tables.RATE_SHIFT",
    "levels.number_tables.SHARED",
    "levels.number_tables.UNIFORM_BITS",
    "levels.pass_network.FIRST_SHIFT",
    "levels.pass_network.SECOND_SHIFT",
    "entropy.packets.CHECKSUM_BYTES",  # a u32
    "promised_packets.CHANGES_BIT",  # in words: the lowest bit, the next one, byte 00
    "promised_packets.CHECK_MASK",
    "promised_packets.END",
    "archive.byte_planes.BARE",
    "promised_packets.EXACT_BIT",
    "promised_packets.FORM_SHIFT",
    "promised_packets.KINDS",
    "entropy.range_coder.WIDTH_BITS",
    "levels.byte_payload.WORD_BYTES",  # of words
    "levels.number_payload.WORD_BYTES",
}
NO_MATTER_OF_FORMAT = {
    "levels.pass_network.COLUMNS_AT_ONCE",
    "similarity.AT_ONCE",
    "levels.lattice.FURTHEST",  # what a writer numbers
    "levels.lattice.LARGEST",
    "levels.passes.NOWHERE",
    "levels.passes.START",
    "prediction.past.AHEAD",
    "prediction.windows.PART",
    "archive.metadata.ACCEPTED",  # the text of an error
    "conversions.NEW_MODEL",
    "networks.backend.EXACT_FLOAT32",
    "networks.backend.PART_ELEMENTS",
    "archive.raw_blocks.DEFLATE_LEVEL",
    "archive.raw_blocks.MAX_DEFLATE_RATIO",
    "archive.raw_blocks.MIN_RATIO_WITHOUT_SAMPLE",
    "archive.raw_blocks.SAMPLE_BYTES",
    "archive.raw_blocks.SAMPLE_LEVEL",
    "archive.raw_blocks.SAMPLE_MARGIN",
    "entropy.context_tables.PART_ENTRIES",
    "entropy.trellis.PART_ENTRIES",
    "networks.layers.affine.FEW_CHANNELS",
    "networks.layers.product.MAX_PARTS",
    "networks.layers.sliding.INPUTS_PER_OUTPUT",
    "model.packed_tensors.LEVEL",  # how a writer packs
    "model.packed_tensors.MAX_RAW_BITS",
    "shared.MAX_LOADED",
    "memory.LARGEST",
    "transform.DEFAULT_BATCH_SIZE",
    "transform.MAX_BATCH_ELEMENTS",
    "transform.SMALLEST_NORMAL",
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


@pytest.mark.parametrize("path", STATED)
def test_a_constant_of_the_document_is_that_of_the_code(path):
    assert stated(*STATED[path]) == (code_value(path),)


def test_each_constant_of_the_runtime_is_documented_or_no_matter_of_format():
    folder = Path(narrows.__file__).parent / "codec"
    modules = {path: path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py")}
    found = {
        name
        for path, module in modules.items()
        if module.parts[0] != "encoding"  # how a writer searches: any symbols decode
        and "native" not in module.parts  # how a machine computes what is fixed elsewhere
        for name in constants_of(path, ".".join(module.parts))
    }
    assert found == {*STATED, *DOCUMENTED_OTHERWISE, *NO_MATTER_OF_FORMAT}


def test_the_limits_of_frames_are_the_same_everywhere():
    from narrows.codec.archive import MAX_FRAME_BYTES
    from narrows.training.data import frames

    assert (frames.MAX_FRAME_AXES, frames.MAX_FRAME_BYTES) == (MAX_DIMENSIONS, MAX_FRAME_BYTES)


def test_the_limit_of_dimensions_is_the_same_everywhere():
    assert stated("Header", "more than {} dimensions") == (MAX_DIMENSIONS,)
    assert stated("Packed tensors", "more than {} dimensions") == (MAX_DIMENSIONS,)


def test_the_format_version_is_that_of_the_code_and_the_document_has_one_of_its_own():
    assert re.search(r"^- Format version: (\d+)$", DOCUMENT, re.M)[1] == str(VERSION)
    assert re.search(r"^- Document version: \d+\.\d+$", DOCUMENT, re.M)


def test_the_element_types_are_those_of_the_code():
    documented = {int(code): (name, int(size)) for code, name, size in table("Element types")}
    assert documented == {code: (dtype.name, dtype.itemsize) for code, dtype in DTYPES.items()}


def test_the_block_modes_are_those_of_the_code():
    documented = {name: int(mode) for mode, name, _ in table("Blocks", 2)}
    assert documented == {mode.name: mode.value for mode in Mode}
    (coded,) = re.findall(r"mode of what is coded: (.*) \|", section("Exact values"))
    assert [int(n) for n in re.findall(r"\d+", coded)] == sorted(PATCHABLE.values())
    of_models = set(Mode) - {Mode.DEFLATED, Mode.STORED, Mode.LEVELS}
    for heading, phrase in (("Header", "reject blocks of modes"), ("Blocks", "a block of modes")):
        listed = re.sub(r"\s+", " ", section(heading)).split(phrase)[1][:18]
        assert {int(n) for n in re.findall(r"\d+", listed)} == of_models


def test_the_number_types_of_packed_tensors_are_those_of_the_code():
    types = re.findall(r"(\d) for `(u?int\d+)`", section("Packed tensors"))
    assert types == [(str(i), dtype.name) for i, dtype in enumerate(packed_tensors.DTYPES)]


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


def test_the_forms_of_packets_are_those_of_the_document():
    rows = table("Packets that keep a bound", 2)
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4` to `7"]
    assert list(Form)[:4] == [Form.STORED, Form.DEFLATED, Form.LEVELS, Form.FRONTS]
    assert min(form for form in Form if form.mode == "levels_by_networks") == 4
