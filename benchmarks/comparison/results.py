"""The results of a run: the page, the figures in JSON, and the plot."""

import json
import os
import platform
import re
import shlex
import sys
from importlib import metadata
from pathlib import Path

from narrows._version import __version__
from narrows.evaluation.metrics import psnr_of_mse
from narrows.evaluation.plots import rate_distortion, write_png
from narrows.processes import cores

PACKAGES = ("numpy", "torch", "imagecodecs", "soundfile", "zstandard", "pysz", "zfpy", "faiss-cpu")
LIBRARIES = ("libjpeg_turbo", "libwebp", "libavif", "libjxl", "openjpeg", "sperr", "pcodec")
MAX_CURVES = 10
"""That the plot has colours for."""
RESULTS = Path(__file__).parents[1] / "results"


def machine():
    """Describe the machine that the speeds belong to."""
    return {
        "processor": _processor(),
        "system": platform.system(),
        "cores": cores(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "load": _load(),
    }


def _load():
    """Return how many processes ran in the last minute; None where the system does not say."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found[1] if found else platform.processor() or platform.machine()


def versions():
    """Return the versions of Python, of what is installed, and of the picture libraries."""
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


def context(module, words, **figures):
    """Return the command without this machine's folders, the machine and the versions."""
    words = list(words)
    if "--output" in words:
        at = words.index("--output")
        del words[at : at + 2]
    shown = shlex.join(Path(word).name for word in words)
    command = f"python -m benchmarks.{module} {shown}"
    return {"command": command, **figures, "machine": machine(), "versions": versions()}


def made_by(context):
    """Write the command and the machine of a run, for its page."""
    machine = context["machine"]
    load = machine.get("load")
    busy = "" if load is None else f", {load:g} processes running when it began"
    return (
        f"    {context['command']}\n\n"
        f"{machine['processor']}, {machine['cores']} core(s), {machine['threads']} thread(s){busy}"
    )


def write(folder, name, page, figures, figure=None):
    """Write `name.md`, `name.json` and, of a figure, `name.png` into a folder, and say so."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(page)
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=1, default=float) + "\n")
    if figure is not None:
        with open(folder / f"{name}.png", "wb") as stream:
            write_png(figure, stream)
    print(page)
    print(f"wrote {folder / name}.*", file=sys.stderr)


def plot(dataset, rows):
    """Draw the curves about the data set's rates: narrows first, the optimum, if known, last.

    None where no codec takes all signals at once.
    """
    low, high = dataset.byte_range[0] / 4, dataset.byte_range[1] * 2
    curves = {
        series.name: [(size, psnr) for size, psnr in series.curve if low <= size <= high]
        for series in rows
        if not (series.alone or series.lossless)
    }
    curves = {name: curve for name, curve in curves.items() if curve}
    if dataset.optimum:
        curves = dict(list(curves.items())[: MAX_CURVES - 1])
        curves[dataset.optimum.name] = _optimal_curve(dataset)
    if not curves:
        return None
    figure = rate_distortion(dict(list(curves.items())[:MAX_CURVES]))
    # Many names need room below the curves.
    figure.set_size_inches(figure.get_figwidth() + 1.0, figure.get_figheight() + 1.6)
    return figure


def _optimal_curve(dataset):
    optimum = dataset.optimum
    low, high = dataset.byte_range[0], min(dataset.byte_range[1], optimum.most_bits / 8)
    sizes = [low * (high / low) ** (i / 8) for i in range(9)]
    mses = [optimum.distortion(8 * size) / dataset.peak**2 for size in sizes]
    return [(size, psnr_of_mse(mse)) for size, mse in zip(sizes, mses, strict=True)]
