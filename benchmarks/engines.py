"""Speed of each engine, in CPU microseconds a signal: archives, packets, and a memory check.

    python -m benchmarks.engines MODEL [--data mnist:test] [--signals N] [--rounds 5] [--packets N]
                                [--levels]

Engines run in turns, round after round; a figure is the least of all rounds. Archives are of one
thread. `--packets N` decodes and encodes N packets one by one besides, and tells by how much the
process grows. `--levels` measures lossless payloads and packets by networks of levels instead.
"""

import argparse
import os
import resource
import time

import numpy as np

import narrows
from narrows.codec.encoding.level_payloads import encode_levels
from narrows.codec.levels.kinds import decode_levels
from narrows.codec.networks.engines import ENGINE_VARIABLE, standings
from narrows.signals import read_signals

FEW = 200  # signals for what is slow one by one


def work_of(codec, x):
    """Return what is measured: a function and how many signals it does."""
    few = x[:FEW]
    blob, packets = codec.compress(x, effort=0), codec.compress_packets(few, effort=0)
    return {
        "compress, effort 2": (lambda: codec.compress(x), len(x)),
        "compress, effort 0": (lambda: codec.compress(x, effort=0), len(x)),
        "decompress": (lambda: codec.decompress(blob), len(x)),
        "compress_packet, effort 0": (
            lambda: [codec.compress_packet(each, effort=0) for each in few],
            FEW,
        ),
        "compress_packets, effort 0": (lambda: codec.compress_packets(few, effort=0), FEW),
        "decompress_packet": (lambda: [codec.decompress_packet(each) for each in packets], FEW),
        "decompress_packets": (lambda: codec.decompress_packets(packets), FEW),
    }


def work_of_levels(codec, x):
    """Return what is measured of networks of levels."""
    model, levels, few = codec.model, codec.transform.coders.levels(codec.model), x[: FEW // 10]
    payload, packets = encode_levels(levels, x), codec.compress_packets(few, lossless=True)
    of_block = levels, payload, len(x), model.frame_shape, model.dtype
    return {
        "encode": (lambda: encode_levels(levels, x), len(x)),
        "decode": (lambda: decode_levels(*of_block), len(x)),
        "compress_packets, lossless": (
            lambda: codec.compress_packets(few, lossless=True),
            len(few),
        ),
        "decompress_packets": (lambda: codec.decompress_packets(packets), len(few)),
    }


def loaded(path, name):
    """Load a model for an engine."""
    os.environ[ENGINE_VARIABLE] = name
    return narrows.load(path)


def megabytes_grown(codec, x, n):
    """Decode and encode n packets one by one; return by how much the process has grown at most."""
    packets = codec.compress_packets(x[:FEW], effort=0)

    def peak(n):
        for i in range(n):
            codec.compress_packet(x[i % FEW], effort=0)
            codec.decompress_packet(packets[i % FEW])
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    before = peak(FEW)
    return peak(n) - before


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", default="mnist:test")
    parser.add_argument("--signals", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packets", type=int, default=0)
    parser.add_argument("--levels", action="store_true")
    options = parser.parse_args()
    x = np.array(read_signals(options.data)[: options.signals])
    names = [each.name for each in standings() if each.runs and each.name != "torch"]
    codecs = {name: loaded(options.model, name) for name in names}
    of = work_of_levels if options.levels else work_of
    work = {name: of(codec, x) for name, codec in codecs.items()}
    least = {(kind, name): float("inf") for name in names for kind in work[name]}
    for _ in range(options.rounds):
        for (kind, name), before in least.items():
            function, n = work[name][kind]
            began = time.thread_time()
            function()
            least[kind, name] = min(before, (time.thread_time() - began) / n)
    print(f"{'':28}" + "".join(f"{name:>15}" for name in names))
    for kind in work[names[0]]:
        print(f"{kind:28}" + "".join(f"{least[kind, name] * 1e6:15.1f}" for name in names))
    if options.packets:
        grown = megabytes_grown(codecs[names[1 % len(names)]], x, options.packets)
        print(f"{options.packets:,} packets each way, one by one: {grown:.2f} MB more")


if __name__ == "__main__":
    main()
