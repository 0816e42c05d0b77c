"""Bad models with a levels coder, and bad archives by its networks."""

import numpy as np

from readers.python.narrows_reader import read_archive, read_model
from scripts.golden.bad.archives import archive, block, good_payload, header
from scripts.golden.bad.good_files import (
    BYTES_MODEL,
    FLOATS_ARCHIVE,
    FLOATS_MODEL,
    LEVELS_ARCHIVE,
    NUMBERS_MODEL,
)
from scripts.golden.bad.model_parts import ONE, faulty, plainer

LEVELS, INT16, FLOAT32 = 5, 3, 5
ZERO = "0x0.0p+0"


def own(**settings):
    """Return a change of what the settings say of the levels."""
    return lambda m: m.decoding["levels"].update(settings)


MODELS = {
    "missing-but-tensors-there": lambda m: m.decoding.pop("levels"),
    "null": lambda m: m.decoding.update(levels=None),
    "setting-missing": lambda m: m.decoding["levels"].pop("origin"),
    "setting-unknown": own(passes=8),
    "of-an-unknown-kind": own(kind="floats"),
    "of-numbers-for-bytes": lambda m: m.decoding.update(
        levels={k: v for k, v in m.decoding["levels"].items() if k not in ("atoms", "n_neighbours")}
        | {"kind": "numbers"}
    ),
    "of-another-shape": own(shape=[4, 2]),
    "of-more-elements": own(shape=[8]),
    "of-no-axes": own(shape=[]),
    "of-four-axes": own(shape=[7, 1, 1, 1]),
    "stride-of-three": own(start_stride=3),
    "stride-0": own(start_stride=0),
    "origin-beyond-an-axis": own(origin=7),
    "neighbours-too-few": own(n_neighbours=7),
    "neighbours-too-many": own(n_neighbours=49),
    "atoms-none": own(atoms=[]),
    "atoms-twice": own(atoms=[0, 0, 255]),
    "atom-of-256": own(atoms=[0, 256, 255]),
    "atoms-of-another-number": own(atoms=[0, 255]),
    "quiet-96": lambda m: m.change("levels.quiet", 0, 96),
    "quiet-of-other-places": lambda m: m.replace("levels.quiet", np.zeros(6, "u1")),
    "loud-0": lambda m: m.change("levels.loud", 0, 0),
    "loud-of-another-sum": lambda m: m.change("levels.loud", 0, 1),
    "first-of-other-inputs": lambda m: m.replace("levels.0.first", np.zeros((3, 9), "i2")),
    "bias-of-other-places": lambda m: m.replace("levels.0.bias", np.zeros((7, 3), "i4")),
    "second-of-other-units": lambda m: m.replace("levels.0.second", np.zeros((12, 2), "i2")),
    "tensor-missing": lambda m: m.packed.pop("levels.1.first"),
    "tensor-unknown": lambda m: m.packed.update({"levels.99.first": m.packed["levels.0.first"]}),
}
BYTES_ON_LATTICES = {
    "lattice-null": own(lattice=None),
    "lattice-of-an-even-step": own(lattice={"offset": -3, "step": 20}),
    "lattice-of-floats-for-bytes": own(lattice={"offset": ZERO, "step": ONE}),
    "lattice-begins-too-far-down": own(lattice={"offset": -11, "step": 21}),
}
FLOATS_ON_LATTICES = {
    "lattice-missing-for-floats": lambda m: m.decoding["levels"].pop("lattice"),
    "lattice-of-whole-numbers-for-floats": own(lattice={"offset": 0, "step": 3}),
    "lattice-step-0": own(lattice={"offset": ZERO, "step": ZERO}),
}


def bad_by_networks():
    """Make each bad archive whose block is by networks of levels: of numbers, or of bytes."""
    head = header(name=LEVELS_ARCHIVE[6:22], dtype=INT16, shape=(17, 2))
    n, payload, quality = good_payload(LEVELS_ARCHIVE)

    def numbers(data, n=n):
        return archive(block(LEVELS, n, data, quality), head=head)

    read_archive(numbers(payload), NUMBERS_MODEL)
    start = 3  # behind the kind and the classes of two channels
    return {
        "of-an-unknown-kind": numbers(b"\4" + payload[1:]),
        "of-no-words": numbers(payload[:1]),
        "start-class-48": numbers(payload[:1] + b"\x30" + payload[2:]),
        "changes-of-an-unknown-kind": numbers(payload[:start] + b"\2" + payload[start + 1 :]),
        "truncated": numbers(payload[:-4]),
        "truncated-in-a-word": numbers(payload[:-1]),
        "with-a-word-left-over": numbers(payload + b"\1\0\0\0"),
        "last-word-0": numbers(payload + b"\0\0\0\0"),
        "fewer-signals": numbers(payload, n - 1),
    }


def bad_on_lattices():
    """Make each bad archive whose block is by networks of floats, with some kept exactly."""
    head = header(name=FLOATS_ARCHIVE[6:22], dtype=FLOAT32, shape=(7,))
    n, payload, quality = good_payload(FLOATS_ARCHIVE)

    def floats(data, n=n):
        return archive(block(LEVELS, n, data, quality), head=head)

    read_archive(floats(payload), FLOATS_MODEL)
    return {
        "exact-of-no-runs": floats(payload[:1] + b"\0" + payload[2:]),
        "exact-alone": floats(payload[:20]),
        "exact-left-out": floats(b"\1" + payload[1:]),
    }


def bad_level_networks():
    """Make each bad model with levels."""
    makers = (
        (_without_a_lattice, MODELS),
        (_of_bytes, BYTES_ON_LATTICES),
        (_of_floats, FLOATS_ON_LATTICES),
    )
    files = {}
    for make, changes in makers:
        model = make()
        model.seal("decoder.")
        read_model(model.file())
        files |= faulty(changes, make)
    return files


def _of_bytes():
    return plainer(BYTES_MODEL, "levels.")


def _of_floats():
    return plainer(FLOATS_MODEL, "levels.")


def _without_a_lattice():
    model = _of_bytes()
    del model.decoding["levels"]["lattice"]
    return model
