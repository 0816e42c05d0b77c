"""How lambda is found while training goes on: the one at which the aim is met.

Lambda is multiplied by a little after each update, more and more slowly, so that the weights settle
on one lambda.
"""

from __future__ import annotations

import math

from torch import Tensor

SPEED = 0.004  # of the logarithm an update, at first
SPEED_OF_ALL = 12.0  # at least in all updates, where an aim was given: short runs meet it too
LAST_SHARE = 0.1  # of the speed, at the end
GAIN = 2.0  # of the gap, which is then limited to -1 .. 1
SEARCH_GAIN = 10.0**-0.07
"""What compressing by default leaves of the error of rounding: 0.4 to 1 dB less, measured."""
MOST_BITS = 1.25
"""In those of principal components: a network that needs more is not worth its training."""

WEIGHT_EXPONENT = 0.6
"""A quality's weight is lambda to the power of minus this; with 0, files of MNIST were a quarter
larger."""


class Control:
    """A lambda that moves.

    Parameters
    ----------
    start : float
        The first lambda.
    speed : float, default SPEED
    most : float, optional
        The largest lambda.
    """

    def __init__(self, start: float, speed: float = SPEED, most: float = math.inf) -> None:
        self.log_lambda = math.log(start)
        self.speed = speed
        self.log_most = math.log(most)

    @property
    def lambda_(self) -> float:
        """The present lambda."""
        return math.exp(self.log_lambda)

    def move(self, gap: float, progress: float) -> None:
        """Move lambda up by a gap above 0, or down; `progress` is the share of training done."""
        gap = max(-1.0, min(1.0, GAIN * gap))
        change = self.speed * (1.0 - (1.0 - LAST_SHARE) * progress) * gap
        self.log_lambda = min(self.log_lambda + change, self.log_most)


def rate_gap(rate_bits: float, aim_bits: float) -> float:
    """Return how far a rate is below its aim, as a share of it."""
    return 1.0 - rate_bits / aim_bits


class ErrorAim:
    """The squared error that a model is to have, as its files will have it.

    Errors of training, with noise in place of rounding, are another matter than those of held-out
    signals: their ratio is measured after each epoch, and the aim corrected by it.

    Parameters
    ----------
    aimed : float
        Squared error of a frame.
    most_bits : float
        A signal, above which lambda does not grow.
    components : int
        That are worth coding at that error.
    """

    def __init__(self, aimed: float, most_bits: float, components: int) -> None:
        self.aimed = aimed / SEARCH_GAIN
        self.components = components
        self.most_bits = most_bits
        self.shift = 0.0
        """The logarithm of held-out over training errors."""
        self._sum, self._count = 0.0, 0

    def slope(self, latent_size: int) -> float:
        """Return the bits that a little less error takes, over it, where so many latents share it.

        It is the slope of R = k / 2 log2(variance / D), and so the lambda of that point.
        """
        return latent_size / (2.0 * math.log(2.0) * self.aimed)

    @property
    def most(self) -> float:
        """The lambda at which principal components buy as much for a bit as the networks do."""
        return self.slope(self.components)

    def gap(self, error: float, rate_bits: float) -> float:
        """Return how far a batch's error is above the aim, in logarithms."""
        self._sum, self._count = self._sum + error, self._count + 1
        gap = math.log(max(error, 1e-30) / self.aimed) + self.shift
        return min(gap, rate_gap(rate_bits, self.most_bits))

    def correct(self, held_out_error: float) -> None:
        """Compare the batches since the last time with held-out signals."""
        if self._count and held_out_error > 0:
            self.shift = math.log(held_out_error * self._count / max(self._sum, 1e-30))
        self._sum, self._count = 0.0, 0


def weights_of(lambdas: Tensor) -> Tensor:
    """Return the weight of each quality in the loss, `(n_qualities,)`, 1 on average.

    With equal weights the highest would count alone: its lambda is hundreds of times the lowest.
    """
    weights = lambdas**-WEIGHT_EXPONENT
    return weights / weights.mean()
