"""Bad archives of bricks, and models that code them."""

import numpy as np

from readers.python.narrows_reader import read_archive, read_model
from scripts.golden.bad.archives import archive, block, good_payload, header
from scripts.golden.bad.good_files import PREDICTED_MODEL, TILES_ARCHIVE, TILES_MODEL, varint
from scripts.golden.bad.model_parts import faulty, plainer, shrunken

PREDICTED = 4
SHAPE = (3, 4)


def bad_tiles():
    """Make each bad archive of a brick of 16 x 17, which is cut to 6 x 5 tiles."""
    head = header(name=TILES_ARCHIVE[6:22], shape=SHAPE)
    n, payload, quality = good_payload(TILES_ARCHIVE)
    assert payload[:2] == bytes([16, 17])

    def tiles(data, quality=quality, n=n):
        return archive(block(PREDICTED, n, data, quality), head=head)

    read_archive(tiles(payload), TILES_MODEL)
    return {
        "quality-0": tiles(payload, 0),
        "quality-that-the-model-has-not": tiles(payload, 3),
        "of-no-bytes": tiles(b""),
        "of-length-0": tiles(b"\0" + payload[1:]),
        "of-too-short-an-array": tiles(payload[:1] + b"\x10" + payload[2:]),
        "of-too-long-an-array": tiles(payload[:1] + b"\x15" + payload[2:]),
        "of-a-length-of-34-bits": tiles(varint(2**34) + payload[1:]),
        "of-another-brick": tiles(b"\x0f" + payload[1:]),
        "fewer": tiles(payload, n=n - 5),
        "truncated": tiles(payload[:-4]),
        "with-a-byte-left-over": tiles(payload + b"\0"),
        "more-words-than-bytes": tiles(payload[:2] + b"\x7f" + payload[3:]),
    }


def own(**settings):
    """Return a change of what the settings say of the wavelets."""
    return lambda m: m.decoding["wavelets"].update(settings)


def two_predictions(m):
    """Add the settings of a prediction of windows."""
    m.decoding["prediction"] = shrunken(PREDICTED_MODEL).decoding["prediction"]


MODELS = {
    "missing-but-tensors-there": lambda m: m.decoding.pop("wavelets"),
    "null": lambda m: m.decoding.update(wavelets=None),
    "setting-missing": lambda m: m.decoding["wavelets"].pop("mean"),
    "setting-unknown": own(gains=8),
    "beside-windows": two_predictions,
    "groups-none": own(groups=[]),
    "groups-that-lack-an-axis": own(groups=[[0]]),
    "groups-with-an-axis-twice": own(groups=[[0, 1], [1]]),
    "groups-with-another-axis": own(groups=[[0, 1, 2]]),
    "groups-out-of-order": own(groups=[[1, 0]]),
    "groups-of-two": own(groups=[[0], [1]]),
    "groups-with-an-empty-one": own(groups=[[0, 1], []]),
    "groups-true": own(groups=[[False, True]]),
    "limit-0": own(limit=0),
    "limit-of-31-bits": own(limit=2**30),
    "mean-beyond-the-limit": own(mean=-(2**26) - 1),
    "finer-negative": own(finer=-1),
    "finer-17": own(finer=17),
    "first-too-great": own(first=2**12 + 1),
    "first-too-small": own(first=-(2**12) - 1),
    "step-0": lambda m: m.change("wavelets.step", 0, 0),
    "step-of-31-bits": lambda m: m.change("wavelets.step", 0, 2**30),
    "step-of-one-quality": lambda m: m.replace("wavelets.step", np.ones(1, "i4")),
    "weight-negative": lambda m: m.change("wavelets.weights", 0, -1),
    "weight-too-great": lambda m: m.change("wavelets.weights", 0, 2**20),
    "weights-of-other-sums": lambda m: m.replace("wavelets.weights", np.ones((2, 8, 4, 8), "i4")),
    "tables-of-two-qualities": lambda m: m.replace("wavelets.tables.low", np.zeros((2, 4), "i4")),
    "frequency-0": lambda m: m.change("wavelets.tables.weights", 0, 0),
    "tensor-missing": lambda m: m.packed.pop("wavelets.step"),
    "tensor-unknown": lambda m: m.packed.update({"wavelets.more": m.packed["wavelets.step"]}),
}  # fmt: skip


def bad_tilings():
    """Make each bad model with wavelets."""
    model = plainer(TILES_MODEL, "wavelets.")
    model.seal("decoder.")
    read_model(model.file())
    return faulty(MODELS, lambda: plainer(TILES_MODEL, "wavelets."))
