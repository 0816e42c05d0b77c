"""What a process has decoded for a host, and what it was decoded from.

A host that changes one signal of a chunk decodes all of them, and has all coded again; one that
copies an array does so with every chunk. Coded anew, a decoded signal comes back a little worse
each time. Here it is recognised by the hash of its bytes, and keeps what it was decoded from.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from hashlib import blake2b
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.block_coder import Unpacked

Array = npt.NDArray[Any]
MOST_BYTES = 1 << 24  # of all that is remembered in a process
ENTRY_BYTES = 300  # of an entry, beside its content
MOST_SIGNALS = 4096  # of a block; hashing more, which are small, takes as long as decoding them


class Remembered:
    """Codes of arrays, by the hash of these; the oldest are forgotten.

    Parameters
    ----------
    most_bytes : int
        What all entries may take.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._codes: OrderedDict[bytes, bytes] = OrderedDict()
        self._left, self._lock = most_bytes, Lock()
        if hasattr(os, "register_at_fork"):  # a thread that holds the lock is not in the child
            os.register_at_fork(after_in_child=self._unlock)

    def _unlock(self) -> None:
        self._lock = Lock()

    def keep(self, key: bytes, code: bytes) -> None:
        """Remember what something was decoded from."""
        with self._lock:
            self._left += _size(self._codes.pop(key, None)) - _size(code)
            self._codes[key] = code
            while self._left < 0:
                _, oldest = self._codes.popitem(last=False)
                self._left += _size(oldest)

    def code_of(self, key: bytes) -> bytes | None:
        """Return what something was decoded from, if that is known."""
        with self._lock:
            return self._codes.get(key)

    def keep_signals(self, model_id: str, signals: Array, unpacked: Unpacked) -> None:
        """Remember the symbols and qualities of `(n, *frame_shape)` signals of a coded block."""
        if unpacked.qualities is None or len(signals) > MOST_SIGNALS:
            return
        coded = np.ones(len(signals), dtype=bool)
        if unpacked.exact is not None:
            coded = ~unpacked.exact.whole
        for row in np.flatnonzero(coded).tolist():
            quality = bytes([int(unpacked.qualities[row])])
            key = hash_of(signals[row], model_id, quality)
            self.keep(key, unpacked.values[row].astype("<i4").tobytes())

    def symbols_of(
        self, model_id: str, latent_size: int, signals: Array, quality: int
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
        """Return which signals were decoded here at a quality, `(n,)`, and `(n, latent_size)`."""
        known = np.zeros(len(signals), dtype=bool)
        symbols = np.zeros((len(signals), latent_size), dtype=np.int32)
        few = signals if self._codes and len(signals) <= MOST_SIGNALS else signals[:0]
        for row, signal in enumerate(few):
            code = self.code_of(hash_of(signal, model_id, bytes([quality])))
            if code is not None:
                known[row], symbols[row] = True, np.frombuffer(code, "<i4")
        return known, symbols


def hash_of(x: Array, *others: object) -> bytes:
    """Return 16 bytes that tell an array and whatever else from all others."""
    said = repr((x.shape, x.dtype.str, others)).encode()
    digest = blake2b(said, digest_size=16)
    digest.update(np.ascontiguousarray(x).tobytes())
    return digest.digest()


def _size(code: bytes | None) -> int:
    return 0 if code is None else len(code) + ENTRY_BYTES
