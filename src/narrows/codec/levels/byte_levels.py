"""Frames of bytes without loss, pass by pass: what a model holds for it, and how both sides walk.

    places of a pass ──known neighbours──► network of the pass ──odds──► decisions ──► payload

Where strides are 1 and 2, elements all of whose known neighbours are the first atom (the
background) have no network: how often they are something else is counted for each place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_shape, check_whole
from narrows.codec.entropy.tables import TOTAL
from narrows.codec.levels.byte_heads import N_LOGISTICS, Bytes, ByteScale, code_bytes
from narrows.codec.levels.byte_inputs import (
    INPUT_ONE,
    NEAREST_KINDS,
    byte_inputs,
    n_inputs,
    near_bytes,
)
from narrows.codec.levels.decisions import DecisionCoder
from narrows.codec.levels.lattice import Lattice, lattice_of, settings_of
from narrows.codec.levels.parts import parts_of
from narrows.codec.levels.pass_network import PassNetwork
from narrows.codec.levels.passes import PassOrder
from narrows.codec.networks.layers.contract import above, below
from narrows.errors import FormatError

if TYPE_CHECKING:
    from narrows.codec.levels.native.bytes import CompiledBytes
    from narrows.codec.levels.native.engine import LevelsEngine

MAX_NEIGHBOURS = 48  # known places within three strides
SKIP_STRIDE = 2  # up to it: coarser passes have few elements, and much to tell
MAX_ATOMS = 8
MAX_PLACES = 1 << 16
ROWS_AT_ONCE = 1 << 15
# How often dead rows are not the background: classes of a quarter of a bit, from 2**24 down.
QUARTERS = (16777216, 14107900, 11863283, 9975792)
N_QUIET = 96


class Near(NamedTuple):
    """A pass with the places of its elements and of their known neighbours, `(k, m)`."""

    places: npt.NDArray[np.intp]
    near: npt.NDArray[np.intp]
    skips: bool


@dataclass(frozen=True, eq=False)
class ByteLevels:
    """The levels coder of a model for frames of bytes.

    Attributes
    ----------
    order : PassOrder
    n_neighbours : int
    atoms : tuple of int
        Values that have a head of their own; the first is the background, as which the outside
        of a frame counts.
    networks : sequence of PassNetwork
        One a pass.
    quiet : (size,) uint8
        For each place, flat index, how rarely it differs from a known neighbourhood of nothing
        but background: in classes of a quarter of a bit.
    loud : (256,) int32
        The frequencies, of 2**24, of what it is then.
    lattice : Lattice or None
        What the bytes stand for, where it is not themselves: its numbers are then what is coded,
        and what atoms are.
    engine : LevelsEngine or None
        What codes in numpy's place, where it can.

    Raises
    ------
    FormatError
        If the parts do not fit together.
    """

    order: PassOrder
    n_neighbours: int
    atoms: tuple[int, ...]
    networks: Sequence[PassNetwork]
    quiet: npt.NDArray[np.uint8]
    loud: npt.NDArray[np.int32]
    lattice: Lattice | None = None
    engine: LevelsEngine | None = None

    def __post_init__(self) -> None:
        check_whole(self.n_neighbours, NEAREST_KINDS, MAX_NEIGHBOURS, "neighbours of levels")
        atoms, order = self.atoms, self.order
        if not 1 <= len(set(atoms)) == len(atoms) <= MAX_ATOMS:
            raise FormatError(f"levels with the atoms {atoms}; 1 to {MAX_ATOMS} different ones")
        for atom in atoms:
            check_whole(atom, 0, 255, "atom of levels")
        if order.size > MAX_PLACES:
            raise FormatError(f"levels of {order.size} elements a frame; at most {MAX_PLACES}")
        if self.quiet.dtype != np.uint8 or self.quiet.shape != (order.size,):
            raise FormatError(f"levels with quiet places of {self.quiet.dtype} {self.quiet.shape}")
        if int(self.quiet.max()) >= N_QUIET:
            raise FormatError(f"levels with a quiet place of class {int(self.quiet.max())}")
        self._check_loud()
        self._check_lattice()
        if len(self.networks) != len(order.passes):
            raise FormatError(f"{len(self.networks)} networks for {len(order.passes)} passes")
        for network, each in zip(self.networks, order.passes, strict=True):
            self._check_network(network, len(order.places(each)))

    def _check_loud(self) -> None:
        loud = self.loud
        if loud.dtype != np.int32 or loud.shape != (256,) or loud.min() < 1:
            raise FormatError(f"levels with loud values of {loud.dtype} {loud.shape}, or below 1")
        if int(loud.sum(dtype=np.int64)) != TOTAL:
            raise FormatError("levels whose frequencies of loud values do not sum to 2**24")

    def _check_lattice(self) -> None:
        lattice = self.lattice
        if lattice is None:
            return
        if not lattice.is_whole or abs(lattice.offset) > lattice.bound:
            raise FormatError("levels of bytes in steps that do not begin at the byte 0")

    def _check_network(self, network: PassNetwork, n_places: int) -> None:
        shape = network.first.shape[1], len(network.second)
        expected = n_inputs(self.n_neighbours, self.atoms), len(self.atoms) + 3 * N_LOGISTICS
        if shape != expected or network.input_limit != INPUT_ONE:
            raise FormatError(f"network of a pass from and to {shape} numbers, not {expected}")
        if len(network.bias) not in (1, n_places):
            raise FormatError(f"network of {len(network.bias)} places for a pass of {n_places}")

    @cached_property
    def scale(self) -> ByteScale:
        """What the coded bytes stand for."""
        return ByteScale(self.atoms, self.lattice)

    @cached_property
    def compiled(self) -> CompiledBytes | None:
        """Compiled code that codes the same; None where numpy does."""
        return None if self.engine is None else self.engine.compile_bytes(self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot go to another process."""
        state = {name: own for name, own in vars(self).items() if name != "compiled"}
        if self.engine is not None and vars(self).get("compiled") is not None:
            state["engine"] = self.engine.tried()
        return state

    @cached_property
    def near(self) -> list[Near]:
        """The places of each pass, and what is known around them."""
        k = self.n_neighbours
        return [Near(*near_bytes(self.order, each, k), each.stride <= SKIP_STRIDE) for each in
                self.order.passes]  # fmt: skip

    @cached_property
    def quiet_ones(self) -> npt.NDArray[np.int64]:
        """Of each place, the frequency of 2**24 with which it is not the background."""
        octave, quarter = np.divmod(self.quiet.astype(np.int64), 4)
        return np.clip(np.array(QUARTERS)[quarter] >> octave, 1, TOTAL - 1)

    def code(self, n: int, coder: DecisionCoder, frames: Bytes | None = None) -> Bytes:
        """Code n frames and return them, `(n, size)`.

        Parameters
        ----------
        n : int
        coder : DecisionCoder
        frames : (n, size) uint8, optional
            The frames, where they are known: they are then told to the coder.
        """
        values = np.empty((self.order.size + 1, n), dtype=np.uint8)  # the last row is the outside
        values[-1] = self.atoms[0]
        if frames is not None:
            values[:-1] = frames.T
        for number in range(len(self.networks)):
            for part in self.parts(number, n):
                self.code_part(number, part, values, coder, is_known=frames is not None)
        return np.ascontiguousarray(values[:-1].T)

    def parts(self, number: int, n: int) -> Iterator[slice]:
        """Cut the places of a pass into parts that are coded together, for n frames."""
        return parts_of(len(self.near[number].places), n, ROWS_AT_ONCE)

    def code_part(
        self, number: int, part: slice, values: Bytes, coder: DecisionCoder, *, is_known: bool
    ) -> None:
        """Code some places of a pass of all frames, into `(size + 1, n)` values or from them."""
        each = self.near[number]
        places = each.places[part]
        truth = values[places].reshape(-1) if is_known else None
        near = values[each.near[:, part]].reshape(len(each.near), -1)
        is_live = (near != self.atoms[0]).any(axis=0)
        is_live |= not each.skips
        coded = np.full(len(is_live), self.atoms[0], dtype=np.uint8)
        self._code_dead(~is_live, places, coder, coded, truth)
        live = np.flatnonzero(is_live)
        x = byte_inputs(near.take(live, axis=1), self.scale)
        counts = is_live.reshape(len(places), -1).sum(axis=1)
        outputs = self.networks[number](x, counts, part.start)
        known = None if truth is None else truth[live]
        coded[live] = code_bytes(outputs, self.scale, coder, known)
        values[places] = coded.reshape(len(places), -1)

    def _code_dead(
        self,
        is_dead: npt.NDArray[np.bool_],
        places: npt.NDArray[np.intp],
        coder: DecisionCoder,
        coded: Bytes,
        truth: Bytes | None,
    ) -> None:
        """Code the elements with nothing but background around them, and put them into `coded`."""
        dead = np.flatnonzero(is_dead)
        ones = self.quiet_ones[places[dead // (len(coded) // len(places))]]
        loud = dead[coder.bits(ones, None if truth is None else truth[dead] != self.atoms[0])]
        known = None if truth is None else truth[loud].astype(np.int32)
        coded[loud] = coder.symbols(self.loud, len(loud), known)

    def settings(self) -> dict[str, Any]:
        """Return all of it but the tensors, as canonical JSON values."""
        own = {"n_neighbours": self.n_neighbours, "atoms": list(self.atoms)}
        return {**self.order.settings(), **own, **settings_of(self.lattice)}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return the tensors by name."""
        found: dict[str, npt.NDArray[Any]] = {
            "quiet": self.quiet,
            "loud": self.loud,
        }
        for number, network in enumerate(self.networks):
            found |= above(f"{number}.", network.tensors())
        return found

    @classmethod
    def build(
        cls, settings: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]
    ) -> ByteLevels:
        """Undo `settings()` and `tensors()`; FormatError where they do not fit together."""
        places = ("n_channels", "start_stride", "origin")
        order = PassOrder(
            check_shape(tuple(settings["shape"]), "shape of levels"),
            **{name: settings[name] for name in places},
        )
        return cls(
            order,
            settings["n_neighbours"],
            tuple(settings["atoms"]),
            [
                PassNetwork(**below(f"{number}.", tensors), input_limit=INPUT_ONE)
                for number in range(len(order.passes))
            ],
            tensors["quiet"],
            tensors["loud"],
            lattice_of(settings),
        )
