"""Speed of compress and decompress, as ratios to other programs in the same run.

    python -m benchmarks.speed MODEL [--data mnist:test] [--json FILE]

Beside narrows: the bare matrix products of the same networks in the same precision (what is
computed besides them is overhead), JPEG XL and WebP on one mosaic of all signals, zstd. Needs the
extra `bench`. Best of five runs each; of narrows best of nine, in turns with the products, whose
share is the median of the nine. Set OMP_NUM_THREADS to fix the number of threads.
"""

import argparse
import json
import statistics
import time
from math import prod
from pathlib import Path

import numpy as np

import narrows
from benchmarks.comparison import results
from narrows.codec.networks.layers import Conv, Dense, TransposedConv
from narrows.evaluation.peers.registry import peers_for
from narrows.signals import read_signals

RUNS, PAIRS = 5, 9
PEER_SETTINGS = {"jpegxl-mosaic": 8.0, "webp-mosaic": 10.0}


def best_seconds(function, runs=RUNS):
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def products_of(network):
    """Yield `(rows, n_inputs, n_outputs, dtype)` of each matrix product, for one frame.

    Corrected latents are 0 at the qualities that are measured, and their layer is skipped.
    """
    network = network.branches[0]
    shape = network.input_shape
    for layer, output, dtype in zip(
        network.layers, network.shapes, network.compile().dtypes, strict=True
    ):
        if isinstance(layer, Dense):
            yield 1, *layer.weight.shape, dtype
        elif isinstance(layer, Conv):
            yield prod(output[:-1]), prod(layer.weight.shape[:-1]), layer.n_outputs, dtype
        elif isinstance(layer, TransposedConv):
            taps = prod(layer.kernel)
            yield prod(shape[:-1]), layer.n_inputs, taps * layer.n_outputs, dtype
        shape = output


def bare_products(network, n, batch_size):
    """Multiply what the network multiplies, and compute nothing else."""
    pairs = [
        (np.ones((batch_size * rows, inner), dtype), np.ones((inner, outer), dtype))
        for rows, inner, outer, dtype in products_of(network)
    ]

    def products():
        for _ in range(-(-n // batch_size)):
            for x, weight in pairs:
                x @ weight

    return products


def roofline(network, n, seconds):
    """Return the products' rate in billions of multiply-adds a second."""
    macs = sum(rows * inner * outer for rows, inner, outer, _ in products_of(network))
    return macs * n / seconds / 1e9


def peers(x, peak):
    """Yield (name, encode, decode) of other programs on the same signals."""
    import zstandard

    raw = x.tobytes()
    yield "zstd -3", lambda: [zstandard.compress(raw, 3)], lambda b: zstandard.decompress(b[0])
    work, known = peers_for(x, peak)
    for key, setting in PEER_SETTINGS.items():
        for peer in (peer for peer in known if peer.key == key):
            coder = peer.coder(work, setting)
            yield (
                f"{peer.name} at {setting:g}",
                lambda coder=coder: coder.encode(x),
                lambda blobs, coder=coder: coder.decode(blobs, len(x)),
            )


def measure(codec, x):
    model, megabytes = codec.model, x.nbytes / 1e6
    blob = codec.compress(x)
    rows = []
    for name, function, network in (
        ("narrows compress", lambda: codec.compress(x), model.encoder),
        ("the same, effort 0", lambda: codec.compress(x, effort=0), model.encoder),
        ("narrows decompress", lambda: codec.decompress(blob), model.decoder),
    ):
        products = bare_products(network, len(x), codec.decoder.transform.batch_size)
        pairs = [(best_seconds(function, 1), best_seconds(products, 1)) for _ in range(PAIRS)]
        seconds, bare = (min(each) for each in zip(*pairs, strict=True))
        rows.append(
            {
                "name": name,
                "mb_per_s": megabytes / seconds,
                "share_of_bare_products": statistics.median(b / s for s, b in pairs),
                "bare_products_gmac_per_s": roofline(network, len(x), bare),
            }
        )
    for name, encode, decode in peers(x, model.peak):
        coded = encode()
        rows.append(
            {
                "name": name,
                "bytes_per_signal": sum(map(len, coded)) / len(x),
                "encode_mb_per_s": megabytes / best_seconds(encode),
                "decode_mb_per_s": megabytes / best_seconds(lambda c=coded, d=decode: d(c)),
            }
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", default="mnist:test")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    codec = narrows.load(options.model)
    rows = measure(codec, np.array(read_signals(options.data)))
    for row in rows:
        figures = "  ".join(f"{k} {v:.3g}" for k, v in row.items() if k != "name")
        print(f"{row['name']:26} {figures}")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, **results.machine()}, indent=2))


if __name__ == "__main__":
    main()
