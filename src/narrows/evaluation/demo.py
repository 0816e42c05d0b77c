"""`narrows demo`: the main job, whole, on a known set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.api import train
from narrows.codec.codec import Codec
from narrows.evaluation.baselines import Row, codec_row, general_rows, raw_row, train_pca
from narrows.evaluation.metrics import Evaluation, evaluation_of
from narrows.signals import read_signals

if TYPE_CHECKING:
    from narrows.training.loop.trainer import Progress

HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class Demo:
    """What a demonstration made: codec, table, and ten signals to look at."""

    codec: Codec
    measured: Evaluation
    rows: list[Row]
    original: npt.NDArray[Any]
    decoded: npt.NDArray[Any]


def run_demo(data: str, latent_size: int, seed: int, progress: Progress | None = None) -> Demo:
    """Train on a known set, compress what was held out, decompress, and compare.

    A set of parts (`mnist:train`) is tested on its `:test` part; others on a fifth held out.
    """
    x_train, x_test = train_and_test(data, seed)
    codec = train(x_train, latent_size=latent_size, seed=seed, progress=progress)
    blob = codec.compress(x_test)
    decoded = codec.decompress(blob)
    measured = evaluation_of(x_test, decoded, len(blob), codec)
    pca = train_pca(x_train, 8 * measured.bytes_per_signal, seed)
    pca_blob = pca.compress(x_test)
    pca_measured = evaluation_of(x_test, pca.decompress(pca_blob), len(pca_blob), pca)
    rows = [
        raw_row(x_test),
        *general_rows(x_test, ("zlib -9",)),
        codec_row("PCA codec", pca_measured),
        codec_row("narrows", measured),
    ]
    return Demo(codec, measured, rows, x_test[:10], decoded[:10])


def train_and_test(data: str, seed: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Give the signals to train on and those to test on."""
    if data.endswith(":train") or data in ("mnist", "fashion-mnist"):
        name = data.removesuffix(":train")
        return read_signals(f"{name}:train"), read_signals(f"{name}:test")
    x = read_signals(data)
    order = np.random.default_rng([seed, len(x)]).permutation(len(x))
    held = max(1, math.ceil(HELD_OUT_SHARE * len(x)))
    return x[np.sort(order[held:])], x[np.sort(order[:held])]
