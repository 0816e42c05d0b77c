"""Hold compiled code against numpy on random networks: the same bits on every level.

    python -m scripts.native_fuzz [--networks 2000] [--seed 0]

Prints how many of them compiled code computed whole, or in part; fails at the first that differs.
"""

import argparse
from collections import Counter

import numpy as np

from narrows.codec.networks.engines import NativeEngine
from narrows.codec.networks.native.extension import extension, levels
from tests.helpers.random_networks import native_steps, random_inputs, random_network


def check(number, seed):
    """Compute one network on every level; return how much of it was compiled: all, part, none."""
    rng = np.random.default_rng((seed, number))
    network = random_network(rng)
    x = random_inputs(network, rng)
    expected = network.compile()(x)
    steps = []
    for level in levels():
        compiled = NativeEngine(level).compile(network)
        steps = native_steps(compiled)
        blocks, alone = compiled(x), compiled(x[:1])
        if not (np.array_equal(blocks, expected) and np.array_equal(alone, expected[:1])):
            raise SystemExit(f"network {number} of seed {seed}: {level} differs from numpy")
    return "all" if all(steps) else "part" if any(steps) else "none"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    module, why = extension()
    if module is None:
        raise SystemExit(f"the compiled part is {why}")
    found = Counter(check(number, options.seed) for number in range(options.networks))
    told = ", ".join(f"{found[part]:,} {part}" for part in ("all", "part", "none"))
    print(f"{options.networks:,} networks on {', '.join(levels())}: same bits; compiled: {told}")


if __name__ == "__main__":
    main()
