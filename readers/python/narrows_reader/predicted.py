"""format/prediction.md, "Predicted windows": from a payload to the decoder's integers."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .affine import clip
from .conventions import Shape, need
from .forms import integer
from .networks import NETWORK, Chain
from .normaliser import check_output
from .payload import Coder, Group, Seen
from .tables import Table, read_tables
from .tensors import Tensors

SETTINGS = {
    "memory": integer(1, 2**20), "limit": integer(1, 2**30 - 1), "border": NETWORK,
    "residual": NETWORK,
}  # fmt: skip


class Prediction(NamedTuple):
    """What predicts windows of `t` samples of `c` channels."""

    t: int
    c: int
    b: int
    memory: int
    limit: int
    border: Chain
    residual: Chain
    residual_limit: int
    steps: list[int]
    side: list[list[Table]]
    tables: list[list[Table]]


class Modes(Group):
    """The modes of n windows: each with the table of the mode before."""

    def tables_after(self, seen: Seen, n: int) -> list[Table]:
        """Return the one table at this position."""
        return [self.tables[min(seen[-1][0], 2) if seen else 0]]


def read_prediction(decoding: dict[str, Any], tensors: Tensors, qualities: int) -> Prediction:
    """Read a prediction and check it."""
    settings, shape = decoding["prediction"], tuple(decoding["frame_shape"])
    need(len(shape) > 0, "a prediction of frames without time")
    t, c, limit = shape[0], math.prod(shape[1:]), settings["limit"]
    border = read_network(settings["border"], shape, tensors.under("border."))
    residual = read_network(settings["residual"], shape, tensors.under("residual."))
    (n_border,), (r,) = (settings[name]["input_shape"] for name in ("border", "residual"))
    need(n_border % c == 0 and n_border <= t * c, "a border that is longer than a window")
    need(settings["border"]["input_limit"] == 2 * limit, "a border of another limit")
    need(settings["memory"] >= t, "a memory that is shorter than a window")
    check_output(decoding["normaliser"], limit, shape)
    steps = tensors.unpack("step", "int32", qualities)
    need(steps.min() >= 0 and steps.max() < 2**21, "a step of a prediction is wrong")
    side = read_tables(tensors.under("side."), (qualities, 6 + c))
    (shapes,) = read_tables(tensors.under("shapes."), (1, None))
    shape_of = tensors.unpack("shape_of", "int32", qualities, r)
    need(shape_of.min() >= 0 and shape_of.max() < len(shapes), "a latent of no shape")
    tables = [[shapes[i] for i in row] for row in shape_of.tolist()]
    return Prediction(
        t, c, n_border // c, settings["memory"], limit, border, residual,
        settings["residual"]["input_limit"], steps.tolist(), side, tables,
    )  # fmt: skip


def read_network(settings: dict[str, Any], shape: Shape, tensors: Tensors) -> Chain:
    """Read a network that makes windows of numbers in a row."""
    need(len(settings["input_shape"]) == 1, "a prediction from more than a row")
    inputs = tuple(settings["input_shape"])
    chain = Chain(settings["layers"], inputs, settings["input_limit"], tensors)
    need(chain.shape == shape, "a prediction of other windows")
    return chain


def decode_windows(
    payload: bytes,
    n: int,
    quality: int,
    own: Prediction,
    groups: Sequence[Group],
    k: int,
    decode: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Decode n windows, (n, t, c) int64; `decode` turns symbols into the decoder's integers."""
    coder, side = Coder(payload), own.side[quality - 1]
    (modes,) = coder.take([Modes(range(n), side[:3])], n, 1).tolist()
    need(all(0 <= mode <= 2 for mode in modes), "a mode that there is not")
    told = coder.take([Group(range(1 + own.c), [side[3], *side[6:]])], 1 + own.c, modes.count(1))
    far = coder.take([Group(range(2), side[4:6])], 2, int((told[:, 0] == 13).sum()))
    base = decode(coder.take(groups, k, modes.count(0))).reshape(-1, own.t, own.c)
    (r,) = {len(row) for row in own.tables}
    residuals = coder.take([Group(range(r), own.tables[quality - 1])], r, n - modes.count(0))
    coder.check_end()
    latents = clip(residuals * own.steps[quality - 1], own.residual_limit)
    added = own.residual.run(latents).reshape(-1, own.t, own.c)
    return rebuild(modes, told.tolist(), far.tolist(), iter(base), iter(added), own)


def rebuild(
    modes: list[int],
    told: list[list[int]],
    far: list[list[int]],
    base: Iterator[np.ndarray],
    added: Iterator[np.ndarray],
    own: Prediction,
) -> np.ndarray:
    """Put the windows together, one behind the other."""
    news, digits, lag, gains = iter(told), iter(far), 0, np.zeros(own.c, np.int64)
    y = np.zeros((len(modes) * own.t, own.c), np.int64)
    m = np.zeros_like(y)
    for s, mode in zip(range(0, len(y), own.t), modes, strict=True):
        rows = slice(s, s + own.t)
        if mode == 0:
            y[rows] = m[rows] = clip(next(base), own.limit)
            continue
        if mode == 1:
            d, *each = next(news)
            lag = next_lag(d, lag, digits, own)
            need(all(0 <= gain <= 10 for gain in each), "a gain that there is not")
            gains = np.array(each)
        need(own.t <= lag <= min(own.memory, s), "a lag that is too short or too long")
        y[rows], m[rows] = predicted(y, m, s, lag, gains, next(added), own)
    return y.reshape(len(modes), own.t, own.c)


def next_lag(d: int, last: int, digits: Iterator[list[int]], own: Prediction) -> int:
    """Return the lag of a new window."""
    need(-12 <= d <= 13 and (last or d == 13), "a difference to no lag, or none that there is")
    if d < 13:
        return last + d
    high, low = next(digits)
    need(0 <= high <= own.memory // 128 and 0 <= low <= 127, "a digit that there is not")
    return own.t + 128 * high + low


def predicted(
    y: np.ndarray, m: np.ndarray, s: int, lag: int, gains: np.ndarray, added: np.ndarray,
    own: Prediction,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return a predicted window of `Y` and of `M`."""
    b = own.b
    part = m[np.maximum(np.arange(s - lag - b, s - lag + own.t), 0)]
    mean = part[b:].sum(axis=0) // own.t
    q = clip(((part - mean) * gains >> 3) + mean, own.limit)
    e = y[s - b : s] - q[:b]
    a = own.border.run(e.reshape(1, -1)).reshape(own.t, own.c) + added
    return clip(q[b:] + a, own.limit), clip(q[b:] + (a >> 1), own.limit)
