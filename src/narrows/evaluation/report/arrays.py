"""The picture of arrays that came back whole, where a model codes tiles of such together."""

from __future__ import annotations

import numpy as np

from narrows.evaluation import plots
from narrows.evaluation.fidelity import errors
from narrows.evaluation.plots.slices import slices_of
from narrows.evaluation.report.contents import Contents
from narrows.evaluation.report.pictures import Picture
from narrows.words import counted, quantity


def whole(contents: Contents) -> list[Picture]:
    """Draw slices of the arrays, what came back, and the error."""
    if contents.arrays is None:
        return []
    originals, decoded = (contents.arrays.arrays(each) for each in (contents.x, contents.decoded))
    names = [part.name for part in contents.arrays.parts]
    shown = slices_of(originals, decoded, names)
    shapes = dict.fromkeys(" × ".join(map(str, array.shape)) for array in originals)
    sizes = f", of {next(iter(shapes))}" if len(shapes) == 1 else ""
    pairs = zip(originals, decoded, strict=True)
    largest = max(float(np.abs(errors(*pair)).max()) for pair in pairs)
    caption = (
        f"{counted(len(originals), 'array')}{sizes}. Each slice has its own range of grey; the "
        "errors have one scale."
    )
    alt = (
        f"Original, reconstruction and absolute error of {counted(len(shown), 'slice')}: "
        f"{'; '.join(each.name for each in shown)}. The largest error is {quantity(largest, 3)}."
    )
    return [Picture("The array and what comes back", caption, alt, plots.slices(shown))]
