"""The exact networks on torch, CPU or CUDA: the same bits as on numpy.

codec = Codec(model, backend=TorchBackend("cuda"))
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.backend import Array, Float
from narrows.errors import MissingExtraError


class TorchBackend:
    """Runs exact networks with torch, always in float64.

    Float32 products may run as TF32 under a global setting, so float32 is numpy's alone.

    Parameters
    ----------
    device : str, default "cpu"
        Of torch.
    """

    float32_is_exact = False

    def __init__(self, device: str = "cpu") -> None:
        try:
            import torch
        except ImportError:
            raise MissingExtraError("torch", "the torch backend", "train") from None
        self.xp = torch
        self.device = torch.device(device)

    def constant(self, values: npt.NDArray[Any], dtype: Float) -> Array:
        """Carry a numpy array to the device as float64."""
        return self.xp.from_numpy(np.array(values, dtype=np.float64)).to(self.device)

    def cast(self, x: Array, dtype: Float) -> Array:
        """Return `x`, which is float64 already."""
        return x

    def take(self, table: Array, index: Array) -> Array:
        """Return `table[index]`."""
        return table[index.long()]

    def to_numpy(self, x: Array) -> npt.NDArray[Any]:
        """Carry a tensor back to numpy."""
        result: npt.NDArray[Any] = x.cpu().numpy()
        return result
