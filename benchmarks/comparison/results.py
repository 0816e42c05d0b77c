"""What is kept of a run: the table, the figures in JSON, and the plot."""

import io
import json
import os
import platform
import re
from importlib import metadata
from pathlib import Path

from narrows._version import __version__
from narrows.evaluation.plots import rate_distortion, write_png
from narrows.evaluation.sweep import cores

PACKAGES = ("numpy", "torch", "imagecodecs", "zstandard", "pysz", "zfpy")
LIBRARIES = ("libjpeg_turbo", "libwebp", "libavif", "libjxl", "openjpeg")
COLOURS = 128  # of a PNG's palette
MOST_CURVES = 10  # that the plot has colours for


def machine():
    """Describe the machine that the speeds belong to."""
    return {
        "processor": _processor(),
        "system": platform.system(),
        "cores": cores(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
    }


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found[1] if found else platform.processor() or platform.machine()


def versions():
    """Give the versions of Python, of what is installed, and of the picture libraries."""
    found = {"Python": platform.python_version(), "narrows": __version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**found, **_libraries()}


def _libraries():
    try:
        import imagecodecs
    except ImportError:
        return {}
    listed = imagecodecs.version()
    found = {name: re.search(rf"{name}-([^,]+)", listed) for name in LIBRARIES}
    return {name: match[1] for name, match in found.items() if match}


def plot(dataset, rows):
    """Draw the curves about the data set's rates: narrows first, the optimum, if known, last."""
    low, high = dataset.byte_range[0] / 4, dataset.byte_range[1] * 2
    curves = {
        series.name: [(size, psnr) for size, psnr in series.curve if low <= size <= high]
        for series in rows
        if not (series.alone or series.lossless)
    }
    curves = {name: curve for name, curve in curves.items() if curve}
    if dataset.optimum:
        curves = dict(list(curves.items())[: MOST_CURVES - 1])
        curves[dataset.optimum.name] = _optimal_curve(dataset)
    figure = rate_distortion(dict(list(curves.items())[:MOST_CURVES]))
    return with_legend_beside(figure)


def with_legend_beside(figure):
    """Make room for many names: beside the curves, not on them."""
    figure.set_size_inches(figure.get_figwidth() + 2.2, figure.get_figheight() + 0.8)
    legend = figure.axes[0].get_legend()
    legend.set_loc("upper left")
    legend.set_bbox_to_anchor((1.0, 1.0))
    return figure


def _optimal_curve(dataset):
    optimum, peak = dataset.optimum, dataset.peak
    low, high = dataset.byte_range[0], min(dataset.byte_range[1], optimum.most_bits / 8)
    sizes = [low * (high / low) ** (i / 8) for i in range(9)]
    return [(size, _psnr(optimum.distortion(8 * size), peak)) for size in sizes]


def _psnr(mse, peak):
    from narrows.evaluation.metrics import psnr_of_mse

    return psnr_of_mse(mse / peak**2)


def write(folder, name, page, figures, figure):
    """Write `name.md`, `name.json` and `name.png` into a folder; give their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{ending}" for ending in ("md", "json", "png")]
    paths[0].write_text(page)
    paths[1].write_text(json.dumps(figures, indent=1, default=float) + "\n")
    paths[2].write_bytes(small_png(figure))
    return paths


def small_png(figure):
    """Draw a figure to a PNG with a palette: a third of the bytes, for documents show it."""
    from PIL import Image

    drawn, stream = io.BytesIO(), io.BytesIO()
    write_png(figure, drawn)
    picture = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
