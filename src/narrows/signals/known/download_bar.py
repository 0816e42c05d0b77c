"""A progress bar on stderr in the form that pooch asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class DownloadBar:
    """Bytes received of bytes announced, drawn by rich from when the total is known.

    pooch sets `total` when the server has answered and then calls the methods; where the file
    is in the cache already it does neither, and nothing is drawn.
    """

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(name, total=None)
        self._total = 0

    @property
    def total(self) -> int:
        """The bytes announced by the server, 0 if it did not tell."""
        return self._total

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._total = n_bytes
        self._progress.update(self._task, total=n_bytes or None)
        self._progress.start()

    def update(self, n_bytes: int) -> None:
        """Count bytes received."""
        self._progress.advance(self._task, n_bytes)

    def reset(self) -> None:
        """Count from zero again."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """Remove the bar; it may have been removed before."""
        self._progress.stop()


@contextmanager
def download_bar(name: str) -> Iterator[DownloadBar | bool]:
    """Yield a bar for the download of `name`, or False where stderr is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():  # None: closed, or no console
        yield False
        return
    bar = DownloadBar(name)
    try:
        yield bar
    finally:
        bar.close()
