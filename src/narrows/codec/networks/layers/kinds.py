"""All kinds of layers, by name."""

from __future__ import annotations

from narrows.codec.networks.layers.contract import Layer
from narrows.codec.networks.layers.residual import INNER_KINDS, Residual

KINDS: dict[str, type[Layer]] = {**INNER_KINDS, Residual.kind: Residual}
"""All kinds of layers of a model file, by name."""
