"""The picture at the top of README: ten test images through narrows and through others."""

from matplotlib.figure import Figure

from narrows import Codec
from narrows.evaluation.metrics import distortion, evaluate
from narrows.evaluation.peers.contract import Workload
from narrows.evaluation.peers.mosaics import layout_of
from narrows.evaluation.peers.pca import train_pca
from narrows.evaluation.peers.registry import registry
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
    (peer,) = [peer for peer in registry() if peer.key == key]
    x = images("test")
    coder = peer.coder(Workload(x, 255.0, layout_of(x.shape[1:])), setting)
    blobs = coder.encode(x)
    decoded = coder.decode(blobs, len(x))
    note = in_words(len(blobs[0]) / len(x), distortion(x, decoded, 255.0).psnr)
    return Row(name, note, decoded[:SHOWN])


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
        mosaic_row("JPEG 2000", "jpeg2000-mosaic", 16),
        mosaic_row("AVIF, its fewest bytes", "avif-mosaic", 5),
    ]
    return draw_rows(rows)
