"""Work that processes share: its results come in order, the same whatever their number.

    items ─► a thread for each process ─pickles─► process: function(item) ─► results, in order

Threads alone share what compiled code does: nothing has to start, and nothing is pickled.

A process is a Python of its own that imports what the function needs, and nothing of the program
that starts it: a script needs no `if __name__ == "__main__":`. It ends with the program, however
that ends.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from queue import Empty, SimpleQueue
from typing import Any, Self, TypeVar

from narrows.errors import NarrowsError, SettingError

Item = TypeVar("Item")
Result = TypeVar("Result")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SECONDS_TO_END = 2.0
AHEAD = 2  # items a process that are read before the first result is there
START = "import sys; sys.path[:] = {path!r}; from narrows.processes import serve; serve()"


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Processes that are started when there is work for them, and end with the block.

    Parameters
    ----------
    jobs : int
        How many; with 1, the work is done in this process.

    Raises
    ------
    SettingError
        If that is no whole number of at least 1.
    """

    def __init__(self, jobs: int = 1) -> None:
        if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
            raise SettingError(f"jobs {jobs!r}; accepted is a whole number of at least 1")
        self.jobs = jobs
        self._threads = ThreadPoolExecutor(jobs)
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        self._started: list[_Worker] = []
        self._lock, self._ended = threading.Lock(), False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._ended = True
            for worker in self._started:
                worker.end()
        self._threads.shutdown()

    def in_order(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        in_thread: Callable[[Item], bool] = lambda item: False,
    ) -> Iterator[Result]:
        """Yield `function(item)` for each item; with several jobs, a few items are read ahead.

        Parameters
        ----------
        function : callable
            It and its results can be pickled.
        items : iterable
            Of what can be pickled.
        in_thread : callable, optional
            Whether a thread of this process is to do an item: for what is busy outside Python. It
            and its result need not be pickled.

        Raises
        ------
        NarrowsError
            If a process ended; and what the function or the items raise, after what is before it.
        """
        if self.jobs == 1:
            yield from map(function, items)
            return
        failed: list[Exception] = []
        coming = _until_one_fails(items, failed)
        first = list(islice(coming, 2))
        if len(first) < 2:  # not worth a process
            yield from map(function, first)
            first = []
        waiting: deque[Future[Result]] = deque()
        for item in chain(first, coming):
            work = (
                partial(function, item) if in_thread(item) else partial(self._call, function, item)
            )
            waiting.append(self._threads.submit(work))
            if len(waiting) > AHEAD * self.jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if failed:
            raise failed[0]

    def _call(self, function: Callable[[Item], Result], item: Item) -> Result:
        worker = self._worker()
        try:
            result: Result = worker.call(function, item)
            return result
        finally:
            if worker.lives:
                self._free.put(worker)

    def _worker(self) -> _Worker:
        """Return a process that does nothing, or start one: each thread has one at most."""
        try:
            return self._free.get_nowait()
        except Empty:
            with self._lock:
                if self._ended:
                    raise NarrowsError("the processes have ended") from None
                self._started.append(_Worker(max(1, cores() // self.jobs)))
                return self._started[-1]


ALONE = Workers(1)
"""All work is done in this process."""


def _until_one_fails(items: Iterable[Item], failed: list[Exception]) -> Iterator[Item]:
    """Yield items; an error ends them, to be raised when what is before it is done."""
    try:
        yield from items
    except Exception as error:
        failed.append(error)


class _Worker:
    """The end of a process that gives it work."""

    def __init__(self, threads: int) -> None:
        self.lives = True
        self._function: Any = None
        self._process = subprocess.Popen(
            [sys.executable, "-c", START.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**dict.fromkeys(THREAD_VARIABLES, str(threads)), **os.environ},
            start_new_session=True,  # Ctrl-C is the program's, which ends its processes
        )

    def call(self, function: Callable[[Item], Result], item: Item) -> Any:
        """Return `function(item)`, or raise what it raises."""
        process, new = self._process, function is not self._function
        assert process.stdin is not None
        assert process.stdout is not None
        message = pickle.dumps(((function,) if new else (), item), pickle.HIGHEST_PROTOCOL)
        try:
            process.stdin.write(message)
            process.stdin.flush()
            result, error = pickle.load(process.stdout)  # noqa: S301  of our own process
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self.lives = False
            raise NarrowsError(
                f"a process that shared the work {_ended_by(process.wait())}, perhaps for lack of "
                "memory: try again, or with fewer jobs"
            ) from None
        self._function = function
        if error is not None:
            raise error
        return result

    def end(self) -> None:
        """End the process, which may remove what it was writing."""
        self._process.terminate()
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                assert pipe is not None
                pipe.close()
            except OSError:  # what was not yet sent
                pass


def _ended_by(code: int) -> str:
    """Say how a process ended, by its code."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def serve() -> None:
    """Do the work that comes on standard input, until it ends: then the program has, too."""
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what else is printed is no result
    messages: SimpleQueue[Any] = SimpleQueue()

    def read() -> None:
        try:
            while True:
                messages.put(pickle.load(source))  # noqa: S301  of the program that started it
        except BaseException as error:
            if not isinstance(error, EOFError):
                traceback.print_exc()
            os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    function: Any = None
    while True:
        new, item = messages.get()
        function = new[0] if new else function
        try:
            answer = pickle.dumps((function(item), None), pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # raised in the program
            if not isinstance(error, NarrowsError):
                error.add_note(f"In another process:\n{traceback.format_exc()}")
            answer = _pickled(error)
        target.write(answer)
        target.flush()


def _pickled(error: Exception) -> bytes:
    try:
        return pickle.dumps((None, error))
    except Exception:  # it holds what cannot be pickled
        return pickle.dumps((None, RuntimeError("".join(traceback.format_exception(error)))))
