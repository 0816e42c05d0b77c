"""FORMAT.md, "JSON": the settings of a model, and their canonical form."""

import json
from typing import Any

from . import bricks, context_model, normaliser, predicted
from .conventions import Rejected, need
from .forms import (
    Either,
    ListOf,
    anything,
    check,
    hexadecimal,
    integer,
    is_positive,
    is_shape,
    or_null,
)
from .level_networks import form_of_levels
from .networks import NETWORK

SAME_AS = {"same_as": integer(0, 7)}
SEARCH = {
    "lambda": ListOf(lambda v: is_positive(v) and float.fromhex(v) <= 2**100, 1, 8),
    "unit": is_positive,
}


def form_of_context(value: Any) -> Any:
    """Return the form of a context model, or of a reference to that of another quality."""
    return SAME_AS if isinstance(value, dict) and "same_as" in value else context_model.SETTINGS


def form_of_encoder(value: Any) -> Any:
    """Accept any encoder, which a decoder has no use for, but a `search` only as it must be."""
    if not isinstance(value, dict):
        return anything
    return dict.fromkeys(value, anything) | (
        {"search": Either(form_of_search)} if "search" in value else {}
    )


def form_of_search(value: Any) -> Any:
    """Return the form of what an encoder searches by; weights of channels may be missing."""
    weighted = isinstance(value, dict) and "weights" in value
    return SEARCH | ({"weights": ListOf(is_positive, 1)} if weighted else {})


def form_of_decoding(value: Any) -> Any:
    """Return the form of what decoding depends on; five parts may be missing."""
    there = value if isinstance(value, dict) else {}
    return DECODING | {name: form for name, form in ADDED.items() if name in there}


def is_groups(value: Any) -> bool:
    """Return whether these are the sizes of groups of encoded and of corrected latents."""
    pairs = isinstance(value, list) and all(isinstance(v, list) and len(v) == 2 for v in value)
    named = pairs and [name for name, _ in value] == ["encoded", "corrected"]
    return named and all(integer(1, 2**28)(size) for _, size in value)


def is_sizes(value: Any) -> bool:
    """Return whether this is an object of numbers of bytes."""
    return isinstance(value, dict) and all(map(integer(0, 2**40), value.values()))


def has_search(encoder: Any) -> bool:
    """Return whether an encoder has something to search by."""
    return isinstance(encoder, dict) and "search" in encoder


DECODING = {
    "contexts": ListOf(or_null(Either(form_of_context)), 1, 8),
    "decoder": NETWORK,
    "format": integer(0, 0),
    "frame_shape": is_shape,
    "normaliser": normaliser.SETTINGS,
    "quantiser": {"limit": integer(1, 2**31 - 1), "shift": integer(0, 47)},
}
ADDED = {
    "groups": is_groups, "levels": Either(form_of_levels), "prediction": predicted.SETTINGS,
    "trellis": integer(4, 4), "wavelets": bricks.SETTINGS,
}  # fmt: skip
MODEL = {
    "architecture": anything, "decoding": Either(form_of_decoding),
    "encoder": Either(form_of_encoder), "encoder_sha256": hexadecimal(64),
    "known_sha256": or_null(hexadecimal(64)), "model_id": hexadecimal(32), "peak": anything,
    "tensors": is_sizes,
}  # fmt: skip


def read_settings(text: bytes) -> dict[str, Any]:
    """Read the JSON of a model and check its form."""
    settings = parse_json(text)
    need(canonical(settings).encode() == text, "the JSON is not canonical")
    check(settings, MODEL, "model")
    return settings


def parse_json(text: bytes) -> Any:
    """Parse JSON without fractions."""

    def refuse(number: str) -> None:
        raise Rejected(f"{number} is no integer")

    try:
        return json.loads(text.decode("ascii"), parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Rejected("the JSON cannot be read") from error


def canonical(value: Any) -> str:
    """Write canonical JSON."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise Rejected("the JSON is nested too deep") from error
