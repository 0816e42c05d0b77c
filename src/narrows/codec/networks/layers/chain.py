"""Chains of layers <-> settings and tensors: those of a network, and those within a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from narrows.codec.networks.layers.contract import Layer, Settings, Tensors
from narrows.errors import FormatError


def describe(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Give the kind and the settings of each layer, as canonical JSON values."""
    return [{"kind": layer.kind, **layer.settings()} for layer in layers]


def name_tensors(layers: Sequence[Layer]) -> dict[str, npt.NDArray[Any]]:
    """Give all tensors, named `<layer number>.<name>`."""
    return {
        f"{number}.{name}": tensor
        for number, layer in enumerate(layers)
        for name, tensor in layer.tensors().items()
    }


def build_layers(
    described: Sequence[Settings], tensors: Tensors, kinds: Mapping[str, type[Layer]], place: str
) -> list[Layer]:
    """Make layers of the given kinds from what `describe` and `name_tensors` gave.

    `place` ends the sentence of the error: in which place a kind is unknown.
    """
    layers = []
    for number, settings in enumerate(described):
        options = {key: value for key, value in dict(settings).items() if key != "kind"}
        prefix = f"{number}."
        own = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
        if settings["kind"] not in kinds:
            raise FormatError(
                f"layer kind {repr(settings['kind'])[:40]} is unknown {place}; "
                f"known are {', '.join(kinds)}"
            )
        layers.append(kinds[settings["kind"]].build(options, own))
    return layers
