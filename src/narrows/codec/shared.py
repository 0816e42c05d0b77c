"""Codecs, encoders and decoders in other processes: pickled as bytes of models, loaded once."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import Any, Self

from narrows.codec.model.model import Model
from narrows.codec.model.model_file import pack_model
from narrows.codec.networks.backend import Backend
from narrows.codec.transform import Transform

MAX_LOADED = 8  # that a process keeps for the next pickle of the same model


class Shared:
    """What codecs, encoders and decoders have in common: nothing changes, so copies are themselves.

    A pickle holds the bytes of the model file. Every process loads a model once, however many
    pickles of it arrive and in however many threads.
    """

    transform: Transform

    @property
    def model(self) -> Model:
        """The frozen networks, quantiser and tables."""
        return self.transform.model

    @property
    def model_id(self) -> str:
        """The model's identity, 32 hexadecimal digits."""
        return self.model.model_id.hex()

    @cached_property
    def model_bytes(self) -> bytes:
        """The model as the bytes of a `.narrows` file."""
        return pack_model(self.model)

    @classmethod
    def from_bytes(cls, data: bytes, backend: Backend | None, batch_size: int) -> Self:
        """Load from the bytes of a `.narrows` file."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return what tells it from others: frames, latents, qualities, size and id."""
        model, n = self.model, self.model.n_qualities
        return (
            f"<{type(self).__name__} of {model.frame_shape} {model.dtype}: {model.latent_size} "
            f"latents, {n} {'quality' if n == 1 else 'qualities'}, {len(self.model_bytes):,} "
            f"bytes, model {self.model_id}>"
        )

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the model's bytes."""
        own = self.transform
        return _loaded_once, (type(self), self.model_bytes, own.given_backend, own.batch_size)


_loaded: OrderedDict[bytes, Shared] = OrderedDict()
_locks: dict[bytes, Lock] = {}  # one a model, and that of `_loaded` itself


def _lock(key: bytes = b"") -> Lock:
    return _locks.setdefault(key, Lock())


def _loaded_once(
    kind: type[Shared], data: bytes, backend: Backend | None, batch_size: int
) -> Shared:
    """Return the codec, encoder or decoder of a pickle, loading it where this process has not yet.

    The model id leaves out what coding does not depend on, such as the training's summary and
    whether the encoder is there: the key is of all bytes.
    """
    key = sha256(data + pickle.dumps((kind, backend, batch_size))).digest()
    with _lock(key):
        with _lock():
            if key in _loaded:
                _loaded.move_to_end(key)
                return _loaded[key]
        made = kind.from_bytes(data, backend, batch_size)
        with _lock():
            _loaded[key] = made
            if len(_loaded) > MAX_LOADED:
                _loaded.popitem(last=False)
        return made


if hasattr(os, "register_at_fork"):  # the threads that held the locks are not in the new process
    os.register_at_fork(after_in_child=_locks.clear)
