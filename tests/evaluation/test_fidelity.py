"""Figures of quality, computed by hand; what is drawn as a picture; how long measuring takes."""

import math
import time

import numpy as np
import pytest

from narrows.evaluation import waiting
from narrows.evaluation.fidelity import Spread, channel_errors, fidelity
from narrows.evaluation.metrics import distortion
from narrows.evaluation.peers.registry import Bench
from narrows.evaluation.plots import as_picture
from narrows.evaluation.reference import OF_TRAINING, Reference
from narrows.evaluation.units import Units
from narrows.evaluation.waiting import in_words, seconds_of_codec, seconds_of_peers
from narrows.words import percent, quantity

RNG = np.random.default_rng(7)


def measured(x, decoded, peak=1.0):
    return fidelity(*channel_errors(x, decoded), peak, Spread.of(x))


def db(signal, error):
    return 10 * math.log10(np.square(signal).sum() / np.square(error).sum())


def test_snr_is_the_variance_about_the_mean_over_the_mean_squared_error():
    x = (5 + RNG.normal(size=(9, 40))).astype("f4")
    decoded = x + RNG.normal(0, 0.3, x.shape).astype("f4")
    found, error = measured(x, decoded), decoded.astype(float) - x
    assert found.snr == pytest.approx(db(x - x.mean(dtype=float), error))
    own = x - x.mean(axis=1, keepdims=True, dtype=float)
    assert found.prdn == pytest.approx(100 * math.sqrt((error**2).sum() / (own**2).sum()))
    assert found.rms_error == pytest.approx(math.sqrt((error**2).mean()))
    assert found.channels == ()


def test_channels_are_told_apart_and_none_hides_behind_a_larger_one():
    x = RNG.normal(size=(50, 60, 2)) * [1.0, 1000.0] + [1000.0, 0.0]
    decoded = x + RNG.normal(size=x.shape) * [2.0, 0.1]
    found, error = measured(x, decoded), decoded - x
    for c, channel in enumerate(found.channels):
        centred = x[..., c] - x[..., c].mean()
        assert channel.snr == pytest.approx(db(centred, error[..., c]))
        assert channel.max_abs_error == np.abs(error[..., c]).max()
        assert channel.rms_error == pytest.approx(np.sqrt((error[..., c] ** 2).mean()))
    assert found.channels[0].snr < -5
    assert found.channels[1].snr > 70
    assert found.snr == pytest.approx(db(x - x.mean(axis=(0, 1)), error))


def test_pictures_have_channels_but_no_prdn():
    x = RNG.integers(0, 255, (4, 16, 16, 3)).astype(np.uint8)
    found = measured(x, x // 2, 255.0)
    assert len(found.channels) == 3
    assert found.prdn is None
    assert all(channel.prdn is None for channel in found.channels)


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_an_exact_copy_is_infinitely_good_and_has_no_numbers_in_json(value):
    x = np.full((3, 20), value, np.float32)
    found = measured(x, x.copy())
    assert (found.snr, found.psnr, found.prdn, found.max_abs_error) == (math.inf, math.inf, 0, 0)
    assert found.as_json()["snr"] is None


def test_constant_signals_have_no_snr_unless_they_are_exact():
    x = np.full((3, 20), 7.0)
    assert measured(x, x + 1).snr is None
    assert measured(x, x + 1).prdn is None


def test_a_value_that_is_missing_does_not_count():
    x = RNG.normal(size=(6, 30))
    holed = x.copy()
    holed[0, 3] = np.nan
    spread = Spread.of(holed)
    kept = holed[np.isfinite(holed)]
    assert spread.about_mean[0] == pytest.approx(np.square(kept - kept.mean()).sum())
    assert (spread.low[0], spread.high[0]) == (kept.min(), kept.max())


@pytest.mark.parametrize(
    ("value", "written"),
    [(193.0, "193"), (1554.0, "1,554"), (1.55e3, "1,550"), (0.0, "0"), (0.01234567, "0.01235"),
     (15.5, "15.5"), (12345.678, "12,346"), (-3.0, "-3"), (1e-9, "1e-09"), (math.inf, "inf")],
)  # fmt: skip
def test_whole_numbers_are_written_as_whole_numbers(value, written):
    assert quantity(value) == written


@pytest.mark.parametrize(
    ("share", "written"), [(1.0, "100 %"), (0.997, "100 %"), (25.4, "2,540 %"), (0.005, "0.5 %")]
)
def test_shares_are_written_without_an_exponent(share, written):
    assert percent(share) == written


def reference(values, trained, peak):
    return Reference(peak, OF_TRAINING, tuple(values), tuple(trained))


@pytest.mark.parametrize(
    ("values", "trained", "peak", "said"),
    [
        ([(0, 100)], [(0, 100)], 100, None),
        ([(10, 90)], [(0, 100)], 100, None),
        ([(0, 1)], [(0, 100)], 100, "a peak of 100 times this range"),
        ([(0, 300)], [], 100, "over a range of 100: PSNR has a peak of 33 % of this range"),
        ([(1000, 1100)], [(0, 100)], 100, "not of the kind"),
        ([(5, 5)], [(0, 100)], 100, "constant"),
        ([(0, 100), (0, 0.01)], [(0, 100), (0, 1)], 100, "channel 1 reaches from 0 to 0.01"),
        ([(0, 100), (7, 7)], [(0, 100), (7, 7)], 100, None),
        ([(0, 100), (7, 8)], [(0, 100), (7, 7)], 100, "channel 1"),
        ([(math.inf, -math.inf)], [(0, 100)], 100, None),
    ],
)
def test_a_range_unlike_that_of_training_is_said(values, trained, peak, said):
    remark = reference(values, trained, peak).remark
    assert remark is None if said is None else said in remark


def test_distortion_is_that_of_the_formula():
    a = np.array([[0, 10], [20, 255]], np.uint8)
    b = np.array([[0, 13], [16, 255]], np.uint8)
    found = distortion(a, b, 255.0)
    assert found.mse == pytest.approx((9 + 16) / 4 / 255**2)
    assert found.psnr == pytest.approx(10 * math.log10(255**2 * 4 / 25))
    assert found.max_abs_error == 4


def test_an_exact_copy_has_infinite_psnr_even_with_nan_and_infinities():
    x = np.array([[np.nan, np.inf], [-np.inf, 1.0]], np.float32)
    assert distortion(x, x.copy(), 1.0).psnr == math.inf


def test_a_lost_nan_is_not_an_exact_copy():
    x = np.array([[np.nan, 1.0]], np.float32)
    assert distortion(x, np.zeros_like(x), 1.0).psnr == -math.inf


@pytest.mark.parametrize(
    ("shape", "picture"),
    [((28, 28), (28, 28)), ((8, 16, 16), (16, 16)), ((256, 2), None), ((100,), None)],
)
def test_frames_are_drawn_as_pictures_or_lines(shape, picture):
    drawn = as_picture(np.zeros(shape))
    assert (None if drawn is None else drawn.shape) == picture


def test_estimates_are_in_words_that_claim_no_more_than_they_know():
    words = [in_words(seconds) for seconds in (0.2, 7, 40, 89, 91, 600, 7000)]
    assert words == ["some seconds", "about 10 s", "about 40 s", "about 90 s", "about 2 min",
                     "about 10 min", "about 1.9 h"]  # fmt: skip


def test_the_estimate_of_a_codec_is_near_the_time_it_takes(tiny_codec, digits):
    expected = seconds_of_codec(tiny_codec, digits)
    began = time.perf_counter()
    tiny_codec.decompress(tiny_codec.compress(digits))
    assert 0.1 < expected / (time.perf_counter() - began) < 20
    assert seconds_of_codec(tiny_codec, digits[:0]) == 0.0


def test_the_estimate_of_peers_scales_what_a_trial_takes(digits, monkeypatch):
    pytest.importorskip("torch", reason="the PCA codec is trained with torch; extra train")
    tried = []

    def trial(peer, work):
        tried.append((peer.key, len(work.x)))
        return 0.01 * len(work.x)

    monkeypatch.setattr(waiting, "_trial", trial)
    bench = Bench(digits[:640], Units(16.0))
    expected = seconds_of_peers(bench)
    lossless = sum(peer.lossless for peer in bench.peers)
    lossy = len(bench.peers) - lossless - 1
    of_pca = 3 * 0.01 * 320
    assert expected == pytest.approx(6.4 * (lossless + 8 * lossy) + of_pca)
    assert max(n for _, n in tried) == 40  # a sixteenth of all, or an eighth of a half
    assert seconds_of_peers(bench, 3) > expected


def test_a_peer_that_fails_in_its_trial_is_left_to_the_measuring(digits, monkeypatch):
    def broken(*arguments):
        raise MemoryError("too much")

    monkeypatch.setattr(waiting, "measure", broken)
    assert seconds_of_peers(Bench(digits[:64], Units(16.0))) == 0.0
