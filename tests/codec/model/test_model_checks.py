"""Parts of a model that do not fit together, its known answers, and its groups of latents."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FixedTables, TablesInTurn, frequencies_of
from narrows.codec.model.groups import CORRECTED, ENCODED, check_groups, columns_of
from narrows.codec.model.model_file import pack_model
from narrows.codec.model.tradeoff import Fit
from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import FormatError, ModelError, UnprovenModelError
from tests.helpers.altered_models import by_channel, corrected
from tests.helpers.model_files import forged, opened
from tests.helpers.tiny_models import DTYPES, refusing, searching, tiny_model

# ---------------------------------------------------------------- parts that do not fit


@pytest.mark.parametrize(
    "part",
    [
        {"frame_shape": (6,)},
        {"frame_shape": (5, 1)},
        {"contexts": []},
        {"contexts": [None, None]},
        {"contexts": tiny_model(latent_size=3, contexts=(1,)).contexts},
        {"contexts": tiny_model("float64", contexts=(1,)).contexts},
        {"tables": []},
        {"tables": [[]]},
        {"encoder": tiny_model(frame_shape=(4,)).encoder},
        {"encoder": tiny_model(latent_size=3).encoder},
        {"decoder": tiny_model(frame_shape=(4,)).decoder},
        {"decoder": tiny_model(latent_size=3).decoder},
        {"quantiser": tiny_model(latent_size=3).quantiser},
        {"quantiser": tiny_model(n_qualities=2).quantiser},
        {"normaliser": tiny_model("uint16").normaliser},
        {"tradeoffs": searching(tiny_model(latent_size=3)).tradeoffs},
        {"tradeoffs": searching(tiny_model(n_qualities=2)).tradeoffs},
        {"tradeoffs": replace(searching(tiny_model()).tradeoffs, weights=[1.0, 2.0])},
        {"fit": Fit([], [1.0])},
        {"tradeoffs": searching(tiny_model()).tradeoffs, "fit": Fit([], [1.0, 1.0])},
        {"normaliser": by_channel(tiny_model(frame_shape=(5, 2))).normaliser},
    ],
)
def test_parts_that_do_not_fit_together_are_refused(part):
    with pytest.raises(FormatError):
        replace(tiny_model(), **part)


@pytest.mark.parametrize(
    ("missing", "distortion"),
    [([np.nan], [1.0]), ([-np.inf], [1.0]), ([], [-1.0]), ([], [np.inf]), ([1], [1.0])],
)
def test_a_fit_of_other_numbers_is_refused(missing, distortion):
    with pytest.raises(FormatError):
        Fit(missing, distortion)


def test_a_dtype_that_archives_have_not_is_refused():
    model = tiny_model("int16")
    for dtype in ("complex64", "longdouble", "timedelta64[s]", ">i2"):
        with pytest.raises(FormatError, match="model for frames"):
            replace(model, normaliser=replace(model.normaliser, dtype=np.dtype(dtype)))


def test_more_qualities_than_a_packets_three_bits_are_refused():
    assert tiny_model(n_qualities=8, known_answers=False).n_qualities == 8
    with pytest.raises(FormatError, match="9 qualities"):
        tiny_model(n_qualities=9, known_answers=False)


@pytest.mark.parametrize("peak", [0.0, -1.0, np.inf, np.nan])
def test_a_peak_that_no_psnr_can_refer_to_is_refused(peak):
    with pytest.raises(FormatError, match="peak"):
        replace(tiny_model(), peak=peak)


def test_a_decoder_that_could_leave_the_exact_integers_at_its_end_is_refused():
    model = tiny_model("int32")
    large = replace(model.normaliser, output_shift=-32)
    with pytest.raises(UnprovenModelError):
        replace(model, normaliser=large)


def test_gains_that_could_leave_the_exact_integers_are_refused():
    model = tiny_model()
    layers = [*model.encoder.layers[:-1], replace(model.encoder.layers[-1], shift=0)]
    encoder = IntegerNetwork(layers, model.frame_shape, model.normaliser.limit)
    gain = np.full_like(model.quantiser.gain, 2**31 - 1)
    with pytest.raises(UnprovenModelError):
        replace(model, encoder=encoder, quantiser=replace(model.quantiser, gain=gain))


# ---------------------------------------------------------------- known answers


def test_right_known_answers_are_accepted():
    for dtype in DTYPES:
        for contexts in ((), (2,)):
            Codec.from_bytes(pack_model(tiny_model(dtype, (3, 5, 2), 2, 3, contexts=contexts)))


@pytest.mark.parametrize("contexts", [(), (1,)])
@pytest.mark.parametrize("change", ["symbols", "answers", "sha256"])
def test_known_answers_that_do_not_hold_are_a_model_error(change, contexts):
    model = tiny_model("uint8", (3, 5), 3, contexts=contexts)
    known = model.known_answers
    wrong = {
        "symbols": known.symbols + np.int32(50),
        "answers": known.answers + np.int32(1),
        "sha256": "0" * 64,
    }[change]
    data = pack_model(replace(model, known_answers=replace(known, **{change: wrong})))
    with refusing(ModelError, "known answers", model.model_id.hex()):
        Codec.from_bytes(data)


class EightBitProducts(NumpyBackend):
    """A machine that multiplies in bfloat16, as some do where nobody asked for it."""

    def constant(self, values, dtype):
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        return bits.view(np.float32).astype(dtype)


def test_a_machine_that_computes_otherwise_is_refused():
    data = pack_model(tiny_model("uint8", (3, 5), 3))
    with pytest.raises(ModelError, match="not exact"):
        Codec.from_bytes(data, EightBitProducts())


def test_known_answers_of_another_shape_are_refused():
    content, tensors = opened(pack_model(tiny_model()))
    for name in ("known.symbols", "known.answers"):
        for bad in (tensors[name][:, :1], tensors[name].reshape(-1), tensors[name][:1]):
            changed = {**tensors, name: np.ascontiguousarray(bad)}
            with pytest.raises((FormatError, ModelError)):
                Codec.from_bytes(forged(content, changed))


def test_groups_are_adjacent_columns_in_order():
    sizes = {ENCODED: 3, CORRECTED: 2}
    assert list(range(5))[columns_of(ENCODED, sizes)] == [0, 1, 2]
    assert list(range(5))[columns_of(CORRECTED, sizes)] == [3, 4]
    assert list(range(3))[columns_of(CORRECTED, {ENCODED: 3})] == []


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({}, "known, in this order"),
        ({CORRECTED: 3}, "groups corrected of latents"),
        ({CORRECTED: 1, ENCODED: 2}, "groups corrected, encoded"),
        ({ENCODED: 1, "other": 2}, "groups encoded, other"),
        ({ENCODED: 3, CORRECTED: 0}, "number of corrected latents is 0"),
        ({ENCODED: 1.5, CORRECTED: 1.5}, "number of encoded latents is 1.5"),
        ({ENCODED: 1, CORRECTED: 1}, "groups of 2 latents in a model of 3"),
    ],
)
def test_other_groups_are_refused(sizes, told):
    with refusing(FormatError, told):
        check_groups(sizes, 3)


def test_a_group_without_others_is_not_written():
    model = tiny_model("uint8", (4, 5), 3)
    content, _ = opened(pack_model(model))
    assert "groups" not in content["decoding"]
    assert model.groups == {ENCODED: 3}


@pytest.mark.parametrize(
    "groups",
    [[["encoded", 3]], [], None, {"encoded": 3}, [["encoded", 2], ["encoded", 1]], "encoded"],
    ids=repr,
)
def test_a_file_that_writes_one_group_in_any_form_is_refused(groups):
    content, tensors = opened(pack_model(tiny_model("uint8", (4, 5), 3)))
    content["decoding"]["groups"] = groups
    with pytest.raises(FormatError):
        Codec.from_bytes(forged(content, tensors))


def test_groups_of_a_corrected_model_are_its_decoders_split():
    model = corrected(searching(tiny_model("uint8", (4, 5), 3, n_qualities=2)), 4)
    model = model.without_encoder()
    content, tensors = opened(pack_model(model))
    assert content["decoding"]["groups"] == [["encoded", 3], ["corrected", 4]]
    assert Codec.from_bytes(forged(content, tensors)).model_id == model.model_id.hex()
    content["decoding"]["groups"] = [["encoded", 4], ["corrected", 3]]
    with refusing(FormatError, "parallel layer that splits [4, 3]"):
        Codec.from_bytes(forged(content, tensors))


def tables_of(symbols):
    return [count_table(column) for column in symbols.T]


def test_groups_are_coded_one_after_the_other_each_as_alone():
    rng = np.random.default_rng(0)
    symbols = rng.integers(-9, 9, (40, 5), np.int32)
    symbols[:, 3] = 0
    row = tables_of(symbols)
    tables = TablesInTurn([FixedTables(row[:2], [1, 0]), FixedTables(row[2:], [0, 2])])
    assert tables.row == row
    assert tables.order == [1, 0, 2, 4]
    given = [found.tolist() for found in frequencies_of(symbols, tables)]
    assert given == [row[j].weights.tolist() for j in tables.order]
    coder = SymbolCoder(tables)
    decoded = coder.decode(coder.encode(symbols), len(symbols))
    np.testing.assert_array_equal(decoded, symbols)
