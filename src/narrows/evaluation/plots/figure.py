"""What all pictures share: figures, colours, axes, and files."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, BinaryIO

from narrows.errors import needing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 4.6
"""Inches, so that letters keep their size at the width of a phone."""
INK = "#5a6370"
"""Letters, axes and originals; a written SVG has it lighter where the reader's page is dark."""
INK_ON_DARK = "#c3cad4"
BLUE, ORANGE, GREEN, PINK, RED = "#3a86d6", "#d9730d", "#1f9e77", "#c05fa3", "#d1495b"
CLASS_COLOURS = (
    BLUE, ORANGE, GREEN, PINK, "#8a8f1e", "#7e6bd6", RED, "#9c6b3f", "#2c9fb5", "#77808c",
)  # fmt: skip
"""Mid-tones that colour-blind readers can tell from their neighbours, on white and on black."""
ERROR_MAP = "magma"
SMALL, TINY = 9, 8
"""Sizes of letters, in points."""
LETTER_WIDTH = 0.62
"""Of a letter's height."""


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of `width` by `height` inches, without a window or global state.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    with needing("matplotlib", "drawing", "report"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width, height), layout="constrained")


def prepare_drawing() -> None:
    """Load matplotlib for a command, in its own style.

    A user's style file and backend are made for other figures, and may need LaTeX or a notebook.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    os.environ.pop("MPLBACKEND", None)  # figures without windows need none
    new_figure(1, 1)
    from matplotlib import rcdefaults

    rcdefaults()


def pack_tightly(figure: Figure) -> None:
    """Leave little room between the axes of a figure: for rows of pictures."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure.set_layout_engine(
        ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    )


def set_title(figure: Figure, title: str) -> None:
    """Write a title above everything, unless it is empty."""
    if title:
        fitting = 72 * float(figure.get_figwidth()) / (LETTER_WIDTH * len(title))
        figure.suptitle(title, fontsize=min(11.0, fitting), color=INK)


def style_chart(axis: Axes, x: str, y: str) -> None:
    """Set the labels of an axis and the style of a chart: a light grid, no box."""
    axis.set_xlabel(x, fontsize=SMALL, color=INK)
    axis.set_ylabel(y, fontsize=SMALL, color=INK)
    axis.grid(color=INK, alpha=0.2, linewidth=0.6)
    axis.set_axisbelow(True)
    style_box(axis, ("left", "bottom"))


def style_box(axis: Axes, sides: tuple[str, ...]) -> None:
    """Draw the named sides of an axis, and its ticks, in ink."""
    axis.patch.set_alpha(0.0)
    axis.tick_params(colors=INK, labelsize=SMALL - 1, width=0.6, length=3)
    for side, spine in axis.spines.items():
        spine.set_visible(side in sides)
        spine.set_color(INK)
        spine.set_linewidth(0.6)


def whole_ticks(axis: Axis, most: int = 8) -> None:
    """Put whole numbers on an axis that counts."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, integer=True))


def plain_log_ticks(axis: Axis, values: Sequence[float]) -> None:
    """Put round numbers on a logarithmic axis, more of them where the values are close."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    decades = max(values, default=1.0) / max(min(values, default=1.0), 1e-300)
    subs = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0) if decades < 8 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=subs if decades < 300 else (1.0,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def style_legend(axis: Axes, **options: Any) -> None:
    """Add a legend in ink, without a box."""
    axis.legend(fontsize=SMALL - 1, labelcolor=INK, frameon=False, **options)


def legend_below(figure: Figure, **options: Any) -> None:
    """Add a legend in ink below all axes of a figure, without a box."""
    figure.legend(loc="outside lower center", labelcolor=INK, frameon=False, **options)


def write_png(figure: Figure, stream: BinaryIO, dpi: int = 150) -> None:
    """Write a figure as a PNG, on white."""
    figure.savefig(stream, format="png", dpi=dpi, facecolor="white")


def write_svg(figure: Figure) -> bytes:
    """Write a figure as an SVG without a background, whose ink fits light and dark pages.

    Letters are outlines, so that they are the same everywhere. The same figure gives the same
    bytes.
    """
    stream = io.BytesIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(stream, format="svg", transparent=True, dpi=200, metadata=metadata)
    svg = re.sub(r".*?(?=<svg)", "", stream.getvalue().decode(), count=1, flags=re.S)
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)
    svg = svg.replace(INK, "currentColor")
    ink = (
        f"<style>svg{{color:{INK}}}"
        f"@media(prefers-color-scheme:dark){{svg{{color:{INK_ON_DARK}}}}}</style>"
    )
    return _stable_names(re.sub(r"<svg[^>]*>", lambda tag: tag[0] + ink, svg, count=1)).encode()


def _stable_names(svg: str) -> str:
    """Replace the random names of clip paths, markers and pictures by numbers."""
    numbers = count()
    names: dict[str, str] = {}
    for name in re.findall(r' id="([a-z]+[0-9a-f]{10})"', svg):
        names.setdefault(name, f"n{next(numbers)}")
    return re.sub(
        r'(id="|url\(#|href="#)([a-z]+[0-9a-f]{10})\b',
        lambda found: found[1] + names.get(found[2], found[2]),
        svg,
    )
