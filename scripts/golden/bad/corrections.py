"""Bad models with a correction, and with qualities that share a context model."""

import numpy as np

from readers.python.narrows_reader import read_model
from scripts.golden.bad.good_files import CORRECTION_MODEL
from scripts.golden.bad.model_parts import shrunken, without_answers

SHARING = 2  # the quality, counted from 0, that has the context model of the one before it


def put(model, weight, bias=None):
    """Replace the weight of the correction, and its bias by one of as many outputs."""
    model.replace("decoder.correction.weight", np.array(weight, "i2"))
    n_outputs = np.shape(weight)[1]
    bias = np.zeros(n_outputs, "i8") if bias is None else bias
    model.replace("decoder.correction.bias", bias)


def as_type(model, name, kind):
    """Store a tensor of the correction as another type of number."""
    name = f"decoder.correction.{name}"
    model.replace(name, model.tensor(name).astype(kind))


def chain(model):
    """Let the second quality have the first one's context model, and the third the second one's."""
    model.contexts[:] = [model.contexts[1], {"same_as": 0}, {"same_as": 1}]
    model.packed = {n.replace("contexts.1", "contexts.0"): p for n, p in model.packed.items()}


def give_own_tensors(model):
    """Store the tensors of a shared context model once more."""
    own = {n: p for n, p in model.packed.items() if n.startswith("contexts.1.")}
    model.packed |= {n.replace(".1.", f".{SHARING}."): p for n, p in own.items()}


def split_first_frequency(model):
    """Add an entry to the first table of the sharing quality."""
    sizes, weights = model.tensor("tables.size"), model.tensor("tables.weights")
    at = sizes[:SHARING].sum()
    model.replace("tables.weights", np.insert(weights, at + 1, 1))
    model.change("tables.weights", at, weights[at] - 1)
    model.change("tables.size", SHARING * sizes.shape[1], sizes[SHARING, 0] + 1)


def pass_2_to_52(model):
    """Let the sum of layers and correction be all but 2**48, and the normaliser multiply it."""
    model.decoding["quantiser"]["limit"] = model.decoder["input_limit"] = 2**31 - 1
    model.decoder["correction"].update(shift=0, limit=None)
    put(model, np.full((4, 20), -(2**15)))
    model.decoding["normaliser"]["output_multiplier"] = 32


def correct_the_encoder(model):
    """Put the decoder's correction into the encoder."""
    model.encoder["correction"] = model.decoder["correction"]
    for name in ("weight", "bias"):
        model.packed[f"encoder.correction.{name}"] = model.packed[f"decoder.correction.{name}"]


def share(**settings):
    """Make a change of what the sharing quality says in the place of a context model."""
    return lambda m: m.contexts.__setitem__(SHARING, settings)


# Each makes one fault in a model of three latents and four of a correction, of three qualities.
CONTENTS = {
    "of-no-latents": lambda m: put(m, np.zeros((0, 20))),
    "of-all-latents": lambda m: put(m, np.ones((7, 20))),
    "of-other-outputs": lambda m: put(m, np.ones((4, 19))),
    "that-gives-1-for-0": lambda m: m.change("decoder.correction.bias", 0, 32),
    "that-gives-minus-1-for-0": lambda m: m.change("decoder.correction.bias", 19, -1),
    "output-could-pass-2-to-52": pass_2_to_52,
    "weight-of-32-bits": lambda m: as_type(m, "weight", "i4"),
    "bias-of-32-bits": lambda m: as_type(m, "bias", "i4"),
    "without-bias": lambda m: m.packed.pop("decoder.correction.bias"),
    "missing-but-tensors-there": lambda m: m.decoder.pop("correction"),
    "null": lambda m: m.decoder.update(correction=None),
    "with-a-kind": lambda m: m.decoder["correction"].update(kind="dense"),
    "without-shift": lambda m: m.decoder["correction"].pop("shift"),
    "shift-of-53": lambda m: m.decoder["correction"].update(shift=53),
    "limit-0": lambda m: m.decoder["correction"].update(limit=0),
}
ENCODER_CONTENTS = {
    "in-an-encoder": correct_the_encoder,
    "without-search": lambda m: (m.encoder.pop("search"), m.packed.pop("encoder.curvature")),
}
SHARED_CONTENTS = {
    "as-itself": share(same_as=SHARING),
    "as-one-behind-it": lambda m: m.contexts.__setitem__(0, {"same_as": 1}),
    "as-null": share(same_as=0),
    "as-minus-1": share(same_as=-1),
    "as-true": share(same_as=True),
    "as-one-that-is-not-there": share(same_as=3),
    "as-one-that-is-shared": chain,
    "with-a-shift": share(same_as=1, row_shift=6),
    "with-its-own-tensors": give_own_tensors,
    "for-tables-of-other-sizes": split_first_frequency,
}


def bad_corrections():
    """Make each such model."""
    model = shrunken(CORRECTION_MODEL)
    model.seal("decoder.")
    read_model(model.file())
    files = {}
    for prefix, changes, make in (
        ("correction-", CONTENTS, shrunken),
        ("correction-", ENCODER_CONTENTS, without_answers),
        ("context-same-", SHARED_CONTENTS, shrunken),
    ):
        for name, change in changes.items():
            model = make(CORRECTION_MODEL)
            change(model)
            model.seal("decoder.")
            files[prefix + name] = model.file()
    return files
