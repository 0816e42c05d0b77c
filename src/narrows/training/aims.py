"""What a training aims at: bytes, or how near reconstructions come to the signals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from narrows.errors import SettingError

DEFAULT_AIM = "snr:20"
"""1 % of the variance is lost: waveforms and colours that a person takes for the originals."""
KINDS = {
    "snr": "dB of the signals' variance over the mean squared error",
    "psnr": "dB of their squared range over it",
    "ratio": "raw bytes over coded ones",
    "bytes": "a signal",
    "bits-per-element": "",
}
OF_QUALITY = ("snr", "psnr")


@dataclass(frozen=True)
class Aim:
    """One number that a training is to meet; with several qualities, at the middle one.

    Attributes
    ----------
    kind : str
        A key of KINDS.
    value : float
        Above 0.
    """

    kind: str
    value: float

    @property
    def of_quality(self) -> bool:
        """Whether it is one of quality, not of rate."""
        return self.kind in OF_QUALITY

    def bits(self, size: int, itemsize: int) -> float:
        """Return the bits a signal of an aim of rate, for frames of `size` elements in bytes."""
        raw = 8.0 * size * itemsize
        of = {"ratio": raw / self.value, "bytes": 8.0 * self.value}
        return of.get(self.kind, size * self.value)

    def snr(self, psnr_of_mean: float) -> float:
        """Return the signal-to-noise ratio in dB that an aim of quality comes to.

        `psnr_of_mean` is the PSNR in dB of the signals' mean in place of them.
        """
        return self.value - (psnr_of_mean if self.kind == "psnr" else 0.0)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value:g}"


def parse_aim(text: str) -> Aim:
    """Read `snr:20`, `psnr:40`, `ratio:50`, `bytes:12` or `bits-per-element:0.5`.

    Raises
    ------
    SettingError
        For anything else.
    """
    kind, _, number = text.partition(":")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if kind not in KINDS or not (math.isfinite(value) and value > 0):
        *most, last = (f"{name}:{'dB' if name in OF_QUALITY else 'X'}" for name in KINDS)
        raise SettingError(
            f"aim {text!r}; accepted are {', '.join(most)} and {last}, with a number above 0"
        )
    return Aim(kind, value)
