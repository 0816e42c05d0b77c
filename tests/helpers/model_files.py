"""Model files taken apart, changed, and sealed again as an attacker would."""

import hashlib
import json
from functools import cache

import numpy as np
import safetensors
import safetensors.numpy

from narrows.codec.model.packed_tensors import pack_tensor, unpack_tensor

NO_CHECKSUM = "0" * 64
DECODING = ("decoder.", "quantiser.", "tables.", "contexts.")


def opened(data):
    """Give the content of a model file and its tensors, unpacked."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    packed = safetensors.numpy.load(data)
    tensors = {name: unpack_tensor(tensor.tobytes()) for name, tensor in packed.items()}
    return json.loads(header["__metadata__"]["narrows"]), tensors


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
    return sealed_text(canonical({**content, "checksum": NO_CHECKSUM}).decode(), packed(tensors))


def packed(tensors):
    rows = {name: _packed(t.dtype, t.shape, t.tobytes()) for name, t in sorted(tensors.items())}
    return {name: np.frombuffer(row, np.uint8) for name, row in rows.items()}


@cache
def _packed(dtype, shape, data):
    return pack_tensor(np.frombuffer(data, dtype).reshape(shape))


def sealed_text(text, rows):
    """Write a model file of metadata and packed tensors, with the right checksum."""
    data = safetensors.numpy.save(rows, metadata={"narrows": text})
    checksum = hashlib.sha256(data).hexdigest()
    return data.replace(NO_CHECKSUM.encode(), checksum.encode(), 1)
