"""The `.narrows` file: a model in safetensors layout.

One metadata key, `narrows`, holds canonical JSON; each tensor is a row of bytes that
`tensor_coding` packed. A checksum covers the whole file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import unpack_tables
from narrows.codec.model.model import VERSION, KnownAnswers, Model, Tensors, canonical_json
from narrows.codec.model.packed_tensors import (
    MAX_ELEMENTS,
    announced_elements,
    pack_tensor,
    unpack_tensor,
)
from narrows.codec.model.tradeoff import Exchange
from narrows.codec.networks.layers import Tensors as NamedTensors
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser
from narrows.errors import FormatError, NarrowsError

METADATA_KEY = "narrows"
MAX_HEADER_BYTES = 1 << 24  # a thousand times what a model needs
BROKEN_CONTENT = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
NO_CHECKSUM = "0" * 64


def pack_model(model: Model) -> bytes:
    """Lay a model out as the bytes of a `.narrows` file."""
    tensors = _tensors(model)
    _check_elements(sum(tensor.size for tensor in tensors.values()))
    packed = {
        name: np.frombuffer(pack_tensor(tensor), np.uint8)
        for name, tensor in sorted(tensors.items())
    }
    metadata = {METADATA_KEY: canonical_json(_content(model))}
    data = safetensors.numpy.save(packed, metadata=metadata)
    # The file with zeros for its checksum is what the checksum is of.
    checksum = hashlib.sha256(data).hexdigest()
    return data.replace(_mark(NO_CHECKSUM), _mark(checksum), 1)


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
    content = _read_content(data)
    _check_checksum(data, content)
    if decoder_only:
        content["encoder"] = None
    try:
        tensors = _unpack_tensors(data, decoder_only)
        model = _build(content, tensors)
        again = _tensors(model)
        complete = set(tensors) == set(again)
        complete &= tensors["training"].dtype == np.uint8
        complete &= np.array_equal(tensors["training"], again["training"])
        expected = {**_content(model), "checksum": content["checksum"]}
        agrees = canonical_json(content) == canonical_json(expected)
    except NarrowsError:
        raise
    except (safetensors.SafetensorError, *BROKEN_CONTENT) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise FormatError(f"model file whose content does not fit together ({reason})") from None
    if not complete or not agrees:
        raise FormatError(
            "model file whose settings or tensors are not those of the model it makes"
        )
    return model


def model_id_of(path: Path) -> str | None:
    """Read the id that a file says is its model's, from its header alone; None if it is no model.

    The id is proven only when the model is loaded.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            size = int.from_bytes(start, "little")
            return str(_read_content(start + stream.read(min(size, MAX_HEADER_BYTES)))["model_id"])
    except (OSError, FormatError):
        return None


def _unpack_tensors(data: bytes, decoder_only: bool) -> Tensors:
    rows: dict[str, bytes] = {}
    for name, packed in safetensors.numpy.load(data).items():
        if decoder_only and name.startswith("encoder."):
            continue
        if packed.dtype != np.uint8 or packed.ndim != 1:
            raise FormatError(f"model file with {name} of {packed.dtype} {packed.shape}")
        rows[name] = packed.tobytes()
    _check_elements(sum(announced_elements(row) for row in rows.values()))
    return {name: unpack_tensor(row) for name, row in rows.items()}


def _check_elements(n: int) -> None:
    """Refuse models that are too large, before memory is taken for one."""
    if n > MAX_ELEMENTS:
        raise FormatError(f"model of {n} integers; the limit is {MAX_ELEMENTS}")


def _tensors(model: Model) -> Tensors:
    """Give all tensors of the file; the training summary is one, of JSON bytes."""
    summary = canonical_json(dict(model.training)).encode()
    tensors = {
        **model.decoding_tensors(),
        **model.encoder_tensors(),
        "training": np.frombuffer(summary, np.uint8),
    }
    if model.known_answers is not None:
        tensors["known.symbols"] = model.known_answers.symbols
        tensors["known.answers"] = model.known_answers.answers
    return tensors


def _content(model: Model) -> dict[str, Any]:
    """Give the JSON of the file, with zeros for the checksum."""
    known = model.known_answers
    return {
        "format": VERSION,
        "model_id": model.model_id.hex(),
        "checksum": NO_CHECKSUM,
        "decoding": model.decoding_settings(),
        "encoder": model.encoder_settings(),
        "encoder_sha256": model.encoder_digest.hex(),
        "architecture": model.architecture,
        "peak": float(model.peak).hex(),
        "known_sha256": None if known is None else known.sha256,
    }


def _build(content: Mapping[str, Any], tensors: Tensors) -> Model:
    decoding, encoder, exchange, known = content["decoding"], None, None, None
    if content["encoder"] is not None:
        encoder = IntegerNetwork.build(content["encoder"], _under("encoder.", tensors))
        if "search" in content["encoder"]:
            exchange = Exchange.build(content["encoder"]["search"], tensors["encoder.curvature"])
    if content["known_sha256"] is not None:
        known = KnownAnswers(
            tensors["known.symbols"], content["known_sha256"], tensors["known.answers"]
        )
    tables = unpack_tables(dict(_under("tables.", tensors)))
    decoder = IntegerNetwork.build(decoding["decoder"], _under("decoder.", tensors))
    contexts: list[ContextModel | None] = []
    for number, each in enumerate(decoding["contexts"]):
        if each is None or "same_as" in each:
            contexts.append(None if each is None else contexts[each["same_as"]])
            continue
        own = _under(f"contexts.{number}.", tensors)
        row = tables[number][: len(tables[number]) - decoder.n_corrected]
        contexts.append(ContextModel.build(each, own, row))
    return Model(
        frame_shape=tuple(decoding["frame_shape"]),
        normaliser=Normaliser.build(decoding["normaliser"]),
        encoder=encoder,
        quantiser=Quantiser(
            gain=tensors["quantiser.gain"], step=tensors["quantiser.step"], **decoding["quantiser"]
        ),
        decoder=decoder,
        tables=tables,
        contexts=contexts,
        architecture=str(content["architecture"]),
        peak=float.fromhex(content["peak"]),
        exchange=exchange,
        known_answers=known,
        training=dict(json.loads(tensors["training"].astype(np.uint8).tobytes())),
        given_encoder_digest=bytes.fromhex(content["encoder_sha256"]) if encoder is None else None,
    )


def _read_content(data: bytes) -> dict[str, Any]:
    """Find the JSON in a safetensors header; FormatError where there is none of ours."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(len(data) - 8, MAX_HEADER_BYTES):
        raise FormatError("not a narrows model, or truncated: no complete safetensors header")
    try:
        header = json.loads(data[8 : 8 + size])
        text = header["__metadata__"][METADATA_KEY]
        content = json.loads(text)
        version, _ = content["format"], content["checksum"] + content["model_id"]
        canonical = canonical_json(content) == text
    except BROKEN_CONTENT:
        raise FormatError("not a narrows model: no narrows metadata in its header") from None
    if version != VERSION:
        raise FormatError(
            f"model of format version {version!r}; this narrows reads version {VERSION}: "
            "use the version that wrote it"
        )
    if not canonical:
        raise FormatError("model file whose metadata is not in canonical form")
    return dict(content)


def _check_checksum(data: bytes, content: Mapping[str, Any]) -> None:
    mark = _mark(str(content["checksum"]))
    if data.count(mark) != 1:
        raise FormatError("damaged: the model file's checksum is not where it should be")
    blank = data.replace(mark, _mark(NO_CHECKSUM))
    if hashlib.sha256(blank).hexdigest() != content["checksum"]:
        raise FormatError("damaged: the checksum of the model file does not match")


def _mark(checksum: str) -> bytes:
    """Give the checksum as it stands in the file: JSON inside a JSON string."""
    return rf"\"checksum\":\"{checksum}\"".encode()


def _under(prefix: str, tensors: Tensors) -> NamedTensors:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
