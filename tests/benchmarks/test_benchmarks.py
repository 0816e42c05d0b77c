"""The benchmarks: sources of a known optimum, data sets, whole runs, and speeds in turns."""

import importlib
import json
import math
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np
import pytest

import narrows
from benchmarks import rate_distortion
from benchmarks.comparison import datasets, measuring, sources, tables
from narrows.evaluation.peers.contract import Peer
from narrows.evaluation.peers.registry import registry
from narrows.signals import read_signals

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


@pytest.mark.parametrize("name", ["ecg", "ecg-patients", "fields", "fields-smooth"])
def test_the_real_recordings_are_cut_and_joined_again(name, real_data, monkeypatch):
    monkeypatch.setenv("NARROWS_DATA", str(real_data))
    dataset = datasets.load(name)
    joined = dataset.layout.join(dataset.test)
    assert np.array_equal(dataset.layout.split(joined, len(dataset.test)), dataset.test)
    first = {"ecg": [825, 930], "ecg-patients": [995, 1011]}  # as headers of 119 and 100 say
    if name in first:
        assert dataset.test[0, 0].tolist() == first[name]
    else:
        field = np.load(real_data / "fields" / datasets.FIELDS[name])
        z, y, x = joined.shape
        border = int(0.75 * len(field)) // 4 * 4
        assert np.array_equal(joined, field[border : border + z, :y, :x])


# -------------------------------------------------------------------- peers


def peer_of(functions, requires="zlib", settings=(1,)):
    return Peer(
        key="made-up", name="made up", accepts="anything", takes=lambda work: True,
        settings=lambda work: settings, functions=functions, requires=requires,
    )  # fmt: skip


def failing(work, shape, setting):
    raise ZeroDivisionError


def test_a_missing_package_is_reported_and_not_raised(small):
    series = measuring.measure_peer(peer_of(failing, "no_such_package"), small)
    assert series.points == []
    assert series.fault == "no_such_package is not installed: pip install 'narrows[bench]'"


def test_a_peer_that_fails_does_not_end_the_run(small):
    assert "ZeroDivisionError" in measuring.measure_peer(peer_of(failing), small).fault


def test_a_peer_that_is_secretly_lossless_is_told_apart(small):
    def copy(work, shape, setting):
        return np.ndarray.tobytes, lambda blob: np.frombuffer(blob, np.uint8), 0

    series = measuring.measure_peer(peer_of(copy, settings=(1, 2)), small)
    assert "lossless" in series.fault
    assert [point.bytes_per_signal for point in series.points] == [64]


def test_settings_far_above_the_table_are_not_measured(small):
    (jpeg,) = [peer for peer in registry() if peer.key == "jpeg-mosaic"]
    if jpeg.missing():
        pytest.importorskip("imagecodecs", reason=jpeg.missing())
    psnrs = [point.psnr for point in measuring.measure_peer(jpeg, small).points]
    highest = small.psnrs[-1] + measuring.DECIBELS_BEYOND
    assert max(psnrs[:-1]) <= highest < psnrs[-1]


# -------------------------------------------------------------------- the whole


def test_a_whole_run_writes_table_figures_and_plot(tiny_codec, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="the plot is matplotlib's; extra report")
    tiny_codec.save(tmp_path / "tiny.narrows")
    words = ["digits", "--signals", "40", "--peers", "zlib,jpeg2000-mosaic", "--efforts", "0,2"]
    folders = ["--models", str(tmp_path), "--output", str(tmp_path / "results")]
    rate_distortion.main([*words, *folders])
    page = (tmp_path / "results" / "digits.md").read_text()
    for name in ("one archive", "one packet each"):
        assert f"| **narrows, {name}** |" in page
        assert f"| **narrows, {name}, effort 0** |" in page
    assert "| zlib -9 |" in page
    assert str(tmp_path.parent) not in page
    figures = json.loads((tmp_path / "results" / "digits.json").read_text())
    assert figures["signals"] == 40
    ours = next(each for each in figures["series"] if each["key"] == "narrows")["points"][0]
    x = datasets.load("digits").with_signals(40).test
    assert ours["bytes_per_signal"] == len(tiny_codec.compress(x)) / 40
    assert (tmp_path / "results" / "digits.png").read_bytes()[1:4] == b"PNG"
    capsys.readouterr()


def test_codecs_of_single_signals_have_a_page_and_no_plot(tmp_path, capsys):
    pytest.importorskip("imagecodecs")
    words = ["digits", "--signals", "20", "--minutes", "0", "--peers", "jpeg-files"]
    rate_distortion.main([*words, "--output", str(tmp_path)])
    assert "| JPEG, one file each |" in (tmp_path / "digits.md").read_text()
    assert not (tmp_path / "digits.png").exists()
    assert "processes running when it began" in capsys.readouterr().out


def test_an_unknown_peer_is_named_with_those_that_are_known(small):
    with pytest.raises(
        SystemExit, match="unknown peer 'gif'; accepted are pca, pca-rounded, pca-packets"
    ):
        rate_distortion.chosen_peers(["gif"], small)
    chosen = rate_distortion.chosen_peers(["webp"], small)
    assert [peer.key for peer in chosen] == ["webp-mosaic", "webp-files"]


def test_a_peer_that_cannot_code_the_data_says_what_it_takes(small):
    with pytest.raises(SystemExit, match=r"FLAC takes recordings .* of int16.*; digits has others"):
        rate_distortion.chosen_peers(["flac"], small)


def test_tables_are_markdown():
    assert tables.table([["a", "b"], ["x", "1"]]) == "| a | b |\n|---|---:|\n| x | 1 |"


TESTS = Path(__file__).parents[1]
NAMES = ("roofline", "speed", "training_speed")
roofline, speed, training_speed = (
    importlib.import_module(f"benchmarks.{name}")
    for name in ("roofline", "speed", "training_speed")
)


def golden(name):
    folder = TESTS / "golden" / "v0"
    return narrows.load(folder / f"{name}.narrows"), np.load(folder / f"{name}.npy")


def test_the_roofline_has_a_row_for_each_layer_and_both_ends(monkeypatch):
    codec, x = golden("conv-2d-uint8")
    monkeypatch.setattr(roofline, "ROUNDS", 1)
    rows = list(roofline.layers_of(codec, x))
    assert len(rows) == len(codec.model.decoder.layers) + 2
    assert all(taken > 0 for _, taken, _, _ in rows)
    convolutions = [row for row in rows if "conv" in row[0]]
    assert convolutions
    assert all(arithmetic > 0 and traffic > 0 for _, _, arithmetic, traffic in convolutions)


def test_bare_products_are_those_of_the_layers_with_weights():
    codec, _ = golden("conv-2d-uint8")
    network = codec.model.decoder
    products = list(speed.products_of(network))
    assert len(products) == sum(hasattr(layer, "weight") for layer in network.layers)
    speed.bare_products(network, 3, 2)()


def test_programs_run_in_turns_and_take_the_processor_s_time_alone():
    called = []

    def busy():
        called.append("busy")
        np.ones((300, 300)) @ np.ones((300, 300))

    def asleep():
        called.append("asleep")
        time.sleep(0.05)

    seconds = speed.seconds_in_turns({"busy": busy, "asleep": asleep}, 3)
    assert called == ["busy", "asleep"] * 3
    assert all(each < 0.04 for each in seconds["asleep"])


def test_the_speed_of_each_direction_is_told_beside_that_of_the_products(monkeypatch):
    codec, x = golden("conv-2d-uint8")
    monkeypatch.setattr(speed, "peers", lambda x, peak: [("copy", lambda: [x.tobytes()], len)])
    rows = {row["name"]: row for row in speed.measure(codec, x, 2)}
    assert {"compress: narrows", "compress: narrows, effort 0", "compress: its bare products",
            "decompress: its bare products", "decompress: copy"} <= rows.keys()  # fmt: skip
    assert rows["decompress: narrows"]["times_narrows"] == 1.0
    assert rows["compress: copy"]["bytes_per_signal"] == x.nbytes / len(x)
    assert all(row["mb_per_s"] > 0 for row in rows.values())


def test_programs_train_an_epoch_each_in_turns_and_to_the_same_loss(tmp_path):
    pytest.importorskip("torch", reason="training needs the extra `train`")
    data = tmp_path / "bright.npy"
    np.save(data, (np.array(read_signals("digits")) * 15.0).astype(np.uint8))
    options = Namespace(data=str(data), epochs=3)
    programs = {name: training_speed.start(name, options) for name in ("narrows", "torch")}
    told = training_speed.take_turns(programs, options.epochs)
    assert {name: len(epochs) for name, epochs in told.items()} == {"narrows": 3, "torch": 3}
    assert all(seconds > 0 for epochs in told.values() for seconds, _ in epochs)
    ours, theirs = (epochs[-1][1] for epochs in told.values())
    assert ours == pytest.approx(theirs, rel=0.1)


def test_a_program_that_fails_in_its_turn_is_told(tmp_path):
    options = Namespace(data=str(tmp_path / "none.npy"), epochs=3)
    with pytest.raises(SystemExit, match=r"none\.npy"):
        training_speed.take_turns({"torch": training_speed.start("torch", options)}, 3)


@pytest.mark.parametrize(
    "module",
    [
        "choices",
        "folders",
        "kinds",
        "level_bounds",
        "lossless",
        "near_lossless",
        "odd_signals",
        "recordings",
    ],
)
def test_what_is_measured_may_be_left_out_and_has_to_be_known(module, monkeypatch, capsys):
    class Parsed(Exception):
        """Where a benchmark would begin."""

    parse, given = ArgumentParser.parse_args, []

    def parsed(parser, *_):
        parse(parser, given)
        raise Parsed

    monkeypatch.setattr(ArgumentParser, "parse_args", parsed)
    main = importlib.import_module(f"benchmarks.{module}").main
    with pytest.raises(Parsed):
        main()
    given.append("nothing-known")
    with pytest.raises(SystemExit):
        main()
    assert "nothing-known" in capsys.readouterr().err
