"""DATA of commands that measure a model: all signals, and of tiles the arrays that they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from narrows.cli.streams import open_stored, read_all

if TYPE_CHECKING:
    import numpy.typing as npt

    from narrows.codec.codec import Codec
    from narrows.evaluation.metrics import Given
    from narrows.evaluation.peers.whole_arrays import WholeArrays
    from narrows.signals import Reading


class MeasuredData(NamedTuple):
    """What is looked at."""

    x: npt.NDArray[Any]  # (n, *frame_shape)
    all_signals: int  # of which these are some, or all
    given: Given
    arrays: WholeArrays | None  # whose tiles the signals are, where the model takes them so


def read_measured(
    data: str, reading: Reading, codec: Codec, most: int | None, *, all_rows: bool = False
) -> MeasuredData:
    """Read at most so many signals: evenly spread, or the first ones where their order tells.

    With `all_rows` all come, but for tiles of arrays.
    """
    from narrows.evaluation.metrics import Given
    from narrows.evaluation.peers.registry import sample
    from narrows.evaluation.peers.whole_arrays import WholeArrays
    from narrows.signals.inputs import some_bricks

    with open_stored(data, reading) as source:
        n = source.shape[0]
        found = None if codec.model.wavelets is None else some_bricks(source, most)
        if found is not None:
            given, x, arrays = Given.of(found[0], found[2]), found[1], WholeArrays.of(*found)
        else:
            given, x, arrays = Given.of(source), read_all(data, source), None
            x = x if all_rows else sample(x, most, codec.model.prediction is not None)
    return MeasuredData(x, n, given.share(len(x) / max(n, 1)), arrays)
