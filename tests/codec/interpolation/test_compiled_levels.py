"""Levels without a network in compiled code: the bytes of numpy, and its refusals."""

import threading
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.encoding.guaranteed_blocks import guaranteed_block
from narrows.codec.encoding.interpolation import Encoding, pack_levels
from narrows.codec.encoding.weight_sums import CompiledSums
from narrows.codec.interpolation.blocks import unpack_levels
from narrows.codec.interpolation.grid import Lossless
from narrows.codec.interpolation.layout import Plan
from narrows.codec.interpolation.native import choice
from narrows.codec.interpolation.native.known_answers import (
    CASES,
    LOW_WIDTH,
    START_CLASS,
    digest_of,
    holds,
    known_weights,
)
from narrows.codec.interpolation.native.refusal import RefusedError
from narrows.codec.interpolation.native.walk import CompiledWalk
from narrows.codec.interpolation.prediction import surroundings_of
from narrows.codec.interpolation.streams import Streams
from narrows.codec.interpolation.symbols import StreamsReader, StreamsWriter
from narrows.codec.interpolation.walk import Walk
from narrows.codec.levels.passes import PassOrder
from narrows.codec.networks.engines import ENGINE_VARIABLE
from narrows.codec.networks.native.extension import extension, levels
from tests.helpers.free_levels import outcome, payload_of, random_case
from tests.helpers.hostile_signals import hostile_signals
from tests.helpers.tiny_models import examples

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")


@pytest.mark.parametrize("seed", range(80))
def test_blocks_of_every_plan_are_those_of_numpy(seed):
    case = random_case(np.random.default_rng(seed))
    payload, signals = payload_of(case, None)
    assert payload_of(case, native) == (payload, signals)
    assert outcome(payload, case, native) == signals


def test_the_cases_are_of_every_kind():
    plans = [random_case(np.random.default_rng(seed)).plan for seed in range(80)]
    seen = Counter((plan.axes, plan.has_channels, plan.is_swept) for plan in plans)
    assert len(seen) == 9  # fronts have no channels
    assert Counter(plan.has_values for plan in plans)[True] >= 3
    assert len({type(plan.grids[0]) for plan in plans}) == 4
    assert max(len(plan.grids) for plan in plans) > 1


@examples(60)
@given(hostile_signals(), st.sampled_from([None, 1e-6, 1e-3, 0.2]))
def test_any_signals_take_the_bytes_that_they_take_in_numpy(x, part):
    part = None if x.dtype.kind == "b" else part
    guarantee, blocks = Guarantee(), []
    if part is not None:
        guarantee = Guarantee((max(part, 1.0 * (x.dtype.kind in "iu")),))
    for engine in ("numpy", "native"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(ENGINE_VARIABLE, engine)
            blocks.append(guaranteed_block(x, guarantee))
    assert blocks[0] == blocks[1]


@pytest.mark.parametrize("seed", range(40))
def test_damaged_blocks_end_as_in_numpy(seed):
    rng = np.random.default_rng(seed)
    case = random_case(rng)
    payload, _ = payload_of(case, None)
    for _ in range(8):
        damaged = bytearray(payload)
        if rng.integers(4):
            damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        else:
            del damaged[int(rng.integers(len(damaged))) :]
        expected = outcome(bytes(damaged), case, None)
        try:
            assert outcome(bytes(damaged), case, native) == expected
        except RefusedError:
            assert isinstance(expected, str)


def test_a_recording_that_is_long_has_long_parts():
    rng = np.random.default_rng(2)
    x = np.cumsum(rng.integers(-40, 41, (1, 300_000)), axis=1)
    plan = Plan(1, False, (Lossless(int(x.min()) + 2**63),), int(np.ptp(x)))
    coded = [pack_levels(x, plan, x - x.min()), pack_levels(x[:, ::-1], plan, x[:, ::-1] - x.min())]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENGINE_VARIABLE, "numpy")
        assert pack_levels(x, plan, x - x.min()).streams == coded[0].streams
    for each, y in zip(coded, (x, x[:, ::-1]), strict=True):
        back = unpack_levels(each.payload(None), 1, x.shape[1:], x.dtype)
        assert np.array_equal(back, y)


# ------------------------------------------------------------------------ trust


class InNumpy(Encoding):
    """A walk over a known case in Python."""

    def __init__(self, case):
        Walk.__init__(
            self, case.order, case.n_frames, case.high, case.steps,
            has_values=case.has_values, is_swept=case.is_swept,
        )  # fmt: skip
        self._wanted, self._free, self._nearly = case.wanted, case.free, None
        self.start_class, self._writer = START_CLASS, StreamsWriter()

    def weights(self, surroundings, step):
        return known_weights(surroundings)


@pytest.mark.parametrize("case", CASES)
def test_the_known_answers_are_those_of_numpy(case):
    walk = InNumpy(case)
    walk.run()
    low = np.arange(case.wanted.size) * 977 % (1 << LOW_WIDTH)
    walk.low(low, LOW_WIDTH)
    payload = walk.streams()
    assert digest_of(Streams.of(payload, 0)) == case.digest
    assert holds(case, native)


class Changed:
    """Compiled code of which one function has a fault."""

    def __init__(self, name, fault):
        self._name, self._fault = name, fault

    def __getattr__(self, name):
        found = getattr(native, name)
        return found if name != self._name else lambda *given: self._fault(found, *given)


def one_more(code, walk, described, step, rule):
    return code(walk, described, step, rule + (np.arange(rule.size) == rule.size - 1))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("free_levels", one_more),
        ("free_written", lambda code, walk: (code(walk)[0], *code(walk)[1:2], code(walk)[2][:-8])),
        ("free_has_ended", lambda code, walk: False),
        ("free_low_bits", lambda code, walk, values, width: code(walk, values, width - 1)),
    ],
)
def test_code_with_a_fault_is_left_for_numpy_with_a_warning(name, fault, monkeypatch):
    monkeypatch.setattr(choice, "extension", lambda: (Changed(name, fault), ""))
    choice.trusted.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="does not give the known answers"):
            assert choice.native_levels() is None
        assert choice.native_levels() is None
    finally:
        choice.trusted.cache_clear()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("free_bits", lambda code, left, step: code(left, step) + 1),
        ("free_laplacian", lambda code, *given: code(*given) - 1),
        ("free_moments", lambda code, hints, left, *rest: code(hints, left // 2, *rest)),
        ("free_sample", lambda code, *given: None),
        ("free_fit", lambda code, *given: (code(*given)[0], (1, 1, 1))),
        ("free_fit", lambda code, *given: None),
    ],
)
def test_sums_with_a_fault_are_left_for_numpy_with_a_warning(name, fault):
    case, changed = random_case(np.random.default_rng(3)), Changed(name, fault)
    with pytest.warns(RuntimeWarning, match="numpy fits the weights"):
        assert payload_of(case, changed) == payload_of(case, None)


def test_samples_that_do_not_fit_are_refused():
    order = PassOrder((5, 7), 2, 8)
    of = surroundings_of(order, order.passes[-1])
    numbers = np.zeros((order.size, 2), np.int64)
    compiled = CompiledWalk(native, numbers, numbers.copy(), 9, 0)
    compiled.write(numbers, None)
    places, columns = np.array([0, of.n_places - 1]), np.array([0, 1])
    assert compiled.seen(of, places, columns)[0].tolist() == [[0, 0], [0, 0]]
    for wrong in [(places + 1, columns), (places - 1, columns), (places, columns + 1)]:
        with pytest.raises(ValueError, match="fit the sample"):
            compiled.seen(of, *wrong)
        with pytest.raises(ValueError, match="fit the sample"):
            compiled.fitted(of, *wrong, [0, 2], 16, 1)
    assert compiled.fitted(of, places, columns, [0, 2], 16, 1) == ((), (32, 32, 0))
    for prefixes, step, repeats in [([0], 0, 1), ([0], 16, 0), ([2] * 9, 16, 1)]:
        with pytest.raises(ValueError, match="fit the sample"):
            compiled.fitted(of, places, columns, prefixes, step, repeats)
    many = np.zeros(2000, np.intp)
    assert compiled.fitted(of, many, columns, [0, 2], 16, 1) is None  # numpy takes less time
    hints, left = np.full((4, 2), 2049), np.ones(4, np.int64)
    for wrong in (hints, -hints, hints[:2] // 2):
        with pytest.raises(ValueError, match="fit the sample"):
            CompiledSums(native).laplacian(wrong, left, np.ones(2))
    with pytest.raises(ValueError, match="fit the sample"):
        CompiledSums(native).bits(left, 0)


def test_the_engine_is_chosen_by_the_environment(monkeypatch):
    for name in ("native", *(f"native-{level}" for level in levels())):
        monkeypatch.setenv(ENGINE_VARIABLE, name)
        assert choice.native_levels() is native
    monkeypatch.setenv(ENGINE_VARIABLE, "numpy")
    assert choice.native_levels() is None


# ------------------------------------------------------------------------ arguments


def walk_of(size=6, n=2, high=9):
    arrays = [np.zeros((size, n), np.int64) for _ in range(2)]
    walk = CompiledWalk(native, *arrays, high, 0)
    walk.write(np.zeros((size, n), np.int64), None)
    return walk


def test_arrays_that_do_not_fit_are_refused():
    known = np.zeros((6, 2), np.int64)
    good = (2, 9, 2, False, known, known.copy(), known, None)
    counts = np.zeros((38, 50), np.int64)
    native.free_walk(*good, counts, None, None, None)
    for at, other in [(0, 5), (0, 0), (1, -1), (2, 257), (2, 1), (5, known[:5].copy()), (6, None)]:
        changed = [*good, counts, None, None, None]
        changed[at] = other
        with pytest.raises(ValueError, match="fit the walk"):
            native.free_walk(*changed)
    with pytest.raises(ValueError, match="fit the walk"):
        native.free_walk(*good, counts[:2].copy(), None, None, None)
    with pytest.raises(ValueError, match="bytes a number"):
        native.free_walk(*good[:4], known.astype(np.int32), *good[5:], counts, None, None, None)
    for wrong in [(6, 1, 0), (-1, 1, 0), (0, 0, 0), (0, 1, 201), (0, 2**22, 0)]:
        with pytest.raises(ValueError, match="fit the walk"):
            native.free_start(walk_of()._walk, *wrong, False)


def test_descriptions_of_passes_that_do_not_fit_are_refused():
    numbers = np.array([0, 0, 2, 4, 1, 3, 5], np.int64)
    own = [1, 0, 0, 0, 1, 0, 0, 4]
    good = np.array([6, 0, 1, 1, 3, 1, 1, 0, 0, 0, 1, *own], np.int64)
    native.free_pass(good, numbers)
    wrong = [(0, 5), (0, 0), (1, 2), (2, 7), (4, 4), (5, 2), (6, 65), (7, 1), (10, 7), (11, 0)]
    wrong += [(12, 6), (15, -1), (18, 6)]
    for at, other in wrong:
        changed = good.copy()
        changed[at] = other
        with pytest.raises(ValueError, match="out of their range"):
            native.free_pass(changed, numbers)
    for changed in (good[:-1], np.append(good, 0), good[:0]):
        with pytest.raises(ValueError, match="out of their range"):
            native.free_pass(np.ascontiguousarray(changed), numbers)
    made, walk = native.free_pass(good, numbers), walk_of()._walk
    for rule in ([1, 256, 32, 32], [2, 256, 32, 32, 0, 1], [0, 256, 32, 32, 256]):
        with pytest.raises(ValueError, match="fit the walk"):
            native.free_levels(walk, made, 1, np.array(rule, np.int64))


def test_fronts_that_do_not_fit_are_refused():
    places, at, ends = np.arange(1, 4), np.arange(1, 4, dtype=np.int32)[None], np.arange(1, 4)
    rule = np.array([1, 0, 1, 4096, 0, 32, 32])

    def code(**changed):
        laid = {"places": places, "at": at, "ends": ends, "rule": rule} | changed
        return native.free_fronts(walk_of(4, 1)._walk, 1, *laid.values())

    assert code()
    assert not code(places=places + 1)
    assert not code(places=places - 5)
    assert not code(ends=ends[:2])
    assert not code(ends=9 * ends)
    for changed in (rule[1:], np.where(np.arange(7) == 2, 2, rule), np.append(rule, 0)):
        with pytest.raises(ValueError, match="fit the walk"):
            code(rule=np.ascontiguousarray(changed))


def test_threads_that_code_at_once_do_not_disturb_each_other():
    cases = [random_case(np.random.default_rng(seed)) for seed in range(6)]
    expected, found = [payload_of(case, native) for case in cases], {}

    def code(number):
        found[number] = [payload_of(case, native) for case in cases for _ in range(3)]

    threads = [threading.Thread(target=code, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each == [one for one in expected for _ in range(3)] for each in found.values())
    assert len(found) == 4


def test_words_that_end_with_zero_are_refused_by_both():
    streams = Streams(np.array([7, 0], np.uint32), np.zeros(0, np.uint8), np.zeros(0, np.int64))
    walk = CompiledWalk(native, np.zeros((2, 1), np.int64), np.zeros((2, 1), np.int64), 5, 0)
    with pytest.raises(RefusedError):
        walk.read(streams)
    with pytest.raises(ValueError, match="payload"):
        StreamsReader(streams)
