"""Signals -> blocks of levels: weights are fitted to each pass, and what is left is coded."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.exact_values import ExactValues, pack_exact
from narrows.codec.encoding.native_fitting import fitted_by, may_fit
from narrows.codec.encoding.samples import (
    SAMPLE,
    Sample,
    Seen,
    prefixes_of,
    sample_of,
    seen_around,
    seen_by,
)
from narrows.codec.encoding.weight_fitting import fitted, shares_of
from narrows.codec.encoding.weight_sums import CompiledSums, NumpySums, Sums
from narrows.codec.interpolation.adaptive import ONE, Integers, classes_of
from narrows.codec.interpolation.blocks import from_rows, to_rows, values_of
from narrows.codec.interpolation.grid import LARGEST, Lossless
from narrows.codec.interpolation.layout import MAX_START_CLASS, Plan, pack_plan
from narrows.codec.interpolation.native.choice import native_levels
from narrows.codec.interpolation.native.refusal import RefusedError
from narrows.codec.interpolation.prediction import (
    Near,
    Rule,
    Surroundings,
    Weights,
    usual,
)
from narrows.codec.interpolation.sums import clipped
from narrows.codec.interpolation.sweep import Side
from narrows.codec.interpolation.symbols import StreamsWriter
from narrows.codec.interpolation.walk import Walk, starts_of
from narrows.codec.levels.passes import Indices

LEAST_FITTED = 128
MOST = 1 << 45  # of a number in sixteenths that a float is rounded to
Mask = npt.NDArray[np.bool_]
Signals = npt.NDArray[Any]


class Encoding(Walk):
    """The numbers of a block, to streams.

    Parameters
    ----------
    plan : Plan
        Without weights: these are found.
    shape : (n, *frame_shape)
    wanted : (size, n_frames) int64 or float64
        What the numbers should be.
    free : (size, n_frames) bool, optional
        Elements of which any number will do.
    native : module, optional
        `narrows.codec._native`, which then codes the passes.
    """

    def __init__(
        self,
        plan: Plan,
        shape: tuple[int, ...],
        wanted: npt.NDArray[Any],
        free: Mask | None,
        native: Any = None,
    ) -> None:
        order = plan.order(shape)
        n_frames = prod(shape) // order.size
        super().__init__(
            order, n_frames, plan.high, plan.steps, has_values=plan.has_values,
            is_swept=plan.is_swept, native=native,
        )  # fmt: skip
        if wanted.dtype.kind == "f":
            wanted = np.nan_to_num(wanted, posinf=0.0, neginf=0.0)
        self._wanted, self._free = wanted, free
        self._nearly: Integers | None = None
        self.start_class = plan.start_class
        self._writer = StreamsWriter()
        self.rows: list[Weights] = []
        self._sums: Sums = NumpySums()
        self._fits_compiled = native is not None and may_fit(native)
        if self._fits_compiled:
            self._sums = CompiledSums(native)
        if self._compiled is not None:
            self._compiled.write(wanted, free)

    def weights(self, surroundings: Surroundings | Side, step: int) -> Weights:
        """Fit the weights of a pass by least squares to a sample of its places."""
        if surroundings.n_places * self.known.shape[1] < LEAST_FITTED:
            self.rows.append(usual(3 if surroundings.is_beside else 2))
            return self.rows[-1]
        sample, fine = sample_of(surroundings.n_places, self.known.shape[1]), surroundings.fine_bits
        if isinstance(surroundings, Surroundings) and self._compiled and self._fits_compiled:
            found = fitted_by(self._compiled, surroundings, sample, step << fine)
            if found is not None:
                self.rows.append(found)
                return found
        if isinstance(surroundings, Side):
            seen = self._seen_before(surroundings, sample, step)
        elif self._compiled is not None and self._fits_compiled:
            seen = seen_by(self._compiled, surroundings, sample)
        else:
            seen = seen_around(surroundings, sample, self.known, self._missed)
        target = self._target(seen.places, sample.columns, fine) - seen.centre
        usable = np.ones(target.shape, bool)
        if self._free is not None:
            usable = ~self._free[seen.places][:, sample.columns]
        prefixes = prefixes_of(surroundings)
        repeats = sample.repeats(surroundings.n_places, self.known.shape[1])
        fitting = (step << fine, repeats, self._sums)
        inputs, wanted = seen.differences[:, usable].T, target[usable]
        groups, left = fitted(inputs, wanted, prefixes, *fitting, surroundings.weight_bits)
        hints = seen.hints(groups)[:, usable].T // surroundings.n_looked_at
        self.rows.append(Weights(groups, shares_of(hints, left, *fitting, told=len(groups) > 0)))
        return self.rows[-1]

    def _seen_before(self, side: Side, sample: Sample, step: int) -> Seen:
        """Return what will be known before a sample of a side, nearly: most of it is to come."""
        near, columns = sample.near(side), sample.columns
        known, missed = self._guess(step)[:, columns], self._missed[:, columns]
        around = side.around(near, known)

        def hints(groups: Integers) -> Integers:
            rule = side.rule(groups, self.high)
            return np.stack(
                around.hints(self._missed_around(side, near, known, missed, rule, step))
            )

        differences = np.stack(list(around.differences(side.n_weights)))
        return Seen(near.places, around.centre, differences, hints)

    def _guess(self, step: int) -> Integers:
        """Return about what a receiver will know of all."""
        if self._nearly is None:
            wanted = self._wanted
            if self._free is not None:
                wanted = np.where(self._free, 0, wanted)
            self._nearly = self._steps_to(wanted, step) * step
        return self._nearly

    def _missed_around(
        self,
        side: Side,
        near: Near,
        known: Integers,
        missed: Integers,
        rule: Rule,
        step: int,
    ) -> Integers:
        """Return how far numbers around some places will lie from what is expected, nearly."""
        missed = missed.copy()
        is_near = np.zeros(len(known), bool)
        is_near[side.looked_at(near.own)] = True
        here = side.near_of(np.flatnonzero(is_near))
        for start in range(0, len(here.places), SAMPLE):
            part = here.of(np.arange(start, min(start + SAMPLE, len(here.places))))
            expected = side.around(part, known).predicted(rule, self.high)
            steps = self._steps_to(known[part.places] - expected, step)
            missed[part.places] = np.abs(steps) * step
        return missed

    def _target(self, places: Indices, columns: Indices, fine_bits: int) -> Integers:
        """Return what the numbers of places should be, in fine parts."""
        wanted = self._wanted[places][:, columns] * (1 << fine_bits)
        if wanted.dtype.kind == "f":
            wanted = np.rint(clipped(wanted, -MOST, MOST))
        return np.asarray(wanted.astype(np.int64))

    def first(self, places: Indices, step: int) -> Integers:
        """Code the distance of each start place from the one before it."""
        steps = self._steps_to(self._wanted[places], step).reshape(-1)
        classes = np.full(steps.size, self.start_class)
        self._writer.residuals(np.diff(steps, prepend=0), classes, self._residuals)
        return (steps * step).reshape(len(places), -1)

    def residual(
        self, places: Indices, expected: Integers, classes: Integers, step: int
    ) -> Integers:
        """Code the steps between numbers and what is expected."""
        steps = self._steps_to(self._wanted[places] - expected, step)
        if self._free is not None:
            steps[self._free[places]] = 0
        self._writer.residuals(steps.reshape(-1), classes.reshape(-1), self._residuals)
        return steps

    def value(self, places: Indices, contexts: Integers) -> Integers:
        """Code the numbers themselves."""
        values = self._steps_to(self._wanted[places], self._steps[0])
        self._writer.entries(values.reshape(-1), contexts.reshape(-1), self._values)
        return np.asarray(values)

    def low(self, values: Integers, width: int) -> None:
        """Code so many low bits of `(m,)` values."""
        if self._compiled is not None:
            self._compiled.low(values, width)
        else:
            self._writer.low(values, np.full(values.size, width))

    def streams(self) -> bytes:
        """Return all that was coded."""
        if self._compiled is not None:
            return self._compiled.streams().to_bytes()
        return self._writer.to_bytes()

    @staticmethod
    def _steps_to(distances: npt.NDArray[Any], step: int) -> Integers:
        """Return the whole number of steps nearest to each distance."""
        if distances.dtype.kind == "f":
            steps = distances / step
            np.rint(steps, out=steps)
            return clipped(steps, -LARGEST, LARGEST).astype(np.int64)
        return np.asarray((distances + step // 2) // step)


@dataclass(frozen=True)
class Packed:
    """A block of levels, and what a receiver makes of it, `(n, *frame_shape)`."""

    plan: Plan
    streams: bytes
    signals: Signals

    def payload(self, exact: ExactValues | None) -> bytes:
        """Lay the block out, with the elements that are kept exactly."""
        plan = replace(self.plan, has_exact=exact is not None)
        return pack_plan(plan) + (b"" if exact is None else pack_exact(exact)) + self.streams


def pack_levels(
    x: Signals, plan: Plan, wanted: npt.NDArray[Any], free: Mask | None = None
) -> Packed:
    """Code a block.

    Parameters
    ----------
    x : (n, *frame_shape)
    plan : Plan
    wanted : (n, *frame_shape) int64 or float64
        The numbers of x on the plan's grids.
    free : (n, *frame_shape) bool, optional
        Elements of which anything may come back.
    """
    native = native_levels()
    if native is not None:
        with suppress(RefusedError):
            return packed(x, plan, wanted, free, native)
    return packed(x, plan, wanted, free)


def packed(
    x: Signals, plan: Plan, wanted: npt.NDArray[Any], free: Mask | None, native: Any = None
) -> Packed:
    """Code a block by numpy, or by compiled code; RefusedError for what that leaves to numpy."""
    size = plan.order(x.shape).size
    rows = to_rows(wanted, size)
    plan = replace(plan, start_class=_start_class(plan, x.shape, rows))
    walk = Encoding(plan, x.shape, rows, None if free is None else to_rows(free, size), native)
    walk.run()
    grid, low = plan.grids[0], None
    if isinstance(grid, Lossless) and grid.low_bits:
        low = grid.numbers(x)[1]
        walk.low(low.reshape(-1), grid.low_bits)
    signals = values_of(plan, from_rows(walk.known, x.shape), low, x.dtype)
    return Packed(replace(plan, weights=tuple(walk.rows)), walk.streams(), signals)


def _start_class(plan: Plan, shape: tuple[int, ...], rows: npt.NDArray[Any]) -> int:
    """Return the class that suits the distances between start places."""
    order = plan.order(shape)
    if plan.has_values:
        return 0
    starts = np.zeros(1, np.intp)
    if not plan.is_swept:
        starts = np.concatenate(starts_of(order))
    steps = np.rint(np.nan_to_num(rows[starts].astype(np.float64)) / plan.grids[0].step)
    apart = np.abs(np.diff(np.clip(steps, -LARGEST, LARGEST).astype(np.int64), prepend=0))
    scale = np.array([int(apart.sum()) * ONE // apart.size])
    return min(int(classes_of(scale)[0]), MAX_START_CLASS)
