"""Windows predicted from the decoded past: decoders have what encoders had, to the last bit."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import ArchiveReader, Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.window_encoder import WindowEncoder
from narrows.codec.encoding.window_search import WindowSearch
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.prediction.prediction import MERGE, NEW, NONE
from narrows.codec.prediction.windows import pack_windows, rebuild, unpack_windows
from narrows.codec.sequence import Archive
from narrows.codec.transform import Transform
from narrows.errors import FormatError, ModelError
from tests.helpers.predicting import repeating, tiny_predicting
from tests.helpers.random_windows import drawn_windows
from tests.helpers.tiny_models import examples

MODEL = tiny_predicting()
TABLES = MODEL.quality(2).tables
FIELDS = ("modes", "lags", "gains", "unpredicted", "residuals")


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_unpacking_undoes_packing(seed, n):
    windows = drawn_windows(np.random.default_rng(seed), n, MODEL.prediction)
    payload = pack_windows(windows, MODEL.prediction, 2, TABLES)
    back = unpack_windows(payload, n, MODEL.prediction, 2, TABLES)
    for name in FIELDS:
        assert np.array_equal(getattr(back, name), getattr(windows, name)), name


@examples(150)
@given(seed=st.integers(0, 2**32 - 1))
def test_damaged_payloads_are_refused_or_windows_of_a_decoder(seed):
    rng = np.random.default_rng(seed)
    payload = bytearray(
        pack_windows(drawn_windows(rng, 20, MODEL.prediction), MODEL.prediction, 2, TABLES)
    )
    for _ in range(int(rng.integers(1, 4))):
        payload[rng.integers(len(payload))] ^= 1 << int(rng.integers(8))
    del payload[int(rng.choice([len(payload), rng.integers(len(payload) + 1)])) :]
    try:
        windows = unpack_windows(bytes(payload), 20, MODEL.prediction, 2, TABLES)
    except FormatError:
        return
    base = np.zeros((len(windows.unpredicted), 9, 2), np.int64)
    values = rebuild(windows, base, MODEL.prediction, 2)
    assert values.shape == (20, 9, 2)
    assert np.abs(values).max() <= MODEL.prediction.limit


@pytest.mark.parametrize("frame_shape", [(9, 2), (12,), (5, 2, 3)])
@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_decoders_have_what_encoders_had(dtype, frame_shape):
    model = tiny_predicting(dtype, frame_shape)
    codec = Codec(model)
    encoder, x = WindowEncoder(codec.encoder.symbol_encoder), repeating(model, 60)
    targets, _, base, bits = encoder.beside(x, 2, 2)
    search = WindowSearch(model.prediction)
    chosen = search.encode(targets[None], base[None], bits[None], np.array([2]), 2)
    windows, decoded = encoder.encode(x, 2, 2)
    assert np.array_equal(windows.modes, chosen.modes[0])
    assert (windows.modes != NONE).sum() > 20
    values = rebuild(windows, base[windows.modes == NONE], model.prediction, 2)
    errors = np.square((values - targets).astype(np.float64)).sum(axis=(1, 2))
    assert np.array_equal(errors, chosen.errors[0])
    assert np.array_equal(decoded, values)
    assert not np.signbit(decoded[decoded == 0]).any()
    block = codec.decoder.blocks.predicted.pack(windows, 2)
    frames = codec.decoder.blocks.predicted.in_dtype(decoded)
    assert np.array_equal(codec.decoder.blocks.decode(block), frames)


def test_what_repeats_comes_back_better_than_alone():
    x = repeating(MODEL, 200)
    errors = []
    for model in (MODEL, replace(MODEL, prediction=None)):
        codec = Codec(model)
        decoded = codec.decompress(codec.compress(x, quality=1))
        errors.append(np.square(decoded.astype(float) - x).mean())
    assert errors[0] < errors[1] / 4


def test_all_ways_to_code_a_window_are_used():
    encoder = WindowEncoder(Codec(MODEL).encoder.symbol_encoder)
    modes = encoder.encode(repeating(MODEL, 200), 1, 2)[0].modes
    assert set(modes.tolist()) == {NONE, NEW, MERGE}


def test_recordings_side_by_side_are_encoded_as_alone():
    encoder = WindowEncoder(Codec(MODEL).encoder.symbol_encoder)
    each = [encoder.beside(repeating(MODEL, 30, seed=s), q, 2) for s, q in ((0, 1), (1, 2), (2, 2))]
    x, _, base, bits = (np.array(of) for of in zip(*each, strict=True))
    qualities, search = np.array([1, 2, 2]), WindowSearch(MODEL.prediction)
    together = search.encode(x, base, bits, qualities, 2)
    for i in range(3):
        alone = search.encode(*(of[i : i + 1] for of in (x, base, bits, qualities)), 2)
        for name in ("modes", "lags", "gains", "symbols"):
            assert np.array_equal(getattr(together, name)[i], getattr(alone, name)[0]), name


def test_signals_are_read_at_random_from_their_blocks():
    x, codec = repeating(MODEL, 1100), Codec(MODEL)
    blob = codec.compress(x, quality=2, block_signals=512)
    blocks = list(ArchiveReader(io.BytesIO(blob)))
    assert [(block.mode, block.n_signals) for block in blocks] == [
        (Mode.PREDICTED, 512), (Mode.PREDICTED, 512), (Mode.PREDICTED, 76),
    ]  # fmt: skip
    decoded = codec.decompress(blob)
    with Archive(io.BytesIO(blob), codec.decoder) as archive:
        assert np.array_equal(archive[700], decoded[700])
        assert np.array_equal(archive[505:520], decoded[505:520])


def test_what_windows_are_made_from_lies_as_far_back_as_their_lags():
    codec, x = Codec(MODEL), repeating(MODEL, 80)
    (block,) = ArchiveReader(io.BytesIO(codec.compress(x, quality=2)))
    windows, earlier = codec.decoder.blocks.predicted.past_of(block)
    decoded = codec.decoder.blocks.decode(block)
    alone = windows.modes == NONE
    assert np.array_equal(earlier[alone], decoded[alone])
    assert (earlier[~alone] != decoded[~alone]).any()
    error = np.square(earlier[~alone].astype(float) - x[~alone]).mean()
    assert error < 0.5 * x.astype(float).var()


def test_batch_sizes_and_models_without_encoder_change_nothing():
    x, codec = repeating(MODEL, 70), Codec(MODEL)
    blob = codec.compress(x, quality=2, embed_model=True)
    assert blob == Codec(MODEL, batch_size=3).compress(x, quality=2, embed_model=True)
    assert blob == codec.compress(x, quality=2, embed_model=True, jobs=2)
    other = codec.without_encoder()
    assert other.model_id == codec.model_id
    assert np.array_equal(other.decompress(blob), codec.decompress(blob))
    again = Codec.from_bytes(codec.model_bytes)
    assert again.model_bytes == codec.model_bytes
    assert np.array_equal(again.decompress(blob), codec.decompress(blob))


@pytest.mark.parametrize("name", ["border", "residual"])
def test_machines_that_compute_other_predictions_are_refused(name):
    Transform(MODEL).check_known_answers()
    network = getattr(MODEL.prediction, name)
    layer, *others = network.layers
    weight = layer.weight.copy()
    weight[-1, -1] += 1
    wrong = IntegerNetwork(
        [replace(layer, weight=weight), *others], network.input_shape, network.input_limit
    )
    other = replace(MODEL, prediction=replace(MODEL.prediction, **{name: wrong}))
    with pytest.raises(ModelError, match="known answers"):
        Transform(other).check_known_answers()


def test_a_model_that_predicts_nothing_refuses_predicted_windows():
    x = repeating(MODEL, 30)
    (block,) = ArchiveReader(io.BytesIO(Codec(MODEL).compress(x, quality=1)))
    plain = Codec(replace(MODEL, prediction=None))
    with pytest.raises(FormatError, match="predicts nothing"):
        plain.decoder.blocks.decode(block)
