"""Rounding steps of latents, from their entropy or their error."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MIN_SPREAD = 1e-5  # below it, latents of a constant set are rounding errors
MIN_STEP = 1e-5  # in spreads: 16 bits a latent
MAX_STEP_OF_FEW_VALUES = 0.1  # in spreads: larger steps could tell the values apart, but move them
MAX_COUNTED, COUNTED_RATIO = 1 << 16, 4
"""Counting is faster than sorting up to so many different symbols, or so many to each that is."""
MAX_STEP_RATIO = 2.0**15  # of two qualities: more than whole numbers below 2**21 hold
CLIPPED_STEP_RATIO = 2.0**10  # above that: the smallest gain, of 15 bits, is then right to 3 %
HALVINGS = 18  # of the 23 octaves in which the step may be: to 1 in 16,000


def step_for_entropy(y: Tensor, bits: float) -> float:
    """Find the largest rounding step at which `(n, k)` latents have `bits` of entropy a signal.

    Where no step gives so many, as for signals that take few values, it is the largest that keeps
    all but a thousandth of the entropy there is.
    """
    spread = float(y.std(0, correction=0).max())
    if spread <= MIN_SPREAD:
        return 1.0
    low, high = spread * MIN_STEP, spread * 1e2
    most = 0.999 * entropy_bits(torch.round(y / low))
    if bits >= most:
        bits, high = most, spread * MAX_STEP_OF_FEW_VALUES
    for _ in range(HALVINGS):
        step = (low * high) ** 0.5
        low, high = (step, high) if entropy_bits(torch.round(y / step)) >= bits else (low, step)
    return low


def step_for_error(y: Tensor, aimed: float, left_out: float) -> float:
    """Find the rounding step at which `(n, k)` latents have a squared error, `left_out` included.

    Where more is left out than that, it is the step at which rounding doubles the error.
    """
    aimed = max(aimed, 2.0 * left_out)
    spread = float(y.std(0, correction=0).max())
    if spread <= MIN_SPREAD:
        return 1.0
    low, high = spread * MIN_STEP, spread * 1e2
    for _ in range(HALVINGS):
        step = (low * high) ** 0.5
        error = energy(torch.round(y / step) * step - y) + left_out
        low, high = (step, high) if error <= aimed else (low, step)
    return low


def energy(y: Tensor) -> float:
    """Return the mean square of `(n, k)` rows."""
    return float(y.square().sum(1).mean())


def within_span(steps: Tensor) -> Tensor:
    """Make the finest of `(n_qualities,)` steps coarser where integers cannot hold them all.

    Few signals have little entropy however fine the step, so that high qualities, which aim at
    more, would end at needlessly fine steps.
    """
    if float(steps.max() / steps.min()) < MAX_STEP_RATIO:
        return steps
    return steps.clamp(min=float(steps.max()) / CLIPPED_STEP_RATIO)


def entropy_bits(symbols: Tensor) -> float:
    """Sum the empirical entropies of the columns of `(n, k)` whole numbers, in bits."""
    n, k = symbols.shape
    least, most = torch.aminmax(symbols, dim=0)
    widths = (most - least).long() + 1  # (k,)
    if int(widths.sum()) <= max(MAX_COUNTED, COUNTED_RATIO * symbols.numel()):
        starts = widths.cumsum(0) - widths
        counts = torch.bincount(((symbols - least).long() + starts).flatten())
    else:
        ordered = symbols.T.contiguous().sort(1).values  # (k, n)
        ends = torch.ones(ordered.shape, dtype=torch.bool)
        ends[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
        last = ends.flatten().nonzero()[:, 0]
        counts = last.diff(prepend=last.new_tensor([-1]))
    counts = counts[counts > 0].double()
    return k * math.log2(n) - float((counts * counts.log2()).sum()) / n
