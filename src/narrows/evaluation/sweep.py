"""Sweeps: one autoencoder for each latent size, or each lambda, beside PCA of the same size.

The trainings run side by side, one on a core: a small network gains little from a second core, so
each is the training that `narrows train` does with OMP_NUM_THREADS=1, and gives the same model.
"""

from __future__ import annotations

import math
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import prod
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import SettingError
from narrows.evaluation.metrics import evaluate

Signals = npt.NDArray[Any]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MOST_FOR_PCA = 20_000
LATENT_SIZES = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Pca:
    """PCA of the same latent size, with about as many bits before context models.

    It is learnt from at most 20,000 of the signals; all 60,000 of MNIST gave up to 0.02 dB more.
    """

    latent_size: int
    bytes_per_signal: float
    psnr: float
    model_bytes: int


@dataclass(frozen=True)
class Point:
    """One model of a sweep, measured on held-out signals.

    Attributes
    ----------
    latent_size : int
    lambda_ : float or None
        As given; None where the rate was aimed at, or there is none.
    bytes_per_signal, psnr, mse, max_abs_error : float
        See Evaluation.
    model_bytes, model_id
    quantising_loss_db : float or None
        What rounding the latents of a plain autoencoder costs.
    seconds : float
        Of training.
    pca : Pca
    """

    latent_size: int
    lambda_: float | None
    bytes_per_signal: float
    psnr: float
    mse: float
    max_abs_error: float
    model_bytes: int
    model_id: str
    quantising_loss_db: float | None
    seconds: float
    pca: Pca

    def as_json(self) -> dict[str, Any]:
        """Give the fields by their public names; the PSNR of an exact copy is None."""
        fields = {name.rstrip("_"): value for name, value in asdict(self).items()}
        for described in (fields, fields["pca"]):
            if not math.isfinite(described["psnr"]):
                described["psnr"] = None
        return fields


@dataclass(frozen=True)
class Trained:
    """A point of a sweep, and the model file it was measured with."""

    point: Point
    model: bytes


def latent_sizes_for(size: int) -> list[int]:
    """Give the latent sizes to try for frames of `size` elements, where none are given."""
    return [k for k in LATENT_SIZES if k <= size // 2] or [1]


def check_points(points: Sequence[Mapping[str, Any]], x: Signals) -> None:
    """Refuse, before anything is trained, settings that one of the trainings would refuse."""
    from narrows.training.classic.presets import training_settings

    size = prod(x.shape[1:])
    for settings in points:
        checked = training_settings(**settings)
        if checked.latent_size > size:
            raise SettingError(
                f"latent_size {checked.latent_size} for frames of {size} elements; it must be at "
                "most that, and much smaller to compress"
            )


def sweep(
    x_train: Signals,
    x_test: Signals,
    points: Sequence[dict[str, Any]],
    *,
    jobs: int | None = None,
    done: Callable[[Trained], None] = lambda trained: None,
) -> list[Trained]:
    """Train one model for each of several settings, side by side, and measure them.

    Parameters
    ----------
    x_train, x_test : (n, *frame_shape), (m, *frame_shape)
    points : sequence of dict
        Keywords of `narrows.train`.
    jobs : int, optional
        Trainings at a time, in processes of their own; by default one a core. With 1, they run in
        this process: outside of it, a script needs the usual `if __name__ == "__main__":`.
    done : callable
        Called with each point when it is there.

    Returns
    -------
    list of Trained
        In the order of `points`.
    """
    check_points(points, x_train)
    jobs = min(jobs or cores(), len(points))
    if jobs == 1:
        trained = []
        for settings in points:
            trained.append(_train(x_train, x_test, settings))
            done(trained[-1])
        return trained
    # The longest first, so that none is left alone at the end.
    order = sorted(range(len(points)), key=lambda i: -points[i].get("latent_size", 0))
    found: dict[int, Trained] = {}
    with _workers(x_train, x_test, jobs) as run:
        for number, trained_point in run([(i, points[i]) for i in order]):
            found[number] = trained_point
            done(trained_point)
    return [found[i] for i in range(len(points))]


def at_most(x: Signals, most: int) -> Signals:
    """Take at most so many of `(n, *frame_shape)` signals, evenly."""
    return x[:: -(-len(x) // most)]


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _train(x_train: Signals, x_test: Signals, settings: Mapping[str, Any]) -> Trained:
    """Train and measure one model, and PCA beside it."""
    from narrows.api import train

    codec = train(x_train, **settings)
    measured = evaluate(codec, x_test)
    summary = codec.model.training
    point = Point(
        latent_size=codec.model.latent_size,
        lambda_=settings.get("lambda_"),
        bytes_per_signal=measured.bytes_per_signal,
        psnr=measured.psnr,
        mse=measured.mse,
        max_abs_error=measured.max_abs_error,
        model_bytes=measured.model_bytes,
        model_id=codec.model_id,
        quantising_loss_db=summary.get("quantising_loss_db"),
        seconds=summary["seconds"],
        pca=_pca(x_train, x_test, codec.model.latent_size, measured.bytes_per_signal),
    )
    return Trained(point, codec.model_bytes)


def _pca(x_train: Signals, x_test: Signals, latent_size: int, bytes_per_signal: float) -> Pca:
    from narrows.api import train

    bits = max(8 * bytes_per_signal / latent_size, 1e-3)
    sample = at_most(x_train, MOST_FOR_PCA)
    codec = train(sample, latent_size=latent_size, bits_per_latent=bits, architecture="linear")
    measured = evaluate(codec, x_test)
    return Pca(latent_size, measured.bytes_per_signal, measured.psnr, measured.model_bytes)


Job = tuple[int, dict[str, Any]]
Run = Callable[[list[Job]], Iterator[tuple[int, Trained]]]


@contextmanager
def _workers(x_train: Signals, x_test: Signals, jobs: int) -> Iterator[Run]:
    """Start processes that share the signals through files; they end with the block, at once."""
    threads = max(1, cores() // jobs)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "train.npy", x_train)
        np.save(Path(folder) / "test.npy", x_test)
        with _environment(dict.fromkeys(THREADS, str(threads))):
            # Ctrl-C is the parent's, which ends its workers.
            ignoring = (signal.SIGINT, signal.SIG_IGN)
            pool = get_context("spawn").Pool(jobs, signal.signal, ignoring)
        with pool:
            yield lambda work: pool.imap_unordered(_work, [(folder, *job) for job in work])


def _work(job: tuple[str, int, dict[str, Any]]) -> tuple[int, Trained]:
    folder, number, settings = job
    x_train, x_test = (np.load(Path(folder) / f"{part}.npy") for part in ("train", "test"))
    return number, _train(x_train, x_test, settings)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables that a process reads when it starts, and put back what was."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
