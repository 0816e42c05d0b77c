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
    "cosine": "between vectors and what comes back, on average",
    "ratio": "raw bytes over coded ones",
    "bytes": "a signal",
    "bits-per-element": "",
}
OF_QUALITY = ("snr", "psnr", "cosine")
IN_DECIBELS = ("snr", "psnr")
BY_CHANNEL = "snr"
LEAST_BYTES = 0.01
"""What an aim may ask for, as a target may."""


@dataclass(frozen=True)
class Aim:
    """One number that a training is to meet; with several qualities, at the middle one.

    Attributes
    ----------
    kind : str
        A key of KINDS.
    values : tuple of float
        Above 0; of `snr` perhaps one of each channel.
    """

    kind: str
    values: tuple[float, ...]

    @property
    def value(self) -> float:
        """The aim, or the highest of those of channels."""
        return max(self.values)

    @property
    def is_by_channel(self) -> bool:
        """Whether each channel has an aim of its own."""
        return len(self.values) > 1

    def raised(self, decibels: float) -> Aim:
        """Return the aim at a higher quality, to a tenth of a decibel or 0.0001 of a cosine."""
        if self.kind == "cosine":
            return Aim(self.kind, (cosine_of(error_of(self.value) * 10.0 ** (-decibels / 10.0)),))
        return Aim(self.kind, tuple(round(each + decibels, 1) for each in self.values))

    def most(self, decibels: float) -> Aim:
        """Return the aim at a quality so much higher, or lower, in whole decibels."""
        if self.kind not in IN_DECIBELS:
            return self.raised(decibels)
        return Aim(self.kind, tuple(math.floor(each + decibels) for each in self.values))

    @property
    def of_quality(self) -> bool:
        """Whether it is one of quality, not of rate."""
        return self.kind in OF_QUALITY

    def bits(self, size: int, itemsize: int) -> float:
        """Return the bits a signal of an aim of rate, for frames of `size` elements in bytes.

        Raises
        ------
        SettingError
            If there are no fewer than of the signals themselves, or next to none.
        """
        raw = 8.0 * size * itemsize
        of = {"ratio": raw / self.value, "bytes": 8.0 * self.value}
        bits = of.get(self.kind, size * self.value)
        if not 8.0 * LEAST_BYTES <= bits < raw:
            raise SettingError(
                f"aim {self} is {bits / 8:.3g} bytes a signal; accepted are {LEAST_BYTES} or more, "
                f"and fewer than the {size * itemsize:,} that it has"
            )
        return bits

    def snr(self, psnr_of_mean: float, snr_of_zero: float) -> float:
        """Return the signal-to-noise ratio in dB that an aim of quality comes to.

        `psnr_of_mean` is the PSNR in dB of the signals' mean in place of them, and `snr_of_zero`
        the ratio in dB of their variance to their mean square.
        """
        if self.kind == "cosine":
            return snr_of_zero - 10.0 * math.log10(error_of(self.value))
        return self.value - (psnr_of_mean if self.kind == "psnr" else 0.0)

    def __str__(self) -> str:
        return f"{self.kind}:{','.join(f'{each:.12g}' for each in self.values)}"


def error_of(cosine: float) -> float:
    """Return the squared error of vectors of length 1 whose best estimates have a mean cosine.

    The mean of what may have been rounded to the same symbols has the length `sqrt(1 - error)`,
    which is also its cosine with them.
    """
    return 1.0 - cosine**2


def cosine_of(error: float) -> float:
    """Return the cosine, down to 0.0001, of such an error."""
    return math.floor(1e4 * math.sqrt(max(0.0, 1.0 - error)) + 1e-6) / 1e4


def parse_aim(text: str) -> Aim:
    """Read `snr:20`, `psnr:40`, `cosine:0.95`, `ratio:50`, `bytes:12`, `bits-per-element:0.5`.

    And `snr:20,30`, of channels.

    Raises
    ------
    SettingError
        For anything else.
    """
    kind, _, numbers = text.partition(":")
    try:
        values = tuple(float(each) for each in numbers.split(","))
    except ValueError:
        values = (math.nan,)
    known = kind in KINDS and (len(values) == 1 or kind == BY_CHANNEL)
    known = known and (kind != "cosine" or values[0] < 1.0)
    if not known or not all(math.isfinite(each) and each > 0 for each in values):
        *most, last = (f"{name}:{'dB' if name in IN_DECIBELS else 'X'}" for name in KINDS)
        raise SettingError(
            f"aim {text!r}; accepted are {', '.join(most)} and {last}, with a number above 0, and "
            f"{BY_CHANNEL}:dB,dB,... with one for each channel; a cosine is below 1"
        )
    return Aim(kind, values)
