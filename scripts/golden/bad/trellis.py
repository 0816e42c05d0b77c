"""Bad models with two quantisers in turn."""

from functools import partial

import numpy as np

from readers.python.narrows_reader import read_model
from scripts.golden.bad.good_files import CONTEXT_TRELLIS_MODEL, TRELLIS_MODEL
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
    "context-without-tensors": lambda m: m.contexts.__setitem__(0, dict(CONTEXT)),
}


def without_trellis(model):
    """Leave the trellis out, but not the second bases of the context model."""
    model.decoding.pop("trellis")
    model.packed.pop(WEIGHTS)


def of_one_base(model):
    """Leave one base a position, as without a trellis, in each tensor that has two."""
    for name in ("basis", "base"):
        values = model.tensor("contexts.0." + name)
        model.replace_part(name, values[: values.size // 2], 0)


# Each makes one fault in the same with a context model at the first quality.
CONTEXTS = {
    "context-of-one-base": of_one_base,
    "context-in-another-order": lambda m: m.replace_part("order", [1, 0, 2, 3], 0),
    "context-of-two-bases-missing": without_trellis,
}


def bad_trellises():
    """Make each such model."""
    model = plainer(TRELLIS_MODEL, "trellis.")
    model.seal("decoder.")
    read_model(model.file())
    model = with_context()
    model.seal("decoder.")
    read_model(model.file())
    own = partial(plainer, TRELLIS_MODEL, "trellis.")
    return faulty(CONTENTS, own, "") | faulty(CONTEXTS, with_context)


def with_context():
    """Return a good model with a context model of zeros."""
    model = plainer(CONTEXT_TRELLIS_MODEL, "trellis.")
    for name, values in model.tensors("contexts.0.").items():
        if not name.endswith(".order"):
            model.replace(name, np.zeros_like(values))
    return model
