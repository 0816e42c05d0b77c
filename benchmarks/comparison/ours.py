"""The codecs of narrows: trained models, archives of all signals, packets."""

from pathlib import Path

import numpy as np

import narrows
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.model.groups import ENCODED
from narrows.evaluation.peers.contract import Coder


def models(paths):
    """Load the models that files or folders hold, each under its file's name."""
    files = [
        file
        for path in map(Path, paths)
        for file in (sorted(path.glob("*.narrows")) if path.is_dir() else [path])
    ]
    if not files:
        raise SystemExit(f"no .narrows files in {', '.join(map(str, paths))}")
    return {file.stem: narrows.load(file) for file in files}


def check_models(codecs, dataset):
    """Refuse models of other signals than the data set's."""
    for name, codec in codecs.items():
        model = codec.model
        if (model.frame_shape, model.dtype) != (dataset.frame_shape, dataset.test.dtype):
            raise SystemExit(
                f"{name} is a model of {model.dtype} frames {model.frame_shape}; "
                f"{dataset.name} has {dataset.test.dtype} {dataset.frame_shape}"
            )


def trained(dataset, rates, minutes, progress=lambda name: None):
    """Train a model with the default settings for each (latent size, bits of a latent)."""
    codecs = {}
    for latent_size, bits in rates:
        name = f"{latent_size}-latents-of-{bits:g}-bits"
        progress(name)
        codecs[name] = narrows.train(
            dataset.train, latent_size=latent_size, bits_per_latent=bits, minutes=minutes
        )
    return codecs


def described(codec):
    """Return what the tables state about a model."""
    model, training = codec.model, codec.model.training
    settings = training.get("settings", {})
    return {
        "architecture": model.architecture,
        "latent_size": model.groups[ENCODED],
        "qualities": model.n_qualities,
        "model_bytes": len(codec.model_bytes),
        "model_id": codec.model_id,
        "training_seconds": training.get("seconds"),
        "bits_per_latent": settings.get("bits_per_latent"),
        "minutes": settings.get("minutes"),
    }


def settings(codecs):
    """Return every (model's name, quality)."""
    return [(name, q) for name, c in codecs.items() for q in range(1, c.model.n_qualities + 1)]


def archive_coder(codec, quality=None, effort=None):
    """Return the coder of all signals into one archive, header and index included."""
    return Coder(
        lambda x: [codec.compress(x, quality, effort)],
        lambda blobs, n: codec.decompress(blobs[0]),
        len(codec.model_bytes),
    )


def symbol_bytes(codec, x, quality, effort=None):
    """Return the code length of the symbols in bytes a signal, by the frequencies of the model."""
    tables = codec.model.quality(quality).tables
    return float(ideal_bits(codec.encode(x, quality, effort), tables).mean()) / 8


def packet_coder(codec, quality=None, effort=None):
    """Return the coder of each signal into a packet of its own."""
    return Coder(
        lambda x: codec.compress_packets(x, quality, effort),
        lambda packets, n: np.stack([codec.decompress_packet(packet) for packet in packets]),
        len(codec.model_bytes),
    )
