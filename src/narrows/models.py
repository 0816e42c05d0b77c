"""Finding models: in the file given, in the archive itself, or in the folders of NARROWS_MODELS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from narrows.codec.archive import Header
from narrows.codec.codec import Codec
from narrows.codec.decoder import Decoder
from narrows.codec.model.model_file import MAGIC, model_id_of
from narrows.codec.networks.backend import Backend
from narrows.codec.without_model import FreeDecoder
from narrows.errors import DataError, ModelNotFoundError, NarrowsError
from narrows.paths import as_file, open_file

MODELS_VARIABLE = "NARROWS_MODELS"


Loaded = TypeVar("Loaded")


def load_codec(path: str | Path, backend: Backend | None = None) -> Codec:
    """Load a codec from a `.narrows` file, or its URL; every error names it."""
    return _load(path, partial(Codec.from_bytes, backend=backend))


def load_decoder(path: str | Path, backend: Backend | None = None) -> Decoder:
    """Load the decoder from a `.narrows` file, or its URL; every error names it."""
    return _load(path, partial(Decoder.from_bytes, backend=backend))


def _load(given: str | Path, from_bytes: Callable[[bytes], Loaded]) -> Loaded:
    path = as_file(given, "model", "make a codec of its bytes with narrows.Codec.from_bytes")
    hint = "give the path of one, or make it with narrows train"
    try:
        with open_file(path, hint, "model file") as stream:
            data = stream.read(len(MAGIC))
            if data == MAGIC:  # a device without end is no model: not read to fill memory
                data += stream.read()
    except DataError as error:
        raise ModelNotFoundError(str(error)) from None
    try:
        return from_bytes(data)
    except NarrowsError as error:
        raise type(error)(f"{path}: {error}") from None


def decoder_for(
    header: Header, model: str | Path | Codec | None = None, backend: Backend | None = None
) -> Decoder | FreeDecoder:
    """Find the model that reads an archive.

    Parameters
    ----------
    header : Header
        Of the archive.
    model : path, URL or Codec, optional
        The model to use; it must be the right one, or the archive needs none.
    backend : Backend, optional
        Of a model that is loaded; see Codec.

    Raises
    ------
    WrongModelError
        If `model` is another one; both ids are named.
    ModelNotFoundError
        If the model is neither given, nor embedded, nor in NARROWS_MODELS.
    """
    if not header.needs_model:
        return FreeDecoder(header)
    if isinstance(model, Codec):
        decoder = model.decoder
    elif model is not None:
        try:
            decoder = load_decoder(model, backend)
        except NarrowsError as error:
            raise type(error)(f"{error}; the archive needs model {header.model_id.hex()}") from None
    elif header.embedded_model is not None:
        decoder = Decoder.from_bytes(header.embedded_model, backend)
    else:
        _, decoder = find_model(header.model_id, backend)
    decoder.check_model_of(header)
    return decoder


def find_model(model_id: bytes, backend: Backend | None = None) -> tuple[Path, Decoder]:
    """Find the model of an id in the folders of NARROWS_MODELS, and load it.

    Damaged files are skipped.

    Raises
    ------
    ModelNotFoundError
        If there is none, or only damaged ones.
    """
    hint = (
        "the archive needs model {}, which is not embedded in it, {}: give the model file with -m"
    )
    return _found(model_id, partial(load_decoder, backend=backend), hint)


def find_codec(model_id: bytes) -> Codec:
    """Find the model of an id, and load it with its encoder; see `find_model`."""
    hint = "model {} is not registered in this process, {}: narrows.register_model(codec) does that"
    return _found(model_id, load_codec, hint)[1]


def _found(model_id: bytes, load: Callable[[Path], Loaded], hint: str) -> tuple[Path, Loaded]:
    damaged = ""
    for path in _candidates():
        if model_id_of(path) == model_id.hex():
            try:
                return path, load(path)
            except NarrowsError as error:
                damaged = f" (found, but {error})"
    folders = os.environ.get(MODELS_VARIABLE)
    looked = f"nor in {MODELS_VARIABLE}={folders}" if folders else f"and {MODELS_VARIABLE} is unset"
    raise ModelNotFoundError(hint.format(model_id.hex(), looked + damaged))


def _candidates() -> Iterator[Path]:
    for folder in filter(None, os.environ.get(MODELS_VARIABLE, "").split(os.pathsep)):
        # No FIFO, which would be waited for, and nothing that cannot be looked at.
        yield from filter(os.path.isfile, sorted(Path(folder).glob("*.narrows")))
