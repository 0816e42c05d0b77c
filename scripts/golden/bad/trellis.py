"""Bad models with two quantisers in turn."""

from functools import partial

import numpy as np

from readers.python.narrows_reader import read_model
from scripts.golden.bad.good_files import TRELLIS_MODEL
from scripts.golden.bad.model_parts import faulty, plainer

WEIGHTS = "trellis.weights"
CONTEXT = {"hidden_limit": 1, "hidden_shift": 0, "output_limit": 1, "output_shift": 0,
           "row_shift": 0}  # fmt: skip


def states(value):
    """Return a change of the number of states."""
    return lambda m: m.decoding.update(trellis=value)


def weights(change):
    """Return a change of the frequencies of the second quantiser."""
    return lambda m: m.replace(WEIGHTS, change(m.tensor(WEIGHTS)))


def first_taken(weights, amount):
    """Give so much of the first frequency to the second one."""
    return weights + np.pad([-amount, amount], (0, weights.size - 2)).astype(weights.dtype)


# Each makes one fault in a model of four latents and two qualities.
CONTENTS = {
    "of-8-states": states(8),
    "missing-but-tensors-there": lambda m: m.decoding.pop("trellis"),
    "without-weights": lambda m: m.packed.pop(WEIGHTS),
    "weights-of-64-bits": weights(lambda w: w.astype("i8")),
    "weights-one-less": weights(lambda w: w[:-1]),
    "weights-of-0": weights(lambda w: first_taken(w, w[0])),
    "beside-a-context": lambda m: m.contexts.__setitem__(0, dict(CONTEXT)),
}


def bad_trellises():
    """Make each such model."""
    model = plainer(TRELLIS_MODEL, "trellis.")
    model.seal("decoder.")
    read_model(model.file())
    return faulty(CONTENTS, partial(plainer, TRELLIS_MODEL, "trellis."), "")
