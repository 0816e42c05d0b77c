"""Make the golden files of the present format version: `python -m scripts.make_golden`.

Until the first release the format is version 0, and a change of it regenerates these files in the
same commit. From version 1 on, files are added and never edited.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

import narrows
from narrows.codec.model.model_file import VERSION

FOLDER = Path(__file__).parent.parent / "tests" / "golden" / f"v{VERSION}"
RNG = np.random.default_rng(20260101)
DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64")


def waves(n, shape, dtype):
    """Mixtures of three smooth waves, which fill a good part of the dtype's range."""
    size = int(np.prod(shape))
    basis = np.sin(np.linspace([0, 1, 2], [3, 7, 11], size)).T
    x = np.clip(RNG.normal(size=(n, 3)) @ basis / 6, -1, 1)
    if np.dtype(dtype).kind == "f":
        return (x * 10 + 273.15).reshape(n, *shape).astype(dtype)
    bounds = np.iinfo(dtype)
    x = (x + 1) / 2 * (bounds.max - bounds.min) + bounds.min
    return np.clip(np.round(x), bounds.min, bounds.max).reshape(n, *shape).astype(dtype)


def small_networks(shape, latent_size, activation):
    """Dense networks small enough to keep in a repository."""
    size = int(np.prod(shape))
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(size, 12), activation, nn.Linear(12, latent_size)
    )
    decoder = nn.Sequential(
        nn.Linear(latent_size, 12), activation, nn.Linear(12, size), nn.Unflatten(1, shape)
    )
    return {"encoder": encoder, "decoder": decoder}


def keep(name, codec, x, **options):
    """Write a model, an archive, and the signals it decompresses to."""
    blob = codec.compress(x, **options)
    codec.save(FOLDER / f"{name}.narrows")
    (FOLDER / f"{name}.nrw").write_bytes(blob)
    decoded = codec.decompress(blob)
    np.save(FOLDER / f"{name}.npy", decoded)
    if len(decoded) and np.isfinite(decoded[0]).all():
        keep_packet(name, codec, decoded[0])


def keep_packet(name, codec, signal):
    """Write a signal's packet, the same with a checksum, and the frame they decompress to."""
    packet = codec.compress_packet(signal)
    (FOLDER / f"{name}.packet").write_bytes(packet)
    (FOLDER / f"{name}.checked-packet").write_bytes(codec.compress_packet(signal, checksum=True))
    np.save(FOLDER / f"{name}.frame.npy", codec.decompress_packet(packet))


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for dtype in DTYPES:
        x = waves(400, (4, 3), dtype)
        keep(f"linear-{dtype}", narrows.train(x, latent_size=3, architecture="linear"), x[:20])
    activations = {
        "leaky_relu": nn.LeakyReLU(0.125), "relu": nn.ReLU(), "elu": nn.ELU(), "gelu": nn.GELU(),
        "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(),
    }  # fmt: skip
    for name, activation in activations.items():
        x = waves(400, (5, 2), "int16")
        networks = small_networks((5, 2), 3, activation)
        codec = narrows.train(x, latent_size=3, epochs=20, seed=1, **networks)
        keep(f"dense-{name}", codec, x[:20])
    x = waves(400, (6,), "float32")
    codec = narrows.train(x, latent_size=2, architecture="linear")
    keep("mode-deflated-nan", codec, np.full((20, 6), np.nan, "float32"))
    keep("escapes", codec, x[:20] + np.float32(100) * (np.arange(20) == 7)[:, None].astype("f4"))
    keep_packet("escapes", codec, x[7] + np.float32(100))
    keep("embedded-model", codec, x[:20], embed_model=True)
    keep("no-signals", codec, x[:0])
    x = waves(400, (2,), "uint8")
    keep("mode-stored", narrows.train(x, latent_size=1, architecture="linear"), x[:1])


if __name__ == "__main__":
    main()
