"""Threads that share a batch: the same results in the same order, and nothing else is touched."""

import threading

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

from narrows.training.loop import workers
from narrows.training.loop.workers import LEAST_ROWS, Workers


@pytest.mark.parametrize("rows", [slice(0, 32), slice(7, 40), slice(3, 4), slice(2, 2)])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_shares_are_all_rows_once_and_none_is_empty(size, rows):
    shares = Workers(size).shares(rows)
    assert [n for own in shares for n in range(own.start, own.stop)] == [*range(*rows.indices(99))]
    lengths = [own.stop - own.start for own in shares]
    assert all(lengths)
    assert len(shares) == min(size, rows.stop - rows.start)
    assert not lengths or max(lengths) - min(lengths) <= 1


def test_results_come_in_order_from_several_threads():
    both = threading.Barrier(2, timeout=60)
    many = Workers(2)

    def met(number):
        both.wait()  # both run at the same time, or this fails
        return number, threading.get_ident()

    with many.started():
        found = many.map(met, range(6))
    assert [number for number, _ in found] == [*range(6)]
    assert len({thread for _, thread in found} - {threading.get_ident()}) == 2


def test_elsewhere_the_caller_does_it():
    for few in (Workers(2), Workers()):
        assert few.map(lambda _: threading.get_ident(), range(3)) == [threading.get_ident()] * 3
    before, one = threading.active_count(), Workers()
    with one.started():
        assert one.map(str, range(2)) == ["0", "1"]
        assert threading.active_count() == before


def test_errors_of_a_thread_are_raised():
    def fail(number):
        raise ValueError(f"part {number}")

    many = Workers(2)
    with many.started(), pytest.raises(ValueError, match="part 0"):
        many.map(fail, range(2))
    assert many.map(str, range(2)) == ["0", "1"]


def modes(_=None):
    """Return what a thread may use of torch, and whether it flushes denormals."""
    small = torch.tensor(1e-310, dtype=torch.float64)
    return torch.get_num_threads(), float(small * 1.0) == 0.0


def test_each_thread_has_its_own_modes_and_the_caller_gets_back_its_own(monkeypatch):
    before, many = modes(), Workers(2, threads=3)
    with many.started():
        assert modes() == (1, before[1])
        assert many.map(modes, range(4)) == [(3, True)] * 4
    assert modes() == before


def test_there_are_as_many_threads_as_torch_has_but_few_rows_get_one(monkeypatch):
    monkeypatch.setattr(workers.torch, "get_num_threads", lambda: 8)
    for n, size, threads in ((256, 4, 2), (64 * LEAST_ROWS, 8, 1), (LEAST_ROWS, 1, 8), (1, 1, 8)):
        made = Workers.for_batches(n)
        assert (made.size, made._threads) == (size, threads)
