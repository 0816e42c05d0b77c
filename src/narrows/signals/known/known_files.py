"""The files of the known data sets: names, SHA-256 and mirrors.

MNIST: LeCun, Cortes, Burges 1998. Fashion-MNIST: Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFile:
    """One IDX file of a known data set."""

    folder: str
    """The data set, which is also the folder that the file lies in."""

    name: str
    """The name without `.gz`."""

    sha256_gz: str
    """SHA-256 of the gzipped file, as published."""

    sha256: str
    """SHA-256 of the file unpacked."""

    @property
    def name_gz(self) -> str:
        """The name under which mirrors hold it."""
        return f"{self.name}.gz"


@dataclass(frozen=True)
class KnownSet:
    """The two files of a known data set."""

    images: KnownFile
    labels: KnownFile


MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
}
"""Folder addresses, tried in this order; the checksums make their origin irrelevant."""


def _known(folder: str, prefix: str, images: str, labels: str) -> KnownSet:
    """Return a set of two files, from the SHA-256 of each gzipped and unpacked."""
    return KnownSet(
        KnownFile(folder, f"{prefix}-images-idx3-ubyte", *images.split()),
        KnownFile(folder, f"{prefix}-labels-idx1-ubyte", *labels.split()),
    )


KNOWN_SETS = {
    "mnist:train": _known(
        "mnist",
        "train",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609 "
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c "
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "mnist:test": _known(
        "mnist",
        "t10k",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6 "
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6 "
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion-mnist:train": _known(
        "fashion-mnist",
        "train",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84 "
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845 "
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "fashion-mnist:test": _known(
        "fashion-mnist",
        "t10k",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073 "
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5 "
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

KNOWN_NAMES = ("digits", *KNOWN_SETS)
"""Every name that `read_signals` accepts besides paths."""
