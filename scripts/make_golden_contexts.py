"""Make the golden files of context models: `python -m scripts.make_golden_contexts`.

Their numbers are random, not trained: what they hold is the arithmetic and the format.
"""

from dataclasses import replace

import numpy as np

from narrows.codec.codec import Codec
from scripts.make_golden import FOLDER, keep
from tests.helpers.tiny_models import random_context, right_answers, tiny_model, typical_frames


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Tables alone, a context model, tables alone; an escape among the signals.
    model = tiny_model("uint8", (4, 3), 3, n_qualities=3, contexts=(2,))
    x = typical_frames(model, 20)
    x[7] = 255
    keep("contexts", Codec(model), x)
    # Sums beyond 2**24, as many latents as could reach 2**53 with other weights.
    model = tiny_model("int16", (6, 3), 17)
    context = random_context(np.random.default_rng(0), model.tables[0], wide=True)
    model = replace(model, contexts=[context])
    model = replace(model, known_answers=right_answers(model))
    keep("contexts-wide", Codec(model), typical_frames(model, 20))


if __name__ == "__main__":
    main()
