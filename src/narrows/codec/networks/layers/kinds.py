"""All kinds of layers, by name."""

from __future__ import annotations

from narrows.codec.networks.layers.contract import Layer
from narrows.codec.networks.layers.parallel import BRANCH_KINDS, Parallel

KINDS: dict[str, type[Layer]] = {**BRANCH_KINDS, Parallel.kind: Parallel}
"""All kinds of layers of a model file, by name."""
