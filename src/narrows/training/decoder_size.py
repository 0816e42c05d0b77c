"""How large a decoder of pictures is: what every receiver keeps, and computes for each signal."""

from __future__ import annotations

from typing import Any

from narrows.errors import SettingError
from narrows.training.choices import (
    DEFAULT,
    LARGE,
    MIN_QUALITIES_OF_WIDER,
    SMALL,
    USUAL,
    Choices,
    spatial_and_channels,
)
from narrows.words import counted

MAX_SIGNALS_OF_SMALL = 100_000
"""Expected signals up to which what a small decoder saves is more than what signals then take more;
estimated from short trainings on MNIST (docs/experiments.md)."""
MAX_SIDE = 31
"""Of pictures on which smaller decoders were measured: they are halved twice."""


def choose_decoder(
    choices: Choices, frame_shape: tuple[int, ...], architecture: str, *, own: bool
) -> str:
    """Choose the size of a decoder; large for networks that have no other.

    Raises
    ------
    SettingError
        If a size is asked for, and there are none.
    """
    is_picture = len(spatial_and_channels(frame_shape)) == 3
    if own or architecture != "conv" or not is_picture:
        if choices.settings["decoder"] is not None:
            raise SettingError(_none_for(choices.settings, frame_shape, architecture))
        return LARGE
    expected, qualities = (choices.settings[n] for n in ("expected_signals", "qualities"))
    size, why = USUAL, DEFAULT
    if qualities >= MIN_QUALITIES_OF_WIDER:
        size, why = LARGE, f"for {qualities} qualities"
    elif max(frame_shape[:2]) > MAX_SIDE:
        size, why = LARGE, f"for pictures of more than {MAX_SIDE} x {MAX_SIDE}"
    elif expected is not None:
        size = SMALL if expected <= MAX_SIGNALS_OF_SMALL else USUAL
        why = f"for {counted(expected, 'signal')}"
    return str(choices.decide("decoder", size, why))


def _none_for(settings: dict[str, Any], frame_shape: tuple[int, ...], architecture: str) -> str:
    what = f"decoder {settings['decoder']}"
    if settings["preset"] is not None:
        return f"{what} with preset {settings['preset']}, which has one; give one of the two"
    of = " x ".join(map(str, frame_shape))
    return (
        f"{what} for {architecture} networks and frames of {of}; conv networks of pictures alone "
        "have decoders of several sizes: leave it out"
    )
