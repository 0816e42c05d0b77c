"""Figures are of what was given: of its own bytes, and not of what stands for missing values."""

import json

import numpy as np
import pytest

import narrows
from narrows.codec.encoding.requests import Request
from narrows.evaluation.metrics import Given, evaluate, for_peers
from narrows.evaluation.rate_point import RatePoint, with_snr
from narrows.signals import open_signals
from narrows.signals.reading import Reading

pytest.importorskip("torch", reason="training needs torch; extra train")
RNG = np.random.default_rng(0)
LINE = RNG.normal(size=2000).cumsum().astype(np.float32)


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    return narrows.train(LINE, window=32, architecture="linear", latent_size=4)


@pytest.fixture
def folder(tmp_path, monkeypatch, codec):
    monkeypatch.chdir(tmp_path)
    codec.save("m.narrows")
    np.save("x.npy", LINE[:1010])  # 31 windows, and 18 numbers
    return tmp_path


def test_bytes_are_those_of_the_file_and_not_of_padded_frames(folder, run):
    found = json.loads(run("evaluate", "x.npy", "-m", "m.narrows", "--json").out)
    archive = json.loads(run("compress", "x.npy", "-m", "m.narrows", "--json").out)
    assert found["raw_bytes"] == archive["raw_bytes"] == 4 * 1010
    assert found["compressed_bytes"] == archive["compressed_bytes"]
    assert found["bits_per_element"] == pytest.approx(8 * archive["compressed_bytes"] / 1010)
    some = run("evaluate", "x.npy", "-m", "m.narrows", "--signals", "16", "--json").out
    assert json.loads(some)["raw_bytes"] == 4 * 1010 // 2


def test_the_raw_bytes_of_a_source_are_its_own(folder):
    source = open_signals("x.npy", Reading(window=32))
    given = Given.of(source)
    assert (given.n_bytes, given.n_elements) == (4 * 1010, 1010)
    assert given.metadata == source.metadata
    assert given.share(0.5) == Given(2 * 1010, 505.0)


def test_what_is_missing_counts_in_no_figure(codec):
    x = LINE.reshape(-1, 25)[:, :24]
    x = np.concatenate([x, x[:, :8]], axis=1)
    gaps = x.copy()
    gaps[:, 5] = float(x.min()) - 1.0
    missing = [float(gaps[0, 5])]
    whole, found = evaluate(codec, x), evaluate(codec, gaps, Request(missing=missing))
    assert found.snr == pytest.approx(whole.snr, abs=1.0)
    assert found.reference.value_ranges[0][0] > missing[0]
    assert evaluate(codec, gaps).reference.value_ranges[0][0] == missing[0]
    filled = for_peers(codec, gaps, missing)
    assert np.array_equal(np.delete(filled, 5, 1), np.delete(x, 5, 1))
    assert filled[:, 5].min() > missing[0]
    assert for_peers(codec, x) is x


def test_missing_is_an_option(folder, run):
    np.save("gaps.npy", np.where(np.arange(1010) % 50 == 7, np.float32(-77.0), LINE[:1010]))
    plain, found = (
        json.loads(run("evaluate", "gaps.npy", "-m", "m.narrows", "--json", *more).out)
        for more in ((), ("--missing", "-77"))
    )
    assert plain["value_range"][0] == -77.0
    assert found["value_range"][0] > -77.0
    assert found["snr"] != plain["snr"]


def test_peers_have_the_snr_that_goes_with_their_psnr():
    known = RatePoint("narrows", 3.0, 40.0, snr=22.0)
    (found,) = with_snr([RatePoint("other", 9.0, 41.0)], known)
    assert found.snr == pytest.approx(23.0)
    exact = RatePoint("narrows", 3.0, float("inf"), snr=float("inf"))
    assert with_snr([RatePoint("other", 9.0, 41.0)], exact)[0].snr is None


def test_hop_alone_is_that_of_the_models_frames(folder, run):
    assert run("compress", "x.npy", "-m", "m.narrows", "--hop", "16").code == 0
    assert run("decompress", "x.npy.nrw", "-m", "m.narrows", "-o", "y.npy").code == 0
    assert np.load("y.npy").shape == (1010,)
    told = run("compress", "x.npy", "-m", "m.narrows", "--hop", "33", "-o", "z.nrw")
    assert told.code == 1
    assert "hop 33 of the model's frames of 32; it must be 1 to their length" in told.err
    told = run("train", "x.npy", "-o", "n.narrows", "--hop", "16")
    assert told.code == 1
    assert "give window or tile, too" in told.err


def test_the_table_says_what_channels_are_compared_at(folder, run):
    rng = np.random.default_rng(0)
    table = (rng.normal(size=(300, 16, 2)).cumsum(axis=1) * [1.0, 1000.0]).astype(np.float32)
    np.save("t.npy", table)
    narrows.train(table, architecture="linear", aim="snr:15").save("t.narrows")
    shown = run("evaluate", "t.npy", "-m", "t.narrows", "--baselines")
    assert "at one SNR, each channel in its own deviation" in shown.out
    found = json.loads(run("evaluate", "t.npy", "-m", "t.narrows", "--baselines", "--json").out)
    lossy = [row for row in found["baselines"] if row.get("snr") is not None]
    assert len({round(row["snr"], 2) for row in lossy}) == 1
    assert {row["psnr"] for row in lossy} == {None}
