"""Make the golden files of corrections: `python -m scripts.make_golden_corrections`.

Their numbers are random, not trained: what they hold is the arithmetic and the format.
"""

from dataclasses import replace

from narrows.codec.codec import Codec
from scripts.make_golden import FOLDER
from scripts.make_golden_search import keep_efforts
from tests.helpers.tiny_models import (
    corrected,
    right_answers,
    searching,
    tiny_conv_model,
    tiny_model,
    typical_frames,
)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Corrected at the default quality and above it, which share one context model.
    dense = tiny_model("float32", (4, 5), 3, n_qualities=3, contexts=(2,))
    dense = corrected(searching(dense), 4, (2, 3))
    rows = [[*dense.tables[1][:3], *row[3:]] for row in dense.tables]
    dense = replace(dense, contexts=[None, *[dense.contexts[1]] * 2], tables=rows)
    dense = replace(dense, known_answers=right_answers(dense))
    # Integers, convolutions.
    conv = corrected(searching(tiny_conv_model("int16", (7, 5), contexts=(1,))), 6, (1,))
    for name, model in {"correction-float32": dense, "correction-conv-int16": conv}.items():
        keep_efforts(name, Codec(model), typical_frames(model, 20))


if __name__ == "__main__":
    main()
