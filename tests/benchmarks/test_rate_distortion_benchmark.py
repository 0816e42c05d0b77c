"""The rate-distortion benchmark: its arithmetic against known answers, its peers for real."""

import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

# Where a test needs what reads the digits or draws, that is skipped below; these need numpy alone.
coders, curves, datasets, layouts, lossless, measuring, peers, sources, tables = (
    importlib.import_module(f"benchmarks.comparison.{name}")
    for name in (
        "coders", "curves", "datasets", "layouts", "lossless", "measuring", "peers", "sources",
        "tables",
    )
)  # fmt: skip

# Four points of each of two video codecs, as in the literature on Bjontegaard's difference.
VIDEO_A = [(9487.76, 40.037), (4593.60, 38.615), (2486.44, 36.845), (1358.24, 34.851)]
VIDEO_B = [(9787.80, 40.121), (4469.00, 38.651), (2451.52, 36.970), (1356.24, 34.987)]


# -------------------------------------------------------------------- curves


def times(factor, curve):
    return [(size * factor, psnr) for size, psnr in curve]


def test_the_bd_rate_of_a_curve_to_itself_is_nothing():
    percent, low, high = curves.bd_rate(VIDEO_A, VIDEO_A)
    assert percent == pytest.approx(0.0, abs=1e-12)
    assert (low, high) == (34.851, 40.037)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 2.0])
def test_the_bd_rate_of_a_curve_at_a_multiple_of_the_bytes_is_that_multiple(factor):
    percent, *_ = curves.bd_rate(VIDEO_A, times(factor, VIDEO_A))
    assert percent == pytest.approx(100 * (factor - 1), abs=1e-9)


def test_the_bd_rate_of_straight_lines_is_the_mean_of_their_distance():
    # log bytes rise by 1 in 10 dB; the other's by 2: the mean distance over 10 dB is a half
    a = [(math.exp(t), 20 + 10 * t) for t in (0.0, 0.2, 0.7, 1.0)]
    b = [(math.exp(2 * t), 20 + 10 * t) for t in (0.0, 0.5, 1.0)]
    assert curves.bd_rate(a, b)[0] == pytest.approx(100 * (math.exp(0.5) - 1))
    assert curves.bd_rate(b, a)[0] == pytest.approx(100 * (math.exp(-0.5) - 1))
    assert curves.bd_rate(a, b, within=(25.0, 30.0))[0] == pytest.approx(100 * math.expm1(0.75))


@pytest.mark.parametrize(("a", "b"), [(VIDEO_A, VIDEO_B), (VIDEO_B, VIDEO_A)])
def test_the_bd_rate_is_that_of_scipys_interpolator(a, b):
    interpolate = pytest.importorskip("scipy.interpolate", reason="another PCHIP to compare with")
    a, b = sorted(a), sorted(b)
    low, high = max(a[0][1], b[0][1]), min(a[-1][1], b[-1][1])
    means = []
    for curve in (a, b):
        sizes, psnrs = np.array(curve).T
        pchip = interpolate.PchipInterpolator(psnrs, np.log10(sizes))
        means.append(pchip.integrate(low, high) / (high - low))
    expected = 100 * (10 ** (means[1] - means[0]) - 1)
    assert curves.bd_rate(a, b)[0] == pytest.approx(expected, abs=1e-9)
    assert abs(expected) < 5  # the two codecs are close, as published


def test_pchip_slopes_are_scipys_on_points_that_do_not_rise_alone():
    interpolate = pytest.importorskip("scipy.interpolate", reason="another PCHIP to compare with")
    rng = np.random.default_rng(0)
    for n in (2, 3, 4, 9):
        x, y = np.cumsum(rng.random(n) + 0.1), rng.standard_normal(n)
        expected = interpolate.PchipInterpolator(x, y).derivative()(x)
        assert curves.pchip_slopes(x, y) == pytest.approx(expected, abs=1e-12)


def test_there_is_no_bd_rate_of_curves_that_do_not_meet():
    assert curves.bd_rate([(1, 10), (2, 20)], [(3, 30), (4, 40)]) is None
    assert curves.bd_rate([(1, 10), (2, 20)], [(1, 15)]) is None
    assert curves.bd_rate(VIDEO_A, VIDEO_B, within=(math.inf, -math.inf)) is None


def test_points_that_others_beat_do_not_count():
    curve = [(1, 10), (2, 20), (3, 15), (4, 30), (4, 29), (9, math.inf)]
    assert curves.frontier(curve) == [(1, 10), (2, 20), (4, 30)]


def test_bytes_are_interpolated_in_their_logarithm_and_never_beyond():
    curve = [(1.0, 10.0), (4.0, 20.0), (64.0, 30.0)]
    assert curves.bytes_at(curve, 15.0) == pytest.approx(2.0)
    assert curves.bytes_at(curve, 25.0) == pytest.approx(16.0)
    assert curves.bytes_at(curve, 10.0) == pytest.approx(1.0)
    assert curves.bytes_at(curve, 9.9) is None
    assert curves.bytes_at(curve, 30.1) is None
    assert curves.bytes_at([(1.0, math.inf)], 20.0) is None
    assert curves.psnr_range(curve, 2.0, 16.0) == pytest.approx((15.0, 25.0))
    assert curves.psnr_range(curve, 65.0, 99.0) is None
    assert curves.difference_at(curve, (1.0, 15.0)) == pytest.approx(-50.0)


# -------------------------------------------------------------------- sources


def test_reverse_water_filling_has_the_known_values():
    iid = sources.gaussian_of(0.0)
    assert iid.bits(0.25) == pytest.approx(32 * 1.0)  # R(D) = log2(1 / D) / 2 a sample
    assert iid.distortion(64.0) == pytest.approx(2.0**-4)
    assert iid.bits(1.0) == 0.0
    two = sources.Gaussian(np.array([4.0, 1.0]))
    assert two.bits(0.5) == pytest.approx(math.log2(4 / 0.5) / 2 + math.log2(1 / 0.5) / 2)
    # at theta = 2 the second component gets no bits: D = (2 + 1) / 2, R = log2(4 / 2) / 2
    assert two.bits(1.5) == pytest.approx(0.5)
    assert two.distortion(0.5) == pytest.approx(1.5)


@pytest.mark.parametrize("bits", [0.3, 7.0, 60.0])
def test_rate_and_distortion_of_gaussians_are_inverse(bits):
    optimum = sources.gaussian_of(0.9)
    assert optimum.bits(optimum.distortion(bits)) == pytest.approx(bits, rel=1e-6)
    in_bits, in_db = sources.gaps(optimum, bits, 2 * optimum.distortion(bits))
    assert in_db == pytest.approx(10 * math.log10(2))
    assert in_bits > 0


def test_rounding_independent_gaussians_loses_the_known_quarter_of_a_bit():
    # at high rate, uniform rounding with entropy coding is log2(2 pi e / 12) / 2 from R(D)
    x, step = sources.draw_gaussian(40_000, 0.0, seed=3).ravel(), 0.05
    symbols = np.rint(x / step)
    _, counts = np.unique(symbols, return_counts=True)
    p = counts / counts.sum()
    bits = float(-(p * np.log2(p)).sum())
    mse = float(np.square(x - step * symbols).mean())
    gap, in_db = sources.gaps(sources.gaussian_of(0.0), 32 * bits, mse)
    assert gap == pytest.approx(math.log2(2 * math.pi * math.e / 12) / 2, abs=0.01)  # 0.2546
    assert in_db == pytest.approx(1.533, abs=0.06)


def test_gaussian_vectors_have_their_covariance():
    x = sources.draw_gaussian(40_000, 0.9, seed=0).astype(np.float64)
    assert np.abs(x.T @ x / len(x) - sources.covariance(0.9)).max() < 0.04
    assert sources.gaussian_of(0.9).variances.sum() == pytest.approx(32)


def test_the_sawbridge_has_the_second_moments_of_a_brownian_bridge():
    x = sources.draw_sawbridge(20_000, seed=0, samples=64).astype(np.float64)
    t = (np.arange(64) + 0.5) / 64
    expected = np.minimum.outer(t, t) - np.outer(t, t)
    assert np.abs(x.mean(axis=0)).max() < 0.01
    assert np.abs(x.T @ x / len(x) - expected).max() < 0.01
    assert np.square(x).mean() == pytest.approx(1 / 6, abs=0.002)


@pytest.mark.parametrize("parts", [1, 4, 16])
def test_telling_in_which_part_the_jump_lies_is_the_sawbridges_optimum(parts):
    x = sources.draw_sawbridge(4_000, seed=0, samples=256).astype(np.float64)
    falls = np.diff(x, axis=1, prepend=0.0, append=-1.0) < -0.5  # at the end if not before
    part = np.minimum(falls.argmax(axis=1) * parts // x.shape[1], parts - 1)
    means = np.array([x[part == p].mean(axis=0) for p in range(parts)])
    mse = float(np.square(x - means[part]).mean())
    assert mse == pytest.approx(1 / (6 * parts), rel=0.05)
    optimum = sources.Sawbridge()
    assert optimum.distortion(math.log2(parts)) == pytest.approx(1 / (6 * parts))
    assert optimum.bits(1 / (6 * parts)) == pytest.approx(math.log2(parts))


# -------------------------------------------------------------------- data sets


@pytest.fixture(scope="module")
def small(digits):
    """20 of the held-out digits, as the benchmark sees them."""
    return datasets.load("digits").with_signals(20)


def test_the_data_sets_are_those_that_can_be_loaded():
    assert set(datasets.NAMES) == set(datasets.LOADERS)


@pytest.mark.parametrize("name", ["digits", "gaussian", "gaussian-iid"])
def test_nothing_that_is_tested_on_was_trained_on(name):
    if name == "digits":
        pytest.importorskip("sklearn", reason="scikit-learn holds the digits; extra train")
    dataset = datasets.load(name)
    train, test = ({signal.tobytes() for signal in x} for x in (dataset.train, dataset.test))
    assert not train & test
    assert dataset.train.shape[1:] == dataset.test.shape[1:]
    assert dataset.train.dtype == dataset.test.dtype


def test_the_sawbridges_to_test_on_are_drawn_anew():
    # Sampled paths are alike where no sample lies between their jumps: all draws, not all paths.
    dataset = datasets.load("sawbridge")
    train, test = (part[:1000].argmin(axis=1) for part in (dataset.train, dataset.test))
    assert (train == test).mean() < 0.01


@pytest.mark.parametrize("name", ["ecg", "fields", "fields-smooth"])
def test_the_real_recordings_are_cut_and_joined_again(name, real_data, monkeypatch):
    monkeypatch.setenv("NARROWS_DATA", str(real_data))
    dataset = datasets.load(name)
    joined = dataset.layout.join(dataset.test)
    assert np.array_equal(dataset.layout.split(joined, len(dataset.test)), dataset.test)
    if name == "ecg":
        assert dataset.test[0, 0].tolist() == [825, 930]  # as the header of record 119 says
    else:
        field = np.load(real_data / "fields" / datasets.FIELDS[name])
        z, y, x = joined.shape
        border = int(0.75 * len(field)) // 4 * 4
        assert np.array_equal(joined, field[border : border + z, :y, :x])


@pytest.mark.parametrize("n", [1, 5, 24])
@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (layouts.mosaic((3, 4)), (3, 4)),
        (layouts.leads((5, 2)), (5, 2)),
        (layouts.field((1, 2, 3), (2, 3, 4)), (1, 2, 3)),
        (layouts.row((7,)), (7,)),
    ],
)
def test_layouts_are_inverted(layout, shape, n):
    x = np.arange(n * math.prod(shape), dtype=np.int16).reshape(n, *shape)
    back = layout.split(layout.join(x), n)
    assert np.array_equal(back, x)
    assert back.dtype == x.dtype


# -------------------------------------------------------------------- peers

PEERS = {peer.key: peer for peer in peers.registry()}


def coarse_and_fine(peer, dataset):
    """Measure a peer at its first and its last setting, or at its only one."""
    settings = peer.settings(dataset)
    return [
        measuring.measure(peer.coder(dataset, s), dataset.test, dataset.peak, s)
        for s in dict.fromkeys([settings[0], settings[-1]])
    ]


def require(peer):
    if peer.missing():
        pytest.skip(peer.missing())


@pytest.mark.parametrize("key", [k for k, p in PEERS.items() if not p.lossless and k != "pca"])
def test_lossy_peers_lose_more_in_fewer_bytes(key, request):
    peer = PEERS[key]
    require(peer)
    dataset = request.getfixturevalue("small")
    if not peer.takes(dataset):
        dataset = datasets.load("gaussian").with_signals(20)
    assert peer.takes(dataset)
    coarse, fine = coarse_and_fine(peer, dataset)  # measure() checks shape and dtype
    assert coarse.psnr < fine.psnr
    assert math.isfinite(coarse.psnr)
    assert coarse.bytes_per_signal < fine.bytes_per_signal


@pytest.mark.parametrize("key", [k for k, p in PEERS.items() if p.lossless])
def test_lossless_peers_lose_nothing(key, small):
    require(PEERS[key])
    (point,) = coarse_and_fine(PEERS[key], small)
    assert point.psnr == math.inf
    assert 0 < point.bytes_per_signal < 70  # some bytes above raw at most


@pytest.mark.parametrize("key", ["sz3-records", "zfp-bulk"])
def test_whole_numbers_come_back_as_such(key):
    require(PEERS[key])
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.integers(-9, 10, (4, 64, 2)), axis=1).astype(np.int16)
    dataset = datasets.Dataset("steps", "", x, x, 100.0, layouts.leads((64, 2)), (), (1.0, 2.0), ())
    bound = 3.0
    point = measuring.measure(PEERS[key].coder(dataset, bound), x, 100.0, bound)
    assert 0 < point.max_abs_error <= bound


def test_the_pca_peer_meets_its_rate(digits):
    require(PEERS["pca"])
    dataset = datasets.load("digits")
    point = measuring.measure(PEERS["pca"].coder(dataset, 6.0), dataset.test, 16.0, 6.0)
    assert 5.0 < point.bytes_per_signal < 8.0
    assert point.model_bytes > 1000


def test_a_missing_package_is_reported_and_not_raised(small):
    peer = peers.Peer(
        "none", "none", "no_such_package", lambda d: True, lambda d: (1,), lambda d, s: 1 / 0
    )
    series = measuring.measure_peer(peer, small)
    assert series.points == []
    assert series.fault == "no_such_package is not installed: pip install 'no_such_package'"


def test_a_peer_that_fails_does_not_end_the_run(small):
    peer = peers.Peer("bad", "bad", "zlib", lambda d: True, lambda d: (1,), lambda d, s: 1 / 0)
    assert "ZeroDivisionError" in measuring.measure_peer(peer, small).fault


def test_a_peer_that_is_secretly_lossless_is_told_apart(small):
    copy = coders.each(lambda signal: signal.tobytes(),
                       lambda blob: lossless.from_bytes(blob, np.uint8, (8, 8)))  # fmt: skip
    peer = peers.Peer("copy", "copy", "zlib", lambda d: True, lambda d: (1, 2), lambda d, s: copy)
    series = measuring.measure_peer(peer, small)
    assert "lossless" in series.fault
    assert [point.bytes_per_signal for point in series.points] == [64, 64]


def test_what_decodes_to_another_shape_is_refused(small):
    wrong = coders.Coder(lambda x: [b"x"], lambda blobs, n: np.zeros((n, 8), np.uint8))
    with pytest.raises(ValueError, match="decoded from"):
        measuring.measure(wrong, small.test, 16.0, None)


# -------------------------------------------------------------------- the whole


def test_a_whole_run_writes_table_figures_and_plot(tiny_codec, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="the plot is matplotlib's; extra report")
    tiny_codec.save(tmp_path / "tiny.narrows")
    rate_distortion = importlib.import_module("benchmarks.rate_distortion")
    words = ["digits", "--signals", "40", "--peers", "zlib,jpeg2000", "--efforts", "0,2"]
    folders = ["--models", str(tmp_path), "--output", str(tmp_path / "results")]
    rate_distortion.main([*words, *folders])
    page = (tmp_path / "results" / "digits.md").read_text()
    for name in ("one archive", "one packet each"):
        assert f"| **narrows, {name}** |" in page
        assert f"| **narrows, {name}, effort 0** |" in page
    assert "| zlib -9, all in one stream |" in page
    assert str(tmp_path.parent) not in page
    figures = json.loads((tmp_path / "results" / "digits.json").read_text())
    assert figures["signals"] == 40
    ours = next(each for each in figures["series"] if each["key"] == "narrows")["points"][0]
    x = datasets.load("digits").with_signals(40).test
    assert ours["bytes_per_signal"] == len(tiny_codec.compress(x)) / 40
    assert (tmp_path / "results" / "digits.png").read_bytes()[1:4] == b"PNG"
    capsys.readouterr()


def test_an_unknown_peer_is_named_with_those_that_are_known(small):
    rate_distortion = importlib.import_module("benchmarks.rate_distortion")
    with pytest.raises(
        SystemExit, match="unknown peer 'gif'; accepted are pca, pca-searched, jpeg-mosaic"
    ):
        rate_distortion.chosen_peers(["gif"], small)
    assert [p.key for p in rate_distortion.chosen_peers(["webp"], small)] == [
        "webp-mosaic", "webp-files",
    ]  # fmt: skip


def test_tables_are_markdown():
    assert tables.table([["a", "b"], ["x", "1"]]) == "| a | b |\n|---|---:|\n| x | 1 |"
