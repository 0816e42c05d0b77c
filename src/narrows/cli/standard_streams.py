"""Standard input, output and error, each of which may be closed, full or a broken pipe.

What cannot be read or written there ends the command with one line. Messages that cannot be
written to standard error end nothing.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO, cast

REASONS = {errno.EBADF: "it is closed", errno.EPIPE: "its reader has ended"}


class _Input(io.FileIO):
    """Standard input; an error says so."""

    def readinto(self, buffer: Any) -> int:
        try:
            while (n_bytes := cast(int | None, super().readinto(buffer))) is None:
                select.select([self], [], [])  # another program has made the pipe non-blocking
            return n_bytes
        except OSError as error:
            raise _failure("read standard input", "give a file, or pipe one in", error) from None

    def readall(self) -> bytes:
        content, buffer = bytearray(), bytearray(1 << 16)
        while n_bytes := self.readinto(buffer):
            content += buffer[:n_bytes]
        return bytes(content)


class _Output(io.FileIO):
    """Standard output, whose first error says so, or standard error, whose errors are ignored.

    After the first error nothing is written, so that nothing fails again when Python ends.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self._is_broken = False

    def write(self, data: Any) -> int:
        try:
            while not self._is_broken:
                n_bytes = cast(int | None, super().write(data))
                if n_bytes is not None:
                    return n_bytes
                select.select([], [self], [])
        except OSError as error:
            self._is_broken = True
            if self.fileno() == 1:
                advice = "send it to a file or a pipe that takes it"
                raise _failure("write to standard output", advice, error) from None
        return len(data)


def _failure(what: str, advice: str, error: OSError) -> OSError:
    reason = REASONS.get(error.errno or 0, error.strerror)
    return OSError(f"cannot {what}: {reason}; {advice}")


@contextmanager
def standard_streams() -> Iterator[None]:
    """Stand in for the three streams while the block runs, those that are closed included.

    Streams that a caller has put in place, and Windows' consoles, are left as they are.
    """
    _fill_closed()
    before = sys.stdin, sys.stdout, sys.stderr
    stdin = cast(BinaryIO, io.BufferedReader(_Input(0, "r", closefd=False)))
    stdout, stderr = (cast(BinaryIO, io.BufferedWriter(_Output(number))) for number in (1, 2))
    sys.stdin = _in_place_of(sys.stdin, sys.__stdin__, stdin)
    sys.stdout = _in_place_of(sys.stdout, sys.__stdout__, stdout)
    sys.stderr = _in_place_of(sys.stderr, sys.__stderr__, stderr)
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stdin, sys.stdout, sys.stderr = before


def _fill_closed() -> None:
    """Open the null device for each missing stream, or the next file would take its number.

    It is opened the wrong way round, so that data that are read or written there are missed.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)


def _in_place_of(stream: TextIO | None, original: TextIO | None, buffer: BinaryIO) -> TextIO:
    if stream is None:
        return io.TextIOWrapper(buffer, "utf-8", "backslashreplace", line_buffering=True)
    raw = getattr(stream.buffer, "raw", stream.buffer)  # with `python -u` there is one less
    if stream is not original or not isinstance(raw, io.FileIO):
        return stream
    lines = cast(io.TextIOWrapper, stream).line_buffering
    # A name that the encoding has no characters for is shown by their numbers, as on stderr.
    errors = "backslashreplace" if stream.errors == "strict" else stream.errors
    return io.TextIOWrapper(buffer, stream.encoding, errors, line_buffering=lines)
