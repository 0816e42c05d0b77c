"""format/level-networks.md, "Settings and tensors": networks, and how they are held."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .conventions import need
from .forms import Either, ListOf, integer
from .level_decisions import TOTAL
from .level_lattice import Lattice, form_of_lattice, read_lattice
from .level_passes import START, Order
from .tensors import Tensors

GRID = {
    "shape": ListOf(integer(1, 2**28), 1, 3), "n_channels": integer(1, 2**28),
    "start_stride": integer(1, 2**28), "origin": integer(0, 2**28),
}  # fmt: skip
BYTES = {
    "kind": lambda v: v == "bytes", "n_neighbours": integer(8, 48),
    "atoms": ListOf(integer(0, 255), 1, 8), **GRID,
}  # fmt: skip
NUMBERS = {"kind": lambda v: v == "numbers", **GRID}


def form_of_levels(value: Any) -> Any:
    """Return the form of the settings of levels, by their kind; a lattice may be missing."""
    there = value if isinstance(value, dict) else {}
    form = BYTES if there.get("kind") == "bytes" else NUMBERS
    return form | ({"lattice": Either(form_of_lattice)} if "lattice" in there else {})


class Network(NamedTuple):
    """The network of a pass."""

    first: np.ndarray
    bias: np.ndarray
    second: np.ndarray
    second_bias: np.ndarray

    def run(self, x: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return the outputs, (outputs, rows), of (inputs, rows) at such places of the pass."""
        own = self.bias[places] if len(self.bias) > 1 else self.bias[np.zeros_like(places)]
        h = (self.first @ x >> 7) + own.T
        h = np.clip(np.maximum(h, h >> 3), -4095, 4095)
        return self.second @ h + self.second_bias[:, None] >> 11


class Levels(NamedTuple):
    """What codes levels: `atoms` is empty for numbers."""

    order: Order
    networks: list[Network]
    limit: int
    atoms: list[int]
    k: int
    quiet: list[int]
    loud: list[int]
    lattice: Lattice | None

    def elements(self, numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Turn what is coded into elements."""
        if self.lattice is not None and self.atoms:
            return self.lattice.bytes(numbers).astype(dtype)
        if self.lattice is not None:
            return self.lattice.elements(numbers, dtype)
        ends = np.iinfo(dtype)
        inside = numbers.min(initial=0) >= ends.min and numbers.max(initial=0) <= ends.max
        need(inside, "a number outside the element type")
        return numbers.astype(dtype)

    def answers(self) -> Iterator[np.ndarray]:
        """Return what each network gives for three inputs, (3, outputs)."""
        for network in self.networks:
            size, limit = network.first.shape[1], self.limit
            number = np.arange(3) * 40503 + np.arange(size)[:, None] * 2654435761
            yield network.run(number % (2 * limit + 1) - limit, np.zeros(3, int)).T


def read_level_networks(own: dict[str, Any], dtype: np.dtype, n: int, tensors: Tensors) -> Levels:
    """Read the levels of a model for frames of n elements."""
    from .level_bytes import n_inputs
    from .level_numbers import inputs_of

    shape, stride, origin = tuple(own["shape"]), own["start_stride"], own["origin"]
    need(stride & (stride - 1) == 0 and origin < min(stride, *shape), "a stride or origin is wrong")
    order = Order(shape, own["n_channels"], stride, origin)
    is_bytes = own["kind"] == "bytes"
    need(order.size == n and is_bytes == (dtype == np.uint8), "levels of other frames")
    need(dtype.kind in "iuf", "levels of truth values")
    atoms = own.get("atoms", [])
    need(len(set(atoms)) == len(atoms), "the same atom twice")
    need(not is_bytes or n <= 2**16, "too many elements for levels")
    networks: list[Network] = []
    for each in order.passes:
        if not is_bytes and each.kind == START:
            continue
        inputs = n_inputs(own["n_neighbours"], atoms) if is_bytes else inputs_of(order, each)
        under = tensors.under(f"{len(networks)}.")
        first = under.unpack("first", "int16", None, inputs)
        bias = under.unpack("bias", "int32", None, len(first))
        need(len(bias) in (1, len(order.places(each)) if is_bytes else 1), "biases of other places")
        second = under.unpack("second", "int16", len(atoms) + 9 if is_bytes else 2, len(first))
        second_bias = under.unpack("second_bias", "int32", len(second))
        networks.append(Network(first, bias, second, second_bias))
    quiet, loud = [0], [1]
    if is_bytes:
        quiet = tensors.unpack("quiet", "uint8", n).tolist()
        loud = tensors.unpack("loud", "int32", 256).tolist()
        need(max(quiet) < 96 and min(loud) >= 1 and sum(loud) == TOTAL, "quiet or loud is wrong")
    limit = 128 if is_bytes else 1024
    lattice = read_lattice(own, dtype)
    return Levels(order, networks, limit, atoms, own.get("n_neighbours", 0), quiet, loud, lattice)
