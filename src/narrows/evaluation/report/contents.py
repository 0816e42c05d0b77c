"""Everything that a report says, measured once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.model.groups import ENCODED
from narrows.errors import DataError, ModelError
from narrows.evaluation.metrics import Evaluation, Given, evaluation_of, signal_psnr
from narrows.evaluation.peers.registry import sample, spread
from narrows.evaluation.peers.whole_arrays import WholeArrays
from narrows.evaluation.rate_point import RatePoint
from narrows.evaluation.report.comparison import Comparison, compare
from narrows.gaps import filled
from narrows.signals import ArraySource, as_labels

Signals = npt.NDArray[Any]
MAX_PACKETS = 1000
"""Signals that are also coded one by one."""


@dataclass(frozen=True, eq=False)
class Contents:
    """A model, the signals that it was given, and what it made of them."""

    data: str  # as the command line calls the signals
    model_file: str
    codec: Codec
    x: Signals  # (n, *frame_shape): those that were looked at
    numbers: npt.NDArray[np.intp]  # (n,): which ones they are, counted from 0
    all_signals: int  # of how many
    decoded: Signals
    symbols: npt.NDArray[np.int32]  # (n, latent_size)
    labels: npt.NDArray[np.int64] | None  # (n,)
    labels_file: str | None
    train_file: str | None  # of what PCA learnt from
    measured: Evaluation
    psnr: npt.NDArray[np.float64]  # (n,), of each signal in dB
    packet_bytes: npt.NDArray[np.int64]  # of at most 1000 signals, spread over all
    comparison: Comparison
    seen: bool  # these signals include those that the model was trained on
    arrays: WholeArrays | None = None  # whose tiles the signals are, where the model takes them so

    @property
    def point(self) -> RatePoint:
        """The model's point beside those of other codecs."""
        return self.comparison.units.point("narrows", self.measured)

    @property
    def unit(self) -> str:
        """What a signal is called."""
        return "signal" if self.arrays is None else "tile"

    @property
    def idle_latents(self) -> int:
        """The number of the encoder's latents that are the same for all these signals."""
        if self.arrays is not None:  # coded without them
            return 0
        symbols = self.symbols[:, self.codec.model.columns(ENCODED)]
        return int((symbols == symbols[:1]).all(axis=0).sum())

    @property
    def validation_psnr(self) -> float | None:
        """The PSNR on the validation signals when training kept its weights, if it is known."""
        training = self.codec.model.training
        best = training.get("best_epoch")
        kept = [record for record in training.get("history", ()) if record["epoch"] == best]
        return kept[0].get("psnr") if kept else None


def check(
    codec: Codec,
    x: Signals,
    labels: npt.NDArray[np.int64] | None = None,
    arrays: WholeArrays | None = None,
) -> Signals:
    """Refuse signals and labels that no report can be made of, before any work.

    Raises
    ------
    DataError
        If the signals are not of the model's shape and dtype, the labels not one a signal, or
        of tiles of arrays.
    ModelError
        If the model only decompresses.
    """
    if codec.model.encoder is None:
        raise ModelError(
            f"model {codec.model_id} has no encoder: it was exported to decompress; "
            "report on the model it was exported from"
        )
    x = codec.transform.check_frames(x)
    if not len(x):
        raise DataError("no signals to report on; give at least one")
    if labels is not None and arrays is not None:
        raise DataError("labels of tiles, which this model codes as whole arrays; leave labels out")
    if labels is not None and len(as_labels(labels)) != len(x):
        raise DataError(f"{len(labels)} labels for {len(x)} signals; give one label a signal")
    return x


def measure(
    codec: Codec,
    x: Signals,
    labels: npt.NDArray[np.int64] | None = None,
    train: Signals | None = None,
    *,
    most: int | None = None,
    data: str = "DATA",
    model_file: str = "MODEL",
    labels_file: str | None = None,
    train_file: str | None = None,
    progress: Callable[[int], None] | None = None,
    tell: Callable[[str], None] = lambda part: None,
    arrays: WholeArrays | None = None,
    given: Given | None = None,
    all_signals: int | None = None,
) -> Contents:
    """Compress and decompress signals, and measure all that the report states.

    Parameters
    ----------
    codec : Codec
    x : (n, *frame_shape)
    labels : (n,) integers, optional
    train : (m, *frame_shape), optional
        What PCA learns from; by default every second one of these signals.
    most : int, optional
        So many signals are looked at, at most, evenly spread over all; the first ones, where
        windows are predicted from those before them.
    data, model_file, labels_file, train_file : str
        What the page calls them.
    progress : callable, optional
        Called as by `Codec.compress`.
    tell : callable, optional
        Called with what is measured after that: the names of other codecs.
    arrays : WholeArrays, optional
        Whose tiles the signals are, all of them: coded as such, where the model takes arrays.
    given : Given, optional
        What was cut to the signals in `x`.
    all_signals : int, optional
        Of how many these are some, where they were chosen before.

    Raises
    ------
    DataError, ModelError
        See `check`.
    """
    x, labels = check(codec, x, labels, arrays), None if labels is None else as_labels(labels)
    train = None if train is None else codec.transform.check_frames(train)
    row = codec.model.prediction is not None
    seen, all_signals = _seen(codec, x), all_signals or len(x)
    most = most if arrays is None else None
    numbers = spread(len(x), most, row)
    given = given or Given.of(ArraySource(x), () if arrays is None else arrays.bricks)
    given = given.share(len(numbers) / len(x))
    x, labels = sample(x, most, row), None if labels is None else labels[numbers]
    blob = codec.compress(x, progress=progress, metadata=given.metadata, bricks=given.bricks)
    decoded = codec.decompress(blob)
    measured = evaluation_of(x, decoded, blob, codec, given=given)
    inside = None if arrays is None else arrays.inside(x)
    return Contents(
        data=data,
        model_file=model_file,
        codec=codec,
        x=x,
        numbers=numbers,
        all_signals=all_signals,
        decoded=decoded,
        symbols=_symbols(codec, x),
        labels=labels,
        labels_file=labels_file,
        train_file=train_file,
        measured=measured,
        psnr=signal_psnr(x, decoded, codec.model.peak, inside),
        packet_bytes=_packet_bytes(codec, x),
        comparison=compare(codec, x, measured, train, tell, arrays),
        seen=seen,
        arrays=arrays,
    )


def _symbols(codec: Codec, x: Signals) -> npt.NDArray[np.int32]:
    """Encode signals, with the values for NaN and infinity that an archive codes."""
    left_out, own = ~np.isfinite(x), codec.model.normaliser
    if left_out.any():
        has_channels = own.n_channels is not None
        x = filled(x, left_out, np.array(own.offset), has_channels=has_channels)
    return codec.encode(x)


def _packet_bytes(codec: Codec, x: Signals) -> npt.NDArray[np.int64]:
    """Code signals to packets, which take no NaN and no infinity."""
    some = sample(x, MAX_PACKETS)
    some = some[np.isfinite(some.reshape(len(some), -1)).all(axis=1)]
    return np.array([len(packet) for packet in codec.compress_packets(some)], dtype=np.int64)


def _seen(codec: Codec, x: Signals) -> bool:
    """Return whether the model was trained on these signals, or on all but a validation part."""
    training = codec.model.training
    try:
        from narrows.training.data.frames import fingerprint, split, split_rows
    except ImportError:  # torch is not installed
        return False
    known, seed = training.get("data_sha256"), training.get("settings", {}).get("seed")
    if known is None or len(x) not in _lengths(training):
        return False
    if fingerprint(x) == known:
        return True
    if seed is None or len(x) < 2:
        return False
    learnt, _ = split(x, None, split_rows(x, seed, has_validation=False))
    return bool(fingerprint(learnt) == known)


def _lengths(training: Any) -> tuple[int, int]:
    """Return the numbers of signals that training may have started from."""
    trained = training.get("signals", 0)
    return trained, trained + training.get("validation_signals", 0)
