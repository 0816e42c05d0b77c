"""How every picture is written: on a white card with round corners, for light and dark pages."""

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from narrows.evaluation import plots

FOLDER = Path(__file__).parents[2] / "docs" / "images"
DPI = 200  # two pixels of the file for each pixel at which an inch, 100 pixels, is shown
PADDING, RADIUS, SMOOTH = 28, 20, 4  # pixels of the file; corners are drawn this much larger
BORDER = "#d0d7de"
COLOURS = 255  # of the palette; its last entry is transparent, for the corners


def write(name: str, figure: Figure) -> None:
    """Write a figure to docs/images, and print the width at which the pages show it."""
    stream = io.BytesIO()
    plots.write_png(figure, stream, dpi=DPI)
    drawn = Image.open(stream).convert("RGB")
    size = drawn.width + 2 * PADDING, drawn.height + 2 * PADDING
    card = Image.new("RGB", size, "white")
    card.paste(drawn, (PADDING, PADDING))
    large = Image.new("L", (SMOOTH * size[0], SMOOTH * size[1]), 0)
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, SMOOTH * RADIUS, fill=255)
    inside = large.resize(size, Image.Resampling.LANCZOS)
    ImageDraw.Draw(card).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), RADIUS,
                                           outline=BORDER, width=2)  # fmt: skip
    picture = card.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette = (picture.getpalette() or [])[: 3 * COLOURS]
    picture.putpalette(palette + [255] * (3 * COLOURS + 3 - len(palette)))
    picture.paste(COLOURS, mask=inside.point(lambda value: 255 * (value < 128)))
    path = FOLDER / f"{name}.png"
    picture.save(path, optimize=True, transparency=COLOURS)
    print(f"{path.name}: {path.stat().st_size:,} bytes, width={size[0] // 2}", flush=True)
