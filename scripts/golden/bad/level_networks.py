"""Bad models with a levels coder, and bad archives by its networks."""

import numpy as np

from readers.python.narrows_reader import read_archive, read_model
from scripts.golden.bad.archives import archive, block, good_payload, header
from scripts.golden.bad.good_files import LEVELS_ARCHIVE, LEVELS_MODEL, NUMBERS_MODEL
from scripts.golden.bad.model_parts import faulty, plainer

LEVELS, INT16 = 6, 3


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
    "of-another-shape": own(shape=[6, 9]),
    "of-more-elements": own(shape=[9, 7]),
    "of-no-axes": own(shape=[]),
    "of-four-axes": own(shape=[9, 3, 2, 1]),
    "stride-of-three": own(start_stride=3),
    "stride-0": own(start_stride=0),
    "origin-beyond-an-axis": own(origin=6),
    "neighbours-too-few": own(n_neighbours=7),
    "neighbours-too-many": own(n_neighbours=49),
    "atoms-none": own(atoms=[]),
    "atoms-twice": own(atoms=[0, 0, 255]),
    "atom-of-256": own(atoms=[0, 256, 255]),
    "atoms-of-another-number": own(atoms=[0, 255]),
    "quiet-96": lambda m: m.change("levels.quiet", 0, 96),
    "quiet-of-other-places": lambda m: m.replace("levels.quiet", np.zeros(53, "u1")),
    "loud-0": lambda m: m.change("levels.loud", 0, 0),
    "loud-of-another-sum": lambda m: m.change("levels.loud", 0, 1),
    "first-of-other-inputs": lambda m: m.replace("levels.0.first", np.zeros((3, 9), "i2")),
    "bias-of-other-places": lambda m: m.replace("levels.0.bias", np.zeros((7, 3), "i4")),
    "second-of-other-units": lambda m: m.replace("levels.0.second", np.zeros((12, 2), "i2")),
    "tensor-missing": lambda m: m.packed.pop("levels.1.first"),
    "tensor-unknown": lambda m: m.packed.update({"levels.99.first": m.packed["levels.0.first"]}),
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
        "of-an-unknown-kind": numbers(b"\3" + payload[1:]),
        "of-no-words": numbers(payload[:1]),
        "start-class-48": numbers(payload[:1] + b"\x30" + payload[2:]),
        "changes-of-an-unknown-kind": numbers(payload[:start] + b"\2" + payload[start + 1 :]),
        "truncated": numbers(payload[:-4]),
        "truncated-in-a-word": numbers(payload[:-1]),
        "with-a-word-left-over": numbers(payload + b"\1\0\0\0"),
        "last-word-0": numbers(payload + b"\0\0\0\0"),
        "fewer-signals": numbers(payload, n - 1),
    }


def bad_level_networks():
    """Make each bad model with levels."""
    model = plainer(LEVELS_MODEL, "levels.")
    model.seal("decoder.")
    read_model(model.file())
    return faulty(MODELS, lambda: plainer(LEVELS_MODEL, "levels."))
