"""FORMAT.md, "The output end": from the decoder's integers to elements."""

import numpy as np

from .conventions import need
from .forms import Settings, integer, is_float, is_positive

DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64")
SETTINGS = {
    "dtype": lambda value: value in DTYPES, "limit": integer(1, 2**32 - 1),
    "offset": is_float, "scale": is_positive,
    "output_multiplier": integer(1, 2**15), "output_shift": integer(-32, 51),
    "output_offset": is_float, "output_scale": is_positive,
}  # fmt: skip


def check_output(settings: Settings, bound: int) -> None:
    """Check the conditions on the bound of the decoder's output and on the offset."""
    most = bound * settings["output_multiplier"] << max(0, -settings["output_shift"])
    need(most < 2**52, "an output could reach 2**52")
    offset = float.fromhex(settings["output_offset"])
    whole = offset.is_integer() and abs(offset) < 2**52
    need(whole or settings["dtype"].startswith("float"), "the output offset is not whole")


def denormalise(y: np.ndarray, settings: Settings) -> np.ndarray:
    """Turn the decoder's integers, int64, into elements."""
    dtype, offset = np.dtype(settings["dtype"]), float.fromhex(settings["output_offset"])
    if dtype.kind == "f":
        most = float(np.finfo(dtype).max)
        with np.errstate(over="ignore", under="ignore"):
            a = y.astype(np.float64) * float.fromhex(settings["output_scale"])
            b = a + offset
            return np.clip(b, -most, most).astype(dtype) + dtype.type(0)  # -0.0 becomes +0.0
    a, shift = y * settings["output_multiplier"], settings["output_shift"]
    b = (a + 2 ** (shift - 1)) >> shift if shift > 0 else a << -shift
    bounds = np.iinfo(settings["dtype"])
    return np.clip(b + int(offset), bounds.min, bounds.max).astype(dtype)
