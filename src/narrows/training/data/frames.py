"""Signals before training: checked, split, scaled for the networks, and fingerprinted."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.errors import DataError
from narrows.signals.channels import has_length
from narrows.training.architectures import Scaling
from narrows.training.counts import MAX_COUNTED, most_frames, signal_counts

Signals = TypeVar("Signals", npt.NDArray[Any], Tensor)
MAX_FRAME_AXES, MAX_FRAME_BYTES = 8, (1 << 28) - 16  # of models, of archives
RUNS = 8  # that are held out where signals are like those beside them
MIN_LIKENESS, MIN_LIKENESS_OF_ENDS = 0.05, 0.2
"""Of signals in an order, and of the end of one and the beginning of the next. It is 0 of those in
none, but for chance, which is larger in single numbers."""
COMPARED = 1024  # signals
MAX_FLOAT = 1e120  # of float64 signals; its inverse is their smallest range
MAX_WHOLE, MAX_WHOLE_RANGE = 2**52, 2**42
"""Of signals of 64-bit integers: what a normaliser adds at its end, and what the bound of a network
is sure to have room for."""


def check_training_data(
    x: npt.NDArray[Any], validation: npt.NDArray[Any] | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Refuse what cannot be trained on, with a DataError of one line."""
    from narrows.signals import check_signals

    x = check_signals(x, name="training data")
    if len(x) < 2:
        raise DataError(
            "training data with a single signal; at least 2 are needed, and some hundreds to "
            "learn anything: give more signals"
        )
    _refuse_what_no_file_holds(x)
    if validation is not None:
        validation = check_signals(validation, name="validation data")
        if (validation.shape[1:], validation.dtype) != (x.shape[1:], x.dtype):
            raise DataError(
                f"validation data of shape {validation.shape} and dtype {validation.dtype}; "
                f"expected (n, {', '.join(map(str, x.shape[1:]))}) of {x.dtype}"
            )
    return x, validation


def _refuse_what_no_file_holds(x: npt.NDArray[Any]) -> None:
    """Refuse, before and not after the training, frames that models and archives cannot have."""
    advice = "give signals of smaller frames: x.reshape(len(x), -1), or windows of them"
    if x.ndim - 1 > MAX_FRAME_AXES:
        raise DataError(
            f"training data of shape {x.shape}; frames have at most {MAX_FRAME_AXES} axes: {advice}"
        )
    if x[0].nbytes > MAX_FRAME_BYTES:
        raise DataError(
            f"training data with frames of {x[0].nbytes:,} bytes; {MAX_FRAME_BYTES:,} are "
            f"possible: {advice}"
        )


def refuse_extremes(x: npt.NDArray[Any]) -> None:
    """Refuse floats whose squares are beyond float64, and whole numbers that networks round."""
    if x.dtype.itemsize < 8:
        return
    low, high = x.min().item(), x.max().item()
    if x.dtype.kind != "f" and (max(-low, high) >= MAX_WHOLE or high - low >= MAX_WHOLE_RANGE):
        holds = "holds all of these" if max(-low, high) < 2**53 else "rounds them to 53 bits"
        raise DataError(
            f"training data of {x.dtype} from {low} to {high}; the exact arithmetic of networks "
            f"has room for whole numbers below 2**52 that lie within 2**42 of each other: give "
            + (
                f'(x - ({low})).astype("int64"), and keep {low}'
                if high - low < MAX_WHOLE_RANGE
                else f'x.astype("float64"), which {holds}'
            )
        )
    if x.dtype.kind != "f":
        return
    if max(-low, high) > MAX_FLOAT or 0.0 < high - low < 1.0 / MAX_FLOAT:
        raise DataError(
            f"training data with values from {low:g} to {high:g}; their squares are beyond "
            f"float64: scale them to a range between {1 / MAX_FLOAT:g} and {MAX_FLOAT:g}"
        )


Rows = npt.NDArray[np.intp]


def split(
    x: npt.NDArray[Any], validation: npt.NDArray[Any] | None, rows: tuple[Rows, Rows]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return what is learnt from, and what is validated with, by `split_rows`.

    What is mapped from a file and is learnt from as a whole stays where it is; other signals are
    copied, as many as fit.
    """
    learnt, held = rows
    x_train = x if len(learnt) == len(x) else x[learnt]
    if validation is None:
        return x_train, x[held]
    return x_train, validation[: most_frames(x.shape, x.dtype.itemsize)]


def split_rows(x: npt.NDArray[Any], seed: int, *, has_validation: bool) -> tuple[Rows, Rows]:
    """Return the numbers of the signals to learn from, as many as fit, and of those held out.

    Signals are drawn at random, but where they are like those beside them, as windows of one
    recording and patches of one picture are: then those held out are some long runs.
    """
    n, held = signal_counts(x.shape, x.dtype.itemsize, has_validation=has_validation)
    if n == len(x):
        return np.arange(n), np.empty(0, np.intp)
    rng = np.random.default_rng([seed, len(x)])
    order = rng.permutation(len(x))
    if held >= RUNS and is_in_order(x):
        own = _runs(len(x), held, rng)
        order = np.concatenate([own, order[~np.isin(order, own)]])
    return np.sort(order[held : held + n]), np.sort(order[:held])


def _runs(n: int, held: int, rng: np.random.Generator) -> Rows:
    """Draw runs of n numbers, equally far apart, that are `held` in all."""
    first = int(rng.integers(n // RUNS - held // RUNS + 1))
    lengths = [held // RUNS + (i < held % RUNS) for i in range(RUNS)]
    return np.concatenate([
        first + i * n // RUNS + np.arange(length) for i, length in enumerate(lengths)
    ]) % n  # fmt: skip


def is_in_order(x: npt.NDArray[Any]) -> bool:
    """Return whether `(n, *frame_shape)` signals are like those beside them, or go on in them."""
    if x.dtype.kind not in "fiu":
        return False
    at = np.arange(min(COMPARED, len(x) - 1)) * (len(x) - 1) // min(COMPARED, len(x) - 1)
    some, beside = (x[rows].astype(np.float64) for rows in (at, at + 1))
    if likeness(some, beside) > MIN_LIKENESS:
        return True
    return has_length(x.shape[1:]) and likeness(some[:, -1], beside[:, 0]) > MIN_LIKENESS_OF_ENDS


def likeness(some: npt.NDArray[Any], beside: npt.NDArray[Any]) -> float:
    """Return how much nearer `(n, ...)` signals are to `beside` than to others: 1 minus the ratio.

    0 where that is not known.
    """
    apart = np.square(some - np.roll(beside, len(some) // 2, axis=0)).sum()
    return 1.0 - float(np.square(some - beside).sum() / apart) if apart > 0 else 0.0


def spread_over(x: Tensor, most: int | None) -> Tensor:
    """Return at most so many of `(n, *frame_shape)` frames, spread over all of them."""
    n = len(x) if most is None else min(len(x), most)
    return x[torch.arange(n, device=x.device) * len(x) // n]


def counted_of(x: Signals) -> Signals:
    """Return those of `(n, *frame_shape)` frames that freezing counts: all, or evenly spread."""
    return x[:: max(1, -(-len(x) // MAX_COUNTED))]


def scaled(x: npt.NDArray[Any], scaling: Scaling) -> Tensor:
    """Scale `(n, *frame_shape)` signals for the encoder, in float32."""
    out = np.empty(x.shape, dtype=np.float32)
    for start in range(0, len(x), 4096):
        part = x[start : start + 4096].astype(np.float64)
        out[start : start + 4096] = (part - scaling.offset) * scaling.scale
    return torch.from_numpy(out)


def mean_of_scaled(x: Tensor, scaling: Scaling) -> Tensor:
    """Return the mean of `(n, *frame_shape)` scaled frames: one number, or each channel's.

    It is near 0, but where the offsets are those of a model that training started from.
    """
    channels = np.ndim(scaling.scale)
    axes = tuple(range(x.ndim - channels))
    return x.mean(axes, dtype=torch.float64).to(x.dtype)


def fingerprint(x: npt.NDArray[Any]) -> str:
    """Hash the training signals, so that a model names what it was trained on."""
    digest = sha256(f"{x.dtype.name} {list(x.shape)}\n".encode())
    for start in range(0, len(x), 4096):
        digest.update(np.ascontiguousarray(x[start : start + 4096]).tobytes())
    return digest.hexdigest()
