"""Signals to train on, as `narrows.train` takes them, and parts of other sources."""

import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.comparison import datasets, recordings
from narrows.evaluation.peers.registry import sample
from narrows.signals.inputs import as_source, reading_of, some_bricks

LEARNED, TESTED = 12_000, 1000
FOLD, FOLDS = 0, 4
"""Of the records in their order, every FOLDS-th from FOLD on is left out."""
WINDOWS = 1000  # of each record
VECTORS = "embeddings/minilm_384_{}_f16.npy"

NETWORKS = ("dense", "conv")
DENSE = ("dense",)
"""Of windows and vectors: convolutions had 5 dB less on ECG (docs/experiments.md)."""


@dataclass(frozen=True)
class HeldOut:
    """What a model is trained on, and what it has not seen."""

    about: str
    train: object  # an array, or a folder of recordings
    parts: list  # of (n, *frame_shape): each becomes an archive
    peak: float  # the range that PSNR refers to
    settings: dict = field(default_factory=dict)  # how `train` cuts, and what it aims at
    shapes: tuple = ()  # of the arrays whose tiles the only part has
    networks: tuple = NETWORKS  # that may suit it

    def measured(self, codec):
        """Compress all parts at the default effort and back: bytes a signal, and PSNR in dB."""
        n_bytes, error, count, n = 0, 0.0, 0, 0
        for x in self.parts:
            blob = codec.compress(x, bricks=self.shapes) if self.shapes else codec.compress(x)
            back = codec.decompress(blob).astype(np.float64)
            n_bytes, n = n_bytes + len(blob), n + len(x)
            error, count = error + float(np.square(back - x).sum()), count + x.size
        return n_bytes / n, float(10 * np.log10(self.peak**2 * count / error))


def pictures(name, folder):
    """Return 12,000 of the training pictures, and 1,000 test pictures, spread over all."""
    data = datasets.load(name)
    train = sample(data.train, LEARNED)
    about = f"{LEARNED:,} pictures of 28 x 28, {TESTED:,} of the test part"
    return HeldOut(about, train, [sample(data.test, TESTED)], data.peak)


def digits(name, folder):
    """Return four fifths of the digits of scikit-learn, and the others."""
    data = datasets.load(name)
    return HeldOut(data.about, data.train, [data.test], data.peak)


def patients():
    """Return the windows of records to train on, and of those left out, by name."""
    records = recordings.patients()
    left_out = list(records)[FOLD::FOLDS]
    kept = {name: x for name, x in records.items() if name not in left_out}
    return kept, {name: records[name] for name in left_out}


def ecg(name, folder):
    """Return recordings of patients as files, and the first windows of others."""
    kept, others = patients()
    for record, x in kept.items():
        samples = x[:WINDOWS].reshape(-1, *x.shape[2:])
        np.save(Path(folder) / f"{record}.npy", samples)
    about = f"{len(kept)} records of ECG, {', '.join(others)} left out, windows of 256 x 2"
    peak = float(max(x.max() for x in kept.values()) - min(x.min() for x in kept.values()))
    parts = [x[: TESTED // 2] for x in others.values()]
    return HeldOut(about, folder, parts, peak, {"window": 256}, (), DENSE)


def ecg_windows(name, folder):
    """Return windows of patients in one array, in no order that counts, and those of others."""
    kept, others = patients()
    train = np.concatenate([sample(x, WINDOWS) for x in kept.values()])
    test = np.concatenate([sample(x, TESTED // 5) for x in others.values()])
    about = f"{len(train):,} windows of {len(kept)} records of ECG in one array, others left out"
    return HeldOut(about, train, [test], float(np.ptp(train)), {}, (), DENSE)


def field_of(name, folder):
    """Return the first planes of a rough field, and tiles of the others."""
    whole = np.load(datasets.data_folder() / "fields" / datasets.FIELDS["fields"])
    border = int(datasets.TRAIN_SHARE * len(whole)) // datasets.BLOCK[0] * datasets.BLOCK[0]
    cut = {"tile": datasets.BLOCK}
    test = whole[border:]
    sides = tuple(n // side * side for n, side in zip(test.shape, datasets.BLOCK, strict=True))
    test = np.ascontiguousarray(test[tuple(slice(side) for side in sides)])
    tiles, shapes = some_bricks(as_source(test, reading_of(None, cut["tile"], None)))[1:]
    about = f"the first {border} planes of a rough field, tiles of 4 x 8 x 8; the others left out"
    return HeldOut(about, whole[:border], [tiles], float(np.ptp(whole[:border])), cut, shapes)


def embeddings(name, folder):
    """Return sentence embeddings of length 1, and others."""
    train, test = (
        np.load(datasets.data_folder() / VECTORS.format(part)).astype(np.float32)
        for part in ("train_20000", "test_4000")
    )
    about = f"{LEARNED:,} sentence embeddings of 384 numbers, {TESTED:,} others"
    train, test = sample(train, LEARNED), sample(test, TESTED)
    return HeldOut(
        about, train, [test], float(np.ptp(train)), {"aim": "cosine:0.93"}, (), ("dense",)
    )


SETS: dict[str, Callable] = {
    "digits": digits,
    "fields": field_of,
    "ecg": ecg,
    "ecg-windows": ecg_windows,
    "embeddings": embeddings,
    "mnist": pictures,
    "fashion-mnist": pictures,
}


@contextmanager
def load(name):
    """Load a set of SETS; recordings are files while the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        yield SETS[name](name, folder)
