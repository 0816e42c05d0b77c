"""Bad archives of predicted windows, and models that predict."""

from functools import partial

import numpy as np

from narrows.codec.archive.exact_values import ExactValues, pack_exact
from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import PayloadWriter
from narrows.codec.entropy.chains import ChainTables
from narrows.codec.entropy.tables import FixedTables
from narrows.codec.prediction.windows import lag_steps, unpack_windows
from readers.python.narrows_reader import read_archive, read_model
from scripts.golden.bad.archives import archive, block, good_payload, header
from scripts.golden.bad.good_files import ARCHIVE, PREDICTED_ARCHIVE, PREDICTED_MODEL
from scripts.golden.bad.model_parts import faulty, plainer

PATCHED, PREDICTED, NEW = 3, 4, 1
LENGTH, MEMORY = 9, 64


class Parts:
    """The parts of the payload of the good archive, to be changed and put together again."""

    def __init__(self):
        self.n, payload, self.quality = good_payload(PREDICTED_ARCHIVE)
        self.model = Codec.from_bytes(PREDICTED_MODEL).model
        self.own = self.model.prediction
        tables = self.model.quality(self.quality).tables
        windows = unpack_windows(payload, self.n, self.own, self.quality, tables)
        self.modes = windows.modes.copy()
        is_new = self.modes == NEW
        self.told = np.column_stack([lag_steps(self.modes, windows.lags), windows.gains[is_new]])
        far = windows.lags[is_new][self.told[:, 0] == 13] - LENGTH
        self.far = np.column_stack([far >> 7, far & 127])
        self.unpredicted, self.residuals = windows.unpredicted, windows.residuals

    def payload(self):
        """Put them together."""
        side, writer = self.own.side[self.quality - 1], PayloadWriter()
        tables = self.model.quality(self.quality).tables
        writer.add(ChainTables(side.modes, len(self.modes)), self.modes[None])
        for own, symbols in (
            (FixedTables([side.lag[0], *side.gains]), self.told),
            (FixedTables(side.lag[1:]), self.far),
            (tables, self.unpredicted),
            (self.own.tables(self.quality), self.residuals),
        ):
            if len(symbols):
                writer.add(own, np.asarray(symbols, np.int32))
        return writer.to_bytes()


def first(parts, mode):
    """Return the first window of a mode."""
    return np.flatnonzero(parts.modes == mode)[0]


def put(name, place, value):
    """Return a change of one number of a part."""
    return lambda parts: getattr(parts, name).__setitem__(place, value)


def near(parts):
    """Return the first lag that is told by a difference, counted among those of new windows."""
    return np.flatnonzero(parts.told[:, 0] != 13)[0]


def early(parts):
    """Let the second window have a lag that reaches before the first."""
    at = first(parts, NEW)
    parts.modes[[1, at]] = parts.modes[[at, 1]]
    parts.far[0] = 0, 10 - LENGTH


# Each makes one fault in the good payload.
CHANGES = {
    "mode-3": lambda parts: parts.modes.__setitem__(-1, 3),
    "mode-minus-1": lambda parts: parts.modes.__setitem__(0, -1),
    "first-window-predicted": lambda parts: parts.modes.__setitem__([0, first(parts, NEW)], [1, 0]),
    "as-the-last-where-none-is": lambda parts: parts.modes.__setitem__(
        [first(parts, NEW), first(parts, 2)], [2, 1]
    ),
    "difference-14": lambda parts: put("told", (near(parts), 0), 14)(parts),
    "difference-minus-13": lambda parts: put("told", (near(parts), 0), -13)(parts),
    "gain-11": put("told", (0, 1), 11),
    "gain-minus-1": put("told", (0, 2), -1),
    "digit-of-128": put("far", (0, 1), 128),
    "high-digit-minus-1": put("far", (0, 0), -1),
    "high-digit-1": put("far", (0, 0), 1),
    "lag-above-the-memory": put("far", (-1, 1), MEMORY - LENGTH + 1),
    "lag-before-the-first-window": early,
}


def without_first_far(parts):
    """Tell the first lag by a difference."""
    parts.told[0, 0] = 12
    parts.far = parts.far[1:]


def bad_predicted():
    """Make each bad archive of predicted windows."""
    head = header(name=PREDICTED_ARCHIVE[6:22], shape=(LENGTH, 2))
    n, payload, quality = good_payload(PREDICTED_ARCHIVE)

    def windows(data, quality=quality):
        return archive(block(PREDICTED, n, data, quality), head=head)

    assert Parts().payload() == payload
    read_archive(windows(payload), PREDICTED_MODEL)
    files = {}
    for name, change in (CHANGES | {"first-lag-by-a-difference": without_first_far}).items():
        parts = Parts()
        change(parts)
        files[name] = windows(parts.payload())
    return files | {
        "quality-0": windows(payload, 0),
        "quality-that-the-model-has-not": windows(payload, 3),
        "of-no-bytes": windows(b""),
        "truncated": windows(payload[:-4]),
        "with-a-byte-left-over": windows(payload + b"\0"),
        "more-words-than-bytes": windows(b"\x7f" + payload[1:]),
        **bad_patched(n, payload, quality, head),
    }


def bad_patched(n, payload, quality, head):
    """Make each bad archive of predicted windows with exact values beside them."""

    def patched(mask, data=payload, quality=quality):
        exact = pack_exact(ExactValues(mask, np.zeros(mask.sum(), np.float32)))
        return archive(block(PATCHED, n, bytes([PREDICTED]) + exact + data, quality), head=head)

    some = np.zeros((n, LENGTH, 2), dtype=bool)
    some[3, 2:4] = some[5] = True
    read_archive(patched(some), PREDICTED_MODEL)
    return {
        "patched-values-alone": patched(np.ones_like(some)),
        "patched-values-and-no-windows": patched(some, b""),
        "patched-with-a-byte-left-over": patched(some, payload + b"\0"),
        "patched-of-quality-0": patched(some, quality=0),
        "patched-of-no-bytes": archive(block(PATCHED, n, bytes([PREDICTED]), quality), head=head),
    }


def bad_unpredicted():
    """Make a block of predicted windows of a model that predicts nothing."""
    data = good_payload(ARCHIVE)
    return {"of-a-model-that-predicts-nothing": archive(block(PREDICTED, data[0], data[1]))}


def own(**settings):
    """Return a change of what the settings say of the prediction."""
    return lambda m: m.decoding["prediction"].update(settings)


def network(name, **settings):
    """Return a change of a network of the prediction."""
    return lambda m: m.decoding["prediction"][name].update(settings)


MODELS = {
    "missing-but-tensors-there": lambda m: m.decoding.pop("prediction"),
    "null": lambda m: m.decoding.update(prediction=None),
    "setting-missing": lambda m: m.decoding["prediction"].pop("memory"),
    "setting-unknown": own(gains=8),
    "memory-below-a-window": own(memory=8),
    "memory-too-great": own(memory=2**20 + 1),
    "memory-true": own(memory=True),
    "limit-0": own(limit=0),
    "limit-of-31-bits": own(limit=2**30),
    "limit-unlike-that-of-the-border": own(limit=1000),
    "border-of-half-a-sample": lambda m: (
        network("border", input_shape=[5])(m),
        m.replace("prediction.border.0.weight", np.ones((5, 18), "i2")),
    ),
    "border-longer-than-a-window": lambda m: (
        network("border", input_shape=[20])(m),
        m.replace("prediction.border.0.weight", np.ones((20, 18), "i2")),
    ),
    "border-of-other-frames": lambda m: m.decoding["prediction"]["border"]["layers"].pop(),
    "residual-of-other-frames": lambda m: m.decoding["prediction"]["residual"]["layers"].pop(),
    "residual-that-could-pass-2-to-53": lambda m: m.change(
        "prediction.residual.0.bias", 0, 2**53 - 1
    ),
    "step-negative": lambda m: m.change("prediction.step", 0, -1),
    "step-too-great": lambda m: m.change("prediction.step", 0, 2**21),
    "step-of-one-quality": lambda m: m.replace("prediction.step", np.ones(1, "i4")),
    "shape-that-is-not-there": lambda m: m.change("prediction.shape_of", 0, 3),
    "shape-negative": lambda m: m.change("prediction.shape_of", 0, -1),
    "shapes-of-other-latents": lambda m: m.replace("prediction.shape_of", np.zeros((2, 4), "i4")),
    "shapes-of-two-qualities": lambda m: m.replace("prediction.shapes.low", np.zeros((2, 3), "i4")),
    "frequency-0": lambda m: m.change("prediction.side.weights", 0, 0),
    "shape-of-another-sum": lambda m: m.change("prediction.shapes.weights", 0, 5),
    "tensor-missing": lambda m: m.packed.pop("prediction.side.low"),
    "tensor-unknown": lambda m: m.packed.update(
        {"prediction.more": m.packed["prediction.step"]}
    ),
}  # fmt: skip


def bad_predictions():
    """Make each bad model that predicts."""
    model = plainer(PREDICTED_MODEL, "decoder.")
    model.seal("decoder.")
    read_model(model.file())
    return faulty(MODELS, partial(plainer, PREDICTED_MODEL, "decoder."))
