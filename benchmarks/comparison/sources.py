"""Sources whose optimum is known, so that a codec is measured against it and not against others.

Rates are in bits a signal; distortions are squared errors a sample.
"""

import math
from dataclasses import dataclass

import numpy as np

GAUSSIAN_SIZE, CORRELATION = 32, 0.9
SAWBRIDGE_SAMPLES = 1024


@dataclass(frozen=True)
class Gaussian:
    """Gaussian vectors: R(D) by reverse water-filling (Cover and Thomas 2006, section 10.3.3).

    Attributes
    ----------
    variances : (size,)
        The eigenvalues of the covariance.
    """

    variances: np.ndarray
    name = "R(D)"
    most_bits = math.inf

    @property
    def samples(self):
        """Samples over which a gap in bits is stated: all of a signal's."""
        return len(self.variances)

    def level(self, distortion):
        """Return the water level theta at which mean(min(theta, variance)) is `distortion`."""
        low, high = 0.0, float(self.variances.max())
        for _ in range(200):
            middle = (low + high) / 2
            filled = np.minimum(middle, self.variances).mean() >= distortion
            low, high = (low, middle) if filled else (middle, high)
        return high

    def bits(self, distortion):
        """Return the least bits a signal at a squared error a sample."""
        if distortion >= self.variances.mean():
            return 0.0
        return self._bits_of(math.log(self.level(distortion)))

    def _bits_of(self, log_level):
        """Sum the bits of the components above a water level; its logarithm does not underflow."""
        nats = np.maximum(0.0, np.log(self.variances) - log_level) / 2
        return float(nats.sum()) / math.log(2)

    def distortion(self, bits):
        """Return the least squared error a sample at a rate in bits a signal."""
        high = math.log(self.variances.max())
        low = high - 2 * math.log(2) * bits - 50.0
        for _ in range(200):
            middle = (low + high) / 2
            enough = self._bits_of(middle) >= bits
            low, high = (middle, high) if enough else (low, middle)
        return float(np.minimum(math.exp(low), self.variances).mean())


@dataclass(frozen=True)
class Sawbridge:
    """The sawbridge, X(t) = t - 1 where U <= t and t elsewhere (Wagner and Balle 2021).

    The best code states in which of N equal parts U lies: log2(N) bits, D = 1 / (6 N). Between
    those rates no code of single signals is below D = 2^-bits / 6, because the entropy of the
    parts is at least that of their collisions, and D is a sixth of their sum of squares. Holds as
    long as parts are wider than some samples: up to `most_bits`.
    """

    name = "optimum"
    most_bits = math.log2(SAWBRIDGE_SAMPLES / 8)
    samples = 1

    def bits(self, distortion):
        """Return the least bits a signal at a squared error a sample."""
        return max(0.0, -math.log2(6 * distortion))

    def distortion(self, bits):
        """Return the least squared error a sample at a rate in bits a signal."""
        return 2.0**-bits / 6


def covariance(correlation, size=GAUSSIAN_SIZE):
    """Return the covariance of a first-order autoregression of variance 1; 0 is independence."""
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    return np.asarray(float(correlation) ** distance)


def draw_gaussian(n, correlation, seed):
    """Draw `(n, size)` float32 vectors."""
    root = np.linalg.cholesky(covariance(correlation))
    draws = np.random.default_rng([seed, 1]).standard_normal((n, len(root)))
    return np.asarray(draws @ root.T, dtype=np.float32)


def draw_sawbridge(n, seed, samples=SAWBRIDGE_SAMPLES):
    """Draw `(n, samples)` float32 paths, sampled in the middles of equal steps of time."""
    t = (np.arange(samples, dtype=np.float32) + 0.5) / samples
    u = np.random.default_rng([seed, 2]).random((n, 1), dtype=np.float32)
    return np.subtract(t, u <= t, dtype=np.float32)


def gaussian_of(correlation):
    """Return the optimum of `draw_gaussian`."""
    return Gaussian(np.linalg.eigvalsh(covariance(correlation)))


def gaps(optimum, bits, distortion):
    """Return how far a measured point is from the optimum: in bits at its D, in dB at its rate.

    The bits are a sample's for Gaussian vectors, and a signal's for the sawbridge. The dB are None
    at a rate beyond which the optimum is not known.
    """
    in_bits = (bits - optimum.bits(distortion)) / optimum.samples
    if bits > optimum.most_bits:
        return in_bits, None
    return in_bits, 10 * math.log10(distortion / optimum.distortion(bits))
