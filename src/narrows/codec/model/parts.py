"""What is written of a model, and the form in which it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.metadata import canonical_json
from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import Row
from narrows.codec.model.tradeoff import Fit, Tradeoffs
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser

if TYPE_CHECKING:
    from narrows.codec.levels.kinds import Levels
    from narrows.codec.prediction.prediction import Prediction
    from narrows.codec.prediction.wavelets import Wavelets

Tensors = dict[str, npt.NDArray[Any]]


class Parts(Protocol):
    """What is written of a model; `Model` says what each is."""

    # fmt: off
    @property
    def frame_shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def normaliser(self) -> Normaliser: ...  # noqa: D102
    @property
    def quantiser(self) -> Quantiser: ...  # noqa: D102
    @property
    def decoder(self) -> IntegerNetwork: ...  # noqa: D102
    @property
    def tables(self) -> Sequence[Row]: ...  # noqa: D102
    @property
    def contexts(self) -> Sequence[ContextModel | None]: ...  # noqa: D102
    @property
    def groups(self) -> Mapping[str, int]: ...  # noqa: D102
    @property
    def prediction(self) -> Prediction | None: ...  # noqa: D102
    @property
    def wavelets(self) -> Wavelets | None: ...  # noqa: D102
    @property
    def levels(self) -> Levels | None: ...  # noqa: D102
    @property
    def trellis(self) -> Sequence[Row]: ...  # noqa: D102
    @property
    def encoder(self) -> IntegerNetwork | None: ...  # noqa: D102
    @property
    def tradeoffs(self) -> Tradeoffs | None: ...  # noqa: D102
    @property
    def fit(self) -> Fit | None: ...  # noqa: D102
    # fmt: on


class Content(NamedTuple):
    """Canonical JSON values, and tensors by name."""

    settings: Any
    tensors: Tensors

    def digest(self) -> bytes:
        """Return the SHA-256 of both in canonical form."""
        hashed = hashlib.sha256(canonical_json(self.settings).encode())
        for name, tensor in sorted(self.tensors.items()):
            hashed.update(f"\n{name} {tensor.dtype.name} {list(tensor.shape)}\n".encode())
            little = np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<"))
            hashed.update(little.tobytes())
        return hashed.digest()
