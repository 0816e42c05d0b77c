"""The example scripts run, print figures that can be true, and leave their pictures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")
pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")

EXAMPLES = Path(__file__).parents[2] / "examples"
PNG = b"\x89PNG\r\n\x1a\n"


def run(script, folder, epochs):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), "digits", str(epochs)],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def numbers(pattern, text):
    return [float(number) for number in re.findall(pattern, text)]


def pictures(folder):
    assert all(path.read_bytes().startswith(PNG) for path in folder.iterdir())
    return {path.name for path in folder.iterdir()}


def test_dense_32_goes_on_to_bytes(tmp_path, digits):
    printed = run("classic_dense_32.py", tmp_path, 8)
    losses = numbers(r" loss ([\d.]+)", printed)
    held_out = numbers(r"val_loss ([\d.]+)", printed)
    assert len(losses) == len(held_out) == 8
    assert losses == sorted(losses, reverse=True)
    assert held_out[-1] < held_out[0]
    (size,) = numbers(r"in an archive ([\d.]+) bytes", printed)
    (packet,) = numbers(r"alone (\d+) bytes", printed)
    (psnr,) = numbers(r"PSNR ([\d.]+) dB", printed)
    assert "64 bytes raw" in printed
    assert 1 < size < 32
    assert 1 < packet < 40
    assert 12 < psnr < 30
    assert pictures(tmp_path) == {"classic-dense-32-training.png", "classic-dense-32-gallery.png"}


def test_dense_25_stands_beside_pca(tmp_path, digits):
    printed = run("classic_dense_25.py", tmp_path, 8)
    losses = numbers(r" loss ([\d.]+)", printed)
    assert len(losses) == 16
    assert losses[7] < losses[0]
    assert losses[15] < losses[8]
    results = re.findall(
        r"^(\S+): ([\d.]+) bytes an image, MSE ([\d.]+), ([\d.]+) dB$", printed, re.M
    )
    assert [name for name, *_ in results] == ["PCA", "dense-25", "dense-25-best"]
    for _, size, mse, psnr in results:
        assert 1 < float(size) < 25
        assert 0.001 < float(mse) < 0.08
        assert 11 < float(psnr) < 30
    assert pictures(tmp_path) == {
        "classic-dense-25-training.png",
        "classic-dense-25-best-training.png",
        "classic-dense-25-gallery.png",
    }
