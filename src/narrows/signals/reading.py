"""How DATA is to be read: what the options of commands and keywords of functions say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from narrows.codec.archive import Header
from narrows.element_types import ELEMENT_TYPES
from narrows.errors import SettingError

Lengths = tuple[int, ...]
DTYPE_NAMES = f"{', '.join(map(str, ELEMENT_TYPES))}, with > before it for big-endian"


@dataclass(frozen=True)
class Reading:
    """What is asked for; None is decided from the data.

    Attributes
    ----------
    window : int or None
        Length of the windows that recordings are cut in, along their first axis.
    hop : tuple of int or None
        From one window or tile to the next; by default their length. Alone, of a model's frames.
    tile : tuple of int or None
        Shape of the tiles that arrays are cut in, along their last axes.
    shape, dtype : optional
        Of a file of bare numbers.
    skip_unreadable : bool
        Go on without the files of a folder that cannot be read.
    frame_shape : tuple of int or None
        What the model takes: where nothing else is said, frames are cut to it.
    hops_of_model : tuple of int or None
        From one of these frames to the next, where training cut them.
    proposes : bool
        Cut one long list of numbers, where nothing else is said.
    learns : bool
        Tell of signals that are few to learn from.
    tell : callable
        Called with a line of text for each decision.
    """

    window: int | None = None
    hop: Lengths | None = None
    tile: Lengths | None = None
    shape: Lengths | None = None
    dtype: np.dtype[Any] | None = None
    skip_unreadable: bool = False
    frame_shape: Lengths | None = None
    hops_of_model: Lengths | None = None
    proposes: bool = False
    learns: bool = True
    tell: Callable[[str], None] = lambda text: None

    def __post_init__(self) -> None:
        if self.window is not None and self.tile is not None:
            raise SettingError("window and tile are two ways to cut; give one")
        lengths = self.tile or (() if self.window is None else (self.window,))
        if any(length < 1 for length in lengths):
            raise SettingError(f"frames of {', '.join(map(str, lengths))}; at least 1 is needed")
        hop = self.hop or lengths
        if not lengths:  # those of a model
            lengths = (max(hop, default=1),) * len(hop)
        if len(hop) != len(lengths) or not all(
            1 <= h <= n for h, n in zip(hop, lengths, strict=True)
        ):
            raise SettingError(
                f"hop {', '.join(map(str, hop))} of frames of {', '.join(map(str, lengths))}; it "
                "must be 1 to their length, along as many axes: a longer one would leave gaps"
            )
        if (self.shape is None) != (self.dtype is None):
            raise SettingError("bare numbers need both shape and dtype; give the other, too")

    def for_model(self, model: Any) -> Reading:
        """Return the reading for signals of a model, unless it is None."""
        if model is None:
            return self
        cut = model.training.get("cut")
        hops, lengths = map(cut.get, ("hops", "lengths")) if isinstance(cut, dict) else (None, None)
        if self.window is not None and lengths and self.window != lengths[0]:
            raise SettingError(
                f"window {self.window}, but this model takes windows of {lengths[0]}: leave the "
                "window out, or train a model on such windows"
            )
        return replace(self, frame_shape=model.frame_shape, hops_of_model=_lengths(hops))

    def like(self, source: Any) -> Reading:
        """Return the reading that cuts other data as those of a source were cut."""
        cut = getattr(source, "cut", None)
        if cut is None:
            return self
        others = replace(self, window=None, tile=None, hop=None)
        return replace(others, frame_shape=cut.frame_shape, hops_of_model=cut.hops)

    def for_archive(self, header: Header) -> Reading:
        """Return the reading that cuts data as those of an archive were cut."""
        form = header.metadata.get("geometry")
        if not isinstance(form, dict) or self.window is not None or self.tile is not None:
            return self
        hops = form.get("hops", form.get("lengths"))
        return replace(self, frame_shape=header.frame_shape, hops_of_model=_lengths(hops))

    @property
    def cuts(self) -> bool:
        """Whether window, tile or hop is given."""
        return not (self.window is None and self.tile is None and self.hop is None)


def _lengths(value: Any) -> Lengths | None:
    """Return a list from a file as lengths; None for anything else."""
    is_list = isinstance(value, list) and all(type(each) is int for each in value)
    return tuple(value) if value and is_list else None


def parse_lengths(text: str, name: str) -> Lengths:
    """Read `8,16,16`, or with x; SettingError for anything else."""
    try:
        return tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        raise SettingError(
            f"{name} {text!r}; accepted are whole numbers with commas, such as 8,16,16"
        ) from None


def parse_dtype(text: str) -> np.dtype[Any]:
    """Read the name of a type of numbers; SettingError for anything else."""
    order: Literal[">", "<"] = ">" if text.startswith(">") else "<"
    try:
        dtype = np.dtype(text.lstrip("<>")).newbyteorder(order)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.newbyteorder("=") not in ELEMENT_TYPES:
        raise SettingError(f"dtype {text!r}; accepted are {DTYPE_NAMES}")
    return dtype
