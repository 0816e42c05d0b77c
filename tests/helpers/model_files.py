"""Model files taken apart, changed, and sealed again as an attacker would."""

import hashlib
import json
from functools import cache

import numpy as np

from narrows.codec.model.packed_tensors import pack_tensor, unpack_tensor
from readers.python.narrows_reader.model_id import digest, model_id
from readers.python.narrows_reader.settings import canonical

DECODING = ("decoder.", "quantiser.", "tables.", "contexts.")


def opened(data):
    """Return the settings of a model file, and its tensors, unpacked."""
    position = 9 + int.from_bytes(data[5:9], "little")
    settings, tensors = json.loads(data[9:position]), {}
    for name, size in settings.pop("tensors").items():
        tensors[name] = unpack_tensor(data[position : position + size])
        position += size
    return settings, tensors


def encoder_digest_of(content, tensors):
    if content["encoder"] is None:
        return bytes.fromhex(content["encoder_sha256"])
    own = {name: t for name, t in tensors.items() if name.startswith("encoder.")}
    return digest(content["encoder"], own)


def id_of(content, tensors):
    """Compute a model's id from what its file holds, as the format says."""
    own = {name: t for name, t in tensors.items() if name.startswith(DECODING)}
    encoder = encoder_digest_of(content, tensors).hex()
    return model_id({**content, "encoder_sha256": encoder}, own).hex()


def forged(content, tensors):
    """Write a model file whose id and checksum are right, whatever it holds."""
    content = {**content, "encoder_sha256": encoder_digest_of(content, tensors).hex()}
    return sealed({**content, "model_id": id_of(content, tensors)}, tensors)


def sealed(content, tensors):
    """Write a model file whose checksum is right, whatever it holds."""
    return of_rows(content, packed(tensors))


def packed(tensors):
    return {name: _packed(t.dtype, t.shape, t.tobytes()) for name, t in sorted(tensors.items())}


@cache
def _packed(dtype, shape, data):
    return pack_tensor(np.frombuffer(data, dtype).reshape(shape))


def text_of(content, rows):
    """Write the JSON of a model file with these packed tensors."""
    sizes = {name: len(row) for name, row in rows.items()}
    return canonical({**content, "tensors": sizes}).encode()


def of_rows(content, rows):
    """Write a model file of packed tensors, with the right checksum."""
    return sealed_text(text_of(content, rows), b"".join(row for _, row in sorted(rows.items())))


def sealed_text(text, body, version=0, size=None):
    """Write a model file of any JSON and any bytes behind it, with the right checksum."""
    head = b"\x89NRM" + bytes([version]) + (size or len(text)).to_bytes(4, "little")
    return head + text + body + hashlib.sha256(head + text + body).digest()
