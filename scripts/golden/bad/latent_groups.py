"""Bad models with corrected latents, and with qualities that share a context model."""

from functools import partial

import numpy as np

from readers.python.narrows_reader import read_model
from scripts.golden.bad.good_files import CORRECTION_MODEL
from scripts.golden.bad.model_parts import faulty, plainer, shrunken, without_answers

SHARING = 2  # the quality, counted from 0, that has the context model of the one before it


WEIGHT, BIAS = "decoder.0.second.0.weight", "decoder.0.second.0.bias"


def put(model, weight):
    """Replace the weight of the corrected latents, and set a bias of 0 for as many outputs."""
    model.replace(WEIGHT, np.array(weight, "i2"))
    model.replace(BIAS, np.zeros(np.shape(weight)[1], "i8"))


def parallel(**settings):
    """Return a change of the parallel layer's settings."""
    return lambda m: m.layer(0).update(settings)


def dense(**settings):
    """Return a change of the settings of the corrected latents' dense layer."""
    return lambda m: m.layer(0)["second"][0].update(settings)


def second(*layers):
    """Return a change that gives these layers to the second chain, its own where a number is."""

    def change(model):
        own = model.layer(0)["second"]
        own[:] = [own[each] if isinstance(each, int) else each for each in layers]

    return change


def groups(*pairs):
    """Return a change of the groups of latents."""
    return lambda m: m.decoding.update(groups=[list(pair) for pair in pairs])


def as_type(name, kind):
    """Return a change that stores a tensor as another type of number."""
    return lambda m: m.replace(name, m.tensor(name).astype(kind))


def nest(model):
    """Put the parallel layer into another one."""
    inner = dict(model.layer(0))
    model.layer(0).update(first=[inner])


def residual_around(model):
    """Put a parallel layer into a residual layer."""
    inner = {"kind": "parallel", "split": [10, 10], "first": [], "second": []}
    model.layer(0)["first"].insert(3, {"kind": "residual", "limit": None, "layers": [inner]})


def widest(model, multiplier=1):
    """Let the corrected latents add up to all but 2**48, and multiply that at the end."""
    model.decoding["quantiser"]["limit"] = model.decoder["input_limit"] = 2**31 - 1
    dense(shift=0, limit=None)(model)
    put(model, np.full((4, 20), -(2**15)))
    model.decoding["normaliser"]["output_multiplier"] = multiplier


def pass_2_to_53(model):
    """Let each chain reach less than 2**53, and their sum more."""
    for chain in ("first", "second"):
        prefix = f"decoder.0.{chain}.{len(model.layer(0)[chain]) - 2}."
        model.layer(0)[chain][-2].update(shift=0, limit=None)
        model.replace(prefix + "bias", np.full(20, 2**52, "i8"))


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


def share(**settings):
    """Make a change of what the sharing quality says in the place of a context model."""
    return lambda m: m.contexts.__setitem__(SHARING, settings)


# Each makes one fault in a model of three encoded and four corrected latents, of three qualities.
PARALLEL_CONTENTS = {
    "split-of-8-inputs": parallel(split=[3, 5]),
    "split-of-0-inputs": parallel(split=[0, 7]),
    "split-of-one-number": parallel(split=[7]),
    "split-of-three-numbers": parallel(split=[3, 3, 1]),
    "split-null": parallel(split=None),
    "without-split": lambda m: m.layer(0).pop("split"),
    "without-second": lambda m: m.layer(0).pop("second"),
    "with-a-limit": parallel(limit=None),
    "of-two-shapes": lambda m: (second(0)(m), put(m, np.ones((4, 19)))),
    "in-a-parallel-layer": nest,
    "in-a-residual-layer": residual_around,
    "sum-could-pass-2-to-53": pass_2_to_53,
    "output-could-pass-2-to-52": lambda m: widest(m, 32),
    "weight-of-32-bits": as_type(WEIGHT, "i4"),
    "bias-of-32-bits": as_type(BIAS, "i4"),
    "without-bias": lambda m: m.packed.pop(BIAS),
    "inner-shift-of-53": dense(shift=53),
    "inner-limit-0": dense(limit=0),
}
GROUPS_CONTENTS = {
    "missing": lambda m: m.decoding.pop("groups"),
    "null": lambda m: m.decoding.update(groups=None),
    "empty": groups(),
    "encoded-alone": groups(("encoded", 7)),
    "corrected-first": groups(("corrected", 3), ("encoded", 4)),
    "of-an-unknown-name": groups(("encoded", 3), ("predicted", 4)),
    "of-three": groups(("encoded", 3), ("corrected", 2), ("corrected", 2)),
    "of-0-latents": groups(("encoded", 7), ("corrected", 0)),
    "of-8-latents": groups(("encoded", 3), ("corrected", 5)),
    "of-true": groups(("encoded", 3), ("corrected", True)),
    "split-elsewhere": groups(("encoded", 4), ("corrected", 3)),
    "with-a-layer-behind": lambda m: m.decoder["layers"].append({"kind": "relu"}),
    "corrected-by-an-activation": second(0, {"kind": "relu"}, 1),
}
ENCODER_CONTENTS = {
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


def bad_latent_groups():
    """Make each such model."""
    plain = partial(plainer, CORRECTION_MODEL, "decoder.")
    for model in (shrunken(CORRECTION_MODEL), plain()):
        model.seal("decoder.")
        read_model(model.file())
    smaller, whole = partial(shrunken, CORRECTION_MODEL), partial(without_answers, CORRECTION_MODEL)
    return (
        faulty(PARALLEL_CONTENTS, smaller, "parallel-")
        | faulty(GROUPS_CONTENTS, plain, "groups-")
        | faulty(ENCODER_CONTENTS, whole, "groups-")
        | faulty(SHARED_CONTENTS, smaller, "context-same-")
    )
