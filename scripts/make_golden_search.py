"""Make the golden files of searches: `python -m scripts.make_golden_search`.

Their numbers are random, not trained: what they hold is the arithmetic. An effort gives the same
archive on every machine, so the signals are kept too, and the archives of three efforts.
"""

import numpy as np

from narrows.codec.codec import Codec
from scripts.make_golden import FOLDER, keep
from tests.helpers.tiny_models import searching, tiny_conv_model, tiny_model, typical_frames

EFFORT, OTHERS = 2, (0, 9)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Tables alone at the default quality, of two; activations from a table.
    dense = tiny_model("float32", (4, 3), 3, n_qualities=2, contexts=(2,), activation="elu")
    # A context model; convolutions, a residual layer.
    conv = tiny_conv_model("uint8", (7, 5), contexts=(1,))
    for name, model in {"search-float32": dense, "search-conv-uint8": conv}.items():
        keep_efforts(name, Codec(searching(model)), typical_frames(model, 20))


def keep_efforts(name, codec, x, **targets):
    """Write a model, its signals, and the archives of three efforts."""
    keep(name, codec, x, effort=EFFORT, **targets)
    np.save(FOLDER / f"{name}.signals.npy", x)
    for effort in OTHERS:
        blob = codec.compress(x, effort=effort, **targets)
        (FOLDER / f"{name}.effort-{effort}").write_bytes(blob)
        np.save(FOLDER / f"{name}.effort-{effort}.npy", codec.decompress(blob))


if __name__ == "__main__":
    main()
