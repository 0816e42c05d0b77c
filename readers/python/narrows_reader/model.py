"""FORMAT.md, "Tensors" and "Steps": a whole model.

This reader decodes only, so it takes every model as one without an encoder, but for what an encoder
may search by, which it checks.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .bricks import Wavelets, read_wavelets
from .container import read_container
from .conventions import Cursor, Shape, need
from .exact_values import read_exact
from .forms import Settings
from .groups import check_groups
from .known_answers import check_known
from .level_bytes import decode_bytes
from .level_decisions import Decisions
from .level_networks import Levels, read_level_networks
from .level_numbers import decode_numbers, read_head
from .model_id import model_id
from .networks import Chain
from .normaliser import check_output, denormalise
from .payload import Group
from .predicted import Prediction, read_prediction
from .settings import has_search
from .tables import read_tables
from .tensors import Tensors
from .trellis import levels_of, read_all_codings


class Model(NamedTuple):
    """What decoding needs of a model."""

    id: bytes
    dtype: np.dtype
    frame_shape: tuple[int, ...]
    normaliser: Settings
    limit: int
    decoder: Chain
    steps: np.ndarray
    codings: list[list[Group]]
    prediction: Prediction | None
    wavelets: Wavelets | None
    levels: Levels | None

    @property
    def k(self) -> int:
        """The latent size."""
        return self.steps.shape[1]

    def decode(self, symbols: np.ndarray, quality: int) -> np.ndarray:
        """Turn symbols, (n, k) int64, into frames, (n, *frame_shape)."""
        return self.frames(self.integers(symbols, quality))

    def integers(self, symbols: np.ndarray, quality: int) -> np.ndarray:
        """Turn symbols into the decoder's integers, (n, elements)."""
        levels = levels_of(symbols, self.codings[quality - 1])
        latents = np.clip(levels * self.steps[quality - 1], -self.limit, self.limit)
        return self.decoder.run(latents)

    def frames(self, y: np.ndarray) -> np.ndarray:
        """Turn the decoder's integers into frames."""
        y = y.reshape(len(y), *self.frame_shape)
        return denormalise(y, self.normaliser, self.frame_shape)

    def by_levels(
        self, rest: bytes, n: int, has_exact: bool, has_changes: bool = True,
        take: Callable[[bytes], Decisions] = Decisions,
    ) -> np.ndarray:  # fmt: skip
        """Decode n frames by networks of levels, from decisions taken in some way."""
        own, shape = self.levels, (n, *self.frame_shape)
        assert own is not None
        if has_exact:
            mask, values, rest = read_exact(rest, shape, self.dtype)
        if own.atoms:
            found = decode_bytes(own, take(rest), n)
        else:
            cursor = Cursor(rest)
            head = read_head(own, cursor, has_changes)
            found = decode_numbers(own, head, take(cursor.rest()), n)
        frames = own.elements(found, self.dtype).reshape(shape)
        if has_exact:
            frames[mask] = values
        return frames


def read_model(data: bytes) -> Model:
    """Read a model file and check all of it that decoding needs."""
    settings, packed = read_container(data)
    tensors, decoding, encoder = Tensors(packed), settings["decoding"], settings["encoder"]
    check_decoder(decoding)
    (k,), frame_shape = decoding["decoder"]["input_shape"], tuple(decoding["frame_shape"])
    layers, bound = decoding["decoder"]["layers"], decoding["quantiser"]["limit"]
    decoder = Chain(layers, (k,), bound, tensors.under("decoder."))
    need(decoder.shape == frame_shape, "the decoder makes other frames")
    n_encoded = check_groups(decoding, k, encoder)
    check_output(decoding["normaliser"], decoder.bound, frame_shape)
    steps = tensors.unpack("quantiser.step", "int32", None, k)
    need(1 <= len(steps) <= 8 and steps.min() >= 0 and steps.max() < 2**21, "steps are wrong")
    need(tensors.unpack("quantiser.gain", "int32", *steps.shape).min() >= 0, "a gain is negative")
    tables = read_tables(tensors.under("tables."), steps.shape)
    codings = read_all_codings(tensors, decoding, tables, steps, n_encoded)
    prediction = wavelets = levels = None
    if "prediction" in decoding:
        prediction = read_prediction(decoding, tensors.under("prediction."), len(steps))
    if "wavelets" in decoding:
        wavelets = read_wavelets(decoding, tensors.under("wavelets."), len(steps))
    if "levels" in decoding:
        dtype, n = np.dtype(decoding["normaliser"]["dtype"]), math.prod(frame_shape)
        levels = read_level_networks(decoding["levels"], dtype, n, tensors.under("levels."))
    name = model_id(settings, tensors.done)
    need(name.hex() == settings["model_id"], "the model id is wrong")
    model = Model(
        name, np.dtype(decoding["normaliser"]["dtype"]), frame_shape, decoding["normaliser"],
        decoding["quantiser"]["limit"], decoder, steps, codings, prediction,
        wavelets, levels,
    )  # fmt: skip
    if settings["known_sha256"]:
        known = tensors.unpack("known.symbols", "int32", None, k)
        check_known(model, known, settings["known_sha256"])
    check_search(encoder, tensors, steps.shape, frame_shape)
    check_no_other(packed, settings)
    return model


def check_decoder(decoding: dict[str, Any]) -> None:
    """Check the sizes of frames and latents."""
    n, shape = math.prod(decoding["frame_shape"]), decoding["decoder"]["input_shape"]
    itemsize = np.dtype(decoding["normaliser"]["dtype"]).itemsize
    need(n * itemsize <= 2**28 - 16, "a frame is too large")
    need(len(shape) == 1 and shape[0] <= n, "the latent size is wrong")
    same = decoding["decoder"]["input_limit"] == decoding["quantiser"]["limit"]
    need(same, "the decoder has another limit than the quantiser")


def check_search(encoder: Any, tensors: Tensors, shape: Shape, frame_shape: Shape) -> None:
    """Check what an encoder may search by at these qualities and latents."""
    there = "encoder.curvature" in tensors.packed
    need(there == has_search(encoder), "a search without curvatures, or they without it")
    if there:
        need(len(encoder["search"]["lambda"]) == shape[0], "lambdas of another number")
        curvature = tensors.unpack("encoder.curvature", "int32", *shape)
        need(curvature.min() >= 0, "a curvature is negative")
        weights = encoder["search"].get("weights")
        need(weights is None or frame_shape[-1:] == (len(weights),), "weights of other channels")


def check_no_other(packed: dict[str, bytes], settings: Settings) -> None:
    """Check the names of the tensors that only people and encoders need."""
    known = {"known.answers"} if settings["known_sha256"] else set()
    names = {name for name in packed if not (settings["encoder"] and name.startswith("encoder."))}
    need(names == known | {"training"}, "a tensor is missing, or has no place")
