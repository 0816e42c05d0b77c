"""What puts compiled code in numpy's place for predicted windows, after it was tried."""

from __future__ import annotations

import warnings

from narrows.codec.networks.native.extension import extension
from narrows.codec.prediction.native.check import rebuilds
from narrows.codec.prediction.native.windows import CompiledWindows, fits
from narrows.codec.prediction.prediction import Prediction


def compile_windows(prediction: Prediction, level: str) -> CompiledWindows | None:
    """Prepare a prediction for a level; None, with a warning, where numpy decodes other numbers."""
    if not fits(prediction):
        return None
    found = CompiledWindows(prediction, extension()[0], level)
    if rebuilds(found):
        return found
    warn_of_windows(level, "decode")
    return None


def warn_of_windows(level: str, does: str) -> None:
    """Tell that numpy does the work, as compiled code came to something else."""
    warnings.warn(
        f"the engine native-{level} does not {does} predicted windows as numpy does, so numpy "
        f"{does}s them; please report this processor and compiler",
        RuntimeWarning,
        stacklevel=2,
    )
