"""The `.narrows` file: a model in one piece, sealed by a checksum.

    magic │ u8 version │ u32 bytes of the JSON │ canonical JSON │ packed tensors │ SHA-256 of it all

The JSON names the tensors and how many bytes each takes; they stand in the order of their names.
`docs/FORMAT.md` is the specification.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from narrows.codec.archive.metadata import canonical_json
from narrows.codec.checks import check_whole
from narrows.codec.model.content import (
    VERSION,
    read_decoding,
    read_encoder,
    write_decoding,
    write_encoder,
)
from narrows.codec.model.model import KnownAnswers, Model
from narrows.codec.model.packed_tensors import announced_elements, pack_tensor, unpack_tensor
from narrows.codec.model.parts import Content, Tensors
from narrows.errors import FormatError, NarrowsError

MAGIC = b"\x89NRM"
HEAD_BYTES = len(MAGIC) + 1 + 4  # magic, version, number of bytes of the JSON
CHECKSUM_BYTES = 32
MAX_JSON_BYTES = 1 << 24  # a thousand times what a model needs
MAX_MODEL_NUMBERS = 1 << 28  # of all tensors: as weights they then take half a gigabyte
BROKEN_CONTENT = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip


def pack_model(model: Model) -> bytes:
    """Lay a model out as the bytes of a `.narrows` file."""
    settings, tensors = write_model(model)
    _check_numbers(sum(tensor.size for tensor in tensors.values()))
    packed = {name: pack_tensor(tensor) for name, tensor in sorted(tensors.items())}
    text = canonical_json({**settings, "tensors": {name: len(p) for name, p in packed.items()}})
    head = MAGIC + bytes([VERSION]) + len(text).to_bytes(4, "little")
    return _sealed(head + text.encode() + b"".join(packed.values()))


def unpack_model(data: bytes, *, decoder_only: bool = False) -> Model:
    """Undo `pack_model`.

    Parameters
    ----------
    data : bytes
    decoder_only : bool, default False
        Leave the encoder out: enough to decompress, in half the time. The model id still binds
        what is used; that the encoder is whole is left to the file's checksum.

    Raises
    ------
    FormatError
        If a byte is damaged, the version is unknown, or the parts do not fit together.
    UnprovenModelError
        If the networks' arithmetic could leave the exact integers.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        kind = type(data).__name__
        raise FormatError(f"model of type {kind}; it must be bytes: of a file, narrows.load(name)")
    data = bytes(data)
    text, rest = _take_json(data)
    if len(rest) < CHECKSUM_BYTES or _sealed(data[:-CHECKSUM_BYTES]) != data:
        raise FormatError("damaged or truncated: the checksum of the model file does not match")
    settings = _read_json(text)
    if decoder_only:
        settings["encoder"] = None
    try:
        packed = dict(_cut(settings.pop("tensors"), rest[:-CHECKSUM_BYTES]))
        content = Content(settings, _unpack_tensors(packed, decoder_only))
        model = read_model(content)
        whole = _is_content_of(model, content)
    except NarrowsError:
        raise
    except BROKEN_CONTENT as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise FormatError(f"model file whose content does not fit together ({reason})") from None
    if not whole:
        raise FormatError(
            "model file whose settings or tensors are not those of the model it makes"
        )
    return model


def model_id_of(path: Path) -> str | None:
    """Read the id that a file says is its model's, from its JSON alone; None if it is no model.

    The id is proven only when the model is loaded.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            text, _ = _take_json(head + stream.read(min(_json_bytes(head), MAX_JSON_BYTES)))
            return str(_read_json(text)["model_id"])
    except (OSError, FormatError):
        return None


# ---------------------------------------------------------------- the container


def _take_json(data: bytes) -> tuple[bytes, bytes]:
    """Return the bytes of the JSON and those behind it."""
    if data[: len(MAGIC)] != MAGIC:
        raise FormatError(f"not a narrows model: it begins with {data[:4]!r}, not {MAGIC!r}")
    version = data[len(MAGIC) : len(MAGIC) + 1]
    if version not in (b"", bytes([VERSION])):
        raise FormatError(
            f"model of format version {version[0]}; this narrows reads version {VERSION}: "
            "use the version that wrote it"
        )
    size = _json_bytes(data)
    if size > min(len(data) - HEAD_BYTES, MAX_JSON_BYTES):
        raise FormatError("damaged or truncated: the JSON of the model file is not complete")
    return data[HEAD_BYTES : HEAD_BYTES + size], data[HEAD_BYTES + size :]


def _read_json(text: bytes) -> dict[str, Any]:
    """Parse the JSON, which must be canonical and name an id."""
    try:
        settings = json.loads(text)
        ours = isinstance(settings, dict) and "model_id" in settings
        ours = ours and canonical_json(settings).encode() == text
    except BROKEN_CONTENT:
        ours = False
    if not ours:
        raise FormatError("model file whose JSON is not canonical, or names no model id")
    return dict(settings)


def _json_bytes(data: bytes) -> int:
    return int.from_bytes(data[len(MAGIC) + 1 : HEAD_BYTES], "little")


def _sealed(data: bytes) -> bytes:
    return data + hashlib.sha256(data).digest()


def _cut(sizes: Mapping[str, Any], data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the packed tensors by name; together they must be all of the data."""
    for name, size in sizes.items():
        check_whole(size, 0, len(data), f"number of bytes of the tensor {name[:40]}")
    ends = list(accumulate(sizes.values(), initial=0))
    if ends[-1] != len(data):
        raise FormatError(f"model file with {len(data)} bytes for tensors of {ends[-1]}")
    for name, (start, end) in zip(sizes, pairwise(ends), strict=True):
        yield name, data[start:end]


def _unpack_tensors(packed: Mapping[str, bytes], decoder_only: bool) -> Tensors:
    if decoder_only:
        packed = {name: each for name, each in packed.items() if not name.startswith("encoder.")}
    _check_numbers(sum(map(announced_elements, packed.values())))
    return {name: unpack_tensor(each) for name, each in packed.items()}


def _check_numbers(n: int) -> None:
    """Refuse models that are too large, before memory is taken for one."""
    if n > MAX_MODEL_NUMBERS:
        raise FormatError(f"model of {n} integers; the limit is {MAX_MODEL_NUMBERS}")


# ---------------------------------------------------------------- model <-> content


def write_model(model: Model) -> Content:
    """Describe a model; the training summary is a tensor, of the bytes of canonical JSON."""
    known, decoding, encoder = model.known_answers, write_decoding(model), write_encoder(model)
    settings = {
        "model_id": model.model_id.hex(),
        "decoding": decoding.settings,
        "encoder": encoder.settings,
        "encoder_sha256": model.encoder_digest.hex(),
        "architecture": model.architecture,
        "peak": float(model.peak).hex(),
        "known_sha256": None if known is None else known.sha256,
    }
    summary = canonical_json(dict(model.training)).encode()
    tensors = decoding.tensors | encoder.tensors | {"training": np.frombuffer(summary, np.uint8)}
    if known is not None:
        tensors |= {"known.symbols": known.symbols, "known.answers": known.answers}
    return Content(settings, tensors)


def read_model(content: Content) -> Model:
    """Undo `write_model`; it raises whatever settings and tensors of a wrong kind lead to."""
    settings, tensors = content
    known, left_out = None, settings["encoder"] is None
    if settings["known_sha256"] is not None:
        known = KnownAnswers(
            tensors["known.symbols"], settings["known_sha256"], tensors["known.answers"]
        )
    return Model(
        **read_decoding(Content(settings["decoding"], tensors)),
        **read_encoder(Content(settings["encoder"], tensors)),
        architecture=str(settings["architecture"]),
        peak=float.fromhex(settings["peak"]),
        known_answers=known,
        training=dict(json.loads(tensors["training"].astype(np.uint8).tobytes())),
        given_encoder_digest=bytes.fromhex(settings["encoder_sha256"]) if left_out else None,
    )


def _is_content_of(model: Model, content: Content) -> bool:
    """Tell whether a model would be described so: nothing missing, unknown, or in another form."""
    settings, tensors = write_model(model)
    ours, theirs = tensors["training"], content.tensors["training"]
    return (
        canonical_json(settings) == canonical_json(content.settings)
        and set(tensors) == set(content.tensors)
        and theirs.dtype == ours.dtype
        and np.array_equal(theirs, ours)
    )
