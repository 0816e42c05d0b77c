"""What one update sees."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """What one update sees, in all processes that train together."""

    x: Tensor  # (n, *frame_shape) frames, to be reconstructed
    seen: Tensor  # the same as the encoder sees them: damaged, where `corrupt` is set
    noise: Tensor | None  # (m * n, latent_size), uniform in -1/2 .. 1/2, in place of rounding
    update: int  # its number in the epoch, from 0
    done: float  # the share of the training that is done
    missing: Tensor | None = None  # (n, *frame_shape), of which elements nothing is known

    def share(self, rows: slice) -> Batch:
        """Return some of its rows, with the noise of theirs."""
        x, missing, noise = self.x[rows], self.missing, self.noise
        return self._replace(
            x=x,
            seen=x if self.seen is self.x else self.seen[rows],
            noise=None if noise is None else of_rows(noise, len(self.x), rows),
            missing=None if missing is None else missing[rows],
        )


def of_rows(each: Tensor, n: int, rows: slice) -> Tensor:
    """Return what belongs to some of n rows, of `(m * n, ...)`: m values to each row."""
    return each.reshape(-1, n, *each.shape[1:])[:, rows].flatten(0, 1)
