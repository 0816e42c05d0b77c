"""In what units the errors of a codec are set beside those of others.

Channels of other kinds have no unit in common: at one error over a table of pressure and light, all
codecs but ours would spend their bytes on the larger numbers. Where a model counts the errors of
each channel in its own deviation, the others get the channels in these units, and one SNR holds for
all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.model.model import Model
from narrows.evaluation.fidelity import psnr_of_mse
from narrows.evaluation.rate_point import RatePoint, codec_point
from narrows.signals.channels import by_channel

if TYPE_CHECKING:
    from narrows.evaluation.metrics import Evaluation

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """The units of a comparison.

    Attributes
    ----------
    peak : float
        That PSNR refers to, in these units.
    offset, scale : (channels,) or None
        What makes of signals those in these units: `(x - offset) * scale`. None: they have them.
    """

    peak: float
    offset: Floats | None = None
    scale: Floats | None = None

    @classmethod
    def of(cls, model: Model, x: npt.NDArray[Any]) -> Self:
        """Return those in which a model is compared with others on `(n, *frame_shape)` signals.

        Where its channels have scales of their own, and are no bytes, which picture codecs take as
        they are: the deviations of these signals' channels. The PSNR is then their SNR.
        """
        scale = np.array(model.normaliser.scale)
        if model.dtype == np.uint8 or scale.ndim == 0 or np.ptp(scale) == 0:
            return cls(model.peak)
        values = by_channel(x)
        mean, deviation = (f(values, axis=(0, 1), dtype=np.float64) for f in (np.mean, np.std))
        return cls(1.0, np.asarray(mean), 1.0 / np.where(deviation > 0, deviation, 1.0))

    @property
    def by_channel(self) -> bool:
        """Whether each channel has a unit of its own."""
        return self.scale is not None

    def signals(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return `(n, *frame_shape)` signals in these units: float32, or as they are."""
        if self.offset is None or self.scale is None:
            return x
        alike = (by_channel(x) - self.offset) * self.scale
        return alike.reshape(x.shape).astype(np.float32)

    def point(self, name: str, measured: Evaluation) -> RatePoint:
        """Return the point of a narrows codec, its quality in these units."""
        point = codec_point(name, measured)
        if self.scale is None:
            return point
        errors = np.array([channel.rms_error for channel in measured.channels])
        psnr = psnr_of_mse(float(np.square(errors * self.scale).mean()))
        return replace(point, psnr=psnr, snr=psnr, by_channel=True)

    def points(self, points: Sequence[RatePoint]) -> list[RatePoint]:
        """Mark points that were measured in these units as such."""
        if not self.by_channel:
            return list(points)
        return [replace(point, snr=point.psnr, by_channel=True) for point in points]
