"""Models by id, for codecs that live inside of other libraries: loaded once a process.

A host stores the id alone. It is looked up among the models that were registered, then in the
folders of NARROWS_MODELS; where the host keeps a decoder beside the id, that is the last resort.
"""

from __future__ import annotations

import binascii
import os
from base64 import b64decode, b64encode
from threading import RLock

from narrows.codec.codec import Codec
from narrows.codec.decoder import Decoder
from narrows.errors import FormatError, ModelNotFoundError
from narrows.models import find_codec
from narrows.remembered import Remembered

remembered = Remembered()
_registered: dict[str, Codec] = {}
_decoders: dict[str, Decoder] = {}
_locks: dict[str, RLock] = {}  # one: threads that ask for a model at once wait for one load


def register_model(codec: Codec) -> str:
    """Make a codec known to this process by its id, which is returned: 32 hexadecimal digits.

    Threads and codecs of other libraries find it then; other processes need NARROWS_MODELS.
    """
    with _lock():
        _registered[codec.model_id] = codec
    return codec.model_id


def codec_of(model_id: str | None) -> Codec:
    """Return the codec of an id; ModelNotFoundError if it is neither registered nor found."""
    key = as_id(model_id)
    with _lock():
        if key.hex() not in _registered:
            _registered[key.hex()] = find_codec(key)
        return _registered[key.hex()]


def decoder_of(model_id: str | None, embedded: str | None = None) -> Decoder:
    """Return the decoder of an id, or else that of `embedded`, in base64.

    Raises
    ------
    ModelNotFoundError, FormatError
        If there is none, or what is embedded is another model.
    """
    try:
        return codec_of(model_id).decoder
    except ModelNotFoundError:
        if embedded is None:
            raise
    key = as_id(model_id).hex()
    with _lock():
        if key not in _decoders:
            try:
                decoder = Decoder.from_bytes(b64decode(embedded, validate=True))
            except binascii.Error as error:
                raise FormatError(f"model_base64 that is no base64: {error}") from None
            if decoder.model_id != key:
                raise FormatError(f"model_base64 of model {decoder.model_id}, not of {key}")
            _decoders[key] = decoder
        return _decoders[key]


def embedded_decoder(codec: Codec) -> str:
    """Return the model that only decompresses in base64, for a host to keep."""
    return b64encode(codec.without_encoder().model_bytes).decode()


def as_id(model_id: object) -> bytes:
    """Return the 16 bytes of an id; FormatError for anything else."""
    try:
        key = bytes.fromhex(model_id) if isinstance(model_id, str) else b""
    except ValueError:
        key = b""
    if len(key) != 16:
        raise FormatError(f"model {model_id!r}; it must be an id of 32 hexadecimal digits")
    return key


def _lock() -> RLock:
    return _locks.setdefault("", RLock())


if hasattr(os, "register_at_fork"):  # the thread that held the lock is not in the new process
    os.register_at_fork(after_in_child=_locks.clear)
