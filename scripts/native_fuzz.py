"""Hold compiled code against numpy on random networks and symbols: the same bits on every level.

    python -m scripts.native_fuzz [--networks 2000] [--tables 200] [--blocks 200] [--levels 200]
                                  [--windows 200] [--frames 2000] [--seed 0]

Prints how many networks compiled code computed whole, or in part; fails at the first that differs.
Blocks are those of levels without a network, each also damaged some times.
"""

import argparse
from collections import Counter

import numpy as np

from narrows.codec.encoding.adjoints import taped_chain
from narrows.codec.encoding.costs import SymbolCosts, errors, largest_error, squared
from narrows.codec.encoding.native_windows import CompiledSearch
from narrows.codec.encoding.window_search import WindowSearch
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.native.tables import CompiledTables, fits
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.tables import FixedTables, TablesInTurn, frequencies_of
from narrows.codec.entropy.trellis import TrellisTables
from narrows.codec.interpolation.native.refusal import RefusedError
from narrows.codec.levels.native.bytes import CompiledBytes
from narrows.codec.levels.native.description import fits as fits_levels
from narrows.codec.levels.native.numbers import CompiledNumbers
from narrows.codec.networks.engines import NativeEngine
from narrows.codec.networks.native.extension import extension, levels
from narrows.codec.prediction.native.windows import CompiledWindows
from narrows.codec.prediction.windows import rebuild
from tests.helpers.context_models import context_trellis_of, row_of, symbols_of
from tests.helpers.free_levels import outcome, payload_of, random_case
from tests.helpers.random_chains import random_chain, random_gradients
from tests.helpers.random_frames import random_frames
from tests.helpers.random_levels import (
    coded_by_numpy,
    random_bytes,
    random_numbers,
    string_by_numpy,
)
from tests.helpers.random_networks import native_steps, random_inputs, random_network
from tests.helpers.random_windows import (
    DECIDED,
    drawn_base,
    drawn_recording,
    drawn_windows,
    random_prediction,
)
from tests.helpers.tiny_models import random_context

MODEL_ID = bytes(16)
DAMAGES = 4  # of each block


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


def check_way_back(number, seed):
    """Go back through one chain on every level; return whether it was compiled: all, none."""
    rng = np.random.default_rng((seed, number, 1))
    network = random_chain(rng)
    shape = (int(rng.integers(5, 40)), *network.input_shape)
    x = rng.integers(-network.input_limit, network.input_limit, shape, endpoint=True) * 1.0
    own = network.layers, network.input_shape, network.input_limit
    chains = [taped_chain(*own), *(taped_chain(*own, NativeEngine(level)) for level in levels())]
    is_compiled = chains[-1].__qualname__.startswith("compiled_chain")
    g = random_gradients(network, rng, len(x))
    with np.errstate(all="ignore"):
        (expected, wanted), *found = [(y, pull(g)) for y, pull in (chain(x) for chain in chains)]
    for level, (y, pulled) in zip(levels(), found, strict=True):
        # Gradients beyond float32 are no numbers in either.
        if not (np.array_equal(y, expected) and np.array_equal(pulled, wanted, equal_nan=True)):
            raise SystemExit(f"chain {number} of seed {seed}: {level} goes another way back")
    return "all" if is_compiled else "none"


def random_tables(rng):
    """Make tables of a context model, of none, of both in turn, or two quantisers with either."""
    row = row_of(int(rng.integers(50)), int(rng.integers(2, 30)))
    units, outputs = int(rng.integers(1, 50)), int(rng.integers(1, 9))
    context = ContextTables(row, random_context(rng, row, units, outputs))
    fixed = FixedTables(row_of(int(rng.integers(50)), int(rng.integers(1, 5))))
    in_turn = context_trellis_of(int(rng.integers(50)), int(rng.integers(2, 12)))
    alone = TrellisTables(in_turn.row, in_turn.second)
    return (context, fixed, TablesInTurn([context, fixed]), in_turn, alone)[rng.integers(5)]


def all_of(tables, symbols, compiled):
    """Return all that is made of symbols, and whether it is decoded to them."""
    coder = SymbolCoder(tables, compiled=compiled)
    single = PacketCoder(MODEL_ID, {1: tables}, lambda quality: compiled)
    block, packets = coder.encode(symbols), single.encode_all(symbols, 1)
    packets += single.encode_to(symbols, 1, max(map(len, packets)))
    costs, n = SymbolCosts(tables, compiled), len(symbols)
    own = frequencies_of(symbols, tables) if compiled is None else compiled.frequencies(symbols)
    back = [each for each, _ in single.decode_all(packets[:n])]
    same = np.array_equal(back, symbols) and np.array_equal(coder.decode(block, n), symbols)
    costs_of_all = [each.tolist() for each in (costs.bits(symbols), *costs.beside(symbols))]
    return same, block, packets, costs_of_all, [each.astype(int).tolist() for each in own]


def check_tables(number, seed):
    """Code symbols on every level; return whether compiled code takes their tables."""
    rng = np.random.default_rng((seed, number))
    tables = random_tables(rng)
    symbols = symbols_of(tables.row, int(rng.integers(1, 9)), number, escapes=bool(number % 2))
    if not fits(tables):
        return "none"
    expected = all_of(tables, symbols, None)
    for level in levels():
        found = all_of(tables, symbols, CompiledTables(tables, extension()[0], level))
        if found != expected or not found[0]:
            raise SystemExit(f"tables {number} of seed {seed}: {level} differs from numpy")
    return "all"


def check_block(number, seed):
    """Code a block by levels, and decode it whole and damaged; return whether one was refused."""
    rng, (native, _) = np.random.default_rng((seed, number)), extension()
    case = random_case(rng)
    payload, signals = payload_of(case, None)
    if payload_of(case, native) != (payload, signals) or outcome(payload, case, native) != signals:
        raise SystemExit(f"block {number} of seed {seed} differs from numpy")
    found = Counter()
    for _ in range(DAMAGES):
        damaged = bytearray(payload)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        expected = outcome(bytes(damaged), case, None)
        try:
            is_same = outcome(bytes(damaged), case, native) == expected
        except RefusedError:
            is_same = isinstance(expected, str)
        if not is_same:
            raise SystemExit(f"damaged block {number} of seed {seed} differs from numpy")
        found[isinstance(expected, str)] += 1
    return found


def check_levels(number, seed):
    """Code frames by networks of levels on every level; return whether compiled code takes them."""
    rng = np.random.default_rng((seed, number))
    networks, *starts, frames = (random_bytes, random_numbers)[number % 2](rng)
    if not fits_levels(networks):
        check_refusal(networks, number, seed)
        return "none"
    words, shares, expected = coded_by_numpy(networks, frames, *starts)
    frame = np.resize(frames, (1, networks.order.size))
    string, alone = string_by_numpy(networks, frame, *starts)
    for level in levels():
        kind = CompiledNumbers if starts else CompiledBytes
        compiled = kind(networks, extension()[0], level)
        decisions = compiled.encode(frames, *starts)
        decisions, found = decisions if starts else (decisions, frames)
        of_one = compiled.encode(frame, *starts)
        of_one = of_one[0] if starts else of_one
        same = of_one.to_string() == string
        same &= np.array_equal(compiled.decode_string(string, *starts), alone)
        back = compiled.decode(words, len(frames), *starts)
        same &= decisions.to_bytes() == words and list(decisions.parts()) == shares
        if not (same and np.array_equal(found, expected) and np.array_equal(back, expected)):
            raise SystemExit(f"levels {number} of seed {seed}: {level} differs from numpy")
    return "all"


def check_windows(number, seed):
    """Decode and search windows of a random prediction on every level; fail where they differ."""
    rng = np.random.default_rng((seed, number))
    own = random_prediction(rng)
    windows, quality = drawn_windows(rng, int(rng.integers(40)), own), len(own.step)
    base, recording = drawn_base(rng, windows, own), drawn_recording(rng, 20, own)
    effort, plain = int(rng.integers(10)), WindowSearch(own)
    values, chosen = rebuild(windows, base, own, quality), plain.encode(*recording, effort)
    for level in levels():
        compiled = CompiledWindows(own, extension()[0], level)
        search = WindowSearch(own, CompiledSearch(plain, compiled))
        found = search.encode(*recording, effort)
        same = np.array_equal(rebuild(windows, base, own, quality, compiled), values)
        both = ((getattr(chosen, name), getattr(found, name)) for name in DECIDED)
        if not (same and all(np.array_equal(*each) for each in both)):
            raise SystemExit(f"windows {number} of seed {seed}: {level} differs from numpy")


def check_frames(number, seed):
    """Make frames of integers, and their errors, on every level."""
    case = random_frames(np.random.default_rng((seed, number, 2)))
    expected, limit = case.normaliser.from_integers(case.y), largest_error(case.x[0].size)
    e = errors(expected, case.x, case.units)
    for level in levels():
        made = NativeEngine(level).compile_frames(case.normaliser, case.shape)
        found, squares = made.errors_by(case.units, limit).errors(case.y, case.x)
        pairs = (made.from_integers(case.y), expected), (found, e), (squares, squared(e))
        if not all(np.array_equal(*each) for each in pairs):
            raise SystemExit(f"frames {number} of seed {seed}: {level} differs from numpy")


def check_refusal(networks, number, seed):
    """Fail unless every level refuses networks whose sums are not proven to fit."""
    for level in levels():
        try:
            CompiledBytes(networks, extension()[0], level)
        except ValueError:
            continue
        raise SystemExit(f"levels {number} of seed {seed}: {level} takes what is not proven")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=2000)
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--levels", type=int, default=200)
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    module, why = extension()
    if module is None:
        raise SystemExit(f"the compiled part is {why}")
    found = Counter(check(number, options.seed) for number in range(options.networks))
    told = ", ".join(f"{found[part]:,} {part}" for part in ("all", "part", "none"))
    print(f"{options.networks:,} networks on {', '.join(levels())}: same bits; compiled: {told}")
    found = Counter(check_way_back(number, options.seed) for number in range(options.networks // 2))
    print(f"{found.total():,} chains and back: same bits; compiled: {found['all']:,}")
    found = Counter(check_tables(number, options.seed) for number in range(options.tables))
    print(f"{options.tables:,} tables: same bits; compiled: {found['all']:,}")
    found = sum((check_block(number, options.seed) for number in range(options.blocks)), Counter())
    print(f"{options.blocks:,} blocks of levels: same bits; {found[True]:,} damaged ones refused")
    found = Counter(check_levels(number, options.seed) for number in range(options.levels))
    print(f"{options.levels:,} networks of levels: same bits; compiled: {found['all']:,}")
    for number in range(options.windows):
        check_windows(number, options.seed)
    print(f"{options.windows:,} recordings in windows: same bits")
    for number in range(options.frames):
        check_frames(number, options.seed)
    print(f"{options.frames:,} frames and their errors: same bits")


if __name__ == "__main__":
    main()
