"""A finished model as a float autoencoder to go on with: freezing, undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from narrows.codec.model.groups import CORRECTED, ENCODED
from narrows.element_types import ends_of
from narrows.errors import SettingError
from narrows.training.architectures import Autoencoder, Numbers, Scaling
from narrows.training.freeze.thawing import check_thaws, thaw_network

if TYPE_CHECKING:
    from narrows.codec.model.model import Model
    from narrows.codec.networks.network import IntegerNetwork

ROUNDED_TO_NONE = 0.5  # of the smallest: stands for a gain or a step of 0
INFINITE = float("inf")


@dataclass(frozen=True, eq=False)
class Thawed:
    """The networks of a finished model, as they can be trained on.

    Attributes
    ----------
    model : Model
        With an encoder. What corrects its decoder's output is left out.
    """

    model: Model

    def __post_init__(self) -> None:
        for what, network in (("encoder", self.model.encoder), ("decoder", self._decoder)):
            try:
                if network is not None:
                    check_thaws(network)
            except SettingError as error:
                raise SettingError(f"{error} in its {what}") from None

    @property
    def architecture(self) -> str:
        """The model's: "dense", "conv", or another of networks that were made by hand."""
        return self.model.architecture

    @property
    def latent_size(self) -> int:
        """The encoder's latents."""
        return self.model.groups[ENCODED]

    @property
    def _decoder(self) -> IntegerNetwork:
        has_correction = CORRECTED in self.model.groups
        return self.model.decoder.branches[0] if has_correction else self.model.decoder

    @property
    def ends(self) -> Scaling:
        """The maps at the ends, in units in which an input integer is 1."""
        own, kind = self.model.normaliser, self.model.dtype.kind
        low, high = (-INFINITE, INFINITE) if kind == "f" else map(float, ends_of(self.model.dtype))
        weights = self.model.tradeoffs.weights if self.model.tradeoffs else ()
        scale = _numbers(own.scale)
        weight = _numbers(tuple(weights) or 1.0)
        if np.ndim(weight) != np.ndim(scale):
            weight = np.ones_like(scale)
        ends = _numbers(own.offset), scale, _numbers(own.output_offset), 1.0 / scale
        return Scaling(*ends, low, high, self.model.peak, kind != "f", weight)

    @torch.no_grad()
    def autoencoder(self, scaling: Scaling, latent_scale: float) -> Autoencoder:
        """Return the model as a float autoencoder that gives what it gives, but for rounding.

        Parameters
        ----------
        scaling : Scaling
            The model's `ends`, in any units.
        latent_scale : float
            See Autoencoder.
        """
        model, encoder = self.model, self.model.encoder
        assert encoder is not None
        quantiser, columns = model.quantiser, model.columns(ENCODED)
        gain, log_gain = self._relative(quantiser.gain[:, columns] * 2.0**-quantiser.shift)
        step, log_step = self._relative(quantiser.step[:, columns])
        input_unit = float(np.mean(scaling.scale / _numbers(model.normaliser.scale)))
        output_unit = float(np.mean(_numbers(model.normaliser.slope) / scaling.output_scale))
        networks = (
            thaw_network(encoder, input_unit, gain / latent_scale),
            thaw_network(self._decoder, 1.0 / (step * latent_scale), output_unit),
        )
        if model.n_qualities == 1 and not log_gain.any() and not log_step.any():
            return Autoencoder(*networks, scaling, latent_scale)
        return Autoencoder(*networks, scaling, latent_scale, log_gain, log_step)

    def _relative(self, values: npt.NDArray[Any]) -> tuple[float, torch.Tensor]:
        """Return the mean of the middle quality's row, and the logarithms of all over it."""
        least = float(values[values > 0].min()) if values.any() else 1.0
        logs = np.log(np.maximum(values, ROUNDED_TO_NONE * least))
        mean = float(logs[self.model.default_quality - 1].mean())
        return float(np.exp(mean)), torch.from_numpy(logs - mean).float()


def _numbers(values: float | tuple[float, ...]) -> Numbers:
    return np.array(values) if isinstance(values, tuple) else values
