"""Channels: an offset and a scale of their own, and what their errors count."""

import numpy as np
import pytest

import narrows
from narrows.errors import SettingError
from narrows.training.closed_form.spectrum import spectrum_of
from narrows.training.data.scaling import Channels, scaling_of
from narrows.training.data.stationary import variogram
from narrows.training.reached import variances_of

UNITS = np.array([1.0, 1e-3, 1e4])


def waves(n=600, seed=0):
    """Return `(n, 20, 3)` in normalised units: columns of their own, each of three waves."""
    rng = np.random.default_rng(seed)
    basis = np.sin(np.linspace([0, 1, 2], [5, 9, 14], 20))
    return np.einsum("njc,tj->ntc", rng.normal(size=(n, 3, 3)) * [1, 0.5, 0.25], basis)


def in_units(x):
    return (x * UNITS + [0, 273.15, 1e5]).astype("float64")


def kept(x, decoded):
    """Return the share of each channel's variance that is kept."""
    return 1 - np.square(decoded - x).mean((0, 1)) / x.var((0, 1))


def trained(x, **settings):
    asked = {"latent_size": 9, "bits_per_latent": 2.5, "architecture": "linear", **settings}
    return narrows.train(x, **asked)


def test_channels_of_any_size_keep_as_much_of_their_variance():
    x = in_units(waves())
    codec = trained(x)
    shares = kept(x, codec.decompress(codec.compress(x)))
    assert shares.min() > 0.95
    assert np.ptp(shares) < 0.02
    alike = trained(x, channels="none")
    assert kept(x, alike.decompress(alike.compress(x))).min() < 0


def test_units_change_neither_bytes_nor_symbols():
    plain, x = waves(), in_units(waves())
    sizes = [len(trained(each).compress(each)) for each in (plain, x)]
    assert sizes[0] == pytest.approx(sizes[1], abs=2)


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_integers_of_channels_of_any_size_are_kept_too(dtype):
    x = np.rint(waves() * [20, 300, 4000]).astype(dtype)
    codec = trained(x)
    assert isinstance(codec.model.normaliser.output_multiplier, tuple)
    assert kept(x.astype(float), codec.decompress(codec.compress(x))).min() > 0.93


def test_weights_move_errors_from_one_channel_to_the_others():
    x = in_units(waves())
    shares = [
        kept(x, c.decompress(c.compress(x))) for c in (trained(x), trained(x, weights="1,9,1"))
    ]
    lost = (1 - shares[1]) / (1 - shares[0])
    assert lost[1] < 0.5
    assert min(lost[0], lost[2]) > 1.05


def test_a_sequence_of_weights_is_taken_too():
    x = in_units(waves(60))
    assert trained(x, weights=[1, 9, 1]).model_id == trained(x, weights="1,9,1").model_id


@pytest.mark.parametrize(("settings", "words"), [
    ({"weights": "1,2"}, ("2 channels", "have 3")),
    ({"weights": "1,2,0"}, ("above 0",)),
    ({"weights": "1;2"}, ("1,1,4,1",)),
    ({"weights": "1,1,1", "channels": "none"}, ("have 1", "channels last")),
    ({"weights": "1,1,1", "loss": "bce"}, ("loss bce",)),
    ({"channels": "first"}, ("auto, last, none",)),
])  # fmt: skip
def test_what_does_not_fit_the_channels_is_refused(settings, words):
    with pytest.raises(SettingError) as error:
        trained(in_units(waves(30)), architecture="auto", **settings)
    assert all(word in str(error.value) for word in words)


def test_pictures_of_colours_keep_one_scale_and_the_whole_range():
    x = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)
    x[..., 2] //= 4
    scaling = scaling_of(x, "mse", Channels("auto", None, (8, 8, 3)))
    assert scaling.peak == 255
    assert np.ptp(scaling.scale) == 0
    assert scaling.offset[2] < 40 < scaling.offset[0]


def test_networks_learn_channels_of_any_size():
    x = in_units(waves(400))
    codec = narrows.train(x, latent_size=9, epochs=30, architecture="dense", seed=1)
    assert kept(x, codec.decompress(codec.compress(x))).min() > 0.8


@pytest.fixture(scope="module")
def gappy():
    """Signals of two channels, and the same with half of one filled by what would mislead."""
    x = np.random.default_rng(4).normal(3.0, 2.0, (400, 8, 2))
    missing = np.zeros(x.shape, bool)
    missing[:, 2:6, 1] = True
    return x, np.where(missing, 1000.0, x), missing


def test_what_was_filled_in_sets_no_scale(gappy):
    _, filled, missing = gappy
    scaling = scaling_of(filled, "mse", Channels("last", None, (8, 2)), missing)
    assert np.allclose(scaling.offset, 3.0, atol=0.2)
    assert np.allclose(scaling.scale, 0.5, atol=0.05)


def test_what_was_filled_in_has_no_part_in_the_unit_of_a_spectrum(gappy):
    x, _, missing = gappy
    calm = np.where(missing, 3.0, x)
    channels = Channels("last", None, (8, 2))
    whole, found = (spectrum_of(y, channels, None, m) for y, m in ((x, None), (calm, missing)))
    assert np.allclose(found.variances[:10], whole.variances[:10], rtol=0.3)
    assert found.variances[-4:].max() < 1e-6


def test_what_was_filled_in_is_no_part_of_what_is_reached(gappy):
    _, filled, missing = gappy
    variances = variances_of(filled, ~missing, 2)
    assert np.allclose(variances, 4.0, rtol=0.1)


def test_a_variogram_looks_at_what_is_known_alone():
    x = np.random.default_rng(5).normal(size=(40, 50)).cumsum(1)
    known = np.random.default_rng(6).random(x.shape) < 0.8
    found = variogram([np.where(known, x, 77.0)], (2, 3), [known])
    for down, right in np.ndindex(2, 3):
        squares = [
            np.square(np.where(there & known[first], x[first] - x[second], np.nan))
            for first, second in (
                (np.s_[: 40 - down, : 50 - right], np.s_[down:, right:]),
                (np.s_[: 40 - down, right:], np.s_[down:, : 50 - right]),
            )
            for there in (known[second],)
        ]
        assert found[down, right] == pytest.approx(np.nanmean(squares) / 2, rel=1e-9, abs=1e-9)
