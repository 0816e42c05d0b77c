"""Where decompressing spends its time with numpy, by layers, against what the machine allows.

    python -m benchmarks.roofline MODEL [MODEL ...] [--data mnist:test]

For each layer of the decoder: its time, that of its bare matrix product (the arithmetic), and that
of copying once each number that it must move, patches included, from a core's cache (the traffic).
No way of computing the layer with a library's products takes less than the larger of both, and
numpy, which cannot do both at once, not less than their sum. The three run in turns, twenty rounds,
in microseconds a signal of the processor's time: medians, and of the share the median of the
rounds' shares. Set OMP_NUM_THREADS to fix the number of threads.
"""

import argparse
import statistics
from functools import partial
from math import prod

import numpy as np

import narrows
from benchmarks.speed import products_of, seconds_in_turns
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.networks.layers import Conv, TransposedConv
from narrows.codec.networks.layers.convolution import groups_of
from narrows.codec.networks.network import IntegerNetwork
from narrows.signals import read_signals

ROUNDS, CALLS = 20, 10
"""Calls of a turn: most find in the caches what the one before them left there."""
BATCH = 256
CACHED_NUMBERS = 1 << 18
"""Of an array that stays in the second cache: 1 MB."""
NOTHING = ()


def repeat(function):
    for _ in range(CALLS):
        function()


def row(name, function, products=NOTHING, moved_numbers=0):
    """Time a function in turns with its bare products and with the copying that it must do.

    Returns
    -------
    name, (rounds,) time, arithmetic, traffic in microseconds a signal
    """
    source, target = np.ones(CACHED_NUMBERS, np.float32), np.empty(CACHED_NUMBERS, np.float32)

    def arithmetic():
        for a, b in products:
            a @ b

    parts = (function, arithmetic, lambda: np.copyto(target, source))
    turns = {number: partial(repeat, part) for number, part in enumerate(parts)}
    seconds = seconds_in_turns(turns, ROUNDS)
    times = [np.array(each) * 1e6 / BATCH / CALLS for each in seconds.values()]
    times[1] *= bool(products)
    times[2] *= moved_numbers * BATCH / CACHED_NUMBERS
    return name, *times


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
    """Yield a row for each layer of the decoder, and for what comes before and after them."""
    network, model = codec.model.decoder.branches[0], codec.model
    symbols = codec.encode(x, effort=0)
    values = model.quantiser.to_latents(symbols, model.quality().step)
    values = values[:, : network.input_shape[0]]  # the others are 0
    shapes, compiled = [network.input_shape, *network.shapes], network.compile()
    for number, (layer, step) in enumerate(zip(network.layers, compiled.steps, strict=True)):
        before, after = shapes[number : number + 2]
        alone = IntegerNetwork([layer], before, network.limits[number])
        products = [
            (np.ones((BATCH * rows, inner), dtype), np.ones((inner, outer), dtype))
            for rows, inner, outer, dtype in products_of(alone)
        ]
        name = f"{layer.kind.replace('_', ' ')}, {' x '.join(map(str, after))}"
        seen = values
        yield row(name, partial(step, seen), products, moved(layer, before, after))
        values = step(values)
    to_whole = partial(model.normaliser.from_integers, values)
    yield row("to whole numbers of the dtype", to_whole, moved_numbers=prod(after))
    coder = SymbolCoder(model.quality().tables)
    payload = coder.encode(symbols)
    yield row("symbols from the payload", partial(coder.decode, payload, len(x)))


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
        for name, *times in rows:
            taken, arithmetic, traffic = times
            share = statistics.median((arithmetic + traffic) / taken)
            cells = [f"{statistics.median(each):.1f}" for each in times]
            print(f"| {name} | {' | '.join(cells)} | {f'{share:.2f}' if share else ''} |")


if __name__ == "__main__":
    main()
