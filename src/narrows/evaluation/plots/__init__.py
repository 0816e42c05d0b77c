"""Pictures, with matplotlib (extra `report`): made without a window, without global state."""

from narrows.evaluation.plots.curves import training_curves
from narrows.evaluation.plots.figure import new_figure, prepare_drawing, write_png, write_svg
from narrows.evaluation.plots.frames import as_lines, as_picture
from narrows.evaluation.plots.gallery import gallery
from narrows.evaluation.plots.histograms import histograms
from narrows.evaluation.plots.latent_map import latent_map, projection
from narrows.evaluation.plots.latent_sizes import by_latent_size
from narrows.evaluation.plots.network import network
from narrows.evaluation.plots.paintings import paintings
from narrows.evaluation.plots.rates import quality_against_latent_size, rate_distortion
from narrows.evaluation.plots.walk import steps_between, walk

__all__ = [
    "as_lines",
    "as_picture",
    "by_latent_size",
    "gallery",
    "histograms",
    "latent_map",
    "network",
    "new_figure",
    "paintings",
    "prepare_drawing",
    "projection",
    "quality_against_latent_size",
    "rate_distortion",
    "steps_between",
    "training_curves",
    "walk",
    "write_png",
    "write_svg",
]
