"""FORMAT.md, "Model id"."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import numpy as np

from .forms import Settings
from .settings import canonical


def digest(settings: Any, tensors: Mapping[str, np.ndarray]) -> bytes:
    """Compute the digest of settings and tensors."""
    hashed = sha256(canonical(settings).encode())
    for name, values in sorted(tensors.items()):
        hashed.update(f"\n{name} {values.dtype.name} {list(values.shape)}\n".encode())
        hashed.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return hashed.digest()


def model_id(settings: Settings, tensors: Mapping[str, np.ndarray]) -> bytes:
    """Compute the model id; `tensors` are those that decoding depends on."""
    encoder = bytes.fromhex(settings["encoder_sha256"])
    return sha256(encoder + digest(settings["decoding"], tensors)).digest()[:16]
