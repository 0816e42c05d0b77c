"""Model files taken apart, changed, and sealed again as an attacker would."""

import hashlib
import json
from functools import cache

import numpy as np

from narrows.codec.model.packed_tensors import pack_tensor, unpack_tensor

MAGIC_AND_VERSION = b"\x89NRM\0"
DECODING = ("decoder.", "quantiser.", "tables.", "contexts.")


def opened(data):
    """Return the settings of a model file, and its tensors, unpacked."""
    position = 9 + int.from_bytes(data[5:9], "little")
    settings, tensors = json.loads(data[9:position]), {}
    for name, size in settings.pop("tensors").items():
        tensors[name] = unpack_tensor(data[position : position + size])
        position += size
    return settings, tensors


def digest(settings, tensors):
    """Hash settings and tensors as the format says."""
    hashed = hashlib.sha256(canonical(settings))
    for name in sorted(tensors):
        tensor = tensors[name]
        hashed.update(f"\n{name} {tensor.dtype.name} {list(tensor.shape)}\n".encode())
        hashed.update(tensor.tobytes())
    return hashed.digest()


def encoder_digest_of(content, tensors):
    if content["encoder"] is None:
        return bytes.fromhex(content["encoder_sha256"])
    own = {name: t for name, t in tensors.items() if name.startswith("encoder.")}
    return digest(content["encoder"], own)


def id_of(content, tensors):
    """Compute a model's id from what its file holds, as the format says."""
    own = {name: t for name, t in tensors.items() if name.startswith(DECODING)}
    whole = encoder_digest_of(content, tensors) + digest(content["decoding"], own)
    return hashlib.sha256(whole).hexdigest()[:32]


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


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
    return canonical({**content, "tensors": {name: len(row) for name, row in rows.items()}})


def of_rows(content, rows):
    """Write a model file of packed tensors, with the right checksum."""
    return sealed_text(text_of(content, rows), b"".join(row for _, row in sorted(rows.items())))


def sealed_text(text, body):
    """Write a model file of any JSON and any bytes behind it, with the right checksum."""
    data = MAGIC_AND_VERSION + len(text).to_bytes(4, "little") + text + body
    return data + hashlib.sha256(data).digest()
