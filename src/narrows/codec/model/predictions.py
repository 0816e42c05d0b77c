"""Whether what predicts signals fits a model."""

from __future__ import annotations

from narrows.codec.model.content import Parts
from narrows.codec.prediction.tile_prediction import TilePrediction
from narrows.errors import FormatError


def check_predictions(model: Parts) -> None:
    """Raise FormatError unless what predicts windows, or tiles, is of the model's own."""
    windows, tiles, n_qualities = model.prediction, model.tiles, len(model.quantiser.gain)
    if windows is not None:
        if tiles is not None:
            raise FormatError("model that predicts both windows and tiles")
        if windows.residual.output_shape != model.frame_shape or len(windows.step) != n_qualities:
            raise FormatError("prediction of other frames, or for other qualities")
        model.normaliser.check_output(windows.limit)
    if tiles is not None:
        _check_tiles(model, tiles, n_qualities)


def _check_tiles(model: Parts, own: TilePrediction, n_qualities: int) -> None:
    sizes = own.frame_shape, len(own.scale), own.scale.shape[2]
    if sizes != (model.frame_shape, n_qualities, model.quantiser.latent_size):
        raise FormatError("prediction of other tiles, or for other qualities or latents")
    kinds = [layer.kind for layer in model.decoder.layers]
    if kinds not in (["dense"], ["dense", "reshape"]):
        raise FormatError(f"prediction of tiles beside a decoder of {kinds}; it must be one dense")
    model.normaliser.check_output(own.limit)
