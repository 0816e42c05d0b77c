"""PCA through narrows' own runtime and coder, at any rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO
from math import prod

import numpy as np

from narrows.codec.codec import Codec
from narrows.codec.encoding.kept import Kept
from narrows.codec.encoding.requests import Request
from narrows.evaluation.peers.contract import Functions, Peer, Signals, Workload
from narrows.evaluation.peers.mosaics import Layout, Shape
from narrows.evaluation.rate_point import RatePoint

NAME = "PCA codec"
BITS_PER_LATENT = 1.6
"""The best of 0.4 to 3.2 on digits and MNIST, by up to 1.2 dB."""
MAX_SIGNALS, MAX_ELEMENTS = 60_000, 50_000_000
"""To learn from. A context model pays only on many: MNIST takes 20 % more with 20,000."""
RATE_FACTOR = 1.6
"""Between two rates that are tried."""
MIN_BYTES = 0.5


def is_pca(point: RatePoint) -> bool:
    """Return whether a point is PCA's, whatever it learnt from."""
    return point.name.startswith(NAME)


def train_pca(
    x_train: Signals, aimed_bits: float, latent_size: int | None = None, seed: int = 0
) -> Codec:
    """Train the linear codec: PCA at a rate.

    Parameters
    ----------
    x_train : (n, *frame_shape)
    aimed_bits : float
        A signal.
    latent_size : int, optional
        By default as many components as help it at this rate, because those that do not are
        rounded to zero and cost nothing: PCA is not held to the latent size of a network.
    seed : int, default 0
    """
    from narrows.api import train

    most = min(MAX_SIGNALS, max(1, MAX_ELEMENTS // max(1, x_train[0].size)))
    x_train = x_train[:: -(-len(x_train) // most)]
    if latent_size is None:
        most = min(prod(x_train.shape[1:]), len(x_train))
        latent_size = min(most, max(1, round(aimed_bits / BITS_PER_LATENT)))
    bits = max(aimed_bits / latent_size, 1e-3)
    return train(
        x_train, latent_size=latent_size, bits_per_latent=bits, architecture="linear", seed=seed
    )


def peers() -> Iterator[Peer]:
    """Yield PCA with the search of narrows' own `linear` models, as it is usually done, and alone.

    They share the models that they train.
    """
    trained = Trained()
    searched = Peer(
        key="pca",
        name=NAME,
        accepts="any signals",
        takes=lambda work: len(work.x) > 1,
        settings=rates,
        functions=partial(_functions, trained, None),
        layout=lambda work: Layout("signals", lambda x: x, lambda x, n: x),
        requires="torch",
        learns=True,
    )
    yield searched
    yield replace(
        searched,
        key="pca-rounded",
        name=f"{NAME}, its latents rounded",
        functions=partial(_functions, trained, 0),
        everyday=False,
    )
    yield replace(
        searched,
        key="pca-packets",
        name=f"{NAME}, one packet each",
        functions=partial(_packets, trained),
        alone=True,
        everyday=False,
    )


class Trained:
    """The codecs of PCA, each trained once for signals to learn from and bytes a signal."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, float], tuple[Signals, Codec]] = {}

    def codec(self, work: Workload, bytes_per_signal: float) -> Codec:
        """Return the codec of a size, of what a workload may learn from."""
        x = work.train
        assert x is not None
        key = id(x), bytes_per_signal  # of an array that is kept with its codec
        if key not in self._made:
            self._made[key] = x, train_pca(x, 8 * bytes_per_signal)
        return self._made[key][1]


def _packets(trained: Trained, work: Workload, shape: Shape, bytes_per_signal: float) -> Functions:
    codec = trained.codec(work, bytes_per_signal)
    return (
        lambda x: codec.compress_packet(x[0]),
        lambda packet: codec.decompress_packet(packet)[None],
        len(codec.model_bytes),
    )


def _functions(
    trained: Trained, effort: int | None, work: Workload, shape: Shape, bytes_per_signal: float
) -> Functions:
    codec = trained.codec(work, bytes_per_signal)
    return (
        partial(_compressed, codec, effort),
        codec.decompress,
        len(codec.model_bytes),
    )


def _compressed(codec: Codec, effort: int | None, x: Signals) -> bytes:
    """Compress signals, without a word on what is kept exactly: that would be of another codec."""
    stream, encoder = BytesIO(), codec.encoder
    encoder.compress_to(stream, encoder.header(), x, Request(effort=effort), kept=Kept())
    return stream.getvalue()


def rates(work: Workload) -> tuple[float, ...]:
    """Return bytes a signal to aim at: about the range of interest, or up to 8 bits an element."""
    low, high = work.byte_range or (2 * MIN_BYTES, max(MIN_BYTES, work.x[0].size / 2))
    steps = 2 + int(np.log(4 * high / low) / np.log(RATE_FACTOR))
    return tuple(float(f"{size:.3g}") for size in np.geomspace(low / 2, 2 * high, steps))
