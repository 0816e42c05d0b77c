"""The picture at the top of README: ten test images through narrows and through others."""

from matplotlib.figure import Figure

from narrows.evaluation.metrics import distortion
from narrows.evaluation.peers.contract import Workload
from narrows.evaluation.peers.mosaics import layout_of
from narrows.evaluation.peers.registry import registry
from scripts.make_docs_pictures.models import codec, images, in_words, size_and_psnr, through
from scripts.make_docs_pictures.rows import SHOWN, Row, draw_rows, original

NEAR = 0.004  # how near to narrows' bytes those of PCA come


def row_of(title: str, key: str, setting: float) -> tuple[Row, float]:
    """Code all test images with a peer; return the row of the first ones, and bytes a signal."""
    (peer,) = [peer for peer in registry() if peer.key == key]
    x = images("test")
    work = Workload(x, 255.0, layout_of(x.shape[1:]), images("train"))
    coder = peer.coder(work, setting)
    blobs = coder.encode(x)
    decoded = coder.decode(blobs, len(x))
    size = sum(map(len, blobs)) / len(x)
    note = in_words(size, distortion(x, decoded, 255.0).psnr)
    return Row(title, note, decoded[:SHOWN]), size


def draw() -> Figure:
    """Draw the original, narrows, and what others make of as few bytes, or nearly as few."""
    shown = images("test")[:SHOWN]
    wanted, psnr = size_and_psnr("mnist")
    aim = wanted
    pca, size = row_of("PCA, same bytes", "pca", aim)
    while abs(size / wanted - 1) > NEAR:
        aim *= wanted / size
        pca, size = row_of("PCA, same bytes", "pca", aim)
    return draw_rows([
        original(shown),
        Row("narrows", in_words(wanted, psnr), through(codec("mnist"), shown)),
        pca,
        row_of("JPEG 2000", "jpeg2000-mosaic", 16)[0],
        row_of("AVIF, its fewest bytes", "avif-mosaic", 5)[0],
    ])  # fmt: skip
