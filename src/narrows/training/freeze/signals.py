"""The signals of a training, as freezing needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class TrainingSignals:
    """The signals of a training, `(n, *frame_shape)`, in their own dtype and scaled.

    Where elements were missing, masks say which were filled in; `stand_ins` are values that stood
    for missing ones. `recordings` is how many windows each recording has, where order counts,
    `sources` how many of the first signals each file has, where that is known, and `bricks` the
    shapes of the arrays whose tiles they are.
    """

    train: npt.NDArray[Any]
    validation: npt.NDArray[Any]
    scaled_train: Tensor
    scaled_validation: Tensor
    missing_train: Tensor | None = None
    missing_validation: Tensor | None = None
    stand_ins: Sequence[float] = ()
    recordings: Sequence[int] = ()
    sources: Sequence[int] = ()
    bricks: Sequence[tuple[int, ...]] = ()
    validation_bricks: Sequence[tuple[int, ...]] = ()
