"""One thread for small products: several take longer to start than to compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits


class _BlasLimit:
    """A limit of one thread for BLAS in the process, as long as any training needs it."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0

    def take(self) -> None:
        """Set the limit, unless another training has."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._limits = threadpool_limits(1, "blas")

    def release(self) -> None:
        """Remove the limit, unless another training needs it."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._limits.restore_original_limits()


_BLAS_LIMIT = _BlasLimit()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS in the process, and OpenMP in this thread, to one thread."""
    _BLAS_LIMIT.take()
    try:
        with threadpool_limits(1, "openmp"):
            yield
    finally:
        _BLAS_LIMIT.release()
