"""The data sets: signals to train on, signals held out, and at what the codecs are compared."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.comparison import sources
from narrows.evaluation.demo import train_and_test
from narrows.evaluation.peers import mosaics
from narrows.evaluation.peers.contract import Workload
from narrows.evaluation.peers.mosaics import Layout
from narrows.evaluation.peers.registry import sample
from narrows.signals import read_signals

DATA = "NARROWS_DATA"
ECG_WINDOW = 256
ECG_TRAIN, ECG_TEST = ("100", "101", "208"), ("119", "234")
ALL_PATIENTS, LEFT_OUT = "ecg-patients", 4
"""Of all seventeen records, in their order, every so many-th is left out."""
BLOCK = (4, 8, 8)
FIELDS = {
    "fields": "sperr_wmag_91x91x91_f32.npy",
    "fields-smooth": "sperr_vorticity_41x128x128_f32.npy",
}
TRAIN_SHARE = 0.75
"""Of a field, along its first axis."""


@dataclass(frozen=True)
class Dataset:
    """Signals, and what the tables state about them."""

    name: str
    about: str
    train: np.ndarray  # (n, *frame_shape)
    test: np.ndarray  # (m, *frame_shape); nothing of it is seen in training
    peak: float  # the range that PSNR refers to
    layout: Layout  # for codecs that take all signals at once
    psnrs: tuple  # in dB, at which the table states bytes
    byte_range: tuple  # bytes a signal of narrows over which BD-rate is taken
    rates: tuple  # (latent_size, bits_per_latent) of the models that are trained if none are given
    optimum: object = None  # a source of sources.py, where it is known

    @property
    def frame_shape(self):
        """The shape of one signal."""
        return self.test.shape[1:]

    def with_signals(self, n):
        """Test on n signals alone, evenly spread over all."""
        return replace(self, test=sample(self.test, n))

    @property
    def workload(self):
        """What the peers are given."""
        return Workload(self.test, self.peak, self.layout, self.train, self.byte_range)


def data_folder():
    """Return the folder of the real data sets: NARROWS_DATA, or the one beside the repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.setdefault(DATA, str(beside)))


def load(name):
    """Load a data set of `NAMES`.

    Raises
    ------
    FileNotFoundError, narrows.DataError
        If its files are not in the folder NARROWS_DATA.
    """
    return LOADERS[name](name)


NAMES = (
    "mnist", "fashion-mnist", "digits", "ecg", ALL_PATIENTS, *FIELDS, "gaussian",
    "gaussian-iid", "sawbridge",
)  # fmt: skip


# -------------------------------------------------------------------- pictures


def _mnist(name):
    data_folder()
    train, test = (np.array(read_signals(f"{name}:{part}")) for part in ("train", "test"))
    fashion = name == "fashion-mnist"
    return Dataset(
        name=name,
        about="28 x 28 pictures in grey; the published training and test parts",
        train=train,
        test=test,
        peak=255.0,
        layout=mosaics.mosaic(test.shape[1:]),
        psnrs=(18.0, 19.0, 20.0, 21.0, 22.0, 24.0) if fashion else (18.0, 20.0, 22.0, 23.0,
                                                                    24.0, 26.0, 28.0),
        byte_range=(8.0, 60.0),
        rates=((20, 2.75), (32, 2.75), (64, 2.75), (128, 2.75)),
    )  # fmt: skip


def _digits(name):
    train, test = train_and_test("digits", seed=0)
    return Dataset(
        name=name,
        about="8 x 8 pictures of 17 grey levels; a fifth held out at random",
        train=train,
        test=test,
        peak=16.0,
        layout=mosaics.mosaic(test.shape[1:]),
        psnrs=(14.0, 16.0, 18.0, 20.0, 22.0, 24.0),
        byte_range=(1.5, 12.0),
        rates=((4, 3.2), (8, 3.2), (16, 3.2), (32, 3.2)),
    )


# -------------------------------------------------------------------- ecg


def _ecg(name):
    folders = [data_folder() / each for each in ("ecg", "ecg-more")]
    paths = {path.stem: path for folder in folders for path in sorted(folder.glob("*.dat"))}
    learned, tested = ECG_TRAIN, ECG_TEST
    if name == ALL_PATIENTS:
        tested = sorted(paths)[::LEFT_OUT]
        learned = [record for record in sorted(paths) if record not in tested]
    train, test = (
        np.concatenate([windows_of(paths[record]) for record in records])
        for records in (learned, tested)
    )
    return Dataset(
        name=name,
        about=f"MIT-BIH records, windows of {ECG_WINDOW} samples x 2 leads in int16 (360 Hz, "
        f"about 0.7 s); trained on records {', '.join(learned)}, tested on other patients: "
        f"{', '.join(tested)}",
        train=train,
        test=test,
        peak=float(train.max()) - float(train.min()),
        layout=mosaics.recording(test.shape[1:]),
        psnrs=(30.0, 34.0, 38.0, 42.0, 46.0, 50.0),
        byte_range=(4.0, 100.0),
        rates=((32, 1.6), (64, 1.6), (128, 1.6), (256, 1.6)),
    )


def windows_of(path):
    """Read WFDB format 212, two 12-bit samples in three bytes, as `(n, window, 2)` int16."""
    a, b, c = np.fromfile(path, np.uint8).astype(np.int16).reshape(-1, 3).T
    both = np.stack([a | (b & 0x0F) << 8, c | (b & 0xF0) << 4], axis=1)
    both = np.where(both > 2047, both - 4096, both).astype(np.int16)
    n = len(both) // ECG_WINDOW
    return both[: n * ECG_WINDOW].reshape(n, ECG_WINDOW, 2)


# -------------------------------------------------------------------- fields


def _fields(name):
    field = np.load(data_folder() / "fields" / FIELDS[name])
    border = int(TRAIN_SHARE * len(field)) // BLOCK[0] * BLOCK[0]
    train, _ = mosaics.cut(field[:border], BLOCK)
    test, blocks = mosaics.cut(field[border:], BLOCK)
    return Dataset(
        name=name,
        about=f"blocks of {' x '.join(map(str, BLOCK))} float32 of {FIELDS[name]}; trained on the "
        f"first {border} planes, tested on the others",
        train=train,
        test=test,
        peak=float(train.max()) - float(train.min()),
        layout=mosaics.field(BLOCK, blocks),
        psnrs=(25.0, 30.0, 35.0, 40.0, 45.0, 50.0),
        byte_range=(4.0, 100.0),
        rates=((64, 0.4), (128, 0.8), (128, 1.6), (128, 3.2)),
    )


# -------------------------------------------------------------------- sources


def _gaussian(name):
    correlation = 0.0 if name == "gaussian-iid" else sources.CORRELATION
    size = sources.GAUSSIAN_SIZE
    kind = f"of correlation {correlation} between neighbours" if correlation else "independent"
    return Dataset(
        name=name,
        about=f"Gaussian vectors of {size} samples of variance 1, {kind}, float32; PSNR is the "
        "signal-to-noise ratio",
        train=sources.draw_gaussian(40_000, correlation, seed=0),
        test=sources.draw_gaussian(10_000, correlation, seed=1),
        peak=1.0,
        layout=mosaics.row((size,)),
        psnrs=(3.0, 6.0, 9.0, 12.0, 15.0, 18.0),
        byte_range=(1.0, 16.0),
        rates=((size, 0.5), (size, 1.0), (size, 2.0), (size, 3.0)),
        optimum=sources.gaussian_of(correlation),
    )


def _sawbridge(name):
    return Dataset(
        name=name,
        about=f"the sawbridge of Wagner and Balle (2021), {sources.SAWBRIDGE_SAMPLES} samples, "
        "float32; PSNR refers to a peak of 1",
        train=sources.draw_sawbridge(20_000, seed=0),
        test=sources.draw_sawbridge(5_000, seed=1),
        peak=1.0,
        layout=mosaics.row((sources.SAWBRIDGE_SAMPLES,)),
        psnrs=(10.0, 12.0, 14.0, 16.0, 18.0, 20.0),
        byte_range=(0.2, 2.0),
        rates=((1, 1.0), (1, 2.0), (1, 3.0), (1, 4.0), (1, 5.0)),
        optimum=sources.Sawbridge(),
    )


LOADERS = {
    "mnist": _mnist,
    "fashion-mnist": _mnist,
    "digits": _digits,
    "ecg": _ecg,
    ALL_PATIENTS: _ecg,
    **dict.fromkeys(FIELDS, _fields),
    "gaussian": _gaussian,
    "gaussian-iid": _gaussian,
    "sawbridge": _sawbridge,
}
