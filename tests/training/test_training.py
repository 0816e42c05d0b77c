"""Training and freezing: finished codecs, reproducible, and exact to the float model."""

import math
import re

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

import narrows
from narrows.element_types import ends_of
from narrows.errors import DataError, SettingError, TrainingError
from narrows.evaluation.metrics import evaluate

RNG = np.random.default_rng(5)


def waves(n, shape, dtype, scale=50.0, offset=100.0):
    """Make signals that an autoencoder can learn: random mixtures of three smooth waves."""
    size = int(np.prod(shape))
    basis = np.sin(np.linspace([0, 1, 2], [3, 7, 11], size)).T
    x = RNG.normal(size=(n, 3)) @ basis * scale + offset
    if np.dtype(dtype).kind != "f":
        x = np.clip(np.round(x), *ends_of(np.dtype(dtype)))
    return x.reshape(n, *shape).astype(dtype)


@pytest.mark.parametrize("architecture", ["linear", "dense"])
@pytest.mark.parametrize(
    ("dtype", "shape", "scale", "offset"),
    [
        ("uint8", (6, 5), 40.0, 128.0),
        ("int8", (7,), 20.0, 0.0),
        ("uint16", (4, 3), 900.0, 30000.0),
        ("int16", (16, 2), 500.0, -1000.0),
        ("int32", (12,), 1e6, 1e9),
        ("uint32", (12,), 1e6, 4e9),
        ("int64", (12,), 1e11, -4e15),
        ("uint64", (5, 2), 1e11, 4e15),
        ("bool", (9,), 2.0, 0.0),
        ("float16", (9,), 3.0, 273.0),
        ("float32", (3, 5, 2), 1e-3, 273.15),
        ("float64", (9,), 1e6, 0.0),
        ("float32", (1,), 3.0, 0.0),
    ],
)
def test_every_dtype_and_shape_trains_to_a_codec_that_keeps_them(
    architecture, dtype, shape, scale, offset
):
    x = waves(300, shape, dtype, scale, offset)
    k = min(3, int(np.prod(shape)))
    codec = narrows.train(x, latent_size=k, architecture=architecture, epochs=3)
    decoded = codec.decompress(codec.compress(x[:40]))
    assert (decoded.shape, decoded.dtype) == (x[:40].shape, x.dtype)
    if architecture == "linear":
        assert evaluate(codec, x).psnr > (18.0 if dtype != "bool" else 12.0)  # of 0 and 1


def test_two_runs_with_one_seed_give_one_model(digits):
    settings = {"latent_size": 4, "architecture": "dense", "epochs": 2, "seed": 3}
    first = narrows.train(digits[:400], **settings)
    assert narrows.train(digits[:400], **settings).model_id == first.model_id
    other = narrows.train(digits[:400], **{**settings, "seed": 4})
    assert other.model_id != first.model_id


def test_training_beats_pca_at_fewer_bytes_on_digits(digits):
    from narrows.evaluation.peers.pca import train_pca

    dense = evaluate(
        narrows.train(digits[:1400], latent_size=8, architecture="dense", epochs=60), digits[1400:]
    )
    pca = evaluate(train_pca(digits[:1400], 8 * dense.bytes_per_signal), digits[1400:])
    assert dense.psnr > pca.psnr
    assert dense.bytes_per_signal < 1.02 * pca.bytes_per_signal


def test_the_rate_meets_its_aim(digits):
    codec = narrows.train(
        digits[:1400], latent_size=8, bits_per_latent=2.0, architecture="dense", epochs=60
    )
    assert evaluate(codec, digits[:1400]).bytes_per_signal == pytest.approx(2.0, rel=0.08)


def test_a_larger_lambda_gives_more_bytes_and_less_error(digits):
    def at(lambda_):
        return evaluate(
            narrows.train(
                digits[:1400], latent_size=8, lambda_=lambda_, architecture="dense", epochs=8
            ),
            digits[1400:],
        )

    small, large = at(10.0), at(100.0)
    assert small.bytes_per_signal < large.bytes_per_signal
    assert small.psnr < large.psnr


@pytest.mark.parametrize("loss", ["mse", "bce", "l1"])
def test_every_loss_learns(digits, loss):
    codec = narrows.train(digits[:1000], latent_size=8, loss=loss, architecture="dense", epochs=25)
    assert evaluate(codec, digits[1000:]).psnr > 14.5  # the mean digit alone gives 10.8 dB


def test_freezing_costs_no_more_than_it_may(tiny_codec):
    # The weights are rounded as coarsely as 0.05 dB allow; rounding may also help by chance.
    assert tiny_codec.model.training["freezing_loss_db"] <= 0.05


def test_finer_weights_cost_less_quality_and_more_bytes(digits, monkeypatch):
    from narrows.training.freeze import drafts as freezing
    from narrows.training.freeze.networks import Levels

    # On all signals: among 140 held-out ones, a few latents near a half decide about 0.01 dB.
    monkeypatch.setattr(freezing, "MIN_ELEMENTS", 10**6)

    def freeze_with(loss_db):
        monkeypatch.setattr(freezing, "ROUNDINGS", ((loss_db, *2 * [Levels(639)]),))
        return narrows.train(digits[:1400], latent_size=6, architecture="dense", epochs=3)

    coarse, fine = freeze_with(0.03), freeze_with(0.0)
    assert abs(fine.model.training["freezing_loss_db"]) < 0.005
    assert len(coarse.model_bytes) < 0.5 * len(fine.model_bytes)


def test_where_fewer_levels_cost_too_much_activations_have_more_and_at_last_all(
    digits, monkeypatch
):
    from narrows.training.freeze import drafts as freezing
    from narrows.training.freeze.networks import ACTIVATION_LIMIT, Levels

    assert freezing.ROUNDINGS[-2] == (0.0, *2 * [Levels(ACTIVATION_LIMIT)])
    monkeypatch.setattr(freezing, "MIN_ELEMENTS", 10**6)  # as above

    def limits_with(loss_db, levels, most_lost):
        monkeypatch.setattr(freezing, "ROUNDINGS", ((loss_db, levels, levels),))
        codec = narrows.train(digits[:1400], latent_size=6, architecture="dense", epochs=3)
        assert abs(codec.model.training["freezing_loss_db"]) < most_lost
        layers = [layer for layer in codec.model.decoder.layers if layer.kind == "dense"]
        return [layer.limit for layer in layers[:-1]]

    # Rounding costs these networks twice what is planned: after three epochs they are no optimum.
    few, more = limits_with(0.02, Levels(639), 0.05), limits_with(0.02, Levels(4000), 0.05)
    most = limits_with(0.02, Levels(639, most=True), 0.05)
    all_ = limits_with(0.0, Levels(ACTIVATION_LIMIT), 0.005)
    assert 639 <= min(few) < 4000
    assert min(more) >= 4000
    assert min(few) < min(most) < ACTIVATION_LIMIT
    assert all_ == [ACTIVATION_LIMIT] * len(all_)


def test_roundings_are_tried_until_one_costs_little_enough(digits, monkeypatch):
    from narrows.training.freeze import drafts as freezing

    losses = iter([0.2, 0.07, 0.04, 0.0])
    monkeypatch.setattr(freezing, "_loss_db", lambda *given: next(losses))
    tried, make = [], freezing._integer_model
    monkeypatch.setattr(
        freezing, "_integer_model", lambda *given: tried.append([*given[0].levels]) or make(*given)
    )
    codec = narrows.train(digits[:300], latent_size=6, architecture="dense", epochs=1)
    assert codec.model.training["freezing_loss_db"] == 0.04
    assert tried == [levels for _, *levels in freezing.ROUNDINGS[:3]]


def test_where_every_rounding_loses_too_much_the_best_is_kept_and_its_loss_told(
    digits, monkeypatch, caplog
):
    from narrows.training.freeze import drafts as freezing

    losses = iter([0.9, 0.3, math.inf, 0.2, *[0.5] * 20])
    monkeypatch.setattr(freezing, "_loss_db", lambda *given: next(losses))
    codec = narrows.train(digits[:200], latent_size=3, architecture="dense", epochs=1)
    assert codec.model.training["freezing_loss_db"] == 0.2
    assert codec.decompress(codec.compress(digits[:9])).shape == (9, 8, 8)
    assert re.search(r"is 0\.2 dB worse.*layer \d of the (en|de)coder", caplog.text)


def test_a_few_signals_far_beyond_the_others_are_not_clipped(caplog):
    """As artefacts of a recording: the last signals, beyond those that ranges once came from."""
    generator = np.random.default_rng(0)
    x = (generator.normal(size=(8_000, 3)) @ generator.normal(size=(3, 8))).astype(np.float32)
    x[-80:] *= 40
    codec = narrows.train(x, latent_size=3, bits_per_latent=4, architecture="dense", epochs=1)
    assert codec.model.training["freezing_loss_db"] <= 0.05
    assert "worse" not in caplog.text


def test_a_given_validation_set_is_used(digits):
    codec = narrows.train(
        digits[:500], latent_size=3, validation=digits[500:570], architecture="linear"
    )
    assert codec.model.training["signals"] == 500
    assert codec.model.training["validation_signals"] == 70


@pytest.mark.parametrize(
    "activation",
    [nn.LeakyReLU(0.125), nn.ReLU(), nn.ELU(), nn.Sigmoid(), nn.Tanh(), nn.GELU(), nn.Identity()],
)
def test_networks_of_one_s_own_freeze_with_every_activation(digits, activation):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), activation, nn.Linear(20, 5))
    decoder = nn.Sequential(
        nn.Linear(5, 20), activation, nn.Dropout(0.1), nn.Linear(20, 64), nn.Unflatten(1, (8, 8))
    )
    codec = narrows.train(digits[:600], latent_size=5, encoder=encoder, decoder=decoder, epochs=2)
    assert codec.model.architecture == "custom"
    assert codec.model.training["freezing_loss_db"] <= 0.05
    assert codec.decompress(codec.compress(digits[:5])).shape == (5, 8, 8)


def test_a_layer_without_an_integer_form_is_refused_by_name(digits):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Softplus(), nn.Linear(5, 5))
    decoder = nn.Sequential(nn.Linear(5, 64), nn.Unflatten(1, (8, 8)))
    with pytest.raises(SettingError, match="Softplus"):
        narrows.train(digits[:100], latent_size=5, encoder=encoder, decoder=decoder, epochs=1)


def test_an_encoder_of_one_s_own_needs_a_decoder(digits):
    with pytest.raises(SettingError, match="decoder"):
        narrows.train(digits[:100], latent_size=5, encoder=nn.Flatten(), epochs=1)


def test_training_that_diverges_says_so(digits):
    with pytest.raises(TrainingError, match="diverged"):
        narrows.train(
            digits[:300], latent_size=4, architecture="dense", learning_rate=1e9, epochs=5
        )


def test_constant_signals_train_and_come_back(digits):
    x = np.full((50, 4), 7, np.int16)
    for architecture in ("linear", "dense"):
        codec = narrows.train(x, latent_size=2, architecture=architecture, epochs=2)
        assert np.array_equal(codec.decompress(codec.compress(x)), x)


def test_signals_that_come_back_exactly_have_no_psnr_in_the_history(tmp_path):
    from narrows.training.loop.checkpoint import read_checkpoint

    x, kept = np.zeros((50, 8, 8), np.uint8), tmp_path / "checkpoint"
    settings = {"latent_size": 4, "architecture": "dense", "epochs": 2, "checkpoint": kept}

    def interrupt(record):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        narrows.train(x, **settings, progress=interrupt)
    assert read_checkpoint(kept).state.history[0].psnr == np.inf
    codec = narrows.train(x, **settings, resume=True)
    assert [record["psnr"] for record in codec.model.training["history"]] == [None, None]
    codec.save(tmp_path / "m.narrows")
    loaded = narrows.load(tmp_path / "m.narrows")
    assert np.array_equal(loaded.decompress(codec.compress(x)), x)


def test_nan_in_the_training_data_is_left_out_and_counted(caplog):
    x = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    x[6, 1], x[9] = np.nan, np.inf
    with caplog.at_level("INFO"):
        codec = narrows.train(x, latent_size=2, architecture="linear")
    assert "5 NaN or infinite; 1 signals have no others" in caplog.text
    assert np.isfinite(codec.model.peak)
    with pytest.raises(DataError, match="0 signals that have values"):
        narrows.train(np.full((9, 4), np.nan), latent_size=2, architecture="linear")


def test_early_stopping_keeps_the_best_epoch(digits):
    codec = narrows.train(
        digits[:100], latent_size=8, architecture="dense", epochs=400, lambda_=200.0, patience=3
    )
    history = codec.model.training["history"]
    best = codec.model.training["best_epoch"]
    assert len(history) < 400
    assert len(history) == best + 3
    late = [r["val_loss"] for r in history if r["epoch"] > 200]
    assert min(late, default=np.inf) == history[best - 1]["val_loss"] or best == 200


def test_progress_reports_every_epoch(digits):
    records = []
    narrows.train(
        digits[:200], latent_size=3, architecture="dense", epochs=4, progress=records.append
    )
    assert [r.epoch for r in records] == [1, 2, 3, 4]
    assert all(r.seconds_left >= 0 and r.bytes_per_signal > 0 for r in records)


def test_two_signals_are_enough_for_pca():
    x = np.array([[1, 2, 3], [4, 6, 9]], np.int16)
    codec = narrows.train(x, latent_size=1, architecture="linear")
    assert codec.decompress(codec.compress(x)).shape == x.shape


def test_pca_knows_no_cross_entropy(digits):
    bce, mse = (
        narrows.train(digits[:600], latent_size=8, architecture="linear", loss=loss)
        for loss in ("bce", "mse")
    )
    assert bce.model_id == mse.model_id


def test_signals_of_few_values_come_back_exactly():
    rng = np.random.default_rng(0)
    two = rng.integers(0, 200, (2, 12)).astype(np.uint8)
    x = two[rng.integers(0, 2, 120)]
    codec = narrows.train(x, latent_size=4, architecture="linear")
    assert evaluate(codec, x).psnr > 45.0


@pytest.mark.parametrize("architecture", ["linear", "dense"])
@pytest.mark.parametrize("x", [np.ones((2, 3)), waves(10, (2, 1), "float64")])
def test_tiny_sets_freeze(architecture, x):
    codec = narrows.train(x, latent_size=1, architecture=architecture, epochs=5)
    assert codec.decompress(codec.compress(x)).shape == x.shape


@pytest.mark.parametrize("architecture", ["linear", "dense"])
def test_an_outlier_that_is_held_out_from_training_is_not_clipped(architecture):
    x = waves(400, (12,), "float32")
    held_out = x[:40].copy()
    held_out[3] *= 8.0
    codec = narrows.train(
        x[40:], latent_size=3, architecture=architecture, epochs=4, validation=held_out
    )
    assert codec.model.training["freezing_loss_db"] <= 0.05


@pytest.mark.parametrize("scale", [1e200, 1e-310])
def test_floats_whose_squares_are_no_floats_are_refused(scale):
    with pytest.raises(DataError, match="scale them"):
        narrows.train(np.arange(20.0).reshape(10, 2) * scale, latent_size=1)


@pytest.mark.parametrize(
    ("low", "high", "way_out"),
    [
        (10**18, 10**18 + 5, '(x - (1000000000000000000)).astype("int64")'),
        (-(2**51), 2**51, 'x.astype("float64"), which holds all'),
        (-(2**62), 2**62, 'x.astype("float64"), which rounds'),
    ],
)
def test_whole_numbers_beyond_networks_are_refused_with_what_keeps_them(low, high, way_out):
    x = np.array([[low, high]] * 4)
    with pytest.raises(DataError, match=re.escape(way_out)) as caught:
        narrows.train(x, latent_size=1, architecture="linear")
    taken = eval(re.findall(r'give (.*?"\))', str(caught.value))[0], {"x": x})
    narrows.train(taken, latent_size=1, architecture="linear")
