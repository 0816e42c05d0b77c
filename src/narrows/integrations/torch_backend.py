"""Exact networks on torch, on CPU or CUDA: the same bits as on numpy.

codec = Codec(model, backend=TorchBackend("cuda"))
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.backend import PART_ELEMENTS, Array, Float, Shape
from narrows.errors import needing

DEVICE_PART_ELEMENTS = 1 << 24
"""128 megabytes of float64: enough work for a GPU, and far less than its memory."""


class TorchBackend:
    """Runs exact networks with torch, always in float64.

    Float32 products may run as TF32 under a global setting, so float32 is numpy's alone.

    Parameters
    ----------
    device : str, default "cpu"
        Of torch.

    Raises
    ------
    SettingError
        If this machine has no such device, or it has no float64.
    """

    float32_is_exact = False

    def __init__(self, device: str = "cpu") -> None:
        with needing("torch", "the torch backend", "train"):
            import torch
        from narrows.training.torch_modes import device_named, one_thread_after_fork

        self._before_work = one_thread_after_fork
        self.xp = torch
        self.device = device_named(device, torch.float64)
        on_cpu = self.device.type == "cpu"
        self.part_elements = PART_ELEMENTS if on_cpu else DEVICE_PART_ELEMENTS

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the device alone."""
        return TorchBackend, (str(self.device),)

    def zeros(self, shape: Shape, dtype: Float) -> Array:
        """Return zeros on the device, in float64."""
        return self.xp.zeros(shape, dtype=self.xp.float64, device=self.device)

    def empty(self, shape: Shape, dtype: Float) -> Array:
        """Return an array of undefined content on the device, in float64."""
        return self.xp.empty(shape, dtype=self.xp.float64, device=self.device)

    def constant(self, values: npt.NDArray[Any], dtype: Float) -> Array:
        """Convert a numpy array to float64 on the device."""
        self._before_work()
        return self.xp.from_numpy(np.array(values, dtype=np.float64)).to(self.device)

    def cast(self, x: Array, dtype: Float) -> Array:
        """Return `x`, which is float64 already."""
        return x

    def take(self, table: Array, index: Array) -> Array:
        """Return `table[index]`."""
        return table[index.long()]

    def windows(self, x: Array, sizes: Shape, kernel: Shape, stride: Shape) -> Array:
        """Return a view of the windows."""
        first, *along, last = x.stride()
        apart = (a * s for a, s in zip(along, stride, strict=True))
        return x.as_strided((len(x), *sizes, *kernel, x.shape[-1]), (first, *apart, *along, last))

    def to_numpy(self, x: Array) -> npt.NDArray[Any]:
        """Convert a tensor to numpy."""
        result: npt.NDArray[Any] = x.cpu().numpy()
        return result
