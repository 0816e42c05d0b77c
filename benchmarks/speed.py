"""Speed of compress and decompress, as ratios to other programs in the same run.

    python -m benchmarks.speed MODEL [--data mnist:test] [--rounds 9] [--json FILE]

Beside narrows: the bare matrix products of the same networks in the same precision (what is
computed besides them is overhead), JPEG XL and WebP on one mosaic of all signals, zstd. Needs the
extra `bench`. All run in turns, round after round, and seconds are those of the processor, of all
threads, so that other work on the machine slows all of them or none. MB/s are of the median
round; `times_narrows`, the speed in that of narrows, is the median over the rounds. Set
OMP_NUM_THREADS to fix the number of threads.
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

PEER_SETTINGS = {"jpegxl-mosaic": 8.0, "webp-mosaic": 10.0}
PRODUCTS = "its bare products"


def seconds_in_turns(functions, rounds):
    """Call each function once a round; return the processor's seconds by name, one a round."""
    seconds = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            began = time.process_time()
            function()
            seconds[name].append(max(time.process_time() - began, 1e-9))
    return seconds


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


def measure(codec, x, rounds):
    """Return a row for each direction and program."""
    model, batch = codec.model, codec.decoder.transform.batch_size
    blob = codec.compress(x)
    both = {
        "compress": {
            "narrows": lambda: codec.compress(x),
            "narrows, effort 0": lambda: codec.compress(x, effort=0),
            PRODUCTS: bare_products(model.encoder, len(x), batch),
        },
        "decompress": {
            "narrows": lambda: codec.decompress(blob),
            PRODUCTS: bare_products(model.decoder, len(x), batch),
        },
    }
    sizes = {"narrows": len(blob)}
    for name, encode, decode in peers(x, model.peak):
        coded = encode()
        sizes[name] = sum(map(len, coded))
        both["compress"][name] = encode
        both["decompress"][name] = lambda coded=coded, decode=decode: decode(coded)
    rows = []
    for direction, functions in both.items():
        seconds = seconds_in_turns(functions, rounds)
        for name, taken in seconds.items():
            ratios = [ours / own for ours, own in zip(seconds["narrows"], taken, strict=True)]
            rows.append(
                {
                    "name": f"{direction}: {name}",
                    "mb_per_s": x.nbytes / 1e6 / statistics.median(taken),
                    "times_narrows": statistics.median(ratios),
                    "bytes_per_signal": sizes.get(name, 0) / len(x) or None,
                }
            )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", default="mnist:test")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    codec = narrows.load(options.model)
    rows = measure(codec, np.array(read_signals(options.data)), options.rounds)
    for row in rows:
        figures = "  ".join(f"{k} {v:.3g}" for k, v in row.items() if k != "name" and v)
        print(f"{row['name']:34} {figures}")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, **results.machine()}, indent=2))


if __name__ == "__main__":
    main()
