"""Where decompressing spends its time, layer by layer, against what the machine allows.

    python -m benchmarks.roofline MODEL [MODEL ...] [--data mnist:test]

For each layer of the decoder: its time, that of its bare matrix product (the arithmetic), and that
of copying once each number that it must move, patches included, from a core's cache (the traffic).
No way of computing the layer with a library's products takes less than the larger of both, and
numpy, which cannot do both at once, not less than their sum. Set OMP_NUM_THREADS to fix the number
of threads. Best of twenty runs, microseconds a signal.
"""

import argparse
from math import prod

import numpy as np

import narrows
from benchmarks.speed import best_seconds, products_of
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.networks.layers import Conv, TransposedConv
from narrows.codec.networks.layers.transposed import groups_of
from narrows.codec.networks.network import IntegerNetwork
from narrows.signals import read_signals

RUNS = 20
BATCH = 256
CACHED_NUMBERS = 1 << 18
"""Of an array that stays in the second cache: 1 MB."""


def best(function):
    """Return the least time of a call, in microseconds a signal of a batch."""
    return best_seconds(function, RUNS) * 1e6 / BATCH


def copying():
    """Return the microseconds that copying one float32 within the cache takes."""
    source, target = np.ones(CACHED_NUMBERS, np.float32), np.empty(CACHED_NUMBERS, np.float32)
    return best(lambda: np.copyto(target, source)) * BATCH / CACHED_NUMBERS


def moved(layer, before, after):
    """Count the numbers of one signal that a layer writes: patches, and its output."""
    if isinstance(layer, Conv):
        return prod(after[:-1]) * prod(layer.weight.shape[:-1]) + prod(after)
    if isinstance(layer, TransposedConv):
        taps = [
            sum(len(g.offsets) for g in groups_of(*each))
            for each in zip(layer.kernel, layer.stride, layer.before, strict=True)
        ]
        positions = prod(-(-n // s) for n, s in zip(layer.size, layer.stride, strict=True))
        return positions * prod(taps) * layer.n_inputs + prod(after)
    return 0 if layer.kind == "reshape" else prod(after)


def layers_of(codec, x):
    """Return (name, time, arithmetic, traffic) of each layer of the decoder."""
    network, model = codec.model.decoder.branches[0], codec.model
    symbols = codec.encode(x, effort=0)
    values = model.quantiser.to_latents(symbols, model.quality().step)
    values = values[:, : network.input_shape[0]]  # the others are 0
    shapes, compiled = [network.input_shape, *network.shapes], network.compile()
    per_number = copying()
    for number, (layer, step) in enumerate(zip(network.layers, compiled.steps, strict=True)):
        before, after = shapes[number : number + 2]
        alone = IntegerNetwork([layer], before, network.limits[number])
        pairs = [
            (np.ones((BATCH * rows, inner), dtype), np.ones((inner, outer), dtype))
            for rows, inner, outer, dtype in products_of(alone)
        ]
        arithmetic = sum(best(lambda a=a, b=b: a @ b) for a, b in pairs)
        seen = values
        yield (
            f"{layer.kind.replace('_', ' ')}, {' x '.join(map(str, after))}",
            best(lambda seen=seen, step=step: step(seen)),
            arithmetic,
            moved(layer, before, after) * per_number,
        )
        values = step(values)
    yield (
        "to whole numbers of the dtype",
        best(lambda: model.normaliser.from_integers(values)), 0.0, prod(after) * per_number,
    )  # fmt: skip
    coder = SymbolCoder(model.quality().tables)
    payload = coder.encode(symbols)
    yield "symbols from the payload", best(lambda: coder.decode(payload, len(x))), 0.0, 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--data", default="mnist:test")
    options = parser.parse_args()
    x = np.array(read_signals(options.data))[:BATCH]
    for path in options.models:
        rows = list(layers_of(narrows.load(path), x))
        rows.append(("**all**", *(sum(row[i] for row in rows) for i in (1, 2, 3))))
        print(f"\n| {path} | time | arithmetic | traffic | share of the sum |")
        print("|---|---:|---:|---:|---:|")
        for name, taken, arithmetic, traffic in rows:
            share = f"{(arithmetic + traffic) / taken:.2f}" if arithmetic + traffic else ""
            print(f"| {name} | {taken:.1f} | {arithmetic:.1f} | {traffic:.1f} | {share} |")


if __name__ == "__main__":
    main()
