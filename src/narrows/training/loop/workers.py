"""Threads that each work on a share of a batch.

    batch ─┬─ some rows ─► terms, gradients ─┐
           └─ the others ► terms, gradients ─┴─ sum ─► update

torch divides each operation among its own threads, which wait for the slowest of them after every
one. Threads that work apart wait once an update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits

LEAST_ROWS = 64  # of a batch, for each thread: those of fewer gain nothing

Result = TypeVar("Result")


class Workers:
    """A number of threads; what they compute does not depend on which of them computes it.

    Parameters
    ----------
    size : int, default 1
        How many there are; one is the caller's own.
    threads : int, default 1
        That torch may use in each of them, where there are several.
    """

    def __init__(self, size: int = 1, threads: int = 1) -> None:
        self.size = size
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    @classmethod
    def for_batches(cls, n: int) -> Workers:
        """Return as many as batches of n rows repay, of the threads that torch has on a CPU."""
        threads = torch.get_num_threads()
        size = max(1, min(threads, n // LEAST_ROWS))
        return cls(size, threads // size)

    @contextmanager
    def started(self) -> Iterator[None]:
        """Start the threads for what is mapped in a `with` block; elsewhere the caller does it.

        Of the caller's own threads but one is left: they would wait busily for their next work.
        """
        if self.size == 1:
            yield
            return
        with (
            threadpool_limits(1, "openmp"),
            ThreadPoolExecutor(self.size, initializer=self._begin) as pool,
        ):
            self._pool = pool
            try:
                yield
            finally:
                self._pool = None

    def _begin(self) -> None:
        """Prepare a thread for training."""
        torch.set_flush_denormal(True)
        torch.get_num_threads()  # in a new thread, the first call sets what the process has
        threadpool_limits(self._threads, "openmp")

    def map(self, function: Callable[..., Result], *parts: Iterable[Any]) -> list[Result]:
        """Call a function with each of some parts, and return the results in their order.

        Of several iterables with one part of each at a time, as Python's own `map`.
        """
        mapped = map if self._pool is None else self._pool.map
        return list(mapped(function, *parts))

    def shares(self, rows: slice) -> list[slice]:
        """Divide rows among the threads; none of the shares is empty."""
        n = rows.stop - rows.start
        ends = [rows.start + n * number // self.size for number in range(self.size + 1)]
        return [slice(*pair) for pair in pairwise(ends) if pair[0] < pair[1]]
