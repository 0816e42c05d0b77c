"""Make the golden files of convolutions: `python -m scripts.make_golden_conv`.

Their networks are random integers, not trained: what they hold is the arithmetic and the format.
"""

from narrows.codec.codec import Codec
from scripts.make_golden import FOLDER, keep
from tests.helpers.tiny_models import tiny_conv_model, typical_frames

FRAMES = {
    "conv-1d-int16": {"dtype": "int16", "sizes": (21,), "channels": 2},
    "conv-2d-uint8": {"dtype": "uint8", "sizes": (7, 5)},
    "conv-3d-float32": {"dtype": "float32", "sizes": (3, 4, 5)},
}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, frames in FRAMES.items():
        model = tiny_conv_model(**frames)
        keep(name, Codec(model), typical_frames(model, 20))


if __name__ == "__main__":
    main()
