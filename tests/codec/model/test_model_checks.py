"""Parts of a model that do not fit together, and its known answers."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.model.model_file import pack_model
from narrows.codec.model.tradeoff import Fit
from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import FormatError, ModelError, UnprovenModelError
from tests.helpers.altered_models import by_channel
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
