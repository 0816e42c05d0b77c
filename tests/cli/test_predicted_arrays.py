"""Arrays from training to evaluation, coded as a whole."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

from narrows.evaluation.peers.registry import Bench
from tests.helpers.tiling import field


def test_commands_take_arrays_and_give_them_back(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", field((60, 64), 0))
    np.save("b.npy", x := field((50, 61), 1))
    tiles = ("--tile", "8,8", "--architecture", "predictive", "--aim", "snr:16")
    for words in (
        ("train", "a.npy", "-o", "f.narrows", *tiles),
        ("compress", "b.npy", "-m", "f.narrows", "-o", "b.nrw", "--embed-model", "-j", "2"),
        ("decompress", "b.nrw", "-o", "y.npy"),
        ("verify", "b.nrw", "--against", "b.npy"),
    ):
        assert run(*words).code == 0, words
    assert "of wavelet coefficients, from those around them" in run("info", "f.narrows").out
    assert "predicted" in run("info", "b.nrw").out
    error = np.square(np.load("y.npy") - x.astype(float)).mean()
    figures = json.loads(run("evaluate", "b.npy", "-m", "f.narrows", "--json").out)
    assert figures["snr"] == pytest.approx(10 * np.log10(x.var(dtype=float) / error), abs=0.01)
    assert figures["raw_bytes"] == x.nbytes


def test_packets_of_tiles_are_coded_alone(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", field((60, 64), 0))
    tiles = ("--tile", "8,8", "--architecture", "predictive")
    assert run("train", "a.npy", "-o", "f.narrows", *tiles).code == 0
    done = run("compress", "a.npy", "-m", "f.narrows", "--packets", "-o", "p.jsonl")
    assert done.code == 0


def test_the_report_of_an_array_is_of_all_its_tiles_together(run, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")
    monkeypatch.setattr(Bench, "at_psnr", lambda bench, psnr, near: [])
    monkeypatch.setattr(Bench, "pca_at_size", lambda bench, size: None)
    monkeypatch.setattr(Bench, "lossless", lambda bench: [])
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", field((60, 64), 0))
    np.save("b.npy", x := field((50, 61), 1))
    tiles = ("--tile", "8,8", "--architecture", "predictive", "--aim", "snr:16")
    assert run("train", "a.npy", "-o", "f.narrows", *tiles).code == 0
    told = json.loads(run("report", "b.npy", "-m", "f.narrows", "-o", "r.html", "--json").out)
    measured = json.loads(run("evaluate", "b.npy", "-m", "f.narrows", "--json").out)
    assert {name: told[name] for name in measured} == measured
    assert told["raw_bytes"] == x.nbytes
    page = Path("r.html").read_text("utf-8")
    assert "1 array, of 50 × 61." in page
    assert "bytes a tile" in page
    np.save("l.npy", np.arange(56))
    failed = run("report", "b.npy", "-m", "f.narrows", "--labels", "l.npy", "-o", "s.html")
    assert "labels of tiles" in failed.err
    assert failed.code == 1
