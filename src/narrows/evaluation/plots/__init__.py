"""Pictures, with matplotlib (extra `report`): made without a window, without global state."""

from narrows.evaluation.plots.charts import (
    histograms,
    quality_against_latent_size,
    rate_distortion,
    training_curves,
)
from narrows.evaluation.plots.figure import new_figure, prepare_drawing, write_png, write_svg
from narrows.evaluation.plots.frames import as_lines, as_picture
from narrows.evaluation.plots.gallery import by_latent_size, gallery
from narrows.evaluation.plots.latents import latent_map, paintings, projection, steps_between, walk
from narrows.evaluation.plots.network import network
from narrows.evaluation.plots.recording import recording
from narrows.evaluation.plots.slices import slices

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
    "recording",
    "slices",
    "steps_between",
    "training_curves",
    "walk",
    "write_png",
    "write_svg",
]
