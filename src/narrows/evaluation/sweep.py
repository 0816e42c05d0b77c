"""Sweeps: one autoencoder for each latent size, or each lambda, beside PCA of the same size.

The trainings run side by side, one on a core: a small network gains little from a second core, so
each is the training that `narrows train` does with OMP_NUM_THREADS=1, and gives the same model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.metrics import evaluate
from narrows.evaluation.peers.pca import NAME, train_pca
from narrows.evaluation.rate_point import RatePoint, codec_point
from narrows.evaluation.reference import Reference
from narrows.files import open_temporary
from narrows.processes import Workers, cores
from narrows.signals import check_signals
from narrows.training.settings import TrainingSettings

Signals = npt.NDArray[Any]
LATENT_SIZES = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Trained:
    """One model of a sweep, measured on held-out signals."""

    point: RatePoint
    pca: RatePoint  # of the same latent size, with about as many bits before context models
    lambda_: float | None  # as given; None where the rate was aimed at, or has no part in the loss
    mse: float  # where the peak is 1
    quantising_loss_db: float | None  # what rounding the latents of a plain autoencoder costs
    seconds: float  # of training, freezing included
    reference: Reference  # of the PSNR
    model_id: str
    model: bytes  # the model file

    def as_json(self) -> dict[str, Any]:
        """Return the figures; the PSNR of an exact copy is None."""
        point, pca = ({"latent_size": p.latent_size, **p.as_json()} for p in (self.point, self.pca))
        fields = {
            **point,
            "lambda": self.lambda_,
            "mse": self.mse,
            "max_abs_error": self.point.max_abs_error,
            "model_id": self.model_id,
            "quantising_loss_db": self.quantising_loss_db,
            "seconds": self.seconds,
            "pca": pca,
        }
        return {name: value for name, value in fields.items() if name != "name"}


def latent_sizes_for(size: int) -> list[int]:
    """Return the latent sizes to try for frames of `size` elements, where none are given."""
    return [k for k in LATENT_SIZES if k <= size // 2] or [1]


def check_points(points: Sequence[TrainingSettings], x: Signals) -> None:
    """Refuse, before anything is trained, settings that one of the trainings would refuse."""
    from narrows.training.plan import plan_of

    for settings in points:
        plan_of(settings, x.shape, x.dtype)


def sweep(
    x_train: Signals,
    x_test: Signals,
    points: Sequence[TrainingSettings],
    *,
    jobs: int | None = None,
    done: Callable[[Trained], None] = lambda trained: None,
) -> list[Trained]:
    """Train one model for each of several settings, side by side, and measure them.

    Parameters
    ----------
    x_train, x_test : (n, *frame_shape), (m, *frame_shape)
    points : sequence of TrainingSettings
        Keywords of `narrows.train`.
    jobs : int, optional
        Trainings at a time, in processes of their own; by default one a core. With 1, they run in
        this process.
    done : callable
        Called with each point when it is there, and those before it.

    Returns
    -------
    list of Trained
        In the order of `points`.
    """
    x_train = check_signals(x_train, name="training data")
    x_test = check_signals(x_test, name="test data")
    check_points(points, x_train)
    found = []
    with (
        Workers(min(jobs or cores(), len(points))) as workers,
        tempfile.TemporaryDirectory() as folder,
    ):
        for part, x in (("train", x_train), ("test", x_test)):
            with open_temporary(Path(folder) / f"{part}.npy") as stream:
                np.save(stream, x)
        for trained in workers.in_order(partial(_train, folder), points):
            found.append(trained)
            done(trained)
    return found


def _train(folder: str, settings: TrainingSettings) -> Trained:
    """Train and measure one model, and PCA beside it, on the signals in a folder."""
    from narrows.api import train

    x_train, x_test = (np.load(Path(folder) / f"{part}.npy") for part in ("train", "test"))
    codec = train(x_train, **settings)
    measured, size = evaluate(codec, x_test), codec.model.latent_size
    summary = codec.model.training
    linear = train_pca(x_train, 8 * measured.bytes_per_signal, size)
    return Trained(
        point=codec_point("narrows", measured, size),
        pca=codec_point(NAME, evaluate(linear, x_test), size),
        lambda_=settings.get("lambda_"),
        mse=measured.mse,
        quantising_loss_db=summary.get("quantising_loss_db"),
        seconds=summary["seconds"],
        reference=measured.reference,
        model_id=codec.model_id,
        model=codec.model_bytes,
    )
