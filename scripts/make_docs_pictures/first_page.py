"""The picture at the top of README: ten test images through narrows and through others."""

import numpy as np
from matplotlib.figure import Figure

from benchmarks.comparison.pictures import CODECS
from narrows import Codec
from narrows.evaluation.baselines import train_pca
from narrows.evaluation.metrics import distortion, evaluate
from narrows.evaluation.peers import mosaic
from scripts.make_docs_pictures.models import codec, images, in_words, size_and_psnr, through
from scripts.make_docs_pictures.rows import Row, draw_rows

SHOWN, NEAR = 10, 0.004  # images; how near the sizes of others come, where they can


def pca_of_size(bytes_per_signal: float) -> Codec:
    """Train PCA, in narrows' runtime and with its search, until archives have that size."""
    bits = 8 * bytes_per_signal
    while True:
        found = train_pca(images("train"), bits)
        ratio = evaluate(found, images("test")).bytes_per_signal / bytes_per_signal
        if abs(ratio - 1) < NEAR:
            return found
        bits /= ratio


def mosaic_row(name: str, key: str, setting: float) -> Row:
    """Code all test images as one picture; return the row of the first ones."""
    _, encode, decode, _ = CODECS[key]
    picture, n = mosaic(images("test"))
    blob = encode(picture, setting)
    decoded = decode(blob)
    note = in_words(len(blob) / n, distortion(picture, decoded, 255.0).psnr)
    return Row(name, note, np.stack(np.split(decoded[:28, : 28 * SHOWN], SHOWN, axis=1)))


def draw() -> Figure:
    """Draw the original, narrows, and what others make of as few bytes, or nearly as few."""
    shown = images("test")[:SHOWN]
    pca = pca_of_size(size_and_psnr("mnist")[0])
    measured = evaluate(pca, images("test"))
    pca_note = in_words(measured.bytes_per_signal, measured.psnr)
    rows = [
        Row("original", "784 bytes", shown),
        Row("narrows", in_words(*size_and_psnr("mnist")), through(codec("mnist"), shown)),
        Row("PCA, same bytes", pca_note, through(pca, shown)),
        mosaic_row("JPEG 2000", "jpeg2000", 16),
        mosaic_row("AVIF, its fewest bytes", "avif", 5),
    ]
    return draw_rows(rows)
