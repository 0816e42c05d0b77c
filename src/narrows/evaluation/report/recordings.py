"""The picture of a recording with its decoded past, where a model predicts windows."""

from __future__ import annotations

import io

from narrows.codec.archive import ArchiveReader, Mode
from narrows.evaluation import plots
from narrows.evaluation.report.contents import Contents
from narrows.evaluation.report.pictures import Picture

CODED, SHOWN = 200, 3
"""Windows that are coded for the picture, and the last ones, which are shown."""


def past(contents: Contents) -> list[Picture]:
    """Draw some windows and the earlier parts that they are made from."""
    codec, x = contents.codec, contents.x[:CODED]
    if codec.model.prediction is None:
        return []
    blob = codec.compress(x)
    (block, *_) = ArchiveReader(io.BytesIO(blob))
    if block.mode is not Mode.PREDICTED:
        return []
    windows, earlier = codec.decoder.blocks.predicted.past_of(block)
    n, decoded = len(earlier), codec.decoder.blocks.decode(block)
    shown = slice(max(0, n - SHOWN), n)
    told = ", ".join(f"{lag:,}" if lag else "none" for lag in windows.lags[shown].tolist())
    predicted = int((windows.modes != 0).sum())
    caption = (
        f"Windows {shown.start:,} to {n - 1:,}. Of the first {n:,}, {predicted:,} are predicted. "
        "What is below the step of the difference comes back as the windows before it."
    )
    alt = f"Three charts over time. The earlier parts begin so many samples before: {told}."
    figure = plots.recording(x[shown], decoded[shown], earlier[shown], windows.lags[shown])
    return [Picture("The recording and its past", caption, alt, figure)]
