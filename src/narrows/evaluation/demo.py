"""`narrows demo`: train, compress, decompress and compare on a known set."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.api import train
from narrows.codec.codec import Codec
from narrows.evaluation.metrics import Evaluation, evaluate, evaluation_of
from narrows.evaluation.peers import pca
from narrows.evaluation.rate_point import RatePoint, codec_point, raw_point
from narrows.signals import read_signals

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from narrows.training.loop.trainer import Progress

    Watched = Callable[[], AbstractContextManager[Progress | None]]

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Demo:
    """The codec of a demonstration, its table, and ten signals to look at."""

    codec: Codec
    measured: Evaluation
    rows: list[RatePoint]
    original: npt.NDArray[Any]
    decoded: npt.NDArray[Any]


def run_demo(data: str, latent_size: int, seed: int, watched: Watched = nullcontext) -> Demo:
    """Train on a known set, compress what was held out, decompress, and compare.

    A set of parts (`mnist:train`) is tested on its `:test` part; others on a fifth held out. The
    model is trained within the context that `watched` returns, with the progress that it yields;
    PCA, which is solved for comparison, is not.
    """
    x_train, x_test = train_and_test(data, seed)
    with watched() as progress:
        codec = train(x_train, latent_size=latent_size, seed=seed, progress=progress)
    blob = codec.compress(x_test)
    decoded = codec.decompress(blob)
    measured = evaluation_of(x_test, decoded, blob, codec)
    linear = pca.train_pca(x_train, 8 * measured.bytes_per_signal, seed=seed)
    zlib_bytes = len(zlib.compress(x_test.tobytes(), 9))
    rows = [
        raw_point(x_test.nbytes / len(x_test)),
        RatePoint("zlib -9", zlib_bytes / len(x_test), math.inf),
        codec_point(pca.NAME, evaluate(linear, x_test)),
        codec_point("narrows", measured),
    ]
    return Demo(codec, measured, rows, x_test[:10], decoded[:10])


def train_and_test(
    data: str, seed: int, read: Callable[[str], npt.NDArray[Any]] = read_signals
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the signals to train on and those to test on, as `read` reads them."""
    if data.endswith(":train") or data in ("mnist", "fashion-mnist"):
        name = data.removesuffix(":train")
        return read(f"{name}:train"), read(f"{name}:test")
    x = read(data)
    order = np.random.default_rng([seed, len(x)]).permutation(len(x))
    held = max(1, math.ceil(TEST_SHARE * len(x)))
    return x[np.sort(order[held:])], x[np.sort(order[:held])]
