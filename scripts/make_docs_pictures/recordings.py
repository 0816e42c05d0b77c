"""A recording and its decoded past: another patient's ECG at few bytes."""

import io

from matplotlib.figure import Figure

import narrows
from benchmarks.comparison import recordings
from benchmarks.recordings import trained
from narrows.codec.archive import ArchiveReader
from narrows.evaluation import plots
from scripts.make_docs_pictures import models

AIM = "bytes:3"
FIRST, SHOWN = 200, 3  # of record 119


def draw() -> Figure:
    """Draw some windows of record 119."""
    path = models.folder / "ecg.narrows"
    train, test = recordings.ecg()
    if not path.exists():
        models.folder.mkdir(exist_ok=True)
        trained(train, "predictive", aim=AIM)[0].save(path)
    codec, x = narrows.load(path), test["119"][: FIRST + SHOWN]
    (block,) = ArchiveReader(io.BytesIO(codec.compress(x)))
    windows, earlier = codec.decoder.blocks.predicted.past_of(block)
    decoded = codec.decoder.blocks.decode(block)
    each = (of[FIRST:] for of in (x, decoded, earlier, windows.lags))
    return plots.recording(*each)
