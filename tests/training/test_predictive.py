"""Architecture predictive: recordings that repeat themselves take fewer bytes than by PCA alone."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.codec.archive import Mode
from narrows.codec.model.range import Range
from narrows.errors import SettingError
from narrows.training.freeze import recordings
from tests.helpers.tiny_models import blocks_of

LENGTH, PERIOD = 32, 77


def beats(n_windows, seed, dtype="int16"):
    """Return windows of a recording of two channels with about one beat a period."""
    rng, n = np.random.default_rng(seed), n_windows * LENGTH
    phase = np.cumsum(rng.normal(1.0, 0.02, n)) / PERIOD + rng.uniform()
    once = np.exp(-0.5 * ((phase % 1.0 - 0.5) / 0.05) ** 2)
    gains = np.array([900.0, -500.0]) * rng.uniform(0.8, 1.2, 2)
    x = once[:, None] * gains + 100 * np.sin(2 * np.pi * phase)[:, None]
    x += rng.normal(0, 12, x.shape)
    return np.rint(x).reshape(n_windows, LENGTH, 2).astype(dtype)


@pytest.fixture(scope="module")
def codecs():
    """PCA alone, and what predicts beside it, at the same rounding step."""
    x = np.concatenate([beats(300, seed) for seed in range(3)])
    given = {"latent_size": 24, "bits_per_latent": 1.2, "qualities": 3, "channels": "none"}
    names = ("linear", "predictive")
    return {name: narrows.train(x, architecture=name, **given) for name in names}


def measured(codec, x, quality, **options):
    """Return the bytes of an archive and the mean squared error."""
    blob = codec.compress(x, quality=quality, **options)
    return len(blob), np.square(codec.decompress(blob).astype(float) - x).mean()


@pytest.mark.parametrize("quality", [1, 2])
def test_other_recordings_take_fewer_bytes_and_come_back_better(codecs, quality):
    x = beats(300, 9)
    size, error = measured(codecs["predictive"], x, quality + 1)
    size_alone, error_alone = measured(codecs["linear"], x, quality)
    assert size < 0.9 * size_alone
    assert error < error_alone


def test_what_does_not_repeat_loses_next_to_nothing(codecs):
    rng = np.random.default_rng(0)
    x = np.rint(np.cumsum(rng.normal(0, 30, (200, LENGTH, 2)), axis=1)).astype("int16")
    own = {"effort": 0}  # along the axes of the model; those of the block take half of it here
    alone = np.log([measured(codecs["linear"], x, quality, **own) for quality in (3, 2, 1)])
    size, error = measured(codecs["predictive"], x, 2)
    size_alone = np.exp(np.interp(np.log(error), alone[:, 1], alone[:, 0]))
    assert alone[0, 1] < np.log(error) < alone[2, 1]
    assert size < 1.03 * size_alone


def test_windows_coded_by_themselves_come_back_beside_one_that_is_kept_exactly(codecs):
    rng = np.random.default_rng(0)
    x = np.rint(np.cumsum(rng.normal(0, 30, (200, LENGTH, 2)), axis=1)).astype("int16")
    codec = codecs["predictive"]
    (alone,) = blocks_of(codec.compress(x))
    assert alone.mode is not Mode.PREDICTED
    x[60] = rng.choice([-300, 300], (LENGTH, 2))
    decoded = codec.decompress(codec.compress(x))
    assert (decoded[60] == x[60]).all()
    assert np.square(decoded.astype(float) - x).mean() < 0.2 * x.var()


def test_louder_recordings_within_the_range_are_not_clipped(codecs):
    x = beats(100, 9).astype(np.float64)
    _, high = Range(codecs["predictive"].model).ends
    loud = np.rint((x - x.min()) * (float(high.min()) - x.min()) / np.ptp(x) + x.min())
    _, error = measured(codecs["predictive"], loud.astype("int16"), 3)
    _, error_alone = measured(codecs["linear"], loud.astype("int16"), 3)
    assert error < 1.5 * error_alone


def test_a_training_gives_the_same_model_each_time():
    x = beats(120, 0)
    models = [narrows.train(x, latent_size=8, architecture="predictive") for _ in range(2)]
    assert models[0].model_id == models[1].model_id
    again = narrows.codec.codec.Codec.from_bytes(models[0].model_bytes)
    assert again.compress(x) == models[1].compress(x)
    assert models[0].model.architecture == "predictive"


def test_an_aim_is_met_in_bytes_of_archives():
    x = np.concatenate([beats(120, seed) for seed in range(3)])
    codec = narrows.train(x, architecture="predictive", aim="bytes:6")
    reached = codec.model.training["reached"]
    assert reached["bytes_per_signal"] == pytest.approx(6.0, rel=0.2)


def test_recordings_of_a_folder_stay_apart_and_in_order(tmp_path):
    folder = tmp_path / "beats"
    folder.mkdir()
    for seed in range(3):
        np.save(folder / f"{seed}.npy", beats(150, seed).reshape(-1, 2))
    codec = narrows.train(folder, window=LENGTH, architecture="predictive", latent_size=8)
    held_out = codec.model.training["validation_signals"]
    assert codec.model.training["signals"] + held_out == 450
    assert "crops" not in codec.model.training
    blob = narrows.compress(folder, codec)
    assert len(blob) < 0.1 * 450 * LENGTH * 4


def test_floats_of_any_unit_are_predicted():
    x = beats(200, 1).astype("float32") * np.float32(1e-6)
    codec = narrows.train(x, architecture="predictive", latent_size=8)
    decoded = codec.decompress(codec.compress(x))
    assert np.square(decoded - x).mean() < 0.1 * x.var()


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((200, 28, 28), "28 x 28"),
        ((200, 1), "frames of 1;"),
        ((200, 8192), "8,192 numbers"),
    ],
)
def test_frames_that_are_no_windows_are_refused(shape, words):
    x = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    with pytest.raises(SettingError, match=words):
        narrows.train(x, architecture="predictive")


def test_few_windows_are_refused():
    with pytest.raises(SettingError, match="8 are needed"):
        narrows.train(beats(6, 0), architecture="predictive", latent_size=2)


def test_integers_that_are_too_fine_are_refused(monkeypatch):
    monkeypatch.setattr(recordings, "MAX_LIMIT", 10)
    with pytest.raises(SettingError, match="convert to int16 or float32"):
        narrows.train(beats(40, 0), architecture="predictive", latent_size=2)


def test_where_little_repeats_windows_are_coded_alone_if_that_costs_less(codecs):
    rng, codec = np.random.default_rng(0), codecs["predictive"]
    x = np.rint(np.cumsum(rng.normal(0, 30, (200, LENGTH, 2)), axis=1)).astype("int16")
    modes = {
        name: [block.mode for block in blocks_of(codec.compress(of, quality=2))]
        for name, of in (("walks", x), ("beats", beats(200, 9)))
    }
    assert modes == {"walks": [Mode.ROTATED], "beats": [Mode.PREDICTED]}
