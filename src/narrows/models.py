"""Finding models: in the file given, in the archive itself, or in the folders of NARROWS_MODELS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from narrows.codec.archive import Header
from narrows.codec.codec import Codec
from narrows.codec.model.model_file import model_id_of
from narrows.codec.networks.backend import NUMPY, Backend
from narrows.errors import ModelNotFoundError, NarrowsError

MODELS_VARIABLE = "NARROWS_MODELS"


def load_codec(path: Path, backend: Backend = NUMPY, *, decoder_only: bool = False) -> Codec:
    """Load a codec from a `.narrows` file; every error names the file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelNotFoundError(
            f"no model file {path}; train one with: narrows train DATA -o {path}"
        ) from None
    except IsADirectoryError:
        raise ModelNotFoundError(f"{path} is a folder; give the .narrows file in it") from None
    try:
        return Codec.from_bytes(data, backend, decoder_only=decoder_only)
    except NarrowsError as error:
        raise type(error)(f"{path}: {error}") from None


def codec_for(header: Header, model: Path | None = None) -> Codec:
    """Find the codec that reads an archive; it decompresses only.

    Parameters
    ----------
    header : Header
        Of the archive.
    model : Path, optional
        The model file to use; it must be the right one.

    Raises
    ------
    WrongModelError
        If `model` is another one; both ids are named.
    ModelNotFoundError
        If the model is neither given, nor embedded, nor in NARROWS_MODELS.
    """
    if model is not None:
        codec = load_codec(model, decoder_only=True)
    elif header.embedded_model is not None:
        codec = Codec.from_bytes(header.embedded_model, decoder_only=True)
    else:
        _, codec = find_model(header.model_id)
    codec.check_model_of(header)
    return codec


def find_model(model_id: bytes) -> tuple[Path, Codec]:
    """Find the model of an id in the folders of NARROWS_MODELS, and load it.

    Damaged files are skipped.

    Raises
    ------
    ModelNotFoundError
        If there is none, or only damaged ones.
    """
    damaged = ""
    for path in _candidates():
        if model_id_of(path) == model_id.hex():
            try:
                return path, load_codec(path, decoder_only=True)
            except NarrowsError as error:
                damaged = f" (found, but {error})"
    folders = os.environ.get(MODELS_VARIABLE)
    looked = f"nor in {MODELS_VARIABLE}={folders}" if folders else f"and {MODELS_VARIABLE} is unset"
    raise ModelNotFoundError(
        f"the archive needs model {model_id.hex()}, which is not embedded in it, {looked}"
        f"{damaged}: give the model file with -m"
    )


def _candidates() -> Iterator[Path]:
    for folder in filter(None, os.environ.get(MODELS_VARIABLE, "").split(os.pathsep)):
        yield from sorted(Path(folder).glob("*.narrows"))
