"""Make the golden files of blocks of several qualities: `python -m scripts.make_golden_mixed`.

A target gives each signal a quality of its own. Signals are of many strengths, so that they get
different ones; as with searches they are kept too, and the archives of three efforts.
"""

from dataclasses import replace

import numpy as np

import narrows
from narrows.codec.codec import Codec
from scripts.make_golden import FOLDER, RNG, waves
from scripts.make_golden_search import keep_efforts
from tests.helpers.tiny_models import (
    random_context,
    right_answers,
    searching,
    tiny_model,
    typical_frames,
)


def strengths(n, low, high):
    """Draw factors, `(n, 1)`, of 2**low to 2**high."""
    return 2.0 ** RNG.uniform(low, high, (n, 1))


def linear_codec(x):
    """Train PCA of four qualities, and give the second one a context model."""
    options = {"latent_size": 6, "qualities": 4, "bits_per_latent": 1.5}
    model = narrows.train(x, architecture="linear", **options).model
    contexts = [None, random_context(np.random.default_rng(0), model.tables[1]), None, None]
    model = replace(model, contexts=contexts)
    return Codec(replace(model, known_answers=right_answers(model)))


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Waves under noise; as many latents as elements, so that any PSNR is within reach. An escape.
    noise = RNG.normal(size=(400, 6)) * strengths(400, -3, 1)
    x = waves(400, (6,), "float32") + noise.astype("float32")
    codec = linear_codec(x)
    x[7] = 273 + 7 * (-1.0) ** np.arange(6)
    keep_efforts("mixed-float32", codec, x[:24], target_psnr=29)
    # Context models at two of five qualities.
    model = tiny_model("uint8", (12,), 3, n_qualities=5, contexts=(2, 4), activation="elu")
    away = typical_frames(model, 20).astype(float) - model.normaliser.offset
    x = np.rint(np.clip(away * strengths(20, -3, 2) + model.normaliser.offset, 0, 255))
    keep_efforts("mixed-uint8", Codec(searching(model)), x.astype("uint8"), target_bytes=1.5)


if __name__ == "__main__":
    main()
