"""Why the reader rejects each golden bad file: reasons.txt, beside the files."""

from readers.python.narrows_reader import (
    Rejected,
    read_archive,
    read_files,
    read_model,
    read_packet,
    read_piece,
)
from scripts.golden.bad.good_files import (
    CONTEXT_MODEL,
    EXACT_MODEL,
    FLOATS_MODEL,
    MODEL,
    NUMBERS_MODEL,
    PREDICTED_MODEL,
    QUALITIES_MODEL,
    TILES_MODEL,
    TRUTHS_MODEL,
)
from scripts.golden.bad.packets import MODELS as PACKET_MODELS
from scripts.golden.bad.wrapped import SHAPES

MODELS = {
    "archive-qualities": QUALITIES_MODEL,
    "archive-exact": EXACT_MODEL,
    "archive-lattice": FLOATS_MODEL,
    "archive-networks": NUMBERS_MODEL,
    "archive-predicted": PREDICTED_MODEL,
    "archive-tiles": TILES_MODEL,
    "archive-truths": TRUTHS_MODEL,
}


def reason_of(name, data):
    """Return why the reader rejects a bad file of this name, which says what model it is for."""
    try:
        if name.endswith(".narrows"):
            read_model(data)
        elif name.endswith(".wrapped"):
            shape = next(shape for start, shape in SHAPES.items() if name.startswith(start))
            read_piece(data, CONTEXT_MODEL, shape, 0)
        elif name.endswith(".packet"):
            own = (model for start, model in PACKET_MODELS.items() if name.startswith(start))
            read_packet(data, next(own))
        elif "embedded" in name:
            read_archive(data)
        elif "archive-geometry" in name:
            read_files(data, MODEL)
        else:
            own = (model for start, model in MODELS.items() if name.startswith(start))
            read_archive(data, next(own, MODEL))
    except Rejected as rejected:
        return str(rejected)
    raise AssertionError(f"the reader accepts {name}")


def list_reasons(files):
    """Return the reasons as text, a line a file, to be read beside the names."""
    lines = [f"{name}: {reason_of(name, data)}\n" for name, data in sorted(files.items())]
    return "".join(lines).encode()
