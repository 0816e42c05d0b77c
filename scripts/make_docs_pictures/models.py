"""The models that are drawn, made by the commands that docs/concepts.md and the tutorial give."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

import narrows
from narrows import Codec
from narrows.codec.encoding.requests import Request
from narrows.evaluation.metrics import evaluate
from narrows.signals import read_signals

Images = npt.NDArray[np.uint8]
OPTIONS = {
    "mnist": "--aim bytes:11",
    "dense-32": "--preset dense-32",
    "dense-32-mse": "--preset dense-32 --loss mse",
    "pca-25": "--architecture linear --latent-size 25",
    "dense-25": "--preset dense-25 --validation mnist:test",
    "dense-25-best": "--preset dense-25-best --validation mnist:test",
}
"""What `narrows train mnist:train -o NAME.narrows` is given besides."""
folder = Path("models")  # the command line sets another


def run(command: str) -> None:
    """Run a command of narrows in the folder of models."""
    folder.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "narrows", *command.split()], cwd=folder, check=True)


@cache
def images(part: str) -> Images:
    """Return a part of MNIST, `train` or `test`, as `(n, 28, 28)` uint8."""
    return np.asarray(read_signals(f"mnist:{part}"))


@cache
def codec(name: str) -> Codec:
    """Return a codec by its name in OPTIONS, trained first if the folder does not have it."""
    if not (folder / f"{name}.narrows").exists():
        run(f"train mnist:train -o {name}.narrows {OPTIONS[name]}")
    return narrows.load(folder / f"{name}.narrows")


@cache
def sweep() -> list[Any]:
    """Return the points of the sweep in docs/concepts.md, with their codecs."""
    if not (folder / "sweep" / "sweep.json").exists():
        run("sweep mnist:train --test mnist:test -o sweep --preset dense-32")
    points = json.loads((folder / "sweep" / "sweep.json").read_text())["points"]
    for point in points:
        point["pca"] = SimpleNamespace(**point["pca"])
        point["codec"] = narrows.load(folder / "sweep" / point["model"])
    return [SimpleNamespace(**point) for point in points]


@cache
def size_and_psnr(name: str, effort: int | None = None) -> tuple[float, float]:
    """Return bytes a signal and PSNR of a codec over the whole test set."""
    measured = evaluate(codec(name), images("test"), Request(effort=effort))
    return measured.bytes_per_signal, measured.psnr


def in_words(bytes_per_signal: float, psnr: float) -> str:
    """Return bytes and PSNR as the note of a row."""
    return f"{bytes_per_signal:.2f} bytes · {psnr:.2f} dB"


def through(codec: Codec, x: Images, effort: int | None = None) -> Images:
    """Compress and decompress."""
    return codec.decompress(codec.compress(x, effort=effort))
