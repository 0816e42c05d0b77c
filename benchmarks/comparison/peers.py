"""The registry of what narrows is compared with: one small entry for each."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.comparison import layouts, lossless, numeric, ours, pictures
from benchmarks.comparison.coders import each, together

ALONE = "one file each"
SAMPLE = 500  # signals where each is a file of its own, spread evenly over all

REQUIREMENTS = {
    "imagecodecs": "imagecodecs",
    "zstandard": "zstandard",
    "pysz": "pysz",
    "zfpy": "zfpy==1.0.1",  # a newer one breaks numcodecs
    "torch": "torch",
}


@dataclass(frozen=True)
class Peer:
    """One thing to compare with.

    Attributes
    ----------
    key : str
        What `--peers` calls it; the word before the first hyphen calls its relatives as well.
    name : str
    package : str
        What has to be importable.
    takes : callable
        dataset -> whether it can code these signals.
    settings : callable
        dataset -> the settings to sweep.
    coder : callable
        dataset, setting -> Coder. What it prepares, a dictionary or PCA, is not timed.
    sample : int or None
        Signals that it is measured on; None: all.
    lossless : bool
    alone : bool
        Whether each signal is a file or record of its own: then narrows' packets stand beside it.
    """

    key: str
    name: str
    package: str
    takes: Callable
    settings: Callable
    coder: Callable
    sample: int | None = None
    lossless: bool = False
    alone: bool = False

    def missing(self):
        """Say what to install, or give None."""
        if importlib.util.find_spec(self.package) is not None:
            return None
        requirement = REQUIREMENTS.get(self.package, self.package)
        return f"{self.package} is not installed: pip install '{requirement}'"

    def called(self, words):
        """Tell whether one of the words given to `--peers` means this one."""
        return any(self.key == word or self.key.startswith(f"{word}-") for word in words)


def registry():
    """Give all peers, in the order of the tables."""
    return [*_pca_codecs(), *_pictures(), *_numeric(), *_lossless()]


def _pca_codecs():
    """PCA as it is known, and as narrows does it."""
    return [
        _pca("pca", "PCA in narrows' runtime", ours.pca_coder),
        _pca("pca-searched", "the same with a search", ours.searched_pca_coder),
    ]


def _pca(key, name, coder):
    return Peer(
        key=key,
        name=name,
        package="torch",
        takes=lambda dataset: True,
        settings=ours.pca_rates,
        coder=coder,
    )


def _pictures():
    for key, (name, encode, decode, settings) in pictures.CODECS.items():

        def functions(dataset, setting, encode=encode, decode=decode):
            stretch, shrink = pictures.full_range(dataset.peak)
            return lambda x: encode(stretch(x), setting), lambda blob: shrink(decode(blob))

        def mosaic(dataset, setting, functions=functions):
            return together(dataset.layout, *functions(dataset, setting))

        def files(dataset, setting, functions=functions):
            return each(*functions(dataset, setting))

        shared = {
            "package": "imagecodecs",
            "takes": lambda dataset: dataset.pictures,
            "settings": lambda dataset, settings=settings: settings,
        }
        yield Peer(key=f"{key}-mosaic", name=f"{name}, one mosaic", coder=mosaic, **shared)
        yield Peer(
            key=f"{key}-files", name=f"{name}, {ALONE}", coder=files, sample=SAMPLE,
            alone=True, **shared,
        )  # fmt: skip


def _numeric():
    for key, name, package, make in (
        ("sz3", "SZ3", "pysz", numeric.sz3),
        ("zfp", "zfp", "zfpy", numeric.zfp),
    ):

        def bulk(dataset, bound, make=make):
            joined = dataset.layout.join(dataset.test)
            return together(dataset.layout, *make(joined.dtype, joined.shape, bound))

        def records(dataset, bound, make=make):
            one = dataset.layout.join(dataset.test[:1])
            encode, decode = make(one.dtype, one.shape, bound)
            layout = dataset.layout
            return each(
                lambda signal: encode(layout.join(signal[None])),
                lambda blob: layout.split(decode(blob), 1)[0],
            )

        shared = {
            "package": package,
            "takes": lambda dataset: not dataset.pictures,
            "settings": numeric.bounds,
        }
        yield Peer(key=f"{key}-bulk", name=f"{name}, all in bulk", coder=bulk, **shared)
        yield Peer(
            key=f"{key}-records", name=f"{name}, one record each", coder=records, sample=SAMPLE,
            alone=True, **shared,
        )  # fmt: skip


def _lossless():
    shared = {
        "takes": lambda dataset: True,
        "settings": lambda dataset: ("exact",),
        "lossless": True,
    }
    for key, (name, package, compress, decompress) in lossless.STREAMS.items():

        def stream(dataset, setting, compress=compress, decompress=decompress):
            x = dataset.test
            return together(
                layouts.row(dataset.frame_shape),
                lambda row: compress(row.tobytes()),
                lambda blob: lossless.from_bytes(decompress(blob), x.dtype, x.size),
            )

        yield Peer(
            key=key, name=f"{name}, all in one stream", package=package, coder=stream, **shared
        )
    yield Peer(
        key="zstd-dictionary",
        name=f"zstd -{lossless.LEVEL} with a dictionary, one record each",
        package="zstandard",
        coder=_dictionary,
        alone=True,
        **shared,
    )


def _dictionary(dataset, setting):
    sample = dataset.train[:: max(1, len(dataset.train) // lossless.DICTIONARY_SAMPLE)]
    compress, decompress, model_bytes = lossless.zstd_with_dictionary(sample)
    x = dataset.test
    return each(
        lambda signal: compress(signal.tobytes()),
        lambda blob: lossless.from_bytes(decompress(blob), x.dtype, x.shape[1:]),
        model_bytes,
    )
