"""FORMAT.md, "The output end": from the decoder's integers to elements."""

import numpy as np

from .conventions import Shape, need
from .forms import Either, ListOf, Settings, Test, integer, is_float, is_positive

DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64", "bool", "float16",
          "uint32", "int64", "uint64")  # fmt: skip
BY_CHANNEL = ("offset", "scale", "output_multiplier", "output_shift", "output_offset",
              "output_scale")  # fmt: skip


def by_channel(test: Test) -> Either:
    """Make a form of one value, or of one for each channel, of which there are at least 2."""
    return Either(lambda value: ListOf(test, 2) if isinstance(value, list) else test)


SETTINGS = {
    "dtype": lambda value: value in DTYPES, "limit": integer(1, 2**32 - 1),
    "offset": by_channel(is_float), "scale": by_channel(is_positive),
    "output_multiplier": by_channel(integer(1, 2**15)),
    "output_shift": by_channel(integer(-32, 51)),
    "output_offset": by_channel(is_float), "output_scale": by_channel(is_positive),
}  # fmt: skip


def each_channel(settings: Settings, shape: Shape) -> list[Settings]:
    """Return the settings of each channel; those of all elements where channels have none."""
    kinds = {len(v) if isinstance(v := settings[name], list) else 1 for name in BY_CHANNEL}
    need(kinds == {1} or kinds == set(shape[-1:]), "the normaliser is of other channels")
    if kinds == {1}:
        return [settings]
    columns = zip(*(settings[name] for name in BY_CHANNEL), strict=True)
    return [{**settings, **dict(zip(BY_CHANNEL, column, strict=True))} for column in columns]


def check_output(settings: Settings, bound: int, shape: Shape) -> None:
    """Check the conditions on the bound of the decoder's output and on the offsets."""
    for each in each_channel(settings, shape):
        most = bound * each["output_multiplier"] << max(0, -each["output_shift"])
        need(most < 2**52, "an output could reach 2**52")
        offset = float.fromhex(each["output_offset"])
        whole = offset.is_integer() and abs(offset) < 2**52
        need(whole or settings["dtype"].startswith("float"), "the output offset is not whole")


def denormalise(y: np.ndarray, settings: Settings, shape: Shape) -> np.ndarray:
    """Turn the decoder's integers, int64 (n, *shape), into signals."""
    channels = each_channel(settings, shape)
    if len(channels) == 1:
        return denormalise_channel(y, channels[0])
    parts = [denormalise_channel(y[..., c], each) for c, each in enumerate(channels)]
    return np.stack(parts, axis=-1)


def denormalise_channel(y: np.ndarray, settings: Settings) -> np.ndarray:
    """Turn integers into elements by the settings of their channel."""
    dtype, offset = np.dtype(settings["dtype"]), float.fromhex(settings["output_offset"])
    if dtype.kind == "f":
        most = float(np.finfo(dtype).max)
        with np.errstate(over="ignore", under="ignore"):
            a = y.astype(np.float64) * float.fromhex(settings["output_scale"])
            b = a + offset
            return np.clip(b, -most, most).astype(dtype) + dtype.type(0)  # -0.0 becomes +0.0
    a, shift = y * settings["output_multiplier"], settings["output_shift"]
    b = (a + 2 ** (shift - 1)) >> shift if shift > 0 else a << -shift
    c = b + int(offset)  # below 2**53 in absolute value
    if dtype.kind == "b":
        return c > 0
    bounds = np.iinfo(settings["dtype"])
    return np.clip(c, bounds.min, min(bounds.max, 2**63 - 1)).astype(dtype)
