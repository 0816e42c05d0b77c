"""One bench for all commands: a codec has one figure at one point, whoever asks."""

import re

import numpy as np
import pytest

from narrows.evaluation.peers import pca, registry
from narrows.evaluation.peers.registry import HALF_LEARNT, Bench, sample
from narrows.evaluation.units import Units

pytest.importorskip("torch", reason="the PCA codec is trained with torch; extra train")

HELD_OUT = 179


def test_peers_are_measured_at_the_wanted_quality(digits):
    bench = Bench(digits[::4], Units(16.0))
    rows = bench.at_psnr(20.0)
    assert rows[0].name == HALF_LEARNT
    assert 2.0 < rows[0].bytes_per_signal < 12.0
    assert rows[0].psnr == 20.0
    assert all(20.0 <= row.psnr < 60.0 for row in rows)  # lossy, at the quality or at their lowest
    assert bench.at_psnr(np.inf) == bench.at_psnr(-np.inf) == []


def test_pca_learns_from_the_training_signals_where_they_are_given(digits):
    few, many = (Bench(digits[1700:], Units(16.0), train) for train in (None, digits[:1700]))
    halves, trained = few.at_psnr(20.0)[0], many.at_psnr(20.0)[0]
    assert (halves.name, trained.name) == (HALF_LEARNT, pca.NAME)
    assert trained.bytes_per_signal < halves.bytes_per_signal
    at_size = many.pca_at_size(trained.bytes_per_signal)
    assert at_size.bytes_per_signal == trained.bytes_per_signal
    assert at_size.psnr == pytest.approx(20.0, abs=0.1)


def test_pca_says_nothing_of_what_it_keeps_exactly(caplog):
    x = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    work, peers = registry.peers_for(np.where(x > 2, 90, x), 10.0, x)
    (peer,) = [each for each in peers if each.learns]
    coder = peer.coder(work, 4.0)
    blobs = coder.encode(work.x)
    assert np.abs(coder.decode(blobs, 60)[work.x == 90] - 90).max() == 0  # kept exactly
    assert caplog.text == ""


def test_a_setting_is_measured_once_for_all_questions(digits, monkeypatch):
    asked = []

    def counted(coder, x, peak, name, setting, **where):
        asked.append((name, setting))
        return original(coder, x, peak, name, setting, **where)

    original = registry.measure
    monkeypatch.setattr(registry, "measure", counted)
    bench = Bench(digits[:300], Units(16.0))
    first = bench.at_psnr(18.0)
    seen = len(asked)
    assert bench.at_psnr(18.0) == first
    assert len(asked) == seen
    bench.at_psnr(19.0)
    bench.lossless()
    assert len(asked) == len(set(asked)) > seen


def test_a_peer_that_fails_is_told_and_costs_no_other(digits, monkeypatch):
    def broken(x, bits):
        raise MemoryError("too much")

    monkeypatch.setattr(pca, "train_pca", broken)
    bench = Bench(digits[:60], Units(16.0))
    assert pca.NAME not in {point.name for point in bench.at_psnr(15.0)}
    assert f"{pca.NAME}: MemoryError: too much" in bench.not_measured
    assert len(bench.lossless()) >= 3


def test_curves_are_what_was_measured_near_the_qualities_of_interest(digits):
    bench = Bench(digits[:200], Units(16.0))
    assert bench.curves(10.0, 20.0) == {}
    for psnr in (15.0, 18.0):
        bench.at_psnr(psnr)
    curves = bench.curves(13.0, 20.0)
    assert all(13.0 <= point.psnr <= 20.0 for point in curves[pca.NAME])
    assert len(curves[pca.NAME]) >= 3
    for points in curves.values():
        places = [point.place for point in points]
        assert places == sorted(places)
        assert [psnr for _, psnr in places] == sorted(psnr for _, psnr in places)


def test_a_curve_that_begins_above_the_qualities_of_interest_is_its_lowest_settings(digits):
    pytest.importorskip("imagecodecs", reason="for WebP; extra bench")
    bench = Bench(digits[:200], Units(16.0))
    (lowest,) = [p for p in bench.at_psnr(1.0) if p.name == "WebP mosaic"]
    curve = bench.curves(0.0, 2.0)["WebP mosaic"]
    assert curve[0] == lowest
    assert len(curve) > 1


def test_what_is_not_installed_is_told_with_the_way_out(digits, monkeypatch):
    monkeypatch.setattr(
        "narrows.evaluation.peers.contract.importlib.util.find_spec", lambda name: None
    )
    bench = Bench(digits[:60], Units(16.0))
    assert [point.name for point in bench.lossless()] == ["zlib -9", "bzip2 -9", "lzma -9e"]
    assert bench.at_psnr(15.0) == []
    told = "\n".join(bench.not_measured)
    assert "PCA codec: torch is not installed: pip install 'narrows[train]'" in told
    assert "AVIF mosaic: imagecodecs is not installed: pip install 'narrows[bench]'" in told


def test_samples_are_spread_over_all_signals():
    x = np.arange(100)[:, None]
    assert sample(x, 5).ravel().tolist() == [0, 20, 40, 60, 80]
    assert sample(x, 100) is sample(x, None) is x


# --------------------------------------------------------------------------- one answer


@pytest.fixture(scope="module")
def printed(tiny_codec, digits, tmp_path_factory):
    """What `advise`, `report` and `evaluate` print of the same codec and signals: name to cells."""
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")
    from typer.testing import CliRunner

    from narrows.cli import app
    from narrows.evaluation import advice
    from narrows.evaluation.report import measure
    from narrows.evaluation.report.facts import comparison_rows

    train, test = digits[:-HELD_OUT], digits[-HELD_OUT:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(advice, "_short_training", lambda *settings: (tiny_codec, 100.0))
        advised = {name: cells for name, *cells in advice.as_lines(advice.advise(digits))}
    reported = {
        name: cells for name, cells, _ in comparison_rows(measure(tiny_codec, test, train=train))
    }
    folder = tmp_path_factory.mktemp("bench")
    np.save(folder / "train.npy", train)
    np.save(folder / "test.npy", test)
    tiny_codec.save(folder / "m.narrows")
    words = ["evaluate", folder / "test.npy", "-m", folder / "m.narrows", "--baselines", "--train"]
    table = CliRunner().invoke(app, [*map(str, words), str(folder / "train.npy")]).output
    return advised, reported, table


def test_report_advise_and_evaluate_print_the_same_figure_for_the_same_codec(printed):
    advised, reported, table = printed
    peers = set(advised) & set(reported)
    assert {"raw", "zlib -9", "lzma -9e", pca.NAME} <= peers
    assert set(advised) - peers == {"narrows, quality 1 of 3"}
    for name in peers:
        size, quality = (re.match(r"[\d.,]+|\w+", cell)[0] for cell in advised[name][:2])
        assert size == reported[name][0]
        assert quality.replace("lossless", "exact") == reported[name][1]
        row = rf"^\W*{name}\W+{size}\W+{quality.replace('lossless', 'exact')}\b"
        assert re.search(row, table, re.MULTILINE), f"{name}: {table}"
