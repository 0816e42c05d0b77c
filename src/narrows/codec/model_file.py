"""The `.narrows` file: everything a codec is, in safetensors layout, and the model id.

One metadata key, `narrows`, holds canonical JSON; the tensors are integers. The model id is a
hash of what coding depends on, the checksum one of the whole file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from narrows.codec.archive import DTYPE_CODES, MAX_DIMENSIONS, MAX_FRAME_BYTES, MODEL_ID_BYTES
from narrows.codec.layers import Shape
from narrows.codec.network import IntegerNetwork
from narrows.codec.normaliser import Normaliser
from narrows.codec.symbols import Quantiser
from narrows.codec.tables import Row, pack_tables, unpack_tables
from narrows.errors import FormatError

VERSION = 0
METADATA_KEY = "narrows"
MAX_HEADER_BYTES = 100_000_000  # as in safetensors itself
NO_CHECKSUM = "0" * 64


@dataclass(frozen=True, eq=False)
class KnownAnswers:
    """What the model must compute, bit for bit, on every machine.

    Attributes
    ----------
    symbols : (n, latent_size) int32
        Inputs of the decoder, at the default quality.
    frames_sha256 : str
        Hash of the frames they decode to, little-endian, row-major.
    answers : (n, latent_size) int32
        The symbols that the encoder gives for those frames.
    """

    symbols: npt.NDArray[np.int32]
    frames_sha256: str
    answers: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Model:
    """A frozen codec: networks, quantiser, tables, and how it came to be.

        frames ─normaliser─► encoder ─► quantiser ─► symbols ─► tables
        frames ◄─normaliser─ decoder ◄─ quantiser ◄─ symbols ◄─ tables

    Raises
    ------
    UnprovenModelError
        If the networks' arithmetic could leave the exact integers.
    FormatError
        If the parts do not fit together.
    """

    frame_shape: Shape
    normaliser: Normaliser
    encoder: IntegerNetwork
    quantiser: Quantiser
    decoder: IntegerNetwork
    tables: list[Row]
    architecture: str
    peak: float
    """The signal range that PSNR refers to, in the signal's units."""
    known_answers: KnownAnswers | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        k = self.quantiser.latent_size
        ends = (self.encoder.input_shape, self.encoder.output_shape,
                self.decoder.input_shape, self.decoder.output_shape)  # fmt: skip
        if ends != (self.frame_shape, (k,), (k,), self.frame_shape):
            raise FormatError(f"networks {ends} for frames {self.frame_shape} and {k} latents")
        if len(self.tables) != self.quantiser.n_qualities or any(len(r) != k for r in self.tables):
            raise FormatError(f"tables for other than {self.quantiser.gain.shape} gains")
        if self.dtype not in DTYPE_CODES or len(self.frame_shape) > MAX_DIMENSIONS:
            raise FormatError(f"model for frames {self.frame_shape} of {self.dtype}")
        if not 0 < np.prod(self.frame_shape, dtype=object) * self.dtype.itemsize <= MAX_FRAME_BYTES:
            raise FormatError(f"model for frames {self.frame_shape} of more than 2**28 bytes")
        if (self.encoder.input_limit, self.decoder.input_limit) != (
            self.normaliser.limit,
            self.quantiser.limit,
        ):
            raise FormatError("networks with input limits that are not those of what feeds them")
        self.normaliser.check_output(self.decoder.output_limit)
        self.quantiser.check_input(self.encoder.output_limit)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the signals."""
        return self.normaliser.dtype

    @property
    def latent_size(self) -> int:
        """The number of latents of a frame."""
        return self.quantiser.latent_size

    @property
    def n_qualities(self) -> int:
        """The number of qualities."""
        return self.quantiser.n_qualities

    @property
    def default_quality(self) -> int:
        """The quality used where none is given: the middle one, counted from 1."""
        return (self.n_qualities + 1) // 2

    def coding_settings(self) -> dict[str, Any]:
        """Describe what coding depends on, but for the tensors, as canonical JSON values."""
        return {
            "frame_shape": list(self.frame_shape),
            "normaliser": self.normaliser.settings(),
            "encoder": self.encoder.settings(),
            "quantiser": {"shift": self.quantiser.shift, "limit": self.quantiser.limit},
            "decoder": self.decoder.settings(),
        }

    def coding_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Give the tensors that coding depends on."""
        return {
            **{f"encoder.{name}": t for name, t in self.encoder.tensors().items()},
            **{f"decoder.{name}": t for name, t in self.decoder.tensors().items()},
            "quantiser.gain": self.quantiser.gain,
            "quantiser.step": self.quantiser.step,
            **{f"tables.{name}": t for name, t in pack_tables(self.tables).items()},
        }

    @property
    def model_id(self) -> bytes:
        """16 bytes that name exactly what coding depends on."""
        digest = hashlib.sha256(canonical_json(self.coding_settings()).encode())
        for name, tensor in sorted(self.coding_tensors().items()):
            digest.update(f"\n{name} {tensor.dtype.name} {list(tensor.shape)}\n".encode())
            digest.update(_portable(tensor).tobytes())
        return digest.digest()[:MODEL_ID_BYTES]


def canonical_json(value: Any) -> str:
    """Write JSON in the one form that is hashed: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def pack_model(model: Model) -> bytes:
    """Lay a model out as the bytes of a `.narrows` file."""
    tensors = model.coding_tensors()
    known = model.known_answers
    if known is not None:
        tensors = {**tensors, "known.symbols": known.symbols, "known.answers": known.answers}
    content = {
        "format": VERSION,
        "model_id": model.model_id.hex(),
        "checksum": NO_CHECKSUM,
        "coding": model.coding_settings(),
        "architecture": model.architecture,
        "peak": model.peak,
        "known_frames_sha256": known.frames_sha256 if known is not None else None,
        "training": dict(model.training),
    }
    data = safetensors.numpy.save(
        {name: _portable(tensor) for name, tensor in sorted(tensors.items())},
        metadata={METADATA_KEY: canonical_json(content)},
    )
    # The file with zeros for its checksum is what the checksum is of.
    checksum = hashlib.sha256(data).hexdigest()
    return data.replace(_mark(NO_CHECKSUM), _mark(checksum), 1)


def unpack_model(data: bytes) -> Model:
    """Undo `pack_model`.

    Raises
    ------
    FormatError
        If a byte is damaged, the version is unknown, or the parts do not fit together.
    UnprovenModelError
        If the networks' arithmetic could leave the exact integers.
    """
    content = _read_metadata(data)
    _check_whole(data, content)
    try:
        tensors = safetensors.numpy.load(data)
        model = _build(content, tensors)
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"model file whose content does not fit together: {error}") from None
    if model.model_id.hex() != content["model_id"]:
        raise FormatError(f"model file whose id is not {content['model_id']}, as it says")
    return model


def model_id_of(path: Path) -> str | None:
    """Read the id that a file says is its model's, from its header alone; None if it is no model.

    The id is proven only when the model is loaded.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            size = int.from_bytes(start, "little")
            if size > MAX_HEADER_BYTES:
                return None
            return str(_read_metadata(start + stream.read(size))["model_id"])
    except (OSError, FormatError):
        return None


def _build(content: Mapping[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> Model:
    coding = content["coding"]
    known = None
    if content["known_frames_sha256"] is not None:
        known = KnownAnswers(
            tensors["known.symbols"], content["known_frames_sha256"], tensors["known.answers"]
        )
    return Model(
        frame_shape=tuple(coding["frame_shape"]),
        normaliser=Normaliser.build(coding["normaliser"]),
        encoder=IntegerNetwork.build(coding["encoder"], _under("encoder.", tensors)),
        quantiser=Quantiser(
            gain=tensors["quantiser.gain"], step=tensors["quantiser.step"], **coding["quantiser"]
        ),
        decoder=IntegerNetwork.build(coding["decoder"], _under("decoder.", tensors)),
        tables=list(unpack_tables(_under("tables.", tensors))),
        architecture=content["architecture"],
        peak=content["peak"],
        known_answers=known,
        training=content["training"],
    )


def _read_metadata(data: bytes) -> dict[str, Any]:
    """Find the JSON in a safetensors header; FormatError where there is none of ours."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise FormatError("not a narrows model, or truncated: no complete safetensors header")
    try:
        header = json.loads(data[8 : 8 + size])
        content = json.loads(header["__metadata__"][METADATA_KEY])
        version, _ = content["format"], content["checksum"] + content["model_id"]
    except (ValueError, KeyError, TypeError):
        raise FormatError("not a narrows model: no narrows metadata in its header") from None
    if version != VERSION:
        raise FormatError(
            f"model of format version {version!r}; this narrows reads version {VERSION}: "
            "use the version that wrote it"
        )
    return dict(content)


def _check_whole(data: bytes, content: Mapping[str, Any]) -> None:
    mark = _mark(str(content["checksum"]))
    if data.count(mark) != 1:
        raise FormatError("damaged: the model file's checksum is not where it should be")
    blank = data.replace(mark, _mark(NO_CHECKSUM))
    if hashlib.sha256(blank).hexdigest() != content["checksum"]:
        raise FormatError("damaged: the checksum of the model file does not match")


def _mark(checksum: str) -> bytes:
    """Give the checksum as it stands in the file: JSON inside a JSON string."""
    return rf"\"checksum\":\"{checksum}\"".encode()


def _under(prefix: str, tensors: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def _portable(tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Make a tensor C-contiguous and little-endian: safetensors writes others wrongly."""
    return np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<"))
