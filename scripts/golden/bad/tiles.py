"""Bad archives of predicted tiles, and models that predict them."""

import numpy as np

from readers.python.narrows_reader import read_archive, read_model
from scripts.golden.bad.archives import archive, block, good_payload, header
from scripts.golden.bad.good_files import PREDICTED_MODEL, TILES_ARCHIVE, TILES_MODEL, varint
from scripts.golden.bad.model_parts import shrunken

PREDICTED = 4
SHAPE = (3, 4)


def bad_tiles():
    """Make each bad archive of predicted tiles: a brick of 6 x 5 tiles."""
    head = header(name=TILES_ARCHIVE[6:22], shape=SHAPE)
    n, payload, quality = good_payload(TILES_ARCHIVE)
    assert payload[0] == 5

    def tiles(data, quality=quality, n=n):
        return archive(block(PREDICTED, n, data, quality), head=head)

    read_archive(tiles(payload), TILES_MODEL)
    return {
        "quality-0": tiles(payload, 0),
        "quality-that-the-model-has-not": tiles(payload, 3),
        "of-no-bytes": tiles(b""),
        "none-along-the-last-axis": tiles(b"\0" + payload[1:]),
        "along-the-last-axis-that-make-no-brick": tiles(b"\4" + payload[1:]),
        "more-along-the-last-axis-than-there-are": tiles(varint(60) + payload[1:]),
        "along-the-last-axis-of-34-bits": tiles(varint(2**34) + payload[1:]),
        "of-another-brick": tiles(b"\6" + payload[1:]),
        "fewer": tiles(payload, n=n - 5),
        "truncated": tiles(payload[:-4]),
        "with-a-byte-left-over": tiles(payload + b"\0"),
        "more-words-than-bytes": tiles(payload[:1] + b"\x7f" + payload[2:]),
    }


def own(**settings):
    """Return a change of what the settings say of the tiles."""
    return lambda m: m.decoding["tiles"].update(settings)


def two_predictions(m):
    """Add the settings of a prediction of windows."""
    m.decoding["prediction"] = shrunken(PREDICTED_MODEL).decoding["prediction"]


MODELS = {
    "missing-but-tensors-there": lambda m: m.decoding.pop("tiles"),
    "null": lambda m: m.decoding.update(tiles=None),
    "setting-missing": lambda m: m.decoding["tiles"].pop("prior"),
    "setting-unknown": own(gains=8),
    "beside-windows": two_predictions,
    "rim-0": own(rim=0),
    "rim-of-another-width": own(rim=1),
    "rim-wider-than-a-tile": own(rim=4),
    "rim-true": own(rim=True),
    "limit-0": own(limit=0),
    "limit-of-31-bits": own(limit=2**30),
    "limit-unlike-that-of-the-border": own(limit=1000),
    "weight-negative": own(weight=-1),
    "weight-65": own(weight=65),
    "prior-0": own(prior=0),
    "prior-of-17-bits": own(prior=2**16 + 1),
    "first-too-great": own(first=2**12 + 1),
    "first-too-small": own(first=-(2**12) - 1),
    "border-of-other-tiles": lambda m: m.decoding["tiles"]["borders"][1]["layers"].pop(),
    "borders-that-are-two": lambda m: m.decoding["tiles"]["borders"].pop(),
    "border-that-could-pass-2-to-53": lambda m: m.change("tiles.borders.0.0.bias", 0, 2**53 - 1),
    "decoder-of-other-layers": lambda m: m.decoding["decoder"]["layers"].append(
        {"kind": "reshape", "shape": list(SHAPE)}
    ),
    "scale-too-great": lambda m: m.change("tiles.scale", 0, 2**12 + 1),
    "scale-too-small": lambda m: m.change("tiles.scale", 0, -(2**12) - 1),
    "scale-of-two-neighbours": lambda m: m.replace("tiles.scale", np.ones((2, 2, 7), "i4")),
    "scale-of-one-quality": lambda m: m.replace("tiles.scale", np.ones((1, 4, 7), "i4")),
    "scale-of-other-latents": lambda m: m.replace("tiles.scale", np.ones((2, 4, 6), "i4")),
    "magnitude-negative": lambda m: m.change("tiles.magnitude", 0, -1),
    "magnitude-too-great": lambda m: m.change("tiles.magnitude", 0, 2**23),
    "magnitudes-of-other-tables": lambda m: m.replace("tiles.magnitude", np.ones(5, "i4")),
    "tables-of-two-qualities": lambda m: m.replace("tiles.tables.low", np.zeros((2, 3), "i4")),
    "frequency-0": lambda m: m.change("tiles.tables.weights", 0, 0),
    "tensor-missing": lambda m: m.packed.pop("tiles.scale"),
    "tensor-unknown": lambda m: m.packed.update({"tiles.more": m.packed["tiles.scale"]}),
}  # fmt: skip


def bad_tilings():
    """Make each bad model that predicts tiles."""
    model = shrunken(TILES_MODEL)
    model.seal("decoder.")
    read_model(model.file())
    files = {}
    for name, change in MODELS.items():
        model = shrunken(TILES_MODEL)
        change(model)
        model.seal("decoder.")
        files[name] = model.file()
    return files
